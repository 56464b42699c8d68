//! Opening a datastore, and the task that keeps it writing.

#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::fs::DirBuilder;
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mvcc::Retention;
use supervise::Scope;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answers::{self, Answers};
use crate::file::frame::FrameBuffer;
use crate::file::head::Identity;
use crate::file::load::load;
use crate::folder::{Directory, Folder};
use crate::imaging::{self, Order};
use crate::shared::Shared;
use crate::turns::{Ended, QUEUE, Thread, Turns};
use crate::writer::{Command, Imaging, Writer};
use crate::{Config, DirectoryLock, Embedded, FileError, LockError};

/// How exactly the window of history is kept.
const TICK: Duration = Duration::from_secs(15);
/// How exactly leases end, as etcd's.
const LEASE_TICK: Duration = Duration::from_millis(500);

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
    #[error("a committer of the datastore panicked")]
    Committer,
}

/// Writes as long as [`DatastoreTask::run`] runs; holds the lock of the directory.
#[must_use = "nothing is written unless it runs"]
pub struct DatastoreTask {
    thread: Thread,
    ender: Ender,
    answers: mpsc::Receiver<Answers>,
    folder: Arc<dyn Folder>,
    orders: mpsc::Receiver<Order>,
    lock: DirectoryLock,
}

impl Embedded {
    /// Locks the directory, takes away what a crash cut off, and reads everything to memory. Blocks while it does.
    ///
    /// # Errors
    /// When another process has the directory, or a file cannot be accessed, is damaged or of a newer release.
    pub fn open(config: Config) -> Result<(Embedded, DatastoreTask), OpenError> {
        make_directory(&config.directory)?;
        let lock = DirectoryLock::acquire(&config.directory)?;
        let folder = Arc::new(Directory::new(config.directory.clone()));
        Ok(Self::open_folder(&config, folder, lock)?)
    }

    pub(crate) fn open_folder(
        config: &Config,
        folder: Arc<dyn Folder>,
        lock: DirectoryLock,
    ) -> Result<(Embedded, DatastoreTask), FileError> {
        let loaded = load(&*folder)?;
        let (alarms, image_bytes) = (loaded.alarms.iter().copied().collect(), loaded.image_bytes);
        let (store, journal) = loaded.resume(Arc::clone(&folder), some_identity)?;
        let (shared, durable) = Shared::new(store, &journal, config.quota, alarms);
        let shared = Arc::new(shared);
        let (wake, commands) = mpsc::channel(QUEUE);
        let (order, orders) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(answers::WAITING);
        let imaging = Imaging {
            orders: order,
            bytes: image_bytes,
            running: false,
            wanted: Vec::new(),
            waiting: Vec::new(),
            not_before: 0,
        };
        let writer = Writer {
            shared: Arc::clone(&shared),
            durable,
            journal,
            frame: FrameBuffer::new(),
            retention: Retention::new(config.history_window),
            history_weight: config.history_weight,
            deferred: Vec::new(),
            imaging,
            refusing: false,
        };
        writer.measure();
        let turns = Arc::new(Turns::new(writer));
        let thread =
            Thread { turns: Arc::clone(&turns), shared: Arc::clone(&shared), commands, answers: answer };
        let ender = Ender { turns: Arc::clone(&turns), wake: wake.clone() };
        Ok((
            Embedded::new(shared, turns, wake),
            DatastoreTask { thread, ender, answers, folder, orders, lock },
        ))
    }
}

impl DatastoreTask {
    /// Runs until `stop`, then ends the commit in progress and closes the files; whatever still waits is not executed.
    /// Dropping the future does the same without waiting for it.
    ///
    /// # Errors
    /// When the disk failed for good, or the writer panicked.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TaskError> {
        let Self { thread, ender, mut answers, folder, orders, lock } = self;
        let wake = ender.wake.clone();
        let mut ender = Some(ender);
        let scope = Scope::root("datastore");
        let shared = Arc::clone(&thread.shared);
        let reports = wake.clone();
        let imaging = scope.spawn_blocking("images", move || imaging::run(&*folder, orders, &reports));
        let mut thread = scope.spawn_blocking("writer", move || {
            let result = thread.run();
            drop(lock);
            result
        });
        let started = Instant::now();
        let mut next = started + TICK;
        let result = loop {
            tokio::select! {
                () = stop.cancelled(), if ender.is_some() => ender = None,
                result = &mut thread => break result,
                Some(ready) = answers.recv() => ready.give(),
                () = tokio::time::sleep_until(next) => {
                    // A full queue is not made longer for a tick that comes again.
                    drop(wake.try_send(Command::Tick(started.elapsed())));
                    next = Instant::now() + until_next_tick(&shared);
                }
                () = shared.leased.notified() => next = next.min(Instant::now() + until_next_tick(&shared)),
            }
        };
        while let Some(last) = answers.recv().await {
            last.give();
        }
        imaging.await?;
        match result? {
            Ok(()) | Err(Ended::Stopped) => Ok(()),
            Err(Ended::Failed(error)) => Err(TaskError::File(error)),
            Err(Ended::Panicked) => Err(TaskError::Committer),
        }
    }
}

/// Until history may expire, or the next lease ends.
fn until_next_tick(shared: &Shared) -> Duration {
    let store = shared.read();
    let next = store.next_expiry().map(|expiry| expiry.saturating_sub(shared.now()).max(LEASE_TICK));
    next.map_or(TICK, |next| next.min(TICK))
}

/// Two numbers that no other store has, as good as certain: what seeds a hash map of the standard library.
pub(crate) fn some_identity() -> Identity {
    let some = || RandomState::new().hash_one(0u8).max(1);
    Identity { cluster: some(), member: some() }
}

/// Ends the writer when dropped.
struct Ender {
    turns: Arc<Turns>,
    wake: mpsc::Sender<Command>,
}

impl Drop for Ender {
    fn drop(&mut self) {
        self.turns.stop();
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
