//! What happened, in the order of real time: a line when an operation is called and one when it returns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use datastore::Datastore;
use serde::{Deserialize, Serialize};

use crate::client;
use crate::operation::{Change, Op, Outcome};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    Called {
        id: u64,
        op: Op,
    },
    Returned {
        id: u64,
        outcome: Outcome,
    },
    /// What a watch of everything told.
    Told(Vec<Change>),
}

/// Takes the lines of many clients in one order: a line that was written before another was begun stands before it.
pub struct Recorder {
    next: AtomicU64,
    write: Box<Write>,
}

type Write = dyn Fn(&Line) -> Result<()> + Send + Sync;

/// An operation with its place among all lines.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: u64,
    pub op: Op,
    pub called: usize,
    /// `None` where nobody knows whether it was carried out.
    pub returned: Option<(usize, Outcome)>,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    /// In the order in which they were called.
    pub calls: Vec<Call>,
    /// What the watch of everything told, in its order.
    pub told: Vec<Change>,
    pub compactions: Vec<Compaction>,
}

/// A compaction that was asked for, and when it was done.
#[derive(Clone, Copy, Debug)]
pub struct Compaction {
    pub call: u64,
    pub revision: i64,
    pub called: usize,
    pub done: Option<usize>,
}

impl Recorder {
    /// Numbers of operations and values begin at `first`.
    pub fn new(first: u64, write: impl Fn(&Line) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { next: AtomicU64::new(first), write: Box::new(write) }
    }

    /// With the lines that it takes.
    #[must_use]
    pub fn in_memory(first: u64) -> (Arc<Self>, Arc<Lines>) {
        let lines = Arc::new(Lines::default());
        let sink = Arc::clone(&lines);
        let recorder = Self::new(first, move |line| {
            sink.push(line.clone());
            Ok(())
        });
        (Arc::new(recorder), lines)
    }

    /// A number that nothing of this history has.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// # Errors
    /// When the line cannot be written.
    pub fn write(&self, line: &Line) -> Result<()> {
        (self.write)(line)
    }

    /// Carries an operation out; `None` where it is not known whether it was.
    ///
    /// # Errors
    /// When the answer is none of the operation's.
    pub async fn perform(&self, store: &Datastore, op: Op) -> Result<Option<Outcome>> {
        let id = self.number();
        self.write(&Line::Called { id, op: op.clone() })?;
        let outcome = client::perform(store, &op).await.with_context(|| format!("{op:?}"))?;
        if let Some(outcome) = &outcome {
            self.write(&Line::Returned { id, outcome: outcome.clone() })?;
        }
        Ok(outcome)
    }
}

/// Lines in memory.
#[derive(Debug, Default)]
pub struct Lines(Mutex<Vec<Line>>);

impl Lines {
    pub fn push(&self, line: Line) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Gives all lines so far, and has none then.
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl History {
    /// # Errors
    /// When a line says that an operation returned that was not called.
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Result<Self> {
        let mut history = Self::default();
        let mut positions = std::collections::HashMap::new();
        for (at, line) in lines.into_iter().enumerate() {
            match line {
                Line::Called { id, op } => {
                    ensure!(positions.insert(id, history.calls.len()).is_none(), "call {id} is there twice");
                    history.calls.push(Call { id, op, called: at, returned: None });
                }
                Line::Returned { id, outcome } => {
                    let position = positions.get(&id).context("what returns was called")?;
                    history.calls[*position].returned = Some((at, outcome));
                }
                Line::Told(changes) => history.told.extend(changes),
            }
        }
        history.compactions = history.calls.iter().filter_map(Compaction::of).collect();
        Ok(history)
    }

    /// The highest revision that was asked to be compacted to before a line, by others than this call.
    #[must_use]
    pub fn asked_to_compact(&self, before: usize, except: u64) -> i64 {
        let others = self.compactions.iter().filter(|other| other.called < before && other.call != except);
        others.map(|other| other.revision).max().unwrap_or_default()
    }
}

impl Compaction {
    fn of(call: &Call) -> Option<Self> {
        let Op::Compact { revision } = call.op else { return None };
        let done = call.returned.as_ref().filter(|(_, outcome)| *outcome == Outcome::Compacted);
        Some(Self { call: call.id, revision, called: call.called, done: done.map(|(at, _)| *at) })
    }
}

impl Call {
    /// Whether it was answered that it changed something.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        match (&self.op, &self.returned) {
            (Op::Delete { .. }, Some((_, Outcome::Wrote { replaced, .. }))) => !replaced.is_empty(),
            (_, Some((_, Outcome::Wrote { .. }))) => true,
            _ => false,
        }
    }
}
