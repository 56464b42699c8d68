//! Transactions: comparisons, then one of two lists of operations, all at one revision.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::{KeyRange, KeyValue, LeaseId, RangeError, RangeRequest, RangeResult, Revision, overlap};

/// When every comparison holds, `success` is executed, else `failure`. Whatever it changes has one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    pub compare: Vec<Compare>,
    pub success: Vec<Op>,
    pub failure: Vec<Op>,
}

impl Txn {
    /// Puts one key unconditionally.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { success: vec![Op::put(key, value)], ..Self::default() }
    }

    /// Deletes every key of a range unconditionally.
    #[must_use]
    pub fn delete(range: KeyRange) -> Self {
        Self { success: vec![Op::DeleteRange(range)], ..Self::default() }
    }

    /// Executes `op` if `compare` holds, else reads `key` so that the caller sees why not.
    pub fn guarded(compare: Compare, op: Op) -> Self {
        let read = Op::Range(RangeRequest::new(compare.range.clone()));
        Self { compare: vec![compare], success: vec![op], failure: vec![read] }
    }

    /// Whether neither branch can change anything.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.ops().all(|op| match op {
            Op::Range(_) => true,
            Op::Txn(txn) => txn.is_read_only(),
            Op::Put { .. } | Op::DeleteRange(_) => false,
        })
    }

    /// Whether either branch can make the store larger.
    #[must_use]
    pub fn grows(&self) -> bool {
        self.ops().any(|op| match op {
            Op::Put { .. } => true,
            Op::Txn(txn) => txn.grows(),
            Op::Range(_) | Op::DeleteRange(_) => false,
        })
    }

    /// Whether the transaction can be executed whatever the store holds.
    ///
    /// # Errors
    /// [`TxnError::DuplicateKey`] when either branch would change a key twice.
    pub fn check(&self) -> Result<(), TxnError> {
        overlap::check(self)
    }

    /// The operations of the branch that was chosen: the next of `branches`, in which a transaction stands before those
    /// that are nested in its branch.
    pub(crate) fn branch(&self, branches: &mut std::slice::Iter<'_, bool>) -> &[Op] {
        if branches.next().copied().unwrap_or_default() { &self.success } else { &self.failure }
    }

    fn ops(&self) -> impl Iterator<Item = &Op> {
        self.success.iter().chain(&self.failure)
    }
}

/// Holds when it holds for every key of the range; a range without keys compares as one key of version and revision
/// zero, and no comparison of values holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    pub range: KeyRange,
    pub relation: Relation,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    NotEqual,
    Greater,
    Less,
}

/// What is compared, with the value that stands on the right-hand side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Version(i64),
    CreateRevision(Revision),
    ModRevision(Revision),
    Value(Bytes),
    Lease(LeaseId),
}

impl Compare {
    /// The key was last changed at exactly this revision.
    pub fn unchanged(key: impl Into<Bytes>, mod_revision: Revision) -> Self {
        Self {
            range: KeyRange::key(key),
            relation: Relation::Equal,
            target: Target::ModRevision(mod_revision),
        }
    }

    /// The key does not exist.
    pub fn absent(key: impl Into<Bytes>) -> Self {
        Self::unchanged(key, Revision::NEVER)
    }

    pub(crate) fn holds<'a>(&self, kvs: impl Iterator<Item = &'a Arc<KeyValue>>) -> bool {
        let mut kvs = kvs.peekable();
        if kvs.peek().is_some() {
            return kvs.all(|kv| self.holds_for(kv));
        }
        let zero = |right: i64| self.relation.holds(&0, &right);
        match &self.target {
            Target::Version(right) | Target::CreateRevision(Revision(right)) => zero(*right),
            Target::ModRevision(Revision(right)) | Target::Lease(LeaseId(right)) => zero(*right),
            Target::Value(_) => false,
        }
    }

    fn holds_for(&self, kv: &KeyValue) -> bool {
        match &self.target {
            Target::Version(right) => self.relation.holds(&kv.version, right),
            Target::CreateRevision(right) => self.relation.holds(&kv.create_revision, right),
            Target::ModRevision(right) => self.relation.holds(&kv.mod_revision, right),
            Target::Value(right) => self.relation.holds(&kv.value, right),
            Target::Lease(right) => self.relation.holds(&kv.lease, right),
        }
    }
}

impl Relation {
    fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::Less => left < right,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Range(RangeRequest),
    Put {
        key: Bytes,
        value: Update<Bytes>,
        lease: Update<LeaseId>,
    },
    DeleteRange(KeyRange),
    /// Its comparisons are made before the outermost transaction changes anything.
    Txn(Txn),
}

/// What a put does with a part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<T> {
    Set(T),
    /// As in the version before, which must exist.
    Keep,
}

impl<T> Update<T> {
    pub(crate) fn or<'a>(&'a self, before: Option<&'a T>) -> Option<&'a T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep => before,
        }
    }
}

impl Op {
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self::leased(key, value, LeaseId::NONE)
    }

    /// Puts one key that lives as long as the lease.
    pub fn leased(key: impl Into<Bytes>, value: impl Into<Bytes>, lease: LeaseId) -> Self {
        Self::Put { key: key.into(), value: Update::Set(value.into()), lease: Update::Set(lease) }
    }

    pub fn delete(key: impl Into<Bytes>) -> Self {
        Self::DeleteRange(KeyRange::key(key))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnResult {
    /// The revision of the store after the transaction: its own if it changed anything.
    pub revision: Revision,
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One for each operation of the branch that was taken.
    pub results: Vec<OpResult>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResult {
    Range(RangeResult),
    Put {
        revision: Revision,
        prev: Option<Arc<KeyValue>>,
    },
    /// `revision` is the transaction's own if anything was changed so far.
    DeleteRange {
        deleted: Vec<Arc<KeyValue>>,
        revision: Revision,
    },
    Txn(TxnResult),
}

/// Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TxnError {
    #[error("change key {} twice in one transaction", String::from_utf8_lossy(key))]
    DuplicateKey { key: Bytes },
    #[error("keep a part of key {}, which does not exist", String::from_utf8_lossy(key))]
    KeyNotFound { key: Bytes },
    #[error("put a key under lease {lease}, which does not exist")]
    LeaseNotFound { lease: LeaseId },
    #[error(transparent)]
    Range(#[from] RangeError),
}
