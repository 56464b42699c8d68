//! Watches of every kind on a store that is written and compacted at the same time: each is told all of its writes, once and
//! in order, or ends because it was behind.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use histories::effort;
use histories::history::Recorder;
use histories::ledger::Ledger;
use histories::operation::Span;
use histories::running::{Running, remote};
use histories::telling::{End, Telling};
use histories::watcher::{Audience, Beginning, Pace};
use histories::workload::{self, Client, Mix};

const CLIENTS: u64 = 8;
/// Watches of a set, or of a stream.
const MEMBERS: usize = 12;

/// What is between the clients and the store.
enum Over {
    Nothing,
    /// etcd's API on a socket.
    Wire,
}

fn check_all(ledger: &Ledger, tellings: &[Telling]) -> Result<()> {
    tellings.iter().try_for_each(|telling| telling.check(ledger).with_context(|| format!("{telling:?}")))
}

fn ended(tellings: &[Telling]) -> usize {
    tellings.iter().filter(|telling| matches!(telling.end, End::Compacted { .. })).count()
}

/// Rounds of writing, compacting and watching on one store.
async fn check(name: &str, operations: u64, over: Over) -> Result<()> {
    let seed = effort::seed(name);
    let directory = tempfile::tempdir()?;
    let running = Running::open(&directory.path().join("store"))?;
    let channel = match over {
        Over::Nothing => None,
        Over::Wire => Some(running.serve(directory.path())?),
    };
    let store = channel.as_ref().map_or_else(|| running.store(), remote);
    let mut ledger = Ledger::default();
    for round in 0..effort::number("HISTORIES_ROUNDS", 1) {
        let mut rng = Rng::with_seed(seed ^ round);
        let (recorder, lines) = Recorder::in_memory(round << 32);
        let audience = Audience::new(store.clone(), ledger.revision(), ledger.compacted());
        let scope = &running.scope;

        let (watching, from) = (audience.clone(), ledger.revision() + 1);
        let observer = scope.spawn("observer", async move { watching.observe(from).await });
        let (compacting, writes, random) = (audience.clone(), Arc::clone(&recorder), rng.fork());
        let compactor = scope.spawn("compactor", async move { compacting.compact(&writes, random).await });
        let (watching, random, inner) = (audience.clone(), rng.fork(), scope.child("watches"));
        let singles = scope.spawn("singles", async move { watching.watch_at_random(&inner, random).await });
        let sets: Vec<_> = [Pace::Quick, Pace::Slow(40), Pace::Slow(1)]
            .into_iter()
            .map(|pace| {
                let (watching, random) = (audience.clone(), rng.fork());
                let (embedded, channel) = (running.embedded.clone(), channel.clone());
                scope.spawn("set", async move {
                    match channel {
                        Some(channel) => watching.watch_wire(&channel, MEMBERS, random).await,
                        None => watching.watch_set(&embedded, MEMBERS, random, pace).await,
                    }
                })
            })
            .collect();

        let client = |_| Client::new(store.clone(), Arc::clone(&recorder), Mix::EVEN, rng.u64(..));
        workload::run(scope, (0..CLIENTS).map(client).collect(), operations).await?;
        audience.close_doors().await?;
        workload::conclude(&store, &recorder).await?;

        let told = observer.await??;
        compactor.await??;
        let mut tellings = singles.await??;
        for set in sets {
            tellings.extend(set.await??);
        }
        workload::judge(&mut ledger, lines.take(), told)?;
        check_all(&ledger, &tellings)?;
        let ended = ended(&tellings);
        effort::report(&format!("{name}: {} watches, {ended} ended by compaction", tellings.len()));
    }
    running.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn watches_of_the_embedded_store_tell_everything_once_and_in_order() -> Result<()> {
    check("watches", 300, Over::Nothing).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn watches_over_etcds_api_tell_everything_once_and_in_order() -> Result<()> {
    check("watches over etcd", 80, Over::Wire).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_that_sleeps_over_a_compaction_ends() -> Result<()> {
    const OPERATIONS: u64 = 150;
    let directory = tempfile::tempdir()?;
    let running = Running::open(&directory.path().join("store"))?;
    let (recorder, lines) = Recorder::in_memory(0);
    let audience = Audience::new(running.store(), 1, 0);
    let (watching, reading) = (audience.clone(), audience.clone());
    let observer = running.scope.spawn("observer", async move { watching.observe(2).await });
    // It reads again when as many revisions have passed as there are operations, so not before they are compacted.
    let slow = running.scope.spawn("slow", async move {
        reading.watch(Span::All, Beginning::At(2), Pace::Slow(OPERATIONS as i64)).await
    });
    let client = Client::new(running.store(), Arc::clone(&recorder), Mix::WRITES, 1);
    workload::run(&running.scope, vec![client], OPERATIONS).await?;
    let present = running.embedded.revision().0;
    audience.passed(present).await?;
    audience.compact_to(&recorder, present).await?;
    audience.close_doors().await?;
    workload::conclude(&running.store(), &recorder).await?;

    let (told, slow) = (observer.await??, slow.await??.context("it was opened before the doors closed")?);
    let mut ledger = Ledger::default();
    workload::judge(&mut ledger, lines.take(), told)?;
    ensure!(matches!(slow.end, End::Compacted { .. }), "it was not ended: {slow:?}");
    check_all(&ledger, &[slow])?;
    running.close().await
}
