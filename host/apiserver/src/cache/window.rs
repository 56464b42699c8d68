//! The last changes of one resource, which every watch reads at its own pace: a watch buffers nothing, and one that is
//! slower than the window ends.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use datastore::Revision;

use super::Entry;

/// How many changes are kept at most. A watch that is further behind must list again.
const LENGTH: usize = 4096;
/// Bytes that they may take, where they are more than a few.
const WEIGHT: usize = 32 << 20;
/// So many are kept whatever they take, as upstream.
const FEW: usize = 100;

/// What a watch calls a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventType {
    Added,
    Modified,
    Deleted,
}

impl EventType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: Revision,
    pub(crate) old: Option<Arc<Entry>>,
    pub(crate) new: Option<Arc<Entry>>,
    lines: [OnceLock<Bytes>; 3],
}

impl Change {
    pub(crate) fn new(revision: Revision, old: Option<Arc<Entry>>, new: Option<Arc<Entry>>) -> Self {
        Self { revision, old, new, lines: Default::default() }
    }

    /// Bytes that are held for it, about: the object and its line.
    fn weight(&self) -> usize {
        2 * self.new.as_ref().or(self.old.as_ref()).map_or(0, |entry| entry.len())
    }

    /// What the change is to who sees only some objects: one that is no longer selected is deleted.
    pub(crate) fn seen(&self, selects: impl Fn(&Entry) -> bool) -> Option<(EventType, &Arc<Entry>)> {
        let selected = |entry: &Option<Arc<Entry>>| entry.as_deref().is_some_and(&selects);
        match (&self.old, &self.new) {
            (_, Some(new)) if selected(&self.new) => {
                let event = if selected(&self.old) { EventType::Modified } else { EventType::Added };
                Some((event, new))
            }
            (Some(old), _) if selected(&self.old) => Some((EventType::Deleted, old)),
            _ => None,
        }
    }

    /// The line of the event, made once for all watches that see objects as they are stored.
    pub(crate) fn line(&self, event: EventType, make: impl FnOnce() -> Bytes) -> Bytes {
        self.lines[event as usize].get_or_init(make).clone()
    }
}

#[derive(Debug)]
pub(crate) struct Window {
    changes: VecDeque<Arc<Change>>,
    weight: usize,
    /// The number of the first change held.
    first: u64,
    /// All changes after this revision are held.
    floor: Revision,
}

/// The changes that a reader asked for are no longer held; those after `oldest` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forgotten {
    pub(crate) oldest: Revision,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self { changes: VecDeque::new(), weight: 0, first: 0, floor: Revision::NEVER }
    }

    pub(crate) fn push(&mut self, change: Arc<Change>) {
        self.weight += change.weight();
        self.changes.push_back(change);
        while let length = self.changes.len()
            && (length > LENGTH || length > FEW && self.weight > WEIGHT)
            && let Some(forgotten) = self.changes.pop_front()
        {
            self.weight -= forgotten.weight();
            self.first += 1;
            self.floor = forgotten.revision;
        }
    }

    /// Forgets everything: what happened up to `floor` is not known in detail. Who reads is told so.
    pub(crate) fn reset(&mut self, floor: Revision) {
        self.first = self.end() + 1;
        self.changes.clear();
        self.weight = 0;
        self.floor = floor;
    }

    /// The number of the next change to come.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// The number of the first change after a revision.
    pub(crate) fn position_after(&self, revision: Revision) -> Result<u64, Forgotten> {
        if revision < self.floor {
            return Err(Forgotten { oldest: self.floor });
        }
        let before = self.changes.partition_point(|change| change.revision <= revision);
        Ok(self.first + before as u64)
    }

    /// At most `limit` changes from a number on.
    pub(crate) fn from(&self, position: u64, limit: usize) -> Result<Vec<Arc<Change>>, Forgotten> {
        let Some(skipped) = position.checked_sub(self.first) else {
            return Err(Forgotten { oldest: self.floor });
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Ok(self.changes.iter().skip(skipped).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn filled(count: i64) -> Window {
        let mut window = Window::new();
        for revision in 1..=count {
            window.push(Arc::new(Change::new(Revision(revision), None, None)));
        }
        window
    }

    #[test]
    fn a_reader_that_is_too_late_is_told_from_where_it_may_go_on() {
        let length = i64::try_from(LENGTH).unwrap();
        let window = filled(length + 5);
        assert_eq!(window.position_after(Revision(4)), Err(Forgotten { oldest: Revision(5) }));
        assert_eq!(window.position_after(Revision(5)), Ok(5));
        assert_eq!(window.from(4, 1).unwrap_err(), Forgotten { oldest: Revision(5) });
        assert_eq!(window.from(5, 1).unwrap()[0].revision, Revision(6));
    }

    #[test]
    fn large_objects_are_forgotten_sooner_but_for_the_last_few() {
        let row = objects::resource::served().find(|row| row.plural == "configmaps").unwrap();
        let resource = crate::registry::Served::builtin(Arc::clone(row));
        let text = "x".repeat(1 << 20);
        let object = tree!({ "metadata": { "name": "large" }, "data": { "text": text } });
        let large = Arc::new(Entry::new(&resource, object, Revision(1)));
        let mut window = filled(1000);
        for revision in 1001..=2000 {
            window.push(Arc::new(Change::new(Revision(revision), None, Some(large.clone()))));
        }
        let kept = window.from(window.first, LENGTH).unwrap();
        assert_eq!(kept.len(), FEW);
        assert_eq!(window.position_after(Revision(1900)), Ok(1900));
        assert!(window.position_after(Revision(1899)).is_err());
    }

    #[test]
    fn a_reset_ends_every_reader() {
        let mut window = filled(3);
        let end = window.end();
        window.reset(Revision(9));
        assert!(window.from(end, 1).is_err() && window.from(window.end(), 1).unwrap().is_empty());
    }
}
