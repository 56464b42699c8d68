//! What a watch told, judged by the writes that there were: no gap, no reorder, no duplicate; the versions before and after
//! as they were; the events of a revision together.

use std::iter::Peekable;

use anyhow::{Result, bail, ensure};

use crate::ledger::Ledger;
use crate::operation::{Change, Span};

#[derive(Clone, Debug)]
pub struct Telling {
    pub span: Span,
    pub start: Start,
    pub batches: Vec<Batch>,
    pub end: End,
}

#[derive(Clone, Copy, Debug)]
pub enum Start {
    At(i64),
    /// From the next revision on, asked for and granted at these present ones.
    Next {
        asked: i64,
        granted: i64,
    },
}

#[derive(Clone, Debug)]
pub struct Batch {
    /// Everything up to it was told.
    pub revision: i64,
    pub changes: Vec<Change>,
    /// The highest revision that was asked to be compacted to until it was received.
    pub compacted: i64,
}

#[derive(Clone, Copy, Debug)]
pub enum End {
    /// Its reader left it when all of its batches were told.
    Left,
    /// It was ended: what it wanted to tell next was compacted; what was asked to be compacted to until then. A store
    /// elsewhere does not say what the watch wanted.
    Compacted { wanted: Option<i64>, oldest: i64, asked: i64 },
}

impl Telling {
    /// # Errors
    /// The first event that is missing, superfluous, in the wrong place or wrong.
    pub fn check(&self, ledger: &Ledger) -> Result<()> {
        let start = self.first_revision()?;
        let told = self.batches.last().map_or(start - 1, |batch| batch.revision);
        let until = match self.end {
            End::Left => told,
            End::Compacted { wanted, oldest, asked } => {
                let wanted = wanted.unwrap_or(told + 1);
                ensure!(wanted > told, "it wanted {wanted}, when {told} was told");
                ensure!(wanted < oldest && oldest <= asked, "ended at {wanted} for {oldest} of {asked}");
                wanted - 1
            }
        };
        let mut expected = ledger.changes(&self.span, start, until).peekable();
        let mut after = start - 1;
        for batch in &self.batches {
            ensure!(batch.revision > after, "a batch up to {} follows on {after}", batch.revision);
            for change in &batch.changes {
                let within = change.revision > after && change.revision <= batch.revision;
                ensure!(within, "{change:?} is in the batch from {} to {}", after + 1, batch.revision);
            }
            check_batch(batch, &mut expected)?;
            after = batch.revision;
        }
        let missing = expected.next();
        ensure!(missing.is_none(), "never told: {missing:?}");
        Ok(())
    }

    fn first_revision(&self) -> Result<i64> {
        match self.start {
            Start::At(revision) => Ok(revision),
            Start::Next { asked, granted } => {
                let event = self.batches.iter().flat_map(|batch| &batch.changes).next();
                if let Some(event) = event.filter(|event| event.revision <= asked) {
                    bail!("{event:?} was told, asked for was what comes after {asked}");
                }
                // It began at one of several revisions: before the first that it told anything of, where it told any.
                let first = self.batches.first().map(|batch| batch.revision);
                Ok(match (first, event, &self.end) {
                    (Some(first), event, _) => {
                        let event = event.map_or(i64::MAX, |event| event.revision);
                        first.min(event).min(granted + 1)
                    }
                    (None, _, End::Compacted { wanted: Some(wanted), .. }) => *wanted,
                    (None, ..) => granted + 1,
                })
            }
        }
    }
}

fn check_batch<'a>(batch: &Batch, expected: &mut Peekable<impl Iterator<Item = &'a Change>>) -> Result<()> {
    for change in &batch.changes {
        let Some(right) = expected.next() else {
            bail!("told of {change:?}, where nothing was left to tell")
        };
        let forgotten = change.from.is_none() && change.revision <= batch.compacted;
        let right_but_forgotten = Change { from: None, ..right.clone() };
        ensure!(
            change == right || forgotten && *change == right_but_forgotten,
            "told {change:?}, not {right:?}"
        );
    }
    let late = expected.next_if(|right| right.revision <= batch.revision);
    ensure!(late.is_none(), "everything up to {} was told, but not {late:?}", batch.revision);
    Ok(())
}
