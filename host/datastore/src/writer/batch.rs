//! Commands that go to disk together: carried out in memory at once, answered when they are there.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLockWriteGuard};

use mvcc::{Commit, Revision, Store, Txn, TxnResult};

use super::Command;
use crate::answers::Answer;
use crate::file::entry::{self, Entry};
use crate::file::frame::FrameBuffer;
use crate::shared::Shared;
use crate::{Alarm, StoreError};

/// Bytes of a frame after which no more commands are added to it.
const FULL: usize = 4 << 20;

pub(super) struct Batch<'a> {
    shared: &'a Shared,
    store: RwLockWriteGuard<'a, Store>,
    frame: &'a mut FrameBuffer,
    commits: Vec<Arc<Commit>>,
    answers: Vec<Answer>,
    later: Vec<Command>,
    /// The alarms of before, if that is a change.
    alarms_before: Option<BTreeSet<Alarm>>,
    /// Something was asked for that must be on disk.
    changed: bool,
}

/// A batch that is done in memory.
pub(super) struct Done {
    pub(super) revision: Revision,
    pub(super) commits: Vec<Arc<Commit>>,
    pub(super) answers: Vec<Answer>,
    pub(super) later: Vec<Command>,
    /// To be brought back when it does not get to disk.
    pub(super) alarms_before: Option<BTreeSet<Alarm>>,
    /// Nothing is to be written.
    pub(super) is_durable: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(shared: &'a Shared, frame: &'a mut FrameBuffer) -> Self {
        Self {
            shared,
            store: shared.write(),
            changed: !frame.is_empty(),
            frame,
            commits: Vec::new(),
            answers: Vec::new(),
            later: Vec::new(),
            alarms_before: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.frame.len() >= FULL
    }

    pub(super) fn finish(self) -> Done {
        Done {
            revision: self.store.revision(),
            commits: self.commits,
            answers: self.answers,
            later: self.later,
            alarms_before: self.alarms_before,
            is_durable: !self.changed,
        }
    }

    pub(super) fn take(&mut self, command: Command) {
        match command {
            Command::Txn(txn, reply) => {
                let result = self.txn(&txn);
                self.answers.push(Answer::Txn(reply, result));
            }
            Command::Grant { id, ttl, reply } => {
                let result = self.grant(id, ttl);
                self.answers.push(Answer::Done(reply, result));
            }
            Command::Revoke(id, reply) => {
                let result = self.revoke(id);
                self.answers.push(Answer::Revoked(reply, result));
            }
            Command::Renew(id, reply) => {
                let renewed = self.store.renew(id, self.shared.now());
                self.answers.push(Answer::Renewed(reply, renewed.map_err(StoreError::from)));
            }
            Command::Alarm { alarm, active, reply } => {
                self.set_alarm(alarm, active);
                self.answers.push(Answer::Done(reply, Ok(())));
            }
            command => self.later.push(command),
        }
    }

    fn txn(&mut self, txn: &Txn) -> Result<TxnResult, StoreError> {
        self.shared.check_sound()?;
        if txn.grows()
            && let Err(full) = self.check_space()
        {
            // What could never be done is told first.
            txn.check()?;
            return Err(full);
        }
        let applied = self.store.apply(txn)?;
        if let Some(commit) = applied.commit {
            self.record(commit);
        }
        Ok(applied.result)
    }

    fn grant(&mut self, id: mvcc::LeaseId, ttl: i64) -> Result<(), StoreError> {
        self.shared.check_sound()?;
        self.check_space()?;
        self.store.grant(id, ttl, self.shared.now())?;
        self.note(&Entry::Granted { lease: id, ttl });
        self.shared.leased.notify_one();
        Ok(())
    }

    fn revoke(&mut self, id: mvcc::LeaseId) -> Result<Revision, StoreError> {
        self.shared.check_sound()?;
        if let Some(commit) = self.store.revoke(id)? {
            self.record(commit);
        }
        self.note(&Entry::Revoked(id));
        Ok(self.store.revision())
    }

    /// Raises the alarm when the store is as large as it may become.
    fn check_space(&mut self) -> Result<(), StoreError> {
        if self.store.weight() > self.shared.quota && self.set_alarm(Alarm::NoSpace, true) {
            tracing::error!(
                quota = self.shared.quota,
                "the datastore has reached its quota and refuses what would make it larger"
            );
        }
        let full = self.shared.alarms().contains(&Alarm::NoSpace);
        if full { Err(StoreError::NoSpace) } else { Ok(()) }
    }

    /// Whether that is a change.
    fn set_alarm(&mut self, alarm: Alarm, active: bool) -> bool {
        let mut alarms = self.shared.alarms();
        let before = alarms.clone();
        let changed = if active { alarms.insert(alarm) } else { alarms.remove(&alarm) };
        drop(alarms);
        if changed {
            self.alarms_before.get_or_insert(before);
            self.note(&if active { Entry::Raised(alarm) } else { Entry::Disarmed(alarm) });
        }
        changed
    }

    fn record(&mut self, commit: Arc<Commit>) {
        entry::put_commit(&commit, self.frame.payload());
        self.commits.push(commit);
        self.changed = true;
    }

    fn note(&mut self, entry: &Entry) {
        entry::put(entry, self.frame.payload());
        self.changed = true;
    }
}
