//! When something in a folder changes, by inotify.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

pub(super) struct Changes(AsyncFd<OwnedFd>);

impl Changes {
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, folder, WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        // SAFETY: an OwnedFd is one open descriptor until it is dropped, which is when this is.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Returns at once if anything changed since the last call. Cancel-safe.
    pub(super) async fn seen(&self) -> io::Result<()> {
        let mut events = [0; 4096];
        loop {
            let mut ready = self.0.readable().await?;
            let mut seen = false;
            while let Ok(read) = ready.try_io(|watch| Ok(rustix::io::read(watch.get_ref(), &mut events)?)) {
                seen |= read? > 0;
            }
            if seen {
                return Ok(());
            }
        }
    }
}
