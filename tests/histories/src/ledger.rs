//! All writes in the order of their revisions, built up from one history after the other. Whatever a client was answered
//! must be what this order makes of it: that is serializability by revision, in linear time; and the order must agree
//! with real time.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};

use crate::history::{Call, History};
use crate::operation::{Change, Op, Outcome, Refusal, Span, State, Version};

#[derive(Clone, Debug)]
pub struct Ledger {
    /// The revision before the first commit.
    base: i64,
    commits: Vec<Commit>,
    /// What became of each key, ascending by revision.
    versions: BTreeMap<String, Vec<(i64, Option<Version>)>>,
    present: State,
    /// The highest revision that any history asked to compact to.
    compacted: i64,
}

#[derive(Clone, Debug)]
struct Commit {
    changes: Vec<Change>,
    /// The number of the operation that made it, and when that was called in its history.
    call: u64,
    called: usize,
}

impl Default for Ledger {
    /// Of a store without a write.
    fn default() -> Self {
        Self { base: 1, commits: Vec::new(), versions: BTreeMap::new(), present: State::new(), compacted: 0 }
    }
}

impl Ledger {
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.base + self.commits.len() as i64
    }

    #[must_use]
    pub fn present(&self) -> &State {
        &self.present
    }

    #[must_use]
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// The revision that an operation made, of those that a history left open too.
    #[must_use]
    pub fn revisions(&self, since: i64) -> HashMap<u64, i64> {
        let first = usize::try_from(since - self.base).unwrap_or_default();
        let commits = self.commits.iter().enumerate().skip(first);
        commits.map(|(at, commit)| (commit.call, self.base + 1 + at as i64)).collect()
    }

    #[must_use]
    pub fn get(&self, key: &str, revision: i64) -> Option<&Version> {
        let versions = self.versions.get(key)?;
        let after = versions.partition_point(|(modified, _)| *modified <= revision);
        versions[..after].last()?.1.as_ref()
    }

    #[must_use]
    pub fn range(&self, span: &Span, revision: i64) -> Vec<&Version> {
        let keys = self.versions.keys().filter(|key| span.contains(key));
        keys.filter_map(|key| self.get(key, revision)).collect()
    }

    /// What a watch must tell of these revisions, both included.
    pub fn changes(&self, span: &Span, from: i64, to: i64) -> impl Iterator<Item = &Change> {
        let first = usize::try_from(from - self.base - 1).unwrap_or_default();
        let after = usize::try_from(to - self.base).unwrap_or_default().clamp(first, self.commits.len());
        let commits = self.commits.get(first..after).unwrap_or_default();
        commits.iter().flat_map(|commit| &commit.changes).filter(|change| span.contains(&change.key))
    }

    /// Takes the writes of a history that began at the present revision, in the order that a watch of everything told
    /// them in, and judges every answer in it.
    ///
    /// # Errors
    /// The first answer, write or event that cannot be.
    pub fn extend(&mut self, history: &History, told: Vec<Change>) -> Result<()> {
        let began = self.revision();
        self.take_writes(history, told)?;
        self.judge_order(history, began)?;
        for call in &history.calls {
            if let Some((at, outcome)) = &call.returned {
                self.judge(history, call, *at, outcome).with_context(|| format!("{call:?}"))?;
            }
        }
        let asked = history.compactions.iter().map(|compaction| compaction.revision);
        self.compacted = asked.fold(self.compacted, i64::max);
        Ok(())
    }

    fn take_writes(&mut self, history: &History, told: Vec<Change>) -> Result<()> {
        let mut writes = Writes::of(history)?;
        let mut rest = told.into_iter().peekable();
        while let Some(revision) = rest.peek().map(|change| change.revision) {
            ensure!(revision == self.revision() + 1, "revision {revision} follows on {}", self.revision());
            let changes: Vec<_> =
                std::iter::from_fn(|| rest.next_if(|change| change.revision == revision)).collect();
            let call = writes.take(&self.present, &changes).with_context(|| format!("{changes:?}"))?;
            let expected = call.op.changes(&self.present, revision);
            ensure!(changes == expected, "{changes:?} is told of {call:?}, not {expected:?}");
            self.record(Commit { call: call.id, called: call.called, changes });
        }
        if let Some((revision, call)) = writes.acknowledged.into_iter().min_by_key(|(revision, _)| *revision)
        {
            bail!("revision {revision} is lost, the last is {}: {call:?}", self.revision());
        }
        Ok(())
    }

    fn record(&mut self, commit: Commit) {
        for change in &commit.changes {
            let versions = self.versions.entry(change.key.clone()).or_default();
            versions.push((change.revision, change.to.clone()));
            match &change.to {
                Some(version) => self.present.insert(change.key.clone(), version.clone()),
                None => self.present.remove(&change.key),
            };
        }
        self.commits.push(commit);
    }

    /// The order of revisions is that of real time: nothing is answered as of before what was answered when it was called,
    /// nor as of a write that was not called yet.
    fn judge_order(&self, history: &History, began: i64) -> Result<()> {
        let mut turns: Vec<_> = history
            .calls
            .iter()
            .enumerate()
            .flat_map(|(position, call)| {
                let returned = call.returned.as_ref().map(|(at, _)| (*at, position));
                [Some((call.called, position)), returned].into_iter().flatten()
            })
            .collect();
        turns.sort_unstable();
        let mut seen = began;
        let mut floors = vec![began; history.calls.len()];
        for (at, position) in turns {
            let call = &history.calls[position];
            if call.called == at {
                floors[position] = seen;
                continue;
            }
            let Some(revision) = call.returned.as_ref().and_then(|(_, outcome)| outcome.revision()) else {
                continue;
            };
            let floor = floors[position] + i64::from(call.has_changed());
            ensure!(revision >= floor, "answered as of {revision}, when {floor} was known of: {call:?}");
            ensure!(revision <= self.revision(), "no write is of revision {revision}: {call:?}");
            if revision > began {
                let commit = &self.commits[usize::try_from(revision - self.base - 1)?];
                ensure!(commit.called < at, "answered as of a write that was called later: {call:?}");
            }
            seen = seen.max(revision);
        }
        Ok(())
    }

    /// The answer of a call is what the store held at the revision it was given as of.
    fn judge(&self, history: &History, call: &Call, at: usize, outcome: &Outcome) -> Result<()> {
        match (&call.op, outcome) {
            (Op::Put { .. } | Op::Delete { .. } | Op::Swap { .. }, Outcome::Wrote { revision, replaced }) => {
                let (written, before) = (call.op.written(), revision - i64::from(call.has_changed()));
                let expected = written.iter().flat_map(|span| self.range(span, before));
                ensure!(replaced.iter().eq(expected), "what it replaced is not what was there");
            }
            (Op::Swap { key, expected, .. }, Outcome::Kept { revision, found }) => {
                let there = self.get(key, *revision);
                ensure!(found.as_ref() == there, "{there:?} was there");
                let modified = there.map_or(0, |there| there.modified);
                ensure!(modified != *expected, "it was kept though unchanged");
            }
            (Op::Read { span, at: asked }, Outcome::Read { revision, found }) => {
                let shown = asked.unwrap_or(*revision);
                ensure!(shown <= *revision, "it is shown before it happened");
                let expected = self.range(span, shown);
                ensure!(found.iter().eq(expected.iter().copied()), "{expected:?} was there");
                let known = history
                    .compactions
                    .iter()
                    .filter(|other| other.done.is_some_and(|done| done < call.called));
                let oldest = known.map(|other| other.revision).max().unwrap_or_default();
                ensure!(shown >= oldest, "it is shown though {oldest} was compacted to");
            }
            (Op::Compact { .. }, Outcome::Compacted) => {}
            (Op::Read { at: Some(asked), .. }, Outcome::Refused(Refusal::Compacted)) => {
                let limit = self.compacted.max(history.asked_to_compact(at, call.id));
                ensure!(*asked < limit, "refused, when {limit} was the most that was to be compacted to");
            }
            (Op::Compact { revision }, Outcome::Refused(Refusal::Compacted)) => {
                let limit = self.compacted.max(history.asked_to_compact(at, call.id));
                ensure!(*revision <= limit, "refused, when {limit} was the most that was to be compacted to");
            }
            _ => bail!("no answer to such an operation"),
        }
        Ok(())
    }
}

/// The writes of a history that were not met in the order of revisions yet.
struct Writes<'a> {
    acknowledged: HashMap<i64, &'a Call>,
    /// By the number of their values.
    open: HashMap<u64, &'a Call>,
    open_deletes: Vec<&'a Call>,
}

impl<'a> Writes<'a> {
    fn of(history: &'a History) -> Result<Self> {
        let mut writes =
            Self { acknowledged: HashMap::new(), open: HashMap::new(), open_deletes: Vec::new() };
        for call in &history.calls {
            match (&call.op, &call.returned) {
                (_, Some((_, outcome))) if call.has_changed() => {
                    let revision = outcome.revision().context("a write has a revision")?;
                    let other = writes.acknowledged.insert(revision, call);
                    ensure!(other.is_none(), "revision {revision} is of two writes: {call:?}, {other:?}");
                }
                (Op::Put { tag, .. } | Op::Swap { tag, .. }, None) => {
                    writes.open.insert(tag.number, call);
                }
                (Op::Delete { .. }, None) => writes.open_deletes.push(call),
                _ => {}
            }
        }
        Ok(writes)
    }

    /// The operation that made these changes.
    fn take(&mut self, before: &State, changes: &[Change]) -> Result<&'a Call> {
        let first = changes.first().context("a revision changes something")?;
        if let Some(call) = self.acknowledged.remove(&first.revision) {
            return Ok(call);
        }
        let found = match &first.to {
            Some(version) => self.open.remove(&version.tag.number),
            None => {
                let made = |call: &&Call| call.op.changes(before, first.revision) == changes;
                let position = self.open_deletes.iter().position(made);
                // Of several that would have done it the one that was called first: it explains most.
                position.map(|position| self.open_deletes.remove(position))
            }
        };
        found.context("nobody wrote it")
    }
}
