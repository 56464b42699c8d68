//! The key space with its history and leases: applies transactions, forgets by compaction, takes back what did not become
//! durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::key_history::KeyHistory;
use crate::lease::{Lease, LeaseError, Leases};
use crate::{
    Commit, Event, KeyRange, KeyValue, LeaseId, Op, OpResult, RangeError, RangeRequest, RangeResult,
    Revision, Txn, TxnError, TxnResult, Update, View,
};

#[derive(Clone, Debug)]
pub struct Store {
    index: BTreeMap<Bytes, KeyHistory>,
    /// One commit for each revision, without gaps, up to `revision`.
    log: VecDeque<Arc<Commit>>,
    leases: Leases,
    revision: Revision,
    compacted: Revision,
    present_weight: usize,
    log_weight: usize,
}

/// What a transaction did: its answer, and the change to make durable and to tell watchers of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub result: TxnResult,
    /// `None` when nothing was changed.
    pub commit: Option<Arc<Commit>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompactError {
    #[error("revision {requested} has been compacted already, the oldest is {compacted}")]
    Compacted { requested: Revision, compacted: Revision },
    #[error("revision {requested} is in the future, the present is {current}")]
    Future { requested: Revision, current: Revision },
}

/// Events from `requested` on are asked for, and held from `oldest` on only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("events of revision {requested} have been compacted, the oldest are of {oldest}")]
pub struct Forgotten {
    pub requested: Revision,
    pub oldest: Revision,
}

/// A commit that does not follow on what the store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the commit of revision {found} follows on revision {current}")]
pub struct Gap {
    pub found: Revision,
    pub current: Revision,
}

/// A change as it was recorded, to be made again without being decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redo {
    Put(KeyValue),
    Delete(Bytes),
}

impl Default for Store {
    fn default() -> Self {
        Self {
            index: BTreeMap::new(),
            log: VecDeque::new(),
            leases: Leases::default(),
            revision: Revision::INITIAL,
            compacted: Revision::UNCOMPACTED,
            present_weight: 0,
            log_weight: 0,
        }
    }
}

impl Store {
    /// A store of these keys at `revision`, compacted to it. Keys must be distinct, and none modified after `revision`.
    pub fn restore(revision: Revision, kvs: impl IntoIterator<Item = KeyValue>) -> Self {
        Self::default().filled(revision, kvs)
    }

    /// As [`Store::restore`], with leases whose time begins at `now`: identifiers and seconds.
    pub fn restore_leased(
        revision: Revision,
        kvs: impl IntoIterator<Item = KeyValue>,
        leases: impl IntoIterator<Item = (LeaseId, i64)>,
        now: Duration,
    ) -> Self {
        let mut store = Self::default();
        for (id, ttl) in leases {
            store.redo_grant(id, ttl, now);
        }
        store.filled(revision, kvs)
    }

    fn filled(mut self, revision: Revision, kvs: impl IntoIterator<Item = KeyValue>) -> Self {
        for kv in kvs {
            self.present_weight += kv.weight();
            self.leases.attach(kv.lease, &kv.key);
            self.index.insert(kv.key.clone(), KeyHistory::new(Arc::new(kv)));
        }
        self.revision = revision;
        self.compacted = revision;
        self
    }

    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The oldest revision that can be read.
    #[must_use]
    pub fn compacted(&self) -> Revision {
        self.compacted
    }

    /// Bytes, about, that are held for the history alone.
    #[must_use]
    pub fn history_weight(&self) -> usize {
        self.log_weight
    }

    /// Bytes, about, of everything that can be read.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.present_weight + self.log_weight
    }

    /// Keys that exist at present or did while the history is held.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.index.len()
    }

    #[must_use]
    pub fn present(&self) -> View<'_> {
        View::new(self, self.revision)
    }

    /// The store as of `revision`, or of its present where that is earlier.
    #[must_use]
    pub fn as_of(&self, revision: Revision) -> View<'_> {
        View::new(self, revision.min(self.revision))
    }

    /// # Errors
    /// As [`View::range`].
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResult, RangeError> {
        self.present().range(request)
    }

    /// Executes a transaction as the next revision, or as none if it changes nothing.
    ///
    /// # Errors
    /// When either branch would change a key twice, or the branch to take reads a revision that cannot be read, keeps a
    /// part of a key that does not exist or names an unknown lease; nothing is changed.
    pub fn apply(&mut self, txn: &Txn) -> Result<Applied, TxnError> {
        txn.check()?;
        let mut branches = Vec::new();
        self.present().choose(txn, &mut branches);
        self.check(txn, &mut branches.iter())?;
        // Most transactions change one key.
        let mut execution = Execution { next: self.revision.next(), events: Vec::with_capacity(1) };
        let mut result = execution.run(self, txn, &mut branches.iter())?;
        let Execution { next, events } = execution;
        let commit = (!events.is_empty()).then(|| self.record(next, events));
        result.revision = self.revision;
        Ok(Applied { result, commit })
    }

    /// Refuses before anything is changed what could fail halfway.
    fn check(&self, txn: &Txn, branches: &mut std::slice::Iter<'_, bool>) -> Result<(), TxnError> {
        for op in txn.branch(branches) {
            match op {
                Op::Range(request) => drop(self.present().check(request)?),
                Op::DeleteRange(_) => {}
                Op::Txn(txn) => self.check(txn, branches)?,
                Op::Put { key, value, lease } => {
                    if let Update::Set(lease) = *lease
                        && lease != LeaseId::NONE
                        && self.leases.get(lease).is_none()
                    {
                        return Err(TxnError::LeaseNotFound { lease });
                    }
                    let keeps = *value == Update::Keep || *lease == Update::Keep;
                    if keeps && self.present().get(key).is_none() {
                        return Err(TxnError::KeyNotFound { key: key.clone() });
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes a recorded commit again.
    ///
    /// # Errors
    /// When it is not of the next revision.
    pub fn redo(&mut self, revision: Revision, changes: Vec<Redo>) -> Result<(), Gap> {
        if revision != self.revision.next() {
            return Err(Gap { found: revision, current: self.revision });
        }
        let mut events = Vec::with_capacity(changes.len());
        for change in changes {
            match change {
                Redo::Put(kv) => {
                    let (kv, prev) = self.set(&kv.key.clone(), revision, |_| kv);
                    events.push(Event::Put { kv, prev });
                }
                Redo::Delete(key) => {
                    events.extend(
                        self.delete(&KeyRange::key(key), revision).into_iter().map(deletion(revision)),
                    );
                }
            }
        }
        self.record(revision, events);
        Ok(())
    }

    /// Remembers the commit of the revision that the store was restored at, which its keys show already, for watches
    /// that start there.
    ///
    /// # Errors
    /// When it is of another revision, or the history has begun.
    pub fn remember(&mut self, revision: Revision, changes: Vec<Redo>) -> Result<(), Gap> {
        if revision != self.revision || !self.log.is_empty() {
            return Err(Gap { found: revision, current: self.revision });
        }
        let event = |change| match change {
            Redo::Put(kv) => Event::Put { kv: Arc::new(kv), prev: None },
            Redo::Delete(key) => Event::delete(key, revision, None),
        };
        self.record(revision, changes.into_iter().map(event).collect());
        Ok(())
    }

    /// Makes the present version of a key, of the one before if there is one, and returns both.
    fn set(
        &mut self,
        key: &Bytes,
        revision: Revision,
        make: impl FnOnce(Option<&Arc<KeyValue>>) -> KeyValue,
    ) -> (Arc<KeyValue>, Option<Arc<KeyValue>>) {
        let Some(history) = self.index.get_mut(key) else {
            let kv = Arc::new(make(None));
            self.index.insert(kv.key.clone(), KeyHistory::new(Arc::clone(&kv)));
            return (kv, None);
        };
        let prev = history.at(revision).cloned();
        let kv = Arc::new(make(prev.as_ref()));
        history.put(Arc::clone(&kv));
        (kv, prev)
    }

    fn delete(&mut self, range: &KeyRange, next: Revision) -> Vec<Arc<KeyValue>> {
        let Some(bounds) = range.bounds() else { return Vec::new() };
        let mut deleted = Vec::new();
        for (_, history) in self.index.range_mut::<[u8], _>(bounds) {
            if let Some(kv) = history.at(next).cloned() {
                history.delete(next);
                deleted.push(kv);
            }
        }
        deleted
    }

    fn record(&mut self, revision: Revision, events: Vec<Event>) -> Arc<Commit> {
        let commit = Arc::new(Commit { revision, events: events.into() });
        for event in &commit.events {
            self.account(event.prev(), event.kv(), event.key());
        }
        self.revision = commit.revision;
        self.log_weight += commit.weight();
        self.log.push_back(Arc::clone(&commit));
        commit
    }

    /// Moves what is counted and bound for a key from one version to the other.
    fn account(&mut self, from: Option<&Arc<KeyValue>>, to: Option<&Arc<KeyValue>>, key: &Bytes) {
        if let Some(kv) = from {
            self.present_weight -= kv.weight();
            self.leases.detach(kv.lease, key);
        }
        if let Some(kv) = to {
            self.present_weight += kv.weight();
            self.leases.attach(kv.lease, key);
        }
    }

    /// What happened from `from` on, oldest first; nothing when `from` is still to come.
    ///
    /// # Errors
    /// When events of `from` are no longer held.
    pub fn history(&self, from: Revision) -> Result<impl Iterator<Item = &Arc<Commit>>, Forgotten> {
        let held = self.log.front().map_or(self.revision.next(), |commit| commit.revision);
        // Before the first revision nothing happened.
        let oldest =
            if held == Revision::INITIAL.next() { Revision::NEVER } else { held }.max(self.compacted);
        if from < oldest {
            return Err(Forgotten { requested: from, oldest });
        }
        let skip = usize::try_from(from.0 - held.0).unwrap_or(0).min(self.log.len());
        Ok(self.log.range(skip..))
    }

    /// What can be read only before `revision` is no longer shown; [`Store::prune`] forgets it.
    ///
    /// # Errors
    /// As etcd: when `revision` was compacted before, or is still to come.
    pub fn compact(&mut self, revision: Revision) -> Result<(), CompactError> {
        if revision <= self.compacted {
            return Err(CompactError::Compacted { requested: revision, compacted: self.compacted });
        }
        if revision > self.revision {
            return Err(CompactError::Future { requested: revision, current: self.revision });
        }
        self.compacted = revision;
        Ok(())
    }

    /// Forgets compacted history of at most `budget` commits; whether some is left to forget.
    pub fn prune(&mut self, budget: usize) -> bool {
        let until = self.compacted;
        for _ in 0..budget {
            let Some(commit) = self.log.pop_front_if(|commit| commit.revision < until) else { break };
            self.log_weight -= commit.weight();
            self.forget_before(until, &commit);
        }
        if let Some(commit) = self.log.front_mut()
            && commit.revision == until
            && let Some(stripped) = commit.without_prev()
        {
            // It can be watched still, but what it superseded cannot be read any more.
            let commit = std::mem::replace(commit, Arc::new(stripped));
            self.log_weight -= commit.weight();
            self.log_weight += self.log.front().map_or(0, |commit| commit.weight());
            self.forget_before(until, &commit);
        }
        self.log.front().is_some_and(|commit| commit.revision < until)
    }

    fn forget_before(&mut self, revision: Revision, commit: &Commit) {
        for event in &commit.events {
            self.retain(event.key(), |history| history.compact(revision));
        }
    }

    /// The oldest revision to compact to so that the history weighs no more than `limit`; `None` if it does not.
    #[must_use]
    pub fn overweight(&self, limit: usize) -> Option<Revision> {
        let mut weight = self.log_weight;
        let mut commits = self.log.iter();
        let mut cut = None;
        while weight > limit
            && let Some(commit) = commits.next()
        {
            weight -= commit.weight();
            cut = Some(commit.revision.next().min(self.revision));
        }
        cut.filter(|revision| *revision > self.compacted)
    }

    /// Everything done so far is durable: [`Store::rollback`] will not be asked to take it back.
    pub fn settle(&mut self) {
        self.leases.settle();
    }

    /// Takes back every transaction after `revision`, which must not be pruned, and the leases that were granted or
    /// revoked since [`Store::settle`].
    pub fn rollback(&mut self, revision: Revision) {
        self.leases.rollback();
        while let Some(commit) = self.log.pop_back_if(|commit| commit.revision > revision) {
            self.log_weight -= commit.weight();
            for event in commit.events.iter().rev() {
                self.account(event.kv(), event.prev(), event.key());
                self.retain(event.key(), |history| history.rollback(revision));
            }
        }
        self.revision = self.revision.min(revision);
    }

    fn retain(&mut self, key: &[u8], keep: impl FnOnce(&mut KeyHistory) -> bool) {
        if let Some(history) = self.index.get_mut(key)
            && !keep(history)
        {
            self.index.remove(key);
        }
    }

    /// # Errors
    /// When there is a lease of this id.
    pub fn grant(&mut self, id: LeaseId, ttl: i64, now: Duration) -> Result<(), LeaseError> {
        self.leases.grant(id, ttl, now)
    }

    /// Ends a lease and deletes its keys, all at one revision; gives the commit if it had any.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn revoke(&mut self, id: LeaseId) -> Result<Option<Arc<Commit>>, LeaseError> {
        let keys = self.leases.get(id).ok_or(LeaseError::NotFound(id))?.keys.clone();
        let next = self.revision.next();
        let deleted = keys.into_iter().flat_map(|key| self.delete(&KeyRange::key(key), next));
        let events: Vec<_> = deleted.map(deletion(next)).collect();
        let commit = (!events.is_empty()).then(|| self.record(next, events));
        self.leases.remove(id);
        Ok(commit)
    }

    /// Begins the time of a lease anew and returns its seconds.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn renew(&mut self, id: LeaseId, now: Duration) -> Result<i64, LeaseError> {
        self.leases.renew(id, now)
    }

    /// Makes a recorded grant again, also over a lease that is there.
    pub fn redo_grant(&mut self, id: LeaseId, ttl: i64, now: Duration) {
        self.leases.set(id, ttl, now);
    }

    /// Makes a recorded revocation again, whose deletions are redone by themselves.
    pub fn redo_revoke(&mut self, id: LeaseId) {
        self.leases.remove(id);
    }

    #[must_use]
    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(id)
    }

    /// All leases in the order of their ids.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter()
    }

    /// Leases whose time is over at `now`, the earliest first.
    pub fn expired(&self, now: Duration) -> impl Iterator<Item = LeaseId> {
        self.leases.expired(now)
    }

    /// When the next lease ends, unless it is renewed.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.leases.next_expiry()
    }

    pub(crate) fn index(&self) -> &BTreeMap<Bytes, KeyHistory> {
        &self.index
    }
}

fn deletion(revision: Revision) -> impl Fn(Arc<KeyValue>) -> Event {
    move |kv| Event::delete(kv.key.clone(), revision, Some(kv))
}

/// A transaction on its way.
struct Execution {
    next: Revision,
    events: Vec<Event>,
}

impl Execution {
    fn run(
        &mut self,
        store: &mut Store,
        txn: &Txn,
        branches: &mut std::slice::Iter<'_, bool>,
    ) -> Result<TxnResult, RangeError> {
        let succeeded = branches.as_slice().first().copied().unwrap_or_default();
        let ops = txn.branch(branches);
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            results.push(self.execute(store, op, branches)?);
        }
        Ok(TxnResult { revision: self.reached(store), succeeded, results })
    }

    /// The revision that a reader within the transaction sees.
    fn reached(&self, store: &Store) -> Revision {
        if self.events.is_empty() { store.revision } else { self.next }
    }

    fn execute(
        &mut self,
        store: &mut Store,
        op: &Op,
        branches: &mut std::slice::Iter<'_, bool>,
    ) -> Result<OpResult, RangeError> {
        Ok(match op {
            Op::Range(request) => OpResult::Range(View::new(store, self.reached(store)).range(request)?),
            Op::Put { key, value, lease } => self.put(store, key, value, lease),
            Op::DeleteRange(range) => {
                let deleted = store.delete(range, self.next);
                self.events.extend(deleted.iter().cloned().map(deletion(self.next)));
                OpResult::DeleteRange { deleted, revision: self.reached(store) }
            }
            Op::Txn(txn) => OpResult::Txn(self.run(store, txn, branches)?),
        })
    }

    fn put(
        &mut self,
        store: &mut Store,
        key: &Bytes,
        value: &Update<Bytes>,
        lease: &Update<LeaseId>,
    ) -> OpResult {
        let sub = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let (kv, prev) = store.set(key, self.next, |before| KeyValue {
            // A request's buffer is not kept for a key that is there already.
            key: before.map_or(key, |before| &before.key).clone(),
            value: value.or(before.map(|before| &before.value)).cloned().unwrap_or_default(),
            create_revision: before.map_or(self.next, |before| before.create_revision),
            mod_revision: self.next,
            version: before.map_or(0, |before| before.version) + 1,
            lease: lease.or(before.map(|before| &before.lease)).copied().unwrap_or_default(),
            sub,
        });
        self.events.push(Event::Put { kv, prev: prev.clone() });
        OpResult::Put { revision: self.next, prev }
    }
}
