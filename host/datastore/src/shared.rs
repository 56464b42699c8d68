//! What the writer and the handles share: the store, and the revision up to which it is on disk.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mvcc::{Revision, Store};
use tokio::sync::watch;

/// The store may be ahead of `durable`; readers see it as of `durable` only. Locked for the time of a read or of applying
/// a batch in memory, never while anything waits for the disk.
#[derive(Debug)]
pub(crate) struct Shared {
    store: RwLock<Store>,
    durable: watch::Receiver<Revision>,
}

impl Shared {
    /// Gives the sender to who makes the store durable; dropping it tells everybody that writing has ended.
    pub(crate) fn new(store: Store) -> (Self, watch::Sender<Revision>) {
        let (sender, durable) = watch::channel(store.revision());
        (Self { store: RwLock::new(store), durable }, sender)
    }

    /// No panic leaves the store half-changed in a way that a reader of a durable revision could see.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn durable(&self) -> Revision {
        *self.durable.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Revision> {
        self.durable.clone()
    }
}
