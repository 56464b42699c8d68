//! A store whose process is killed again and again while 64 clients write: over all rounds nothing acknowledged is lost, and
//! no revision that anybody saw is another one afterwards. Started with a directory in its environment this program is
//! that process, so it brings its own `main`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use datastore::{Datastore, Embedded, Revision, WatchRequest};
use fastrand::Rng;
use histories::effort;
use histories::history::{Line, Recorder};
use histories::ledger::Ledger;
use histories::operation::{Change, Op, Outcome, Span, Version};
use histories::running::{Running, config};
use histories::workload::{self, Client, Mix};
use supervise::Scope;

const WRITERS: usize = 64;
/// Reads after each time that something was written.
const READS: usize = 4;
/// Lines after which a child is killed, at most.
const LINES: usize = 3000;
/// Revisions that a child leaves when it compacts.
const KEPT: i64 = 300;

/// Set for the child alone.
const DIRECTORY: &str = "HISTORIES_DIRECTORY";
const CHILD_SEED: &str = "HISTORIES_CHILD_SEED";
/// The first number of the child's operations.
const FIRST: &str = "HISTORIES_FIRST";

#[expect(clippy::disallowed_methods, reason = "the test tells its child what to do")]
fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    match std::env::var_os(DIRECTORY) {
        Some(directory) => runtime.block_on(work_until_killed(Path::new(&directory))),
        None => runtime.block_on(kill_and_judge()),
    }
}

async fn work_until_killed(directory: &Path) -> Result<()> {
    let running = Running::open(directory)?;
    let mut rng = Rng::with_seed(effort::number(CHILD_SEED, 0));
    let recorder = Arc::new(Recorder::new(effort::number(FIRST, 0), |line| {
        Ok(writeln!(io::stdout(), "{}", serde_json::to_string(line)?)?)
    }));
    let began = running.embedded.revision();
    let scope = Scope::root("clients");
    let mut working = Vec::new();
    // Half of them go the way of etcd's clients.
    let stores = [running.store(), running.other()];
    for store in stores.iter().cycle().take(WRITERS) {
        let mut client = Client::new(store.clone(), Arc::clone(&recorder), Mix::WRITES, rng.u64(..));
        working.push(scope.spawn("writer", async move {
            while client.step().await? {}
            anyhow::Ok(())
        }));
    }
    let mut reader = Client::new(running.store(), Arc::clone(&recorder), Mix::READS, rng.u64(..));
    let (embedded, tell) = (running.embedded.clone(), Arc::clone(&recorder));
    working.push(scope.spawn("reader", async move {
        let mut watch = embedded.watch(WatchRequest::new(Span::All.range()).from(began.next()))?;
        loop {
            let events = watch.next().await?.events;
            tell.write(&Line::Told(events.iter().map(Change::of).collect::<Result<_>>()?))?;
            for _ in 0..READS {
                reader.step().await?;
            }
        }
    }));
    if began.0 > KEPT && rng.bool() {
        // Known to all rounds already.
        recorder.perform(&running.store(), Op::Compact { revision: began.0 - KEPT }).await?;
    }
    for client in working {
        client.await??;
    }
    anyhow::bail!("nobody works any more")
}

async fn kill_and_judge() -> Result<()> {
    let mut rng = Rng::with_seed(effort::seed("kill"));
    let temporary = tempfile::tempdir()?;
    let directory = temporary.path().join("store");
    let mut ledger = Ledger::default();
    let (mut restarts, mut operations) = (Vec::new(), 0);
    for round in 0..effort::number("HISTORIES_KILL_ROUNDS", 10) {
        // Now and then before it has said anything.
        let lines = if rng.u8(..) < 16 { 0 } else { rng.usize(1..LINES) };
        let lines = run_and_kill(&directory, round << 32, rng.u64(..), lines)?;
        let (restart, history) = judge(&directory, &mut ledger, lines, &mut rng)
            .await
            .with_context(|| format!("round {round}"))?;
        restarts.push(restart);
        operations += history;
    }
    ensure!(operations > 0, "no child did anything");
    restarts.sort_unstable();
    effort::report(&format!(
        "kill: {operations} operations of {} rounds, up to revision {}; restarted within {:?}, half of them {:?}",
        restarts.len(),
        ledger.revision(),
        restarts.last().context("there was a round")?,
        restarts[restarts.len() / 2],
    ));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the child is this test, to be killed")]
fn run_and_kill(directory: &Path, first: u64, seed: u64, lines: usize) -> Result<Vec<Line>> {
    let mut child = Command::new(std::env::current_exe()?)
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .env(CHILD_SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().context("its output is piped")?);
    let (mut told, mut text) = (Vec::new(), String::new());
    loop {
        if told.len() == lines {
            child.kill()?;
        }
        text.clear();
        output.read_line(&mut text)?;
        // The last line may have been cut off; what it was to say never was.
        let Some(line) = text.strip_suffix('\n') else { break };
        told.push(serde_json::from_str(line)?);
    }
    let status = child.wait()?;
    ensure!(status.signal() == Some(9), "the child ended by itself: {status}");
    Ok(told)
}

/// Opens what the child left, and judges it together with what the child said. Gives the time of the opening and the number
/// of operations.
async fn judge(
    directory: &Path,
    ledger: &mut Ledger,
    lines: Vec<Line>,
    rng: &mut Rng,
) -> Result<(Duration, usize)> {
    let opening = Instant::now();
    let (store, _task) = Embedded::open(config(directory))?;
    let restart = opening.elapsed();
    let began = ledger.revision();
    ensure!(store.revision().0 >= began, "the store is at {}, it was at {began}", store.revision());

    let mut watch = store.watch(WatchRequest::new(Span::All.range()).from(Revision(began + 1)))?;
    let (mut told, mut until) = (Vec::new(), began);
    while until < store.revision().0 {
        let batch = watch.next().await?;
        until = batch.revision.0;
        told.extend(batch.events.iter().map(Change::of).collect::<Result<Vec<_>>>()?);
    }
    let history = workload::judge(ledger, lines, told)?;
    let there = ledger.changes(&Span::All, began + 1, ledger.revision());
    ensure!(there.take(history.told.len()).eq(&history.told), "the child's watch told what is not there");

    let compacted = store.compacted().0;
    ensure!(compacted <= ledger.compacted(), "{compacted} was compacted, {} asked for", ledger.compacted());
    let (recorder, read) = Recorder::in_memory(u64::MAX << 16);
    let store = Datastore::from(store);
    let oldest = compacted.max(1);
    for at in (0..20).map(|_| rng.i64(oldest..=ledger.revision())).chain([oldest, ledger.revision()]) {
        recorder.perform(&store, Op::Read { span: Span::All, at: Some(at) }).await?;
    }
    let now = recorder.perform(&store, Op::Read { span: Span::All, at: None }).await?;
    workload::judge(ledger, read.take(), Vec::new())?;
    let present: Vec<Version> = ledger.present().values().cloned().collect();
    ensure!(
        now == Some(Outcome::Read { revision: ledger.revision(), found: present }),
        "the present is {now:?}"
    );
    Ok((restart, history.calls.len()))
}
