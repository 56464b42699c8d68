//! Many watches with one reader.

use std::collections::HashMap;
use std::sync::Arc;

use mvcc::{KeyRange, Revision};

use crate::hub::{Group, Member};
use crate::shared::Shared;
use crate::watch::{WatchBatch, WatchError, read_next};

/// Watches by numbers that their reader chooses. They are told of in turn; one that lags is not told less for it.
#[derive(Debug)]
pub struct WatchSet {
    shared: Arc<Shared>,
    group: Arc<Group>,
    members: HashMap<i64, Member>,
    ids: HashMap<Member, i64>,
}

/// What one watch of a set is told. After an error the watch is gone.
#[derive(Debug)]
pub struct Told {
    pub id: i64,
    pub outcome: Result<WatchBatch, WatchError>,
}

impl WatchSet {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, group: Arc::default(), members: HashMap::new(), ids: HashMap::new() }
    }

    /// Watches a range under a number that is free, from a revision or from the next one on.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when events since that revision are no longer held.
    pub fn add(&mut self, id: i64, range: KeyRange, from: Option<Revision>) -> Result<(), WatchError> {
        // As long as the store is held nothing is compacted.
        let store = self.shared.read();
        let from = from.unwrap_or_else(|| self.shared.durable().next());
        drop(store.history(from)?);
        let member = self.shared.hub.join(&self.group, range, from);
        drop(store);
        self.members.insert(id, member);
        self.ids.insert(member, id);
        Ok(())
    }

    /// Whether there was a watch of this number.
    pub fn remove(&mut self, id: i64) -> bool {
        let Some(member) = self.members.remove(&id) else { return false };
        self.ids.remove(&member);
        self.shared.hub.leave(member);
        true
    }

    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        self.members.contains_key(&id)
    }

    /// The revision up to which every watch was told everything; `None` while one of them has something to be told.
    #[must_use]
    pub fn caught_up(&self) -> Option<Revision> {
        self.shared.hub.caught_up(&self.group)
    }

    /// What the next watch is told, with at least one event. May be dropped while waiting without losing any.
    ///
    /// # Errors
    /// [`WatchError::Stopped`] when all is told and nothing can come any more.
    pub async fn next(&mut self) -> Result<Told, WatchError> {
        loop {
            while let Some((unread, read)) = read_next(&self.shared, &self.group) {
                let Some(id) = self.ids.get(&unread.member).copied() else { continue };
                match read {
                    Ok(batch) if batch.events.is_empty() => {}
                    Ok(batch) => return Ok(Told { id, outcome: Ok(batch) }),
                    Err(forgotten) => {
                        self.remove(id);
                        return Ok(Told { id, outcome: Err(forgotten.into()) });
                    }
                }
            }
            if self.shared.hub.is_closed() {
                return Err(WatchError::Stopped);
            }
            self.group.woken.notified().await;
        }
    }
}

impl Drop for WatchSet {
    fn drop(&mut self) {
        self.ids.keys().for_each(|member| self.shared.hub.leave(*member));
    }
}
