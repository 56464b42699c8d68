//! One version of one key, as etcd's `mvccpb.KeyValue`.

use bytes::Bytes;

use crate::{LeaseId, Revision};

/// Shared as `Arc<KeyValue>` between the index, the history and every reader; never changed once made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: Bytes,
    pub value: Bytes,
    /// Revision of the write that created the key after it was last absent.
    pub create_revision: Revision,
    /// Revision of the write that made this version.
    pub mod_revision: Revision,
    /// Number of writes since the key was created; the first is 1.
    pub version: i64,
    pub lease: LeaseId,
    /// The place of the write that made this version among the writes of its revision.
    pub sub: u32,
}

impl KeyValue {
    /// Bytes that a version takes beside its key and value, about.
    const BOOKKEEPING: usize = 128;

    /// Bytes that this version takes, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.key.len() + self.value.len() + Self::BOOKKEEPING
    }
}
