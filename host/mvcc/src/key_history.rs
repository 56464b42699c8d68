//! The versions of one key that are still readable, newest first in reach.

use std::sync::Arc;

use crate::{KeyValue, Revision};

#[derive(Clone, Debug)]
enum Version {
    Live(Arc<KeyValue>),
    /// The key was deleted at this revision.
    Dead(Revision),
}

/// Most keys have one version only, which costs no allocation of its own.
#[derive(Clone, Debug)]
pub(crate) struct KeyHistory {
    latest: Version,
    /// Ascending by revision, all before `latest`.
    older: Vec<Version>,
}

impl Version {
    fn revision(&self) -> Revision {
        match self {
            Self::Live(kv) => kv.mod_revision,
            Self::Dead(revision) => *revision,
        }
    }

    fn live(&self) -> Option<&Arc<KeyValue>> {
        match self {
            Self::Live(kv) => Some(kv),
            Self::Dead(_) => None,
        }
    }
}

impl KeyHistory {
    pub(crate) fn new(kv: Arc<KeyValue>) -> Self {
        Self { latest: Version::Live(kv), older: Vec::new() }
    }

    pub(crate) fn put(&mut self, kv: Arc<KeyValue>) {
        self.push(Version::Live(kv));
    }

    pub(crate) fn delete(&mut self, revision: Revision) {
        self.push(Version::Dead(revision));
    }

    fn push(&mut self, version: Version) {
        if self.older.capacity() == 0 {
            // Most keys that have been changed have one older version.
            self.older.reserve_exact(1);
        }
        self.older.push(std::mem::replace(&mut self.latest, version));
    }

    /// What the key held at `revision`, if it existed then.
    pub(crate) fn at(&self, revision: Revision) -> Option<&Arc<KeyValue>> {
        if self.latest.revision() <= revision {
            return self.latest.live();
        }
        let after = self.older.partition_point(|version| version.revision() <= revision);
        self.older[..after].last()?.live()
    }

    /// Forgets what nobody can read at `revision` or later. False when nothing is left.
    #[must_use]
    pub(crate) fn compact(&mut self, revision: Revision) -> bool {
        if self.latest.revision() <= revision {
            self.older = Vec::new();
            return self.latest.live().is_some();
        }
        let after = self.older.partition_point(|version| version.revision() <= revision);
        let visible = after.checked_sub(1).filter(|last| self.older[*last].live().is_some());
        self.older.drain(..visible.unwrap_or(after));
        true
    }

    /// Forgets what happened after `revision`. False when nothing is left.
    #[must_use]
    pub(crate) fn rollback(&mut self, revision: Revision) -> bool {
        while self.latest.revision() > revision {
            let Some(before) = self.older.pop() else { return false };
            self.latest = before;
        }
        true
    }
}
