//! A disk that is full and has space again: writes are refused and go on, reads go on all the time, and everything that was
//! acknowledged is there after a restart. The disk is mounted where nobody else sees it, and is gone with its thread.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use fastrand::Rng;
use histories::effort;
use histories::history::Recorder;
use histories::ledger::Ledger;
use histories::operation::{Op, Outcome, Span};
use histories::running::Running;
use histories::watcher::Audience;
use histories::workload::{self, Client, Mix};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

const CLIENTS: u64 = 8;
/// Bytes of the disk, and of a file that is in the way at first.
const DISK: &std::ffi::CStr = c"size=40m";
const FILLER: usize = 20 << 20;
/// Operations of a client, at most; far more than there is space for.
const OPERATIONS: usize = 2000;
const LARGE: Mix = Mix { put: 60, swap: 10, value: 64 << 10, ..Mix::EVEN };

/// Runs `work` in a thread, with a runtime of its own, which sees a small disk.
fn with_small_disk<F>(work: impl FnOnce(std::path::PathBuf) -> F + Send) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let place = tempfile::tempdir()?;
    let ran = std::thread::scope(|threads| {
        let thread = threads.spawn(|| {
            // SAFETY: this thread gets mounts of its own and shares its file descriptors with all others still.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            mount("none", place.path(), "tmpfs", MountFlags::empty(), DISK)?;
            // Its threads are begun by this one, so they see what it sees.
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
            runtime.block_on(work(place.path().to_owned()))
        });
        thread.join()
    });
    ran.map_err(|panic| anyhow!(supervise::panic_message(&*panic)))?
}

/// Lets the client work until its writes are refused several times.
async fn fill(mut client: Client) -> Result<Client> {
    let mut refused = 0;
    for _ in 0..OPERATIONS {
        refused += u32::from(!client.step().await?);
        if refused == 3 {
            return Ok(client);
        }
    }
    Err(anyhow!("the disk does not fill up"))
}

async fn fill_and_make_space(disk: &Path) -> Result<()> {
    let mut rng = Rng::with_seed(effort::seed("full disk"));
    let (directory, filler) = (disk.join("store"), disk.join("filler"));
    fs::write(&filler, vec![1; FILLER])?;
    let running = Running::open(&directory)?;
    let (recorder, lines) = Recorder::in_memory(0);
    let audience = Audience::new(running.store(), 1, 0);
    let watching = audience.clone();
    let observer = running.scope.spawn("observer", async move { watching.observe(2).await });

    let client = |_| Client::new(running.store(), Arc::clone(&recorder), LARGE, rng.u64(..));
    let clients: Vec<_> =
        (0..CLIENTS).map(client).map(|client| running.scope.spawn("fill", fill(client))).collect();
    let mut filled = Vec::new();
    for client in clients {
        filled.push(client.await??);
    }
    let full = running.embedded.revision();
    let read = recorder.perform(&running.store(), Op::Read { span: Span::All, at: None }).await?;
    ensure!(matches!(read, Some(Outcome::Read { .. })), "a read on a full disk is answered with {read:?}");
    let image = running.embedded.defragment().await;
    effort::report(&format!("full disk: full at revision {full}, an image: {image:?}"));

    fs::remove_file(&filler)?;
    workload::run(&running.scope, filled, 20).await?;
    workload::conclude(&running.store(), &recorder).await?;
    ensure!(running.embedded.revision() > full, "nothing was written after there was space again");
    let told = observer.await??;
    running.close().await?;
    let mut ledger = Ledger::default();
    let history = workload::judge(&mut ledger, lines.take(), told.clone())?;
    ensure!(history.calls.iter().any(|call| call.returned.is_none()), "no write was refused");

    let running = Running::open(&directory)?;
    let again = Audience::new(running.store(), 1, 0).observe(2).await?;
    ensure!(again == told, "the restarted store tells another history");
    let (recorder, lines) = Recorder::in_memory(u64::MAX << 32);
    let present = recorder.perform(&running.store(), Op::Read { span: Span::All, at: None }).await?;
    workload::judge(&mut ledger, lines.take(), Vec::new())?;
    let found = ledger.present().values().cloned().collect();
    ensure!(present == Some(Outcome::Read { revision: ledger.revision(), found }), "{present:?}");
    running.close().await.context("close the restarted store")
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_goes_on_with_space() -> Result<()> {
    with_small_disk(|disk| async move { fill_and_make_space(&disk).await })
}
