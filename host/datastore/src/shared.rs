//! What the writer and the handles share: the store, the revision up to which it is on disk, and who watches.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use mvcc::{Revision, Store};
use observe::histogram::Histogram;
use tokio::sync::{Notify, watch};

use crate::file::head::Identity;
use crate::file::journal::Journal;
use crate::hub::Hub;
use crate::{Alarm, StoreError};

/// The store may be ahead of `durable`; readers see it as of `durable` only. Locked for the time of a read or of applying
/// a batch in memory, never while anything waits for the disk.
#[derive(Debug)]
pub(crate) struct Shared {
    store: RwLock<Store>,
    durable: watch::Receiver<Revision>,
    pub(crate) hub: Hub,
    pub(crate) identity: Identity,
    pub(crate) quota: usize,
    /// How long flushes of the log took.
    pub(crate) flushes: Histogram,
    alarms: Mutex<BTreeSet<Alarm>>,
    /// Bytes of all files.
    on_disk: AtomicU64,
    /// The begin of the time of leases.
    started: Instant,
    /// A lease was granted or renewed, so that the next one may end earlier than it seemed.
    pub(crate) leased: Notify,
}

impl Shared {
    /// Gives the sender to who makes the store durable; dropping it tells everybody that writing has ended.
    pub(crate) fn new(
        store: Store,
        journal: &Journal,
        quota: usize,
        alarms: BTreeSet<Alarm>,
    ) -> (Self, watch::Sender<Revision>) {
        let (sender, durable) = watch::channel(store.revision());
        let hub = Hub::new(store.revision());
        let shared = Self {
            store: RwLock::new(store),
            durable,
            hub,
            identity: journal.identity(),
            quota,
            flushes: journal.flushes().clone(),
            alarms: Mutex::new(alarms),
            on_disk: AtomicU64::new(0),
            started: Instant::now(),
            leased: Notify::new(),
        };
        (shared, sender)
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

    pub(crate) fn alarms(&self) -> MutexGuard<'_, BTreeSet<Alarm>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// [`StoreError::Corrupt`] where nothing is to be changed because somebody found the store damaged.
    pub(crate) fn check_sound(&self) -> Result<(), StoreError> {
        if self.alarms().contains(&Alarm::Corrupt) { Err(StoreError::Corrupt) } else { Ok(()) }
    }

    pub(crate) fn on_disk(&self) -> u64 {
        self.on_disk.load(Ordering::Relaxed)
    }

    pub(crate) fn set_on_disk(&self, bytes: u64) {
        self.on_disk.store(bytes, Ordering::Relaxed);
    }

    /// The time of leases.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
