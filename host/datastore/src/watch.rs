//! A watch of everything that happens in a range, at its reader's own pace. One that falls behind what history is kept for
//! ends with an error that says so.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Stream};
use mvcc::{Event, Forgotten, KeyRange, Revision, Store};
use thiserror::Error;

use crate::hub::{Group, Member, Unread};
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

/// From [`Datastore::watch`](crate::Datastore::watch). A batch without events is progress, which some stores tell of only when
/// they are asked for it.
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
    group: Arc<Group>,
    member: Member,
    /// The revision up to which progress is to be told of.
    wanted: Option<Revision>,
}

impl Watch {
    pub(crate) fn open(shared: Arc<Shared>, request: WatchRequest) -> Result<Self, WatchError> {
        let held = Arc::clone(&shared);
        // As long as the store is held nothing is compacted.
        let store = held.read();
        let from = request.from.unwrap_or_else(|| held.durable().next());
        drop(store.history(from)?);
        Ok(Self::starting(shared, request.from(from)))
    }

    /// As `open`, where the start is known to be held or the first `next` shall tell that it is not.
    pub(crate) fn starting(shared: Arc<Shared>, request: WatchRequest) -> Self {
        let from = request.from.unwrap_or_else(|| shared.durable().next());
        let group = Arc::new(Group::default());
        let member = shared.hub.join(&group, request.range, from);
        Self(Source::Embedded(Following { shared, group, member, wanted: None }))
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

    /// Has the watch tell when it has told everything up to the present, in a batch without events if need be.
    pub fn want_progress(&mut self) {
        match &mut self.0 {
            Source::Embedded(following) => {
                let present = following.shared.durable();
                following.wanted = Some(present);
                following.shared.hub.wake_at(present, &following.group);
            }
            // It tells of all progress by itself.
            Source::Remote(_) => {}
        }
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
        let hub = &self.shared.hub;
        loop {
            while let Some((unread, read)) = read_next(&self.shared, &self.group) {
                if read.is_err() {
                    // It goes on to fail.
                    hub.put_back(self.member, unread.from);
                }
                let batch = read?;
                if !batch.events.is_empty() {
                    return Ok(batch);
                }
            }
            let told = hub.caught_up(&self.group);
            if let Some(revision) = told.filter(|told| self.wanted.is_some_and(|wanted| wanted <= *told)) {
                self.wanted = None;
                return Ok(WatchBatch { revision, events: Vec::new() });
            }
            if hub.is_closed() {
                return Err(WatchError::Stopped);
            }
            self.group.woken.notified().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.shared.hub.leave(self.member);
    }
}

/// What the group's next watch in turn has not read, or the first part of it; what is left stays unread.
pub(crate) fn read_next(shared: &Shared, group: &Group) -> Option<(Unread, Result<WatchBatch, Forgotten>)> {
    let unread = shared.hub.take(group)?;
    let read = read_batch(&shared.read(), &unread.range, unread.from, unread.to);
    if let Ok(batch) = &read
        && batch.revision < unread.to
    {
        shared.hub.put_back(unread.member, batch.revision.next());
    }
    Some((unread, read))
}

/// The events of a range from one revision to another, or the first part of them.
fn read_batch(
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
