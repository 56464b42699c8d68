//! A watch of everything that happens in a range, at its reader's own pace. One that falls behind what history is kept for
//! ends with an error that says so.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Stream};
use mvcc::{Event, Forgotten, KeyRange, Revision, Store};
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
}

impl WatchRequest {
    #[must_use]
    pub fn new(range: KeyRange) -> Self {
        Self { range, from: None }
    }

    #[must_use]
    pub fn from(mut self, revision: Revision) -> Self {
        self.from = Some(revision);
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

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WatchError {
    /// `compacted` is the oldest revision that can be watched from.
    #[error("watch from revision {requested}: it has been compacted, the oldest is {compacted}")]
    Compacted { requested: Revision, compacted: Revision },
    #[error("the datastore is stopped")]
    Stopped,
}

/// From [`Datastore::watch`](crate::Datastore::watch). Tells of every revision: a batch without events is progress.
pub struct Watch(Source);

enum Source {
    Embedded(Following),
    Remote(BoxStream<'static, Result<WatchBatch, WatchError>>),
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

#[derive(Debug)]
struct Following {
    shared: Arc<Shared>,
    durable: watch::Receiver<Revision>,
    range: KeyRange,
    /// The first revision that was not told yet.
    cursor: Revision,
}

impl Watch {
    pub(crate) fn open(shared: Arc<Shared>, request: WatchRequest) -> Result<Self, WatchError> {
        let held = Arc::clone(&shared);
        // As long as the store is held nothing is compacted.
        let store = held.read();
        let watch = Self::starting(shared, request);
        if let Source::Embedded(following) = &watch.0 {
            drop(store.history(following.cursor)?);
        }
        Ok(watch)
    }

    /// As `open`, where the start is known to be held or the first `next` shall tell that it is not.
    pub(crate) fn starting(shared: Arc<Shared>, request: WatchRequest) -> Self {
        let durable = shared.subscribe();
        let cursor = request.from.unwrap_or_else(|| durable.borrow().next());
        Self(Source::Embedded(Following { shared, durable, range: request.range, cursor }))
    }

    /// What a store elsewhere tells: batches in the order of their revisions, the last thing an error.
    #[must_use]
    pub fn of_remote(batches: impl Stream<Item = Result<WatchBatch, WatchError>> + Send + 'static) -> Self {
        Self(Source::Remote(batches.boxed()))
    }

    /// A watch that has nothing to tell but why.
    pub(crate) fn failed(why: WatchError) -> Self {
        Self::of_remote(futures_util::stream::once(std::future::ready(Err(why))))
    }

    /// The next events. May be dropped while waiting without losing any.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when this watch is so late that events it did not tell are no longer held; it goes on to
    /// fail then. [`WatchError::Stopped`] when all is told and nothing can come any more.
    pub async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        match &mut self.0 {
            Source::Embedded(following) => following.next().await,
            Source::Remote(batches) => batches.next().await.unwrap_or(Err(WatchError::Stopped)),
        }
    }
}

impl Following {
    async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        loop {
            let durable = *self.durable.borrow_and_update();
            while self.cursor <= durable {
                let batch = read_batch(&self.shared.read(), &self.range, self.cursor, durable)?;
                self.cursor = batch.revision.next();
                if !batch.events.is_empty() || batch.revision == durable {
                    return Ok(batch);
                }
            }
            self.durable.changed().await.map_err(|_| WatchError::Stopped)?;
        }
    }
}

/// The events of a range from one revision to another, or the first part of them.
pub(crate) fn read_batch(
    store: &Store,
    range: &KeyRange,
    from: Revision,
    to: Revision,
) -> Result<WatchBatch, Forgotten> {
    let commits = store.history(from)?;
    let mut batch = WatchBatch { revision: to, events: Vec::new() };
    for (looked, commit) in commits.take_while(|commit| commit.revision <= to).enumerate() {
        batch.events.extend(commit.events.iter().filter(|event| range.contains(event.key())).cloned());
        if batch.events.len() >= BATCH_EVENTS || looked + 1 >= BATCH_REVISIONS {
            batch.revision = commit.revision;
            break;
        }
    }
    Ok(batch)
}

impl From<Forgotten> for WatchError {
    fn from(Forgotten { requested, oldest }: Forgotten) -> Self {
        Self::Compacted { requested, compacted: oldest }
    }
}
