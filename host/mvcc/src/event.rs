//! What a write changed: the events of one revision.

use std::sync::Arc;

use bytes::Bytes;

use crate::{KeyValue, Revision};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The key has a new version; `prev` is the version before, if the key existed and that is not compacted.
    Put { kv: Arc<KeyValue>, prev: Option<Arc<KeyValue>> },
    /// The key is gone.
    Delete(Box<Deletion>),
}

/// Apart from the event, since it is larger and rarer than a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub key: Bytes,
    pub revision: Revision,
    /// The last version of the key, unless that is compacted.
    pub prev: Option<Arc<KeyValue>>,
}

impl Event {
    #[must_use]
    pub fn delete(key: Bytes, revision: Revision, prev: Option<Arc<KeyValue>>) -> Self {
        Self::Delete(Box::new(Deletion { key, revision, prev }))
    }

    #[must_use]
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put { kv, .. } => &kv.key,
            Self::Delete(deletion) => &deletion.key,
        }
    }

    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put { kv, .. } => kv.mod_revision,
            Self::Delete(deletion) => deletion.revision,
        }
    }

    /// The version that the key has after it.
    #[must_use]
    pub fn kv(&self) -> Option<&Arc<KeyValue>> {
        match self {
            Self::Put { kv, .. } => Some(kv),
            Self::Delete(_) => None,
        }
    }

    #[must_use]
    pub fn prev(&self) -> Option<&Arc<KeyValue>> {
        match self {
            Self::Put { prev, .. } => prev.as_ref(),
            Self::Delete(deletion) => deletion.prev.as_ref(),
        }
    }
}

/// All events of one revision, in the order of the operations that made them; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub revision: Revision,
    pub events: Box<[Event]>,
}

impl Commit {
    /// The same without the versions before, where it has any.
    pub(crate) fn without_prev(&self) -> Option<Self> {
        let has_prev = self.events.iter().any(|event| event.prev().is_some());
        let strip = |event: &Event| match event {
            Event::Put { kv, .. } => Event::Put { kv: Arc::clone(kv), prev: None },
            Event::Delete(deletion) => Event::delete(deletion.key.clone(), deletion.revision, None),
        };
        has_prev.then(|| Self { revision: self.revision, events: self.events.iter().map(strip).collect() })
    }

    /// Bytes that only the history holds because of this commit: what it superseded.
    #[must_use]
    pub fn weight(&self) -> usize {
        const BOOKKEEPING: usize = 256;
        let superseded = |event: &Event| event.prev().map_or(0, |kv| kv.value.len());
        self.events.iter().map(|event| superseded(event) + BOOKKEEPING).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store has one for each of its latest writes.
    #[test]
    fn an_event_is_as_small_as_a_put() {
        assert_eq!(size_of::<Event>(), 2 * size_of::<Arc<KeyValue>>());
    }
}
