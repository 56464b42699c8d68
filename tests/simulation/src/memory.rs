//! A store in memory that answers at once: no thread and no disk beside the runtime whose time is paused.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datastore::{
    Answer, Config, KeyRange, LeaseId, RangeRequest, RangeResult, Remote, Revision, StoreError, Txn,
    TxnResult, Watch, WatchBatch, WatchError, WatchRequest,
};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Instant;

/// Superseded versions that are forgotten between two writes.
const PRUNE: usize = 2000;

/// Etcd's key space, with no more history than the real store keeps.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Mutex<mvcc::Store>,
    revision: watch::Sender<Revision>,
    started: Instant,
    leases: AtomicI64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let store = mvcc::Store::default();
        let revision = watch::Sender::new(store.revision());
        let (store, started, leases) = (Mutex::new(store), Instant::now(), AtomicI64::new(1));
        Self(Arc::new(Inner { store, revision, started, leases }))
    }

    /// The store, without what is bound to leases that ended.
    fn store(&self) -> MutexGuard<'_, mvcc::Store> {
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let ended: Vec<LeaseId> = store.expired(self.now()).collect();
        for lease in ended {
            store.revoke(lease).expect("a lease that ended is known until it is revoked");
        }
        store.settle();
        self.0.revision.send_replace(store.revision());
        store
    }

    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// What happened in a range from a revision to the present one.
    fn batch(&self, range: &KeyRange, from: Revision) -> Result<WatchBatch, WatchError> {
        let store = self.store();
        let forgotten = |gone: mvcc::Forgotten| WatchError::Compacted {
            requested: gone.requested,
            compacted: gone.oldest,
        };
        let commits = store.history(from).map_err(forgotten)?;
        let events = commits.flat_map(|commit| commit.events.iter());
        let events = events.filter(|event| range.contains(event.key())).cloned().collect();
        Ok(WatchBatch { revision: store.revision(), events })
    }
}

/// Keeps history within the bounds of the real store.
fn forget(store: &mut mvcc::Store) {
    if store.history_weight() > Config::HISTORY_WEIGHT
        && let Some(before) = store.overweight(Config::HISTORY_WEIGHT / 4 * 3)
    {
        store.compact(before).expect("what is overweight is known");
    }
    store.prune(PRUNE);
}

impl Remote for Memory {
    fn range(&self, request: RangeRequest) -> Answer<'_, RangeResult> {
        Box::pin(async move { Ok(self.store().range(&request)?) })
    }

    fn txn(&self, txn: Txn) -> Answer<'_, TxnResult> {
        Box::pin(async move {
            let mut store = self.store();
            let applied = store.apply(&txn)?;
            store.settle();
            forget(&mut store);
            self.0.revision.send_replace(store.revision());
            Ok(applied.result)
        })
    }

    fn watch(&self, request: WatchRequest) -> Answer<'_, Watch, WatchError> {
        let revision = self.0.revision.subscribe();
        let next = request.from.unwrap_or_else(|| self.store().revision().next());
        let state = (self.clone(), request.range, next, revision);
        let batches = stream::unfold(state, |(memory, range, next, mut revision)| async move {
            revision.wait_for(|present| *present >= next).await.ok()?;
            let batch = memory.batch(&range, next);
            let next = batch.as_ref().map_or(next, |batch| batch.revision.next());
            Some((batch, (memory, range, next, revision)))
        });
        Box::pin(async move { Ok(Watch::of_remote(batches)) })
    }

    fn compact(&self, revision: Revision) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.store().compact(revision)?) })
    }

    fn grant(&self, ttl: i64) -> Answer<'_, LeaseId> {
        Box::pin(async move {
            let id = LeaseId(self.0.leases.fetch_add(1, Ordering::Relaxed));
            self.store().grant(id, ttl, self.now()).map_err(StoreError::from)?;
            Ok(id)
        })
    }
}
