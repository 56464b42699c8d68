//! Opening a datastore, and the task that keeps it writing.

#[cfg(test)]
mod tests;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mvcc::Retention;
use redb::backends::FileBackend;
use supervise::Scope;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::store_file::{Changes, FileError, Opener, StoreFile, Volume};
use crate::writer::{Command, Writer};
use crate::{Config, Datastore, DirectoryLock, LockError};

const FILE: &str = "store.redb";
/// Waiting transactions, after which senders wait.
const QUEUE: usize = 4096;
/// How exactly the window of history is kept.
const TICK: Duration = Duration::from_secs(15);

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Debug, Error)]
pub enum TaskError {
    #[error("the datastore cannot go on: {0}")]
    File(Arc<FileError>),
    #[error("the datastore's writer {0}")]
    Writer(#[from] supervise::TaskError),
}

/// Writes as long as [`DatastoreTask::run`] runs; holds the lock of the directory.
#[must_use = "nothing is written unless it runs"]
pub struct DatastoreTask {
    writer: Writer,
    wake: mpsc::Sender<Command>,
    lock: DirectoryLock,
}

impl Datastore {
    /// Locks the directory, repairs what a crash left, and reads all keys to memory. Blocks while it does.
    ///
    /// # Errors
    /// When another process has the directory, or the file cannot be accessed, is damaged or of a newer release.
    pub fn open(config: Config) -> Result<(Datastore, DatastoreTask), OpenError> {
        make_directory(&config.directory)?;
        let lock = DirectoryLock::acquire(&config.directory)?;
        let path = config.directory.join(FILE);
        let open = file_opener(path.clone());
        Self::open_volume(config, path, open, lock)
    }

    pub(crate) fn open_volume(
        config: Config,
        path: PathBuf,
        open: Opener,
        lock: DirectoryLock,
    ) -> Result<(Datastore, DatastoreTask), OpenError> {
        let (volume, store) = Volume::open(path, open)?;
        let (shared, durable) = Shared::new(store);
        let shared = Arc::new(shared);
        let (wake, commands) = mpsc::channel(QUEUE);
        let writer = Writer {
            shared: Arc::clone(&shared),
            durable,
            commands,
            volume,
            retention: Retention::new(config.history_window),
            history_weight: config.history_weight,
            stop: Arc::new(AtomicBool::new(false)),
            doubtful: Changes::new(),
            refusal: None,
        };
        Ok((Datastore::new(shared, wake.clone()), DatastoreTask { writer, wake, lock }))
    }
}

impl DatastoreTask {
    /// Runs until `stop`, then ends the commit in progress and closes the file; whatever still waits is not executed.
    /// Dropping the future does the same without waiting for it.
    ///
    /// # Errors
    /// When the disk failed for good, or the writer panicked.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TaskError> {
        let Self { writer, wake, lock } = self;
        let ender = Ender { stop: Arc::clone(&writer.stop), wake: wake.clone() };
        let scope = Scope::root("datastore");
        let mut thread = scope.spawn_blocking("writer", move || {
            let result = writer.run();
            drop(lock);
            result
        });
        let started = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break None,
                result = &mut thread => break Some(result),
                // A full queue is not made longer for a tick that comes again.
                _ = ticks.tick() => drop(wake.try_send(Command::Tick(started.elapsed()))),
            }
        };
        drop(ender);
        let result = match ended {
            Some(result) => result,
            None => thread.await,
        };
        result?.map_err(TaskError::File)
    }
}

/// Ends the writer when dropped.
struct Ender {
    stop: Arc<AtomicBool>,
    wake: mpsc::Sender<Command>,
}

impl Drop for Ender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Where the queue is full the writer is awake.
        drop(self.wake.try_send(Command::Wake));
    }
}

fn make_directory(directory: &Path) -> Result<(), FileError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(FileError::io(directory.to_owned(), error))
        }
        _ => Ok(()),
    }
}

fn file_opener(path: PathBuf) -> Opener {
    Box::new(move || {
        let existed = path.exists();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let store = StoreFile::new(FileBackend::new(file)?)?;
        if !existed && let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(store)
    })
}
