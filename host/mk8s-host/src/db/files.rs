//! The files of a stopped store.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use datastore::{Config, DirectoryLock, Embedded, Sound};

use super::size;
use crate::data_dir::DataDir;
use crate::store;
use crate::terminal::print;

/// Revisions that a restored store skips: no client has seen one that far ahead.
const BUMP: i64 = 1_000_000_000;

/// Held while nobody else may run on the data directory.
fn stopped(data_dir: &DataDir) -> Result<DirectoryLock> {
    if !data_dir.root().exists() {
        bail!("there is no data directory {}: name it with --data-dir", data_dir.root().display());
    }
    data_dir.prepare()?;
    Ok(DirectoryLock::acquire(&data_dir.lock())?)
}

pub(super) fn check(data_dir: &DataDir) -> Result<()> {
    let _lock = stopped(data_dir)?;
    let directory = store::directory(data_dir);
    let Sound { identity, revision, compacted, keys, leases, bytes, logs, alarms, torn } =
        datastore::check(&directory)?;
    if identity.is_none() {
        return print(&format!("{} holds no store yet\n", directory.display()));
    }
    let compacted =
        if compacted.0 > 0 { format!("compacted to {compacted}") } else { "not compacted".into() };
    print(&format!(
        "sound: revision {revision}, {compacted}, {keys} keys, {leases} leases, {} in {logs} logs and an image\n",
        size(bytes),
    ))?;
    for alarm in alarms {
        print(&format!("alarm {alarm} is raised: `mk8s-host db disarm` takes it back once the node runs\n"))?;
    }
    if let Some(bytes) = torn {
        print(&format!(
            "a crash cut off the last {bytes} bytes, which nobody was told of: the next start takes them away\n"
        ))?;
    }
    Ok(())
}

/// A snapshot of the files; gives its bytes.
pub(super) fn snapshot(data_dir: &DataDir, path: &Path) -> Result<u64> {
    let _lock = stopped(data_dir)?;
    let directory = store::directory(data_dir);
    if datastore::check(&directory)?.identity.is_none() {
        bail!("{} holds no store yet: `mk8s-host run` makes it", directory.display());
    }
    // It is opened and never run, so that nothing of it changes but what a crash cut off.
    let (store, _task) = Embedded::open(Config::new(directory))?;
    Ok(etcd::snapshot::save(&store.export(), store.identity(), path)?)
}

/// Puts what a snapshot holds in the place of the store, which is kept beside it.
pub(super) fn restore(data_dir: &DataDir, snapshot: &Path, no_bump: bool) -> Result<()> {
    let _lock = stopped(data_dir)?;
    let import = etcd::import(snapshot)?;
    let import = if no_bump { import } else { import.bumped(BUMP) };
    let revision = import.revision();
    let directory = store::directory(data_dir);
    let made = directory.with_extension("restored");
    remove_if_there(&made)?;
    fs::create_dir(&made).with_context(|| format!("make {}", made.display()))?;
    import.write(&made)?;
    let sound = datastore::check(&made)?;
    if sound.revision != revision {
        bail!("what was written of {} does not read back: nothing was changed", snapshot.display());
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let before = directory.with_extension(format!("before-{seconds}"));
    fs::rename(&directory, &before)
        .and_then(|()| fs::rename(&made, &directory))
        .and_then(|()| sync_parent(&directory))
        .with_context(|| format!("put {} in the place of {}", made.display(), directory.display()))?;
    print(&format!(
        "restored {} keys and {} leases at revision {revision}; the store of before is in {}\n",
        sound.keys,
        sound.leases,
        before.display(),
    ))
}

fn remove_if_there(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(why).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
