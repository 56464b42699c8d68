//! The files that an addon was granted: read, and read again whenever one of them changes.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use args::Effective;
use engine::File;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tracing::warn;

use crate::metadata::{Place, Wants};
use crate::pushed::Pushed;

/// A larger file is not pushed.
const LARGEST: u64 = 16 << 20;
/// Pause before folders are watched anew after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// A granted file by its name, and where it is now; without a path where its flag has no value.
pub(crate) type Located = Vec<(String, Option<PathBuf>)>;

/// Where the granted files are under a configuration.
pub(crate) fn locate(grants: &Wants, data_dir: &Path, effective: &Effective) -> Located {
    let value = |service: &str, flag: &str| {
        effective
            .settings()
            .find(|(of, setting)| of.name() == service && setting.flag.name == flag)
            .map(|(_, setting)| setting.value.as_str())
            .filter(|value| !value.is_empty())
    };
    let path = |place: Option<Place<'_>>| match place? {
        Place::Flag(name) => value(&name.service, &name.flag).map(|path| data_dir.join(path)),
        Place::Path(path) => Some(data_dir.join(path)),
    };
    grants.files.iter().map(|file| (file.name.clone(), path(file.place()))).collect()
}

/// Pushes the files, wherever `located` says that they are.
pub(crate) async fn follow(pushed: Arc<Pushed>, mut located: watch::Receiver<Located>) {
    loop {
        let places = located.borrow_and_update().clone();
        // Watched first: what changes while it is read is read again.
        let changes = Changes::around(&places);
        pushed.files(read(&places).await);
        let seen = async {
            match &changes {
                Ok(changes) => changes.seen().await,
                Err(why) => Err(io::Error::new(why.kind(), why.to_string())),
            }
        };
        tokio::select! {
            seen = seen => if let Err(why) = seen {
                warn!(%why, "watch the files of an addon");
                tokio::time::sleep(PAUSE).await;
            },
            moved = located.changed() => if moved.is_err() {
                return;
            },
        }
    }
}

async fn read(places: &Located) -> Vec<File> {
    let mut files = Vec::new();
    for (name, path) in places {
        let content = match path {
            Some(path) => content(path).await,
            None => Ok(None),
        };
        let path = path.as_deref().unwrap_or(Path::new("")).display().to_string();
        let content = content.unwrap_or_else(|why| {
            warn!(path, %why, "read a file of an addon, which gets none");
            None
        });
        files.push(File { name: name.clone(), path, content: content.map(Into::into) });
    }
    files
}

async fn content(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match tokio::fs::metadata(path).await {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is no file")),
        Ok(metadata) if metadata.len() > LARGEST => return Err(io::Error::other("it is too large")),
        Ok(_) => {}
        Err(why) => return Err(why),
    }
    match tokio::fs::read(path).await {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// When something changes in the folders of files, by inotify.
struct Changes(AsyncFd<OwnedFd>);

impl Changes {
    fn around(places: &Located) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::MOVE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let folders: BTreeSet<_> = places.iter().filter_map(|(_, path)| folder(path.as_deref()?)).collect();
        for folder in folders {
            inotify::add_watch(&watch, folder, flags)?;
        }
        // SAFETY: an OwnedFd is one open descriptor until it is dropped, which is when this is.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Returns at once if anything changed since the last call. Cancel-safe.
    async fn seen(&self) -> io::Result<()> {
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

/// The nearest folder of a file that is there: the next one appears in it.
fn folder(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| folder.is_dir())
}
