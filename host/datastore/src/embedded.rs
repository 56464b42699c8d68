//! The store of this process: everything that etcd's API asks of one.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mvcc::{Commit, KeyRange, KeyValue, LeaseId, RangeRequest, RangeResult, Revision, Txn, TxnResult};
use observe::histogram::Histogram;
use tokio::sync::{mpsc, oneshot};

use crate::answers::Reply;
use crate::file::head::Identity;
use crate::shared::Shared;
use crate::turns::{Committer, Turns};
use crate::writer::Command;
use crate::{Alarm, StoreError, Watch, WatchError, WatchRequest, WatchSet};

/// Seconds that a lease lives at least: etcd's election timeout, rounded up.
const SHORTEST_LEASE: i64 = 2;

/// Cheap to clone. Works as long as the [`DatastoreTask`](crate::DatastoreTask) of the same `open` runs; reads go on after it.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
    turns: Arc<Turns>,
    commands: mpsc::Sender<Command>,
}

/// A lease as it is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseStatus {
    /// Seconds, as granted.
    pub granted: i64,
    pub remaining: Duration,
    pub keys: Vec<Bytes>,
}

/// The size and state of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    pub identity: Identity,
    pub revision: Revision,
    /// The oldest revision that can be read; negative before the first compaction, as etcd's.
    pub compacted: Revision,
    /// Keys, those included that were deleted and can still be read.
    pub keys: usize,
    pub leases: usize,
    /// Bytes of all files.
    pub bytes_on_disk: u64,
    /// Bytes of everything that can be read, about.
    pub bytes_in_use: u64,
    /// Bytes in use at which [`Alarm::NoSpace`] is raised.
    pub quota: u64,
    pub alarms: Vec<Alarm>,
}

/// Everything that can be read at one moment.
#[derive(Clone, Debug)]
pub struct Export {
    pub revision: Revision,
    /// The oldest revision that can be read; negative before the first compaction, as etcd's.
    pub compacted: Revision,
    /// Every key as of `compacted`, in the order of keys.
    pub kvs: Vec<Arc<KeyValue>>,
    /// What happened since, one commit a revision.
    pub commits: Vec<Arc<Commit>>,
    /// With the seconds that they were granted.
    pub leases: Vec<(LeaseId, i64)>,
    pub alarms: Vec<Alarm>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

impl Embedded {
    pub(crate) fn new(shared: Arc<Shared>, turns: Arc<Turns>, commands: mpsc::Sender<Command>) -> Self {
        Self { shared, turns, commands }
    }

    /// A handle whose writes the [`Committer`] carries out, on the thread that polls it.
    pub fn committed_here(&self) -> (Self, Committer) {
        let (commands, committer) = Committer::new(Arc::clone(&self.turns), self.commands.clone());
        (Self { commands, ..self.clone() }, committer)
    }

    #[must_use]
    pub fn identity(&self) -> Identity {
        self.shared.identity
    }

    /// The present revision: every acknowledged write is at or before it, and all up to it is on disk.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shared.durable()
    }

    /// The oldest revision that can be read; negative before the first compaction.
    #[must_use]
    pub fn compacted(&self) -> Revision {
        self.shared.read().compacted()
    }

    /// A linearizable read: sees every write that was acknowledged before the call.
    ///
    /// # Errors
    /// [`mvcc::RangeError`] for a revision that is compacted or still to come.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResult, StoreError> {
        let store = self.shared.read();
        Ok(store.as_of(self.shared.durable()).range(request)?)
    }

    /// Executes a transaction; returns when it is on disk and visible to reads and watches. Once sent it is executed
    /// even if the caller stops waiting.
    ///
    /// # Errors
    /// [`StoreError::Txn`] for a transaction that cannot be executed; [`StoreError::Write`] when it did not get to disk.
    pub async fn txn(&self, txn: Txn) -> Result<TxnResult, StoreError> {
        if txn.is_read_only() {
            let store = self.shared.read();
            return Ok(store.as_of(self.shared.durable()).read(&txn)?);
        }
        self.ask(|reply| Command::Txn(txn, reply)).await
    }

    /// A watch of everything in a range, from a revision of the past or from now on.
    ///
    /// # Errors
    /// [`WatchError::Compacted`] when events since the requested revision are no longer held.
    pub fn watch(&self, request: WatchRequest) -> Result<Watch, WatchError> {
        Watch::open(Arc::clone(&self.shared), request)
    }

    pub(crate) fn watch_from(&self, request: WatchRequest) -> Watch {
        Watch::starting(Arc::clone(&self.shared), request)
    }

    /// An empty set of watches.
    #[must_use]
    pub fn watch_set(&self) -> WatchSet {
        WatchSet::new(Arc::clone(&self.shared))
    }

    /// History before `revision` is no longer shown; it is forgotten little by little.
    ///
    /// # Errors
    /// [`mvcc::CompactError`] when it was forgotten before or `revision` is still to come.
    pub async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.ask(|reply| Command::Compact(revision, reply)).await
    }

    /// Grants a lease of that many seconds, or of the few that one lives at least; [`LeaseId::NONE`] has an identifier
    /// chosen. Gives both.
    ///
    /// # Errors
    /// [`mvcc::LeaseError::Exists`]; as [`Embedded::txn`].
    pub async fn grant(&self, id: LeaseId, ttl: i64) -> Result<(LeaseId, i64), StoreError> {
        let id = if id == LeaseId::NONE { some_lease_id() } else { id };
        let ttl = ttl.max(SHORTEST_LEASE);
        self.ask(|reply| Command::Grant { id, ttl, reply }).await?;
        Ok((id, ttl))
    }

    /// Ends a lease and deletes its keys, all at one revision.
    ///
    /// # Errors
    /// [`mvcc::LeaseError::NotFound`]; as [`Embedded::txn`].
    pub async fn revoke(&self, id: LeaseId) -> Result<Revision, StoreError> {
        self.ask(|reply| Command::Revoke(id, reply)).await
    }

    /// Begins the time of a lease anew and gives its seconds.
    ///
    /// # Errors
    /// [`mvcc::LeaseError::NotFound`].
    pub async fn renew(&self, id: LeaseId) -> Result<i64, StoreError> {
        self.ask(|reply| Command::Renew(id, reply)).await
    }

    /// `None` where there is no such lease.
    #[must_use]
    pub fn lease(&self, id: LeaseId) -> Option<LeaseStatus> {
        let now = self.shared.now();
        let store = self.shared.read();
        let lease = store.lease(id)?;
        Some(LeaseStatus {
            granted: lease.ttl,
            remaining: lease.expires.saturating_sub(now),
            keys: lease.keys.iter().cloned().collect(),
        })
    }

    /// All leases, in the order of their identifiers.
    #[must_use]
    pub fn leases(&self) -> Vec<LeaseId> {
        self.shared.read().leases().map(|(id, _)| id).collect()
    }

    /// Raises an alarm or takes it back.
    ///
    /// # Errors
    /// As [`Embedded::txn`].
    pub async fn set_alarm(&self, alarm: Alarm, active: bool) -> Result<(), StoreError> {
        self.ask(|reply| Command::Alarm { alarm, active, reply }).await
    }

    /// Draws the files together, so that they hold little more than what can be read.
    ///
    /// # Errors
    /// [`StoreError::Write`] when the disk does not take it; nothing is lost then.
    pub async fn defragment(&self) -> Result<(), StoreError> {
        self.ask(Command::Defragment).await
    }

    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let store = self.shared.read();
        StoreStatus {
            identity: self.shared.identity,
            revision: self.shared.durable(),
            compacted: store.compacted(),
            keys: store.keys(),
            leases: store.leases().count(),
            bytes_on_disk: self.shared.on_disk(),
            bytes_in_use: store.weight() as u64,
            quota: self.shared.quota as u64,
            alarms: self.shared.alarms().iter().copied().collect(),
        }
    }

    /// How many seconds it took to flush each commit to disk, in etcd's buckets.
    #[must_use]
    pub fn flushes(&self) -> Histogram {
        self.shared.flushes.clone()
    }

    /// How many watches of sets have not been told everything yet.
    #[must_use]
    pub fn late_watches(&self) -> usize {
        self.shared.hub.late()
    }

    /// Everything that can be read, as of the present.
    #[must_use]
    pub fn export(&self) -> Export {
        let store = self.shared.read();
        let revision = self.shared.durable();
        let compacted = store.compacted();
        // A store that was never compacted began with no key.
        let kvs = if compacted > Revision::NEVER {
            let kvs = store.as_of(revision).scan(&KeyRange::all(), compacted);
            kvs.expect("what was compacted to can be read").cloned().collect()
        } else {
            Vec::new()
        };
        let commits = store.history(compacted.next()).into_iter().flatten();
        Export {
            revision,
            compacted,
            kvs,
            commits: commits.take_while(|commit| commit.revision <= revision).cloned().collect(),
            leases: store.leases().map(|(id, lease)| (id, lease.ttl)).collect(),
            alarms: self.shared.alarms().iter().copied().collect(),
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

/// A positive number that nobody had before, as good as certain: what seeds a hash map of the standard library.
fn some_lease_id() -> LeaseId {
    LeaseId((RandomState::new().hash_one(0u8) >> 1).cast_signed().max(1))
}
