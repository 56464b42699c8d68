//! What a server writes for what it acknowledges, and what the disk can do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::fs::{FallocateFlags, fallocate, statfs};

use crate::load::{Clients, KEYS, VALUE, Work, pair_len};
use crate::server::Server;
use crate::table::Row;

/// So many that commits are shared.
const CLIENTS: usize = 64;
const PUTS: u64 = 100_000;
/// So that half of the puts supersede a value.
const WRITTEN_KEYS: u64 = 50_000;
/// What a server writes behind an acknowledgement is written by then.
const SETTLE: Duration = Duration::from_secs(2);

const WINDOW: Duration = Duration::from_millis(500);
/// More than any disk takes in that time.
const RESERVED: u64 = 64 << 20;

/// `f_type` of a file system in memory.
const TMPFS: u64 = 0x0102_1994;

/// # Errors
/// Where the folder is in memory, which knows no fsync.
pub(crate) fn expect_real(folder: &Path) -> Result<()> {
    let kind = statfs(folder)?.f_type as u64;
    ensure!(kind != TMPFS, "{} is in memory: set CARGO_TARGET_DIR to a folder on a disk", folder.display());
    Ok(())
}

/// Puts of many clients into stores that are empty, in which there are [`KEYS`] afterwards.
pub(crate) async fn written(etcd: &Server, ours: &Server) -> Result<Vec<Row>> {
    let (etcd, ours) = (amplification(etcd).await?, amplification(ours).await?);
    Ok(vec![Row {
        figure: "bytes written for an acknowledged one".to_owned(),
        etcd,
        ours,
        nothing: None,
        goal: "0.5x",
    }])
}

async fn amplification(server: &Server) -> Result<f64> {
    let clients = Clients::new(server, CLIENTS)?;
    let before = server.process()?.written()?;
    let acknowledged = clients.run(CLIENTS, Work::puts(PUTS, WRITTEN_KEYS)).await?;
    ensure!(acknowledged == PUTS, "{acknowledged} of {PUTS} puts are acknowledged: the server is too slow");
    tokio::time::sleep(SETTLE).await;
    let written = server.process()?.written()? - before;
    clients.fill(WRITTEN_KEYS..KEYS).await?;
    Ok(written as f64 / (PUTS * pair_len()) as f64)
}

/// How often a second 1 KB can be made durable behind the last, in space that is reserved as stores reserve it.
pub(crate) fn fsyncs(folder: &Path) -> Result<f64> {
    let file = File::create(folder.join("fsync"))?;
    fallocate(&file, FallocateFlags::empty(), 0, RESERVED)?;
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < WINDOW {
        file.write_all_at(&[b'x'; VALUE], count * VALUE as u64)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
