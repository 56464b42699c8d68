//! Images: every key at one revision, with the leases and alarms of when it was written. An image is made under another
//! name and takes its own when all of it is on disk.

use std::io::Read;
use std::sync::Arc;

use mvcc::{KeyValue, LeaseId, Revision};

use super::entry::{self, Entry};
use super::frame::{Found, FrameBuffer, FrameReader};
use super::head::{Head, Identity};
use super::name;
use crate::folder::Folder;
use crate::{Alarm, FileError};

/// Bytes of a frame, about.
const FRAME: usize = 1 << 20;
/// Frames between two flushes, so that the last one does not bring the disk to a halt.
const FLUSH: u64 = 4;

/// What an image is made of.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) identity: Identity,
    pub(crate) revision: Revision,
    pub(crate) kvs: Vec<Arc<KeyValue>>,
    pub(crate) leases: Vec<(LeaseId, i64)>,
    pub(crate) alarms: Vec<Alarm>,
}

impl Image {
    /// Writes the image, which takes the place of older ones, and gives its size in bytes; it is on disk when this returns.
    pub(crate) fn write(&self, folder: &dyn Folder) -> Result<u64, FileError> {
        let written = self.write_partial(folder).and_then(|bytes| {
            folder.rename(name::PARTIAL, &name::image(self.revision))?;
            folder.sync()?;
            let older = |name: &String| name::of_image(name).is_some_and(|other| other < self.revision);
            folder.list()?.iter().filter(|name| older(name)).try_for_each(|name| folder.remove(name))?;
            Ok(bytes)
        });
        written.map_err(|error| {
            // What stays is removed by the next start, where this cannot.
            drop(folder.remove(name::PARTIAL));
            FileError::io(folder.path().join(name::image(self.revision)), error)
        })
    }

    fn write_partial(&self, folder: &dyn Folder) -> std::io::Result<u64> {
        let file = folder.create(name::PARTIAL)?;
        let (mut offset, mut sequence) = (0, 0);
        let mut frame = FrameBuffer::new();
        let mut flush = |frame: &mut FrameBuffer| {
            let bytes = frame.seal(sequence);
            file.write(offset, bytes)?;
            offset += bytes.len() as u64;
            sequence += 1;
            frame.clear();
            if sequence % FLUSH == 0 { file.sync() } else { Ok(()) }
        };
        Head::new(self.identity).put(frame.payload());
        flush(&mut frame)?;
        for (lease, ttl) in &self.leases {
            entry::put(&Entry::Granted { lease: *lease, ttl: *ttl }, frame.payload());
        }
        for alarm in &self.alarms {
            entry::put(&Entry::Raised(*alarm), frame.payload());
        }
        for kv in &self.kvs {
            if frame.len() > FRAME {
                flush(&mut frame)?;
            }
            entry::put_version_entry(kv, frame.payload());
        }
        entry::put(&Entry::End { versions: self.kvs.len() as u64 }, frame.payload());
        flush(&mut frame)?;
        file.sync()?;
        Ok(offset)
    }
}

/// What an image holds when it is read.
pub(crate) struct Contents {
    pub(crate) head: Head,
    pub(crate) kvs: Vec<KeyValue>,
    pub(crate) leases: Vec<(LeaseId, i64)>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) bytes: u64,
}

/// Reads an image of a revision.
///
/// # Errors
/// [`FileError::Damaged`] where it is not whole, [`FileError::Newer`] where this release cannot read it.
pub(crate) fn read(folder: &dyn Folder, revision: Revision) -> Result<Contents, FileError> {
    let name = name::image(revision);
    let path = folder.path().join(&name);
    let access = |error| FileError::io(path.clone(), error);
    let mut frames = FrameReader::new(folder.reader(&name).map_err(access)?, Some(0));
    let damaged =
        |offset, reason: &str| FileError::Damaged { path: path.clone(), offset, reason: reason.into() };
    let head = read_head(&mut frames, &path)?;
    let mut contents = Contents { head, kvs: Vec::new(), leases: Vec::new(), alarms: Vec::new(), bytes: 0 };
    loop {
        let offset = frames.offset;
        match frames.next().map_err(access)? {
            Found::Frame => {}
            Found::End => return Err(damaged(offset, "the image ends early")),
            Found::Broken => return Err(damaged(offset, "the record does not match its checksum")),
        }
        let mut payload = frames.payload();
        while !payload.is_empty() {
            let malformed = || damaged(offset, "the record is malformed");
            match entry::take(&mut payload).ok_or_else(malformed)? {
                Entry::Version(kv) if kv.mod_revision <= revision => contents.kvs.push(kv),
                Entry::Granted { lease, ttl } => contents.leases.push((lease, ttl)),
                Entry::Raised(alarm) => contents.alarms.push(alarm),
                Entry::End { versions } if versions == contents.kvs.len() as u64 => {
                    contents.bytes = frames.offset;
                    return Ok(contents);
                }
                _ => return Err(malformed()),
            }
        }
    }
}

/// The head of a file whose first frame is next.
pub(crate) fn read_head<R: Read>(
    frames: &mut FrameReader<R>,
    path: &std::path::Path,
) -> Result<Head, FileError> {
    let found = frames.next().map_err(|error| FileError::io(path.to_owned(), error))?;
    let head = matches!(found, Found::Frame).then(|| Head::parse(frames.payload())).flatten();
    let head = head.ok_or_else(|| FileError::Damaged {
        path: path.to_owned(),
        offset: 0,
        reason: "it does not begin as a file of a store does".into(),
    })?;
    if head.format > super::head::CURRENT_FORMAT {
        return Err(FileError::Newer { path: path.to_owned(), found: head.format, writer: head.writer });
    }
    Ok(head)
}
