//! Revisions and lease ids: etcd's 64-bit counters as types of their own.

use std::fmt;

/// The point in the history of the whole key space that a write made. Zero stands for "never", as in etcd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl Revision {
    /// What the `mod_revision` of a key that does not exist compares as.
    pub const NEVER: Revision = Revision(0);
    /// The revision of an empty store; the first write makes the next one.
    pub const INITIAL: Revision = Revision(1);
    /// What a store that was never compacted says it is compacted to, as etcd.
    pub const UNCOMPACTED: Revision = Revision(-1);

    #[must_use]
    pub fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The lease that a key is bound to; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

impl LeaseId {
    pub const NONE: LeaseId = LeaseId(0);
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
