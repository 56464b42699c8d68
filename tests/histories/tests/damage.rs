//! Files that are cut off or flipped at random places: the store is not opened, with an error that names the file, or it
//! serves exactly what was acknowledged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use datastore::{Datastore, Embedded};
use fastrand::Rng;
use histories::effort;
use histories::history::Recorder;
use histories::ledger::Ledger;
use histories::operation::{Op, Outcome, Span};
use histories::running::{Running, config};
use histories::watcher::Audience;
use histories::workload::{self, Client, Mix};

/// Where the damage is: most of a log is space that is not written to yet.
const WRITTEN: usize = 1 << 16;

type Files = BTreeMap<String, Vec<u8>>;

fn files(directory: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    files.remove("lock");
    Ok(files)
}

/// Leaves exactly these files.
fn lay(directory: &Path, files: &Files) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        fs::remove_file(entry?.path())?;
    }
    files.iter().try_for_each(|(name, content)| Ok(fs::write(directory.join(name), content)?))
}

/// A store with an image, a closed log and one that is written to.
async fn written(directory: &Path, rng: &mut Rng) -> Result<Ledger> {
    let running = Running::open(directory)?;
    let mut ledger = Ledger::default();
    for round in 0..3 {
        let (recorder, lines) = Recorder::in_memory(round << 32);
        let audience = Audience::new(running.store(), ledger.revision(), ledger.compacted());
        let (watching, from) = (audience.clone(), ledger.revision() + 1);
        let observer = running.scope.spawn("observer", async move { watching.observe(from).await });
        let client = |_| Client::new(running.store(), Arc::clone(&recorder), Mix::EVEN, rng.u64(..));
        workload::run(&running.scope, (0..4).map(client).collect(), 20).await?;
        if round > 0 {
            audience.compact_to(&recorder, ledger.revision()).await?;
            running.embedded.defragment().await?;
        }
        workload::conclude(&running.store(), &recorder).await?;
        workload::judge(&mut ledger, lines.take(), observer.await??)?;
    }
    running.close().await?;
    Ok(ledger)
}

/// Opens the damaged store; whether it was opened.
async fn look(directory: &Path, name: &str, ledger: &mut Ledger) -> Result<bool> {
    let (store, _task) = match Embedded::open(config(directory)) {
        Ok(opened) => opened,
        Err(error) => {
            let error = error.to_string();
            ensure!(error.contains(name), "the error does not name the file: {error}");
            return Ok(false);
        }
    };
    let present = ledger.revision();
    ensure!(store.revision().0 == present, "it is at {}, not {present}", store.revision());
    let oldest = store.compacted().0.max(1);
    let (recorder, lines) = Recorder::in_memory(u64::MAX << 32);
    let store = Datastore::from(store);
    for at in (oldest..=present).map(Some).chain([None]) {
        let read = recorder.perform(&store, Op::Read { span: Span::All, at }).await?;
        ensure!(matches!(read, Some(Outcome::Read { .. })), "{at:?} is answered with {read:?}");
    }
    workload::judge(ledger, lines.take(), Vec::new())?;
    Ok(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_damaged_file_is_refused_by_name_or_makes_no_difference() -> Result<()> {
    let mut rng = Rng::with_seed(effort::seed("damage"));
    let temporary = tempfile::tempdir()?;
    let directory = temporary.path().join("store");
    let mut ledger = written(&directory, &mut rng).await?;
    let whole = files(&directory)?;
    let names: Vec<_> = whole.keys().cloned().collect();
    ensure!(names.iter().any(|name| name.starts_with("image-")), "there is no image among {names:?}");
    let (mut opened, damages) = (0, effort::number("HISTORIES_DAMAGES", 100));
    for _ in 0..damages {
        let name = rng.choice(&names).context("there are files")?;
        let mut content = whole[name].clone();
        let end = if rng.u8(..) < 25 { content.len() } else { content.len().min(WRITTEN) };
        let at = rng.usize(0..end);
        let what = match rng.u8(0..3) {
            0 => {
                content.truncate(at);
                "cut off"
            }
            1 => {
                content[at] ^= 1 << rng.u8(0..8);
                "flipped a bit"
            }
            _ => {
                let until = content.len().min(at + rng.usize(1..64));
                content[at..until].iter_mut().for_each(|byte| *byte = !*byte);
                "flipped bytes"
            }
        };
        let mut files = whole.clone();
        files.insert(name.clone(), content);
        lay(&directory, &files)?;
        let looked = look(&directory, name, &mut ledger).await;
        opened += u64::from(looked.with_context(|| format!("{what} at byte {at} of {name}"))?);
    }
    ensure!(opened < damages, "no damage was found");
    effort::report(&format!("damage: {opened} of {damages} were no loss"));
    Ok(())
}
