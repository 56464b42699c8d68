//! The handle that services hold: reads, transactions, watches.

use std::sync::Arc;

use mvcc::{
    CompactError, KeyRange, RangeError, RangeRequest, RangeResult, Revision, Txn, TxnError, TxnResult,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::shared::Shared;
use crate::store_file::FileError;
use crate::writer::Command;
use crate::{Pages, Watch, WatchError, WatchRequest};

/// Cheap to clone. Works as long as the [`DatastoreTask`](crate::DatastoreTask) of the same `open` runs; reads go on after it.
#[derive(Clone, Debug)]
pub struct Datastore {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
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
    #[error("write to the datastore: {0}")]
    Write(Arc<FileError>),
    #[error("the datastore is stopped")]
    Stopped,
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Stopped)
    }

    /// Whether the write may be found done after a restart all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Stopped)
    }
}

impl Datastore {
    pub(crate) fn new(shared: Arc<Shared>, commands: mpsc::Sender<Command>) -> Self {
        Self { shared, commands }
    }

    /// The present revision: every acknowledged write is at or before it, and all up to it is on disk.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shared.durable()
    }

    /// The oldest revision that can be read.
    #[must_use]
    pub fn compacted(&self) -> Revision {
        self.shared.read().compacted()
    }

    /// A linearizable read: sees every write that was acknowledged before the call.
    ///
    /// # Errors
    /// [`RangeError`] for a revision that is compacted or still to come.
    pub async fn range(&self, request: RangeRequest) -> Result<RangeResult, StoreError> {
        let durable = self.shared.durable();
        Ok(self.shared.read().as_of(durable).range(&request)?)
    }

    /// All keys of a range as of one revision, in pages of at most `page` keys.
    #[must_use]
    pub fn pages(&self, range: KeyRange, page: usize) -> Pages {
        Pages::new(self.clone(), range, page)
    }

    /// Executes a transaction; returns when it is on disk and visible to reads and watches. Once sent it is executed
    /// even if the caller stops waiting.
    ///
    /// # Errors
    /// [`StoreError::Txn`] for a transaction that cannot be executed; [`StoreError::Write`] when it did not get to disk.
    pub async fn txn(&self, txn: Txn) -> Result<TxnResult, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Txn(txn, reply)).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    /// The events of a range, from a revision of the past or from now on.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when events since the requested revision are no longer held.
    pub async fn watch(&self, request: WatchRequest) -> Result<Watch, WatchError> {
        Watch::open(Arc::clone(&self.shared), request)
    }

    /// All keys of a range, and a watch of everything that happens to them after.
    ///
    /// # Errors
    /// As [`Datastore::range`].
    pub async fn list_and_watch(&self, range: KeyRange) -> Result<(RangeResult, Watch), StoreError> {
        let list = self.range(RangeRequest::new(range.clone())).await?;
        let request = WatchRequest::new(range).from(list.revision.next());
        Ok((list, Watch::starting(Arc::clone(&self.shared), request)))
    }

    /// Forgets the history before `revision`.
    ///
    /// # Errors
    /// [`CompactError`] when it was forgotten before or `revision` is still to come.
    pub async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Compact(revision, reply)).await.map_err(|_| StoreError::Stopped)?;
        Ok(answer.await.map_err(|_| StoreError::Stopped)??)
    }
}
