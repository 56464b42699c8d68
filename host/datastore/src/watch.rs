//! Watches. Each reads the common history at its own pace, so a slow one costs no memory of its own; one that falls behind
//! what history is kept for ends with an error that says so.

use std::sync::Arc;

use mvcc::{Event, Forgotten, KeyRange, Revision};
use thiserror::Error;
use tokio::sync::watch;

use crate::shared::Shared;

/// Events after which a batch is handed out; the events of one revision are never split.
const BATCH_EVENTS: usize = 1000;
/// Revisions looked at under one lock, whether they have events for the watch or not.
const BATCH_REVISIONS: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRequest {
    pub range: KeyRange,
    /// The first revision to tell the events of; `None` is the next one to come.
    pub from: Option<Revision>,
    pub progress: Progress,
}

/// Whether a watch also tells of revisions that did not change its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every commit makes a batch, which is empty when nothing in the range changed.
    EveryCommit,
    /// Batches have events.
    EventsOnly,
}

impl WatchRequest {
    #[must_use]
    pub fn new(range: KeyRange) -> Self {
        Self { range, from: None, progress: Progress::EveryCommit }
    }

    #[must_use]
    pub fn from(mut self, revision: Revision) -> Self {
        self.from = Some(revision);
        self
    }

    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }
}

/// The watch has told everything up to and with `revision`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchBatch {
    pub revision: Revision,
    /// In the order of revisions; empty for progress alone.
    pub events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WatchError {
    /// `compacted` is the oldest revision that can be watched from.
    #[error("watch from revision {requested}: it has been compacted, the oldest is {compacted}")]
    Compacted { requested: Revision, compacted: Revision },
    #[error("the datastore is stopped")]
    Stopped,
}

#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    durable: watch::Receiver<Revision>,
    range: KeyRange,
    progress: Progress,
    /// The first revision that was not told yet.
    cursor: Revision,
}

impl Watch {
    pub(crate) fn open(shared: Arc<Shared>, request: WatchRequest) -> Result<Self, WatchError> {
        let watch = Self::starting(shared, request);
        drop(watch.shared.read().history(watch.cursor)?);
        Ok(watch)
    }

    /// As `open`, where the start is known to be held or the first `next` shall tell that it is not.
    pub(crate) fn starting(shared: Arc<Shared>, request: WatchRequest) -> Self {
        let durable = shared.subscribe();
        let cursor = request.from.unwrap_or_else(|| durable.borrow().next());
        Self { shared, durable, range: request.range, progress: request.progress, cursor }
    }

    /// The next events. May be dropped while waiting without losing any.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when this watch is so late that events it did not tell are no longer held; it goes on to
    /// fail then. [`WatchError::Stopped`] when all is told and nothing can come any more.
    pub async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        loop {
            let durable = *self.durable.borrow_and_update();
            while self.cursor <= durable {
                let batch = self.read(durable)?;
                if !batch.events.is_empty()
                    || (self.progress == Progress::EveryCommit && batch.revision == durable)
                {
                    return Ok(batch);
                }
            }
            self.durable.changed().await.map_err(|_| WatchError::Stopped)?;
        }
    }

    fn read(&mut self, durable: Revision) -> Result<WatchBatch, WatchError> {
        let store = self.shared.read();
        let commits = store.history(self.cursor)?;
        let mut batch = WatchBatch { revision: self.cursor, events: Vec::new() };
        for commit in commits.take_while(|commit| commit.revision <= durable).take(BATCH_REVISIONS) {
            batch.revision = commit.revision;
            batch
                .events
                .extend(commit.events.iter().filter(|event| self.range.contains(event.key())).cloned());
            if batch.events.len() >= BATCH_EVENTS {
                break;
            }
        }
        self.cursor = batch.revision.next();
        Ok(batch)
    }
}

impl From<Forgotten> for WatchError {
    fn from(Forgotten { requested, oldest }: Forgotten) -> Self {
        Self::Compacted { requested, compacted: oldest }
    }
}
