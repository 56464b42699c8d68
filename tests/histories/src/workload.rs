//! Clients that do at random what the API allows, on few keys, and remember what they were answered.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use datastore::Datastore;
use fastrand::Rng;
use supervise::Scope;

use crate::history::{History, Line, Recorder};
use crate::ledger::Ledger;
use crate::linear;
use crate::operation::{Change, Op, Outcome, Span, Tag, Version};
use crate::watcher;

/// The number of the value that ends a history: whoever sees it has seen everything.
pub const LAST: u64 = u64::MAX;

/// Some that are prefixes of others.
pub const KEYS: [&str; 6] = ["a", "a/1", "a/2", "b", "b/1", "c"];

/// Revisions that a client reads back.
const PAST: i64 = 200;

/// What clients do how often, of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub put: u32,
    pub put_many: u32,
    pub delete: u32,
    pub delete_prefix: u32,
    pub swap: u32,
    pub read_past: u32,
    /// Bytes of a value, at most.
    pub value: usize,
}

impl Mix {
    /// The rest are reads of the present.
    pub const EVEN: Self =
        Self { put: 25, put_many: 5, delete: 8, delete_prefix: 4, swap: 22, read_past: 10, value: 300 };
    pub const READS: Self =
        Self { put: 0, put_many: 0, delete: 0, delete_prefix: 0, swap: 0, read_past: 50, value: 8 };
    /// Keeps the writer busy; deletes are of single keys.
    pub const WRITES: Self =
        Self { put: 60, put_many: 5, delete: 8, delete_prefix: 0, swap: 20, read_past: 2, value: 3000 };
}

/// One of several that work at the same time.
pub struct Client {
    pub store: Datastore,
    pub recorder: Arc<Recorder>,
    pub mix: Mix,
    pub rng: Rng,
    /// When each key was last modified, as far as it knows.
    modified: HashMap<String, i64>,
    revision: i64,
}

impl Client {
    #[must_use]
    pub fn new(store: Datastore, recorder: Arc<Recorder>, mix: Mix, seed: u64) -> Self {
        let (rng, modified) = (Rng::with_seed(seed), HashMap::new());
        Self { store, recorder, mix, rng, modified, revision: 1 }
    }

    /// Does one operation; whether it was answered.
    ///
    /// # Errors
    /// When the answer is none of the operation's.
    pub async fn step(&mut self) -> Result<bool> {
        let op = self.choose();
        let outcome = self.recorder.perform(&self.store, op.clone()).await?;
        let Some(outcome) = outcome else { return Ok(false) };
        self.revision = outcome.revision().unwrap_or(self.revision);
        match (op, outcome) {
            (Op::Read { at: None, .. }, Outcome::Read { found, .. }) => self.remember(&found),
            (Op::Swap { key, .. }, Outcome::Kept { found, .. }) => {
                self.modified.insert(key, found.map_or(0, |found| found.modified));
            }
            (Op::Put { keys, .. }, Outcome::Wrote { revision, .. }) => {
                self.modified.extend(keys.into_iter().map(|key| (key, revision)));
            }
            _ => {}
        }
        Ok(true)
    }

    fn remember(&mut self, found: &[Version]) {
        self.modified.extend(found.iter().map(|version| (version.key.clone(), version.modified)));
    }

    fn choose(&mut self) -> Op {
        let Mix { put, put_many, delete, delete_prefix, swap, read_past, value } = self.mix;
        let key = self.rng.choice(KEYS).unwrap_or(KEYS[0]).to_owned();
        let tag = Tag { number: self.recorder.number(), length: self.rng.usize(8..=value) };
        let mut roll = self.rng.u32(0..100);
        let mut happens = |share: u32| {
            let happens = roll < share;
            roll = roll.saturating_sub(share);
            happens
        };
        if happens(put) {
            Op::Put { keys: vec![key], tag }
        } else if happens(put_many) {
            let keys =
                KEYS.iter().filter(|_| self.rng.bool()).map(|key| (*key).to_owned()).collect::<Vec<_>>();
            Op::Put { keys: if keys.is_empty() { vec![key] } else { keys }, tag }
        } else if happens(delete) {
            Op::Delete { span: Span::Key(key) }
        } else if happens(delete_prefix) {
            Op::Delete { span: Span::Prefix(key) }
        } else if happens(swap) {
            let expected = self.modified.get(&key).copied().unwrap_or_default();
            Op::Swap { key, expected, tag }
        } else if happens(read_past) {
            let at = self.rng.i64((self.revision - PAST).max(1)..=self.revision);
            Op::Read { span: span(&mut self.rng), at: Some(at) }
        } else {
            Op::Read { span: span(&mut self.rng), at: None }
        }
    }
}

/// A random range that holds at least one of the keys.
pub fn span(rng: &mut Rng) -> Span {
    let key = rng.choice(KEYS).unwrap_or(KEYS[0]).to_owned();
    match rng.u8(0..6) {
        0 | 1 => Span::Key(key),
        2 => Span::Prefix(key),
        3 => {
            let end = format!("{key}0");
            Span::Between(key, end)
        }
        4 => Span::From(key),
        _ => Span::All,
    }
}

/// Writes every key, several times, and at last as [`LAST`].
///
/// # Errors
/// When a write is not acknowledged.
pub async fn conclude(store: &Datastore, recorder: &Recorder) -> Result<()> {
    for number in (0..watcher::AHEAD).map(|_| recorder.number()).chain([LAST]) {
        let keys = KEYS.iter().map(|key| (*key).to_owned()).collect();
        let put = Op::Put { keys, tag: Tag { number, length: 8 } };
        recorder.perform(store, put).await?.context("the last writes are acknowledged")?;
    }
    Ok(())
}

/// Lets clients work at the same time, each until it did so many operations.
///
/// # Errors
/// The first error of a client.
pub async fn run(scope: &Scope, clients: Vec<Client>, operations: u64) -> Result<()> {
    let mut working = Vec::new();
    for mut client in clients {
        working.push(scope.spawn("client", async move {
            for _ in 0..operations {
                client.step().await?;
                // What the store of this process is asked to read it answers at once.
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        }));
    }
    for client in working {
        client.await??;
    }
    Ok(())
}

/// Judges everything that was recorded since the ledger's present revision.
///
/// # Errors
/// As the judges say.
pub fn judge(ledger: &mut Ledger, lines: Vec<Line>, told: Vec<Change>) -> Result<History> {
    let history = History::of(lines)?;
    let (began, since) = (ledger.present().clone(), ledger.revision());
    ledger.extend(&history, told)?;
    linear::check(&history, &began, since, ledger)?;
    Ok(history)
}
