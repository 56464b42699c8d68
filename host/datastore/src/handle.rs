//! The handle that services hold, on the store of this process or on one elsewhere.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use mvcc::{
    CompactError, KeyRange, LeaseError, LeaseId, RangeError, RangeRequest, RangeResult, Revision, Txn,
    TxnError, TxnResult,
};
use thiserror::Error;

use crate::{Embedded, FileError, Pages, Watch, WatchError, WatchRequest};

/// Cheap to clone. Its users cannot tell where the store is.
#[derive(Clone, Debug)]
pub enum Datastore {
    Embedded(Embedded),
    Remote(Arc<dyn Remote>),
}

/// An answer to come.
pub type Answer<'a, T, E = StoreError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store elsewhere, as etcd.
pub trait Remote: Debug + Send + Sync {
    /// A linearizable read.
    fn range(&self, request: RangeRequest) -> Answer<'_, RangeResult>;
    fn txn(&self, txn: Txn) -> Answer<'_, TxnResult>;
    /// Batches come for every revision, those without an event of the range included. A connection that breaks off is made
    /// anew without a gap.
    fn watch(&self, request: WatchRequest) -> Answer<'_, Watch, WatchError>;
    fn compact(&self, revision: Revision) -> Answer<'_, ()>;
    /// A new lease of that many seconds.
    fn grant(&self, ttl: i64) -> Answer<'_, LeaseId>;
}

/// Why a request was not served. Nothing was changed, unless [`StoreError::is_ambiguous`].
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    #[error(transparent)]
    Range(#[from] RangeError),
    #[error(transparent)]
    Txn(#[from] TxnError),
    #[error(transparent)]
    Compact(#[from] CompactError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error("the datastore has reached its quota; delete or compact, then disarm its alarm NOSPACE")]
    NoSpace,
    #[error("somebody found the datastore damaged; restore a snapshot, or disarm its alarm CORRUPT")]
    Corrupt,
    #[error("write to the datastore: {0}")]
    Write(Arc<FileError>),
    /// A store elsewhere does not answer, or answers with what it should not.
    #[error("the store at {endpoint}: {reason}")]
    Remote { endpoint: String, reason: String },
    #[error("the datastore is stopped")]
    Stopped,
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Stopped | Self::NoSpace | Self::Corrupt | Self::Remote { .. })
    }

    /// Whether the write may be found done all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Stopped | Self::Remote { .. })
    }
}

impl From<Embedded> for Datastore {
    fn from(embedded: Embedded) -> Self {
        Self::Embedded(embedded)
    }
}

impl Datastore {
    /// The present revision: every write that was acknowledged before the call is at or before it.
    ///
    /// # Errors
    /// [`StoreError::Remote`].
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        match self {
            Self::Embedded(store) => Ok(store.revision()),
            Self::Remote(store) => {
                // A key that nobody writes: what is asked for is the revision that comes with the answer.
                let probe = RangeRequest::new(KeyRange::key("\0")).select(mvcc::Selection::CountOnly);
                Ok(store.range(probe).await?.revision)
            }
        }
    }

    /// A linearizable read: sees every write that was acknowledged before the call.
    ///
    /// # Errors
    /// [`RangeError`] for a revision that is compacted or still to come.
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResult, StoreError> {
        match self {
            Self::Embedded(store) => store.range(&request),
            Self::Remote(store) => store.range(request).await,
        }
    }

    /// All keys of a range as of one revision, in pages of at most `page` keys.
    #[must_use]
    pub fn pages(&self, range: KeyRange, page: usize) -> Pages {
        Pages::new(self.clone(), range, page)
    }

    /// Executes a transaction; returns when it is on disk and visible to reads and watches.
    ///
    /// # Errors
    /// As [`Embedded::txn`]; [`StoreError::Remote`].
    pub async fn txn(&self, txn: Txn) -> Result<TxnResult, StoreError> {
        match self {
            Self::Embedded(store) => store.txn(txn).await,
            Self::Remote(store) => store.txn(txn).await,
        }
    }

    /// The events of a range, from a revision of the past or from now on.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when events since the requested revision are no longer held.
    pub async fn watch(&self, request: WatchRequest) -> Result<Watch, WatchError> {
        match self {
            Self::Embedded(store) => store.watch(request),
            Self::Remote(store) => store.watch(request).await,
        }
    }

    /// All keys of a range, and a watch of everything that happens to them after.
    ///
    /// # Errors
    /// As [`Datastore::range`].
    pub async fn list_and_watch(&self, range: KeyRange) -> Result<(RangeResult, Watch), StoreError> {
        let list = self.range(RangeRequest::new(range.clone())).await?;
        let request = WatchRequest::new(range).from(list.revision.next());
        let watch = match self {
            Self::Embedded(store) => store.watch_from(request),
            Self::Remote(store) => match store.watch(request).await {
                Ok(watch) => watch,
                Err(error) => Watch::failed(error),
            },
        };
        Ok((list, watch))
    }

    /// Forgets the history before `revision`.
    ///
    /// # Errors
    /// [`CompactError`] when it was forgotten before or `revision` is still to come.
    pub async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.compact(revision).await,
            Self::Remote(store) => store.compact(revision).await,
        }
    }

    /// Grants a lease of that many seconds.
    ///
    /// # Errors
    /// As [`Datastore::txn`].
    pub async fn grant(&self, ttl: i64) -> Result<LeaseId, StoreError> {
        match self {
            Self::Embedded(store) => Ok(store.grant(LeaseId::NONE, ttl).await?.0),
            Self::Remote(store) => store.grant(ttl).await,
        }
    }
}
