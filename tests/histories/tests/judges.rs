//! The judges themselves: of a history that is right, each changed answer or event is found.

use std::sync::Arc;

use anyhow::{Context, Result};
use histories::history::{History, Line, Recorder};
use histories::ledger::Ledger;
use histories::linear;
use histories::operation::{Change, Op, Outcome, Span, State, Tag, Version};
use histories::running::Running;
use histories::telling::{Batch, End, Start, Telling};

fn tag(number: u64) -> Tag {
    Tag { number, length: 8 }
}

fn put(key: &str, number: u64) -> Op {
    Op::Put { keys: vec![key.into()], tag: tag(number) }
}

fn read(span: Span, at: Option<i64>) -> Op {
    Op::Read { span, at }
}

/// Revisions 2 to 6, one operation after the other; `a` is put, replaced, and deleted together with `b`.
async fn recorded() -> Result<(Vec<Line>, Vec<Change>)> {
    let directory = tempfile::tempdir()?;
    let running = Running::open(&directory.path().join("store"))?;
    let (recorder, lines) = Recorder::in_memory(0);
    let ops = [
        put("a", 102),
        put("b", 103),
        Op::Swap { key: "a".into(), expected: 2, tag: tag(104) },
        Op::Swap { key: "a".into(), expected: 2, tag: tag(105) },
        read(Span::All, None),
        Op::Delete { span: Span::All },
        read(Span::Key("a".into()), None),
        read(Span::All, Some(3)),
        put("a", 106),
    ];
    for op in ops {
        Arc::clone(&recorder).perform(&running.store(), op).await?.context("it is answered")?;
    }
    let mut watch = running
        .embedded
        .watch(datastore::WatchRequest { range: Span::All.range(), from: Some(datastore::Revision(2)) })?;
    let events = watch.next().await?.events;
    running.close().await?;
    Ok((lines.take(), events.iter().map(Change::of).collect::<Result<_>>()?))
}

fn judge(lines: Vec<Line>, told: Vec<Change>) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    ledger.extend(&History::of(lines)?, told)?;
    Ok(ledger)
}

fn linear(lines: Vec<Line>, ledger: &Ledger) -> Result<()> {
    linear::check(&History::of(lines)?, &State::new(), 1, ledger)
}

/// The answer of the operation at that position.
fn answer(lines: &mut [Line], position: usize) -> &mut Outcome {
    match &mut lines[position * 2 + 1] {
        Line::Returned { outcome, .. } => outcome,
        line => panic!("{line:?} is no answer"),
    }
}

fn refused(result: &Result<impl Sized>, why: &str) {
    let error = result.as_ref().err().map(|error| format!("{error:#}"));
    assert!(error.as_ref().is_some_and(|error| error.contains(why)), "not refused with {why:?}: {error:?}");
}

#[tokio::test]
async fn a_right_history_is_accepted() -> Result<()> {
    let (lines, told) = recorded().await?;
    let ledger = judge(lines.clone(), told)?;
    assert_eq!(ledger.revision(), 6);
    linear(lines, &ledger)
}

#[tokio::test]
async fn writes_that_are_lost_invented_or_changed_are_found() -> Result<()> {
    let (lines, told) = recorded().await?;
    let without = |revision: i64| told.iter().filter(|change| change.revision != revision).cloned().collect();
    refused(&judge(lines.clone(), without(6)), "is lost");
    refused(&judge(lines.clone(), without(3)), "revision 4 follows on 2");
    refused(&judge(lines[2..].to_vec(), told.clone()), "nobody wrote it");

    let mut other = told.clone();
    other[0].to.as_mut().context("a put")?.tag = tag(999);
    refused(&judge(lines.clone(), other), "is told of");
    let mut reordered = told.clone();
    reordered.swap(3, 4);
    refused(&judge(lines.clone(), reordered), "is told of");
    let mut twice = lines;
    *answer(&mut twice, 1) = Outcome::Wrote { revision: 2, replaced: Vec::new() };
    refused(&judge(twice, told), "is of two writes");
    Ok(())
}

#[tokio::test]
async fn answers_that_were_not_so_are_found() -> Result<()> {
    let (lines, told) = recorded().await?;
    let changed = |position: usize, outcome: Outcome| {
        let mut lines = lines.clone();
        *answer(&mut lines, position) = outcome;
        judge(lines, told.clone())
    };
    let version = |key: &str, number, create, modified, version| Version {
        key: key.into(),
        tag: tag(number),
        create,
        modified,
        version,
    };
    let stale = vec![version("a", 102, 2, 2, 1), version("b", 103, 3, 3, 1)];
    refused(&changed(4, Outcome::Read { revision: 3, found: stale.clone() }), "when 4 was known of");
    refused(&changed(4, Outcome::Read { revision: 4, found: stale }), "was there");
    refused(&changed(4, Outcome::Read { revision: 5, found: Vec::new() }), "called later");
    refused(&changed(7, Outcome::Read { revision: 5, found: Vec::new() }), "was there");
    refused(&changed(3, Outcome::Kept { revision: 4, found: None }), "was there");
    refused(&changed(2, Outcome::Wrote { revision: 4, replaced: Vec::new() }), "what it replaced");
    Ok(())
}

#[tokio::test]
async fn operations_without_an_order_are_found() -> Result<()> {
    let (lines, told) = recorded().await?;
    let ledger = judge(lines.clone(), told)?;
    let mut stale = lines.clone();
    *answer(&mut stale, 6) = Outcome::Read {
        revision: 5,
        found: vec![Version { key: "a".into(), tag: tag(104), create: 2, modified: 4, version: 2 }],
    };
    refused(&linear(stale, &ledger), "not linearizable");
    // The same read is right while the delete has not returned.
    let mut concurrent = lines;
    let deleted = concurrent.remove(11);
    concurrent.insert(13, deleted);
    linear(concurrent, &ledger)
}

#[tokio::test]
async fn an_open_write_may_have_happened_or_not() -> Result<()> {
    let (mut lines, mut told) = recorded().await?;
    lines.pop();
    linear(lines.clone(), &judge(lines.clone(), told.clone())?)?;
    told.pop();
    linear(lines.clone(), &judge(lines, told)?)
}

#[tokio::test]
async fn watches_that_tell_anything_else_are_found() -> Result<()> {
    let (lines, told) = recorded().await?;
    let ledger = judge(lines, told.clone())?;
    let batch = |revision, changes: &[Change]| Batch { revision, changes: changes.to_vec(), compacted: 0 };
    let telling = |batches| Telling { span: Span::All, start: Start::At(2), batches, end: End::Left };
    let check = |batches| telling(batches).check(&ledger);
    check(vec![batch(3, &told[..2]), batch(5, &told[2..5]), batch(6, &told[5..])])?;

    refused(&check(vec![batch(3, &told[..2]), batch(6, &told[3..])]), "not Change");
    refused(&check(vec![batch(3, &told[..1]), batch(6, &told[2..])]), "but not");
    refused(&check(vec![batch(3, &told[..2]), batch(6, &told[1..])]), "is in the batch from 4");
    refused(&check(vec![batch(5, &told[..4]), batch(6, &told[4..])]), "everything up to 5 was told");
    let mut forgotten = told.clone();
    forgotten[2].from = None;
    refused(&check(vec![batch(6, &forgotten)]), "not Change");
    check(vec![Batch { compacted: 4, ..batch(6, &forgotten) }])?;

    let ended = |wanted, oldest, asked| {
        let end = End::Compacted { wanted: Some(wanted), oldest, asked };
        Telling { end, ..telling(vec![batch(3, &told[..2])]) }.check(&ledger)
    };
    ended(4, 6, 6)?;
    refused(&ended(4, 4, 6), "ended at 4");
    refused(&ended(4, 6, 5), "ended at 4");
    refused(&ended(5, 6, 6), "never told");
    Ok(())
}
