//! Several clients on one store, with and without others that keep the writer busy: what they are answered has an order.

use std::sync::Arc;

use anyhow::Result;
use datastore::Datastore;
use histories::effort;
use histories::history::Recorder;
use histories::ledger::Ledger;
use histories::running::{Running, remote};
use histories::watcher::Audience;
use histories::workload::{self, Client, Mix};

const CLIENTS: u64 = 8;
const WRITERS: u64 = 32;

/// Histories one after the other on one store, each judged as it ends.
async fn check(
    name: &str,
    operations: u64,
    over: impl Fn(&Running, &std::path::Path) -> Result<Vec<Datastore>>,
) -> Result<()> {
    let seed = effort::seed(name);
    let directory = tempfile::tempdir()?;
    let running = Running::open(&directory.path().join("store"))?;
    let stores = over(&running, directory.path())?;
    let store = &stores[0];
    let mut ledger = Ledger::default();
    for round in 0..effort::number("HISTORIES_ROUNDS", 2) {
        let (recorder, lines) = Recorder::in_memory(round << 32);
        let audience = Audience::new(store.clone(), ledger.revision(), ledger.compacted());
        let from = ledger.revision() + 1;
        let observer = running.scope.spawn("observer", async move { audience.observe(from).await });
        // Every second round the writer has much more to do than what is judged closely.
        let (mix, clients) = if round % 2 == 0 { (Mix::EVEN, CLIENTS) } else { (Mix::WRITES, WRITERS) };
        let client = |number: u64| {
            let store = &stores[number as usize % stores.len()];
            Client::new(store.clone(), Arc::clone(&recorder), mix, seed ^ (round << 16 | number))
        };
        workload::run(&running.scope, (0..clients).map(client).collect(), operations * CLIENTS / clients)
            .await?;
        workload::conclude(store, &recorder).await?;
        workload::judge(&mut ledger, lines.take(), observer.await??)?;
    }
    running.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_of_the_embedded_store_are_linearizable() -> Result<()> {
    check("embedded", 300, |running, _| Ok(vec![running.store()])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_over_etcds_api_are_linearizable() -> Result<()> {
    check("etcd", 100, |running, directory| Ok(vec![remote(&running.serve(directory)?)])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_of_a_store_that_several_write_to_are_linearizable() -> Result<()> {
    check("several", 150, |running, _| Ok(vec![running.store(), running.other(), running.other()])).await
}
