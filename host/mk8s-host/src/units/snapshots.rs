//! Snapshots of the embedded store, taken as time passes; the oldest go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use datastore::Embedded;
use supervise::{BoxError, OnFailure, Unit, UnitContext};
use tracing::{info, warn};

use crate::db::snapshot_name;
use crate::slot::Slot;
use crate::units::name;

/// After one that failed.
const RETRY: Duration = Duration::from_secs(10 * 60);
const PREFIX: &str = "snapshot-";

/// When and where.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) folder: PathBuf,
    pub(crate) interval: Duration,
    pub(crate) retention: usize,
}

pub(crate) fn unit(schedule: Schedule, store: Slot<Embedded>) -> Unit {
    Unit::new(name::SNAPSHOTS, &[name::DATASTORE], OnFailure::Restart, move |context| {
        run(schedule.clone(), store.clone(), context)
    })
}

async fn run(schedule: Schedule, store: Slot<Embedded>, context: UnitContext) -> Result<(), BoxError> {
    let stop = context.stop();
    context.ready();
    let mut pause = until_due(&schedule)?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        let (store, task) = (store.wait().await, schedule.clone());
        let taken = context.scope.spawn_blocking("snapshot", move || take(&task, &store)).await?;
        pause = match taken {
            Ok(path) => {
                info!(path = %path.display(), "took a snapshot of the store");
                schedule.interval
            }
            Err(why) => {
                warn!(error = format!("{why:#}"), "take a snapshot of the store; it is tried again");
                RETRY
            }
        };
    }
}

/// How long the newest snapshot is young enough; a store that has none yet has nothing to lose for an interval.
fn until_due(schedule: &Schedule) -> Result<Duration> {
    let Some(newest) = snapshots(&schedule.folder)?.pop() else { return Ok(schedule.interval) };
    let age = fs::metadata(&newest)?.modified()?.elapsed().unwrap_or_default();
    Ok(schedule.interval.saturating_sub(age))
}

fn take(schedule: &Schedule, store: &Embedded) -> Result<PathBuf> {
    let path = schedule.folder.join(snapshot_name(SystemTime::now()));
    etcd::snapshot::save(&store.export(), store.identity(), &path)?;
    let kept = snapshots(&schedule.folder)?;
    let spare = kept.len().saturating_sub(schedule.retention);
    for old in &kept[..spare] {
        fs::remove_file(old).with_context(|| format!("remove {}", old.display()))?;
    }
    Ok(path)
}

/// The snapshots of a folder, which is made if need be, the oldest first.
fn snapshots(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = || -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(folder)?;
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut found = listed().with_context(|| format!("list {}", folder.display()))?;
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(PREFIX) && name.ends_with(".db")
    };
    found.retain(is_one);
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let schedule = Schedule { folder: folder.path().to_owned(), interval: Duration::ZERO, retention: 2 };
        for name in ["snapshot-20200101T000000Z.db", "snapshot-20210101T000000Z.db", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let store = tempfile::tempdir().unwrap();
        let (store, _task) = Embedded::open(datastore::Config::new(store.path().join("store"))).unwrap();
        let taken = take(&schedule, &store).unwrap();
        let kept = snapshots(folder.path()).unwrap();
        assert_eq!(kept, [folder.path().join("snapshot-20210101T000000Z.db"), taken]);
        assert!(folder.path().join("notes.txt").exists());
    }
}
