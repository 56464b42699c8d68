//! The key space with its history: applies transactions, forgets by compaction, takes back what did not become durable.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::key_history::KeyHistory;
use crate::{
    Commit, Event, KeyRange, KeyValue, LeaseId, Op, OpResult, RangeError, RangeRequest, RangeResult,
    Revision, Txn, TxnError, TxnResult, View,
};

#[derive(Clone, Debug)]
pub struct Store {
    index: BTreeMap<Bytes, KeyHistory>,
    /// One commit for each revision, without gaps, up to `revision`.
    log: VecDeque<Arc<Commit>>,
    revision: Revision,
    compacted: Revision,
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

impl Default for Store {
    fn default() -> Self {
        Self::restore(Revision::INITIAL, [])
    }
}

impl Store {
    /// A store of these keys at `revision`, without any history before it. Keys must be distinct, and none modified
    /// after `revision`.
    pub fn restore(revision: Revision, kvs: impl IntoIterator<Item = KeyValue>) -> Self {
        let entry = |kv: KeyValue| (kv.key.clone(), KeyHistory::new(Arc::new(kv)));
        let index = kvs.into_iter().map(entry).collect();
        Self { index, log: VecDeque::new(), revision, compacted: revision, log_weight: 0 }
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
    /// When the branch to take would change a key twice or reads a revision that cannot be read; nothing is changed.
    pub fn apply(&mut self, txn: &Txn) -> Result<Applied, TxnError> {
        let succeeded = txn.compare.iter().all(|compare| compare.holds(self.present().keys(&compare.range)));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        self.check(ops)?;
        let mut events = Vec::new();
        let next = self.revision.next();
        let results = ops.iter().map(|op| self.execute(op, next, &mut events)).collect::<Result<_, _>>()?;
        let commit = (!events.is_empty()).then(|| self.record(Commit { revision: next, events }));
        Ok(Applied { result: TxnResult { revision: self.revision, succeeded, results }, commit })
    }

    /// Refuses before anything is changed what could fail halfway.
    fn check(&self, ops: &[Op]) -> Result<(), TxnError> {
        let mut put = HashSet::new();
        for op in ops {
            match op {
                Op::Range(request) => drop(self.present().check(request)?),
                Op::Put { key, .. } if !put.insert(key) => {
                    return Err(TxnError::DuplicateKey { key: key.clone() });
                }
                Op::Put { .. } | Op::DeleteRange(_) => {}
            }
        }
        for op in ops {
            if let Op::DeleteRange(range) = op
                && let Some(key) = put.iter().find(|key| range.contains(key))
            {
                return Err(TxnError::DuplicateKey { key: Bytes::clone(key) });
            }
        }
        Ok(())
    }

    fn execute(&mut self, op: &Op, next: Revision, events: &mut Vec<Event>) -> Result<OpResult, RangeError> {
        Ok(match op {
            Op::Range(request) => {
                let seen = if events.is_empty() { self.revision } else { next };
                OpResult::Range(View::new(self, seen).range(request)?)
            }
            Op::Put { key, value, lease } => {
                let (kv, prev) = self.put(key, value, *lease, next);
                events.push(Event::Put { kv: Arc::clone(&kv), prev: prev.clone() });
                OpResult::Put { kv, prev }
            }
            Op::DeleteRange(range) => {
                let deleted = self.delete(range, next);
                events.extend(deleted.iter().map(|kv| Event::Delete {
                    key: kv.key.clone(),
                    revision: next,
                    prev: Arc::clone(kv),
                }));
                OpResult::DeleteRange { deleted }
            }
        })
    }

    fn put(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        lease: LeaseId,
        next: Revision,
    ) -> (Arc<KeyValue>, Option<Arc<KeyValue>>) {
        let history = self.index.get_mut(key);
        let prev = history.as_ref().and_then(|history| history.at(next)).cloned();
        let kv = Arc::new(KeyValue {
            key: prev.as_ref().map_or(key, |prev| &prev.key).clone(),
            value: value.clone(),
            create_revision: prev.as_ref().map_or(next, |prev| prev.create_revision),
            mod_revision: next,
            version: prev.as_ref().map_or(0, |prev| prev.version) + 1,
            lease,
        });
        match history {
            Some(history) => history.put(Arc::clone(&kv)),
            None => drop(self.index.insert(kv.key.clone(), KeyHistory::new(Arc::clone(&kv)))),
        }
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

    fn record(&mut self, commit: Commit) -> Arc<Commit> {
        let commit = Arc::new(commit);
        self.revision = commit.revision;
        self.log_weight += commit.weight();
        self.log.push_back(Arc::clone(&commit));
        commit
    }

    /// What happened from `from` on, oldest first; nothing when `from` is still to come.
    ///
    /// # Errors
    /// When events of `from` are no longer held.
    pub fn history(&self, from: Revision) -> Result<impl Iterator<Item = &Arc<Commit>>, Forgotten> {
        let oldest = self.log.front().map_or(self.revision.next(), |commit| commit.revision);
        if from < oldest {
            return Err(Forgotten { requested: from, oldest });
        }
        let skip = usize::try_from(from.0 - oldest.0).unwrap_or(usize::MAX).min(self.log.len());
        Ok(self.log.range(skip..))
    }

    /// Forgets what can be read only before `revision`.
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
        // The commit of `revision` itself stays in the log, so it is compacted again by the next call.
        for position in 0..self.log.len() {
            let commit = Arc::clone(&self.log[position]);
            if commit.revision > revision {
                break;
            }
            for event in &commit.events {
                self.retain(event.key(), |history| history.compact(revision));
            }
        }
        while let Some(commit) = self.log.pop_front_if(|commit| commit.revision < revision) {
            self.log_weight -= commit.weight();
        }
        self.compacted = revision;
        Ok(())
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

    /// Takes back every transaction after `revision`, which must not be compacted.
    pub fn rollback(&mut self, revision: Revision) {
        while let Some(commit) = self.log.pop_back_if(|commit| commit.revision > revision) {
            self.log_weight -= commit.weight();
            for event in &commit.events {
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

    pub(crate) fn index(&self) -> &BTreeMap<Bytes, KeyHistory> {
        &self.index
    }
}
