//! A process that is killed while it writes: everything it acknowledged is there afterwards. Started with a directory as
//! its argument this program is that process, so it brings its own `main`.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use datastore::{Config, Embedded, KeyRange, RangeRequest, Txn};
use supervise::Scope;

const ROUNDS: usize = 10;
const WRITERS: usize = 64;
/// Set for the child alone, so that a filter of `cargo test` is not taken for a directory.
const DIRECTORY: &str = "DATASTORE_CRASH_DIRECTORY";

#[allow(clippy::disallowed_methods, reason = "the test tells its child what to do")]
fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    match std::env::var_os(DIRECTORY) {
        Some(directory) => runtime.block_on(write_until_killed(Path::new(&directory))),
        None => kill_and_look(),
    }
}

/// Each writer counts up in its own key and tells of each number once it is acknowledged.
async fn write_until_killed(directory: &Path) -> Result<()> {
    let (store, task) = Embedded::open(Config::new(directory))?;
    let scope = Scope::root("writers");
    let running = scope.spawn("datastore", task.run(scope.token()));
    for writer in 0..WRITERS {
        let store = store.clone();
        scope.spawn("writer", async move {
            let key = format!("/writer/{writer}");
            let last = store.range(&RangeRequest::new(KeyRange::key(key.clone())))?;
            let first = last.kvs.first().map_or(0, |kv| kv.version);
            for number in first + 1.. {
                store
                    .txn(Txn::put(key.clone(), format!("{number} {}", "x".repeat(number as usize % 3000))))
                    .await?;
                writeln!(io::stdout(), "{writer} {number}")?;
            }
            anyhow::Ok(())
        });
    }
    Ok(running.await??)
}

fn kill_and_look() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let directory = temporary.path().join("store");
    let mut acknowledged = [0; WRITERS];
    for round in 0..ROUNDS {
        let before: i64 = acknowledged.iter().sum();
        run_and_kill(&directory, 200 + round * 137, &mut acknowledged)?;
        ensure!(acknowledged.iter().sum::<i64>() > before, "the child acknowledged nothing in round {round}");
        look(&directory, &acknowledged).with_context(|| format!("after round {round}"))?;
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the child is this test, to be killed")]
fn run_and_kill(directory: &Path, lines: usize, acknowledged: &mut [i64; WRITERS]) -> Result<()> {
    let this = std::env::current_exe()?;
    let mut child = Command::new(this).env(DIRECTORY, directory).stdout(Stdio::piped()).spawn()?;
    let output = BufReader::new(child.stdout.take().context("its output is piped")?);
    for (line, text) in output.lines().enumerate() {
        if line == lines {
            child.kill()?;
        }
        let text = text?;
        let (writer, number) = text.split_once(' ').context("a whole line")?;
        acknowledged[writer.parse::<usize>()?] = number.parse()?;
    }
    let status = child.wait()?;
    ensure!(!status.success(), "the child ended by itself");
    Ok(())
}

fn look(directory: &Path, acknowledged: &[i64; WRITERS]) -> Result<()> {
    let (store, _task) = Embedded::open(Config::new(directory))?;
    for (writer, number) in acknowledged.iter().enumerate() {
        let found = store.range(&RangeRequest::new(KeyRange::key(format!("/writer/{writer}"))))?;
        let kv = found.kvs.first().with_context(|| format!("writer {writer} is lost"))?;
        ensure!(kv.version >= *number, "writer {writer}: {number} was acknowledged, {} is there", kv.version);
        ensure!(kv.version <= number + 1, "writer {writer}: {} is there, it was at {number}", kv.version);
        let value = format!("{} {}", kv.version, "x".repeat(kv.version as usize % 3000));
        ensure!(
            kv.value == value.as_bytes(),
            "writer {writer}: the value is not that of version {}",
            kv.version
        );
        ensure!(kv.mod_revision <= store.revision(), "a key is newer than the store");
    }
    let sum: i64 = store.range(&RangeRequest::new(KeyRange::all()))?.kvs.iter().map(|kv| kv.version).sum();
    ensure!(store.revision().0 == sum + 1, "revision {} after {sum} writes", store.revision());
    Ok(())
}
