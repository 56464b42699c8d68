//! Readers of watches, quick and slow, on a datastore that others work on and compact at the same time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use datastore::{Datastore, Embedded, Event, Revision, WatchBatch, WatchError, WatchRequest};
use fastrand::Rng;
use tokio::sync::{Semaphore, watch};

use crate::history::Recorder;
use crate::operation::{Change, Op, Span};
use crate::telling::{Batch, End, Start, Telling};
use crate::workload::{LAST, span};

/// How far ahead of the present a watch may begin.
pub const AHEAD: i64 = 5;
/// How far back a watch may begin, and how much a compaction leaves.
const BACK: i64 = 150;

/// Watches that are being opened at the same time, at most.
const DOORS: u32 = 64;

/// What the readers of one history have in common.
#[derive(Clone)]
pub struct Audience {
    store: Datastore,
    /// The revision up to which a watch of everything told; the highest number there is when all is told.
    told: watch::Sender<i64>,
    /// The highest revision that was asked to be compacted to.
    compacted: Arc<AtomicI64>,
    /// Passed by each watch that is opened, and closed before the last writes, so that every watch is told of them.
    pub(crate) doors: Arc<Semaphore>,
}

#[derive(Clone, Copy, Debug)]
pub enum Pace {
    Quick,
    /// Lets so many revisions pass between two batches.
    Slow(i64),
}

/// Where a watch begins, by the present.
#[derive(Clone, Copy, Debug)]
pub enum Beginning {
    Next,
    At(i64),
    /// So many revisions after the present; before it where that is negative.
    Beside(i64),
}

impl Beginning {
    pub fn some(rng: &mut Rng) -> Self {
        match rng.u8(0..4) {
            0 => Self::Next,
            1 => Self::Beside(rng.i64(1..=AHEAD)),
            _ => Self::Beside(-rng.i64(0..BACK)),
        }
    }

    pub(crate) fn from(self, present: i64) -> Option<i64> {
        match self {
            Self::Next => None,
            Self::At(revision) => Some(revision),
            Self::Beside(distance) => Some((present + distance).max(2)),
        }
    }
}

impl Audience {
    /// Of a store at that revision, of which was asked to be compacted to that one.
    #[must_use]
    pub fn new(store: Datastore, revision: i64, compacted: i64) -> Self {
        Self {
            store,
            told: watch::channel(revision).0,
            compacted: Arc::new(AtomicI64::new(compacted)),
            doors: Arc::new(Semaphore::new(DOORS as usize)),
        }
    }

    /// Returns when no watch is opened any more.
    ///
    /// # Errors
    /// When they are closed already.
    pub async fn close_doors(&self) -> Result<()> {
        let _all = self.doors.acquire_many(DOORS).await?;
        self.doors.close();
        Ok(())
    }

    /// The highest revision that was asked to be compacted to.
    pub(crate) fn compacted(&self) -> i64 {
        self.compacted.load(Ordering::SeqCst)
    }

    /// Returns when the observer has been told of that revision, or of the last.
    ///
    /// # Errors
    /// When nobody can observe any more.
    pub async fn passed(&self, revision: i64) -> Result<i64> {
        Ok(*self.told.subscribe().wait_for(|told| *told >= revision).await?)
    }

    /// Watches everything from a revision until the last write, and tells all others how far it is.
    ///
    /// # Errors
    /// When the watch ends before.
    pub async fn observe(&self, from: i64) -> Result<Vec<Change>> {
        let request = WatchRequest::new(Span::All.range()).from(Revision(from));
        let mut watch = self.store.watch(request).await?;
        let mut all = Vec::new();
        loop {
            let batch = watch.next().await?;
            all.extend(changes(&batch.events)?);
            if is_last(&all) {
                self.told.send_replace(i64::MAX);
                return Ok(all);
            }
            self.told.send_replace(batch.revision.0);
        }
    }

    /// Compacts again and again, never what the observer has not been told of.
    ///
    /// # Errors
    /// When a compaction is answered with what is no answer.
    pub async fn compact(&self, recorder: &Recorder, mut rng: Rng) -> Result<()> {
        let mut next = self.compacted();
        loop {
            let told = self.passed(next + rng.i64(20..80)).await?;
            if told == i64::MAX {
                return Ok(());
            }
            let revision = rng.i64((told - BACK / 2).max(1)..=told);
            self.compact_to(recorder, revision).await?;
            next = told;
        }
    }

    /// # Errors
    /// As [`Audience::compact`].
    pub async fn compact_to(&self, recorder: &Recorder, revision: i64) -> Result<()> {
        self.compacted.fetch_max(revision, Ordering::SeqCst);
        recorder.perform(&self.store, Op::Compact { revision }).await?;
        Ok(())
    }

    /// One watch until the last write or until it is ended; none when no watch is opened any more.
    ///
    /// # Errors
    /// When the watch is ended for another reason than compaction.
    pub async fn watch(&self, span: Span, start: Beginning, pace: Pace) -> Result<Option<Telling>> {
        let Ok(door) = self.doors.acquire().await else { return Ok(None) };
        let asked = self.present().await?;
        let from = start.from(asked);
        let request = WatchRequest { range: span.range(), from: from.map(Revision) };
        let opened = self.store.watch(request).await;
        let granted = self.present().await?;
        let start = from.map_or(Start::Next { asked, granted }, Start::At);
        let mut telling = Telling { span, start, batches: Vec::new(), end: End::Left };
        drop(door);
        let mut watch = match opened {
            Ok(watch) => watch,
            Err(error) => {
                telling.end = self.end(&error)?;
                return Ok(Some(telling));
            }
        };
        loop {
            let batch = match watch.next().await {
                Ok(batch) => self.batch(&batch).await?,
                Err(error) => {
                    telling.end = self.end(&error)?;
                    return Ok(Some(telling));
                }
            };
            let (revision, last) = (batch.revision, is_last(&batch.changes));
            telling.batches.push(batch);
            if last {
                return Ok(Some(telling));
            }
            if let Pace::Slow(revisions) = pace {
                self.passed(revision + revisions).await?;
            }
        }
    }

    /// Opens watches of random ranges and starts as time goes by, until the last write.
    ///
    /// # Errors
    /// As [`Audience::watch`].
    pub async fn watch_at_random(&self, scope: &supervise::Scope, mut rng: Rng) -> Result<Vec<Telling>> {
        let (mut open, mut next) = (Vec::new(), 0);
        while !self.doors.is_closed() {
            next = self.passed(next + rng.i64(5..40)).await?;
            let (span, start) = (span(&mut rng), Beginning::some(&mut rng));
            let pace = if rng.bool() { Pace::Quick } else { Pace::Slow(rng.i64(1..BACK)) };
            let audience = self.clone();
            open.push(scope.spawn("watch", async move { audience.watch(span, start, pace).await }));
        }
        let mut tellings = Vec::new();
        for watch in open {
            tellings.extend(watch.await??);
        }
        Ok(tellings)
    }

    /// Many watches of one set, some of which are left and replaced on the way, until all that remain were told of the
    /// last write.
    ///
    /// # Errors
    /// As [`Audience::watch`].
    pub async fn watch_set(
        &self,
        embedded: &Embedded,
        members: usize,
        mut rng: Rng,
        pace: Pace,
    ) -> Result<Vec<Telling>> {
        let mut set = embedded.watch_set();
        let (mut watching, mut done) = (HashMap::new(), Vec::new());
        let mut next = 0;
        loop {
            while watching.len() < members
                && let Ok(door) = self.doors.acquire().await
            {
                let (span, from) = (span(&mut rng), Beginning::some(&mut rng).from(embedded.revision().0));
                let asked = embedded.revision().0;
                let added = set.add(next, span.range(), from.map(Revision));
                let granted = embedded.revision().0;
                drop(door);
                let start = from.map_or(Start::Next { asked, granted }, Start::At);
                let mut telling = Telling { span, start, batches: Vec::new(), end: End::Left };
                match added {
                    Ok(()) => drop(watching.insert(next, telling)),
                    Err(error) => {
                        telling.end = self.end(&error)?;
                        done.push(telling);
                    }
                }
                next += 1;
            }
            if watching.is_empty() {
                return Ok(done);
            }
            let told = set.next().await?;
            let mut telling = watching.remove(&told.id).context("nobody watches under this number")?;
            match told.outcome {
                Ok(batch) => {
                    ensure!(!batch.events.is_empty(), "a watch of a set is told of nothing");
                    let batch = self.batch(&batch).await?;
                    let (revision, last) = (batch.revision, is_last(&batch.changes));
                    telling.batches.push(batch);
                    if last || rng.u8(..) < 8 {
                        ensure!(set.remove(told.id), "watch {} is not there any more", told.id);
                        done.push(telling);
                    } else {
                        watching.insert(told.id, telling);
                    }
                    if let Pace::Slow(revisions) = pace {
                        self.passed(revision + revisions).await?;
                    }
                }
                Err(error) => {
                    ensure!(!set.contains(told.id), "watch {} is still there after its end", told.id);
                    telling.end = self.end(&error)?;
                    done.push(telling);
                }
            }
        }
    }

    async fn batch(&self, batch: &WatchBatch) -> Result<Batch> {
        self.received(batch.revision.0, changes(&batch.events)?).await
    }

    /// What was received now, which whoever received it can read.
    pub(crate) async fn received(&self, revision: i64, changes: Vec<Change>) -> Result<Batch> {
        let (compacted, present) = (self.compacted(), self.present().await?);
        ensure!(present >= revision, "told of {revision}, when {present} can be read");
        Ok(Batch { revision, changes, compacted })
    }

    pub(crate) async fn present(&self) -> Result<i64> {
        Ok(self.store.revision().await?.0)
    }

    fn end(&self, error: &WatchError) -> Result<End> {
        let WatchError::Compacted { requested, compacted } = error else {
            bail!("a watch ended: {error}");
        };
        Ok(End::Compacted { wanted: Some(requested.0), oldest: compacted.0, asked: self.compacted() })
    }
}

fn changes(events: &[Event]) -> Result<Vec<Change>> {
    events.iter().map(Change::of).collect()
}

pub(crate) fn is_last(changes: &[Change]) -> bool {
    changes.last().and_then(|change| change.to.as_ref()).is_some_and(|version| version.tag.number == LAST)
}
