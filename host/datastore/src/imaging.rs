//! Writes images beside the writer, which goes on meanwhile.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::file::image::Image;
use crate::folder::Folder;
use crate::writer::Command;

/// An image to be written.
pub(crate) struct Order(pub(crate) Image);

/// Writes what is ordered and reports to the writer; returns when nobody can order any more.
pub(crate) fn run(folder: &dyn Folder, mut orders: mpsc::Receiver<Order>, writer: &mpsc::Sender<Command>) {
    while let Some(Order(image)) = orders.blocking_recv() {
        let written = image.write(folder).map(|bytes| (image.revision, bytes)).map_err(Arc::new);
        drop(image);
        if writer.blocking_send(Command::Imaged(written)).is_err() {
            return;
        }
    }
}
