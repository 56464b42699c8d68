//! The file on a disk that loses its power at any moment, and files of other releases.

use std::collections::BTreeMap;

use mvcc::{KeyRange, RangeRequest, Txn};

use super::*;
use crate::fake_disk::{FakeDisk, Operation, after_power_loss};

type Present = BTreeMap<Bytes, Arc<KeyValue>>;

fn present(store: &Store) -> Present {
    let all = store.range(&RangeRequest::new(KeyRange::all())).expect("the present can be read");
    all.kvs.into_iter().map(|kv| (kv.key.clone(), kv)).collect()
}

fn load(disk: &FakeDisk) -> Result<Store, FileError> {
    let path = Path::new("disk");
    disk.open().map_err(|error| FileError::new(path, error))?.load(path)
}

/// Writes and deletes of many sizes, one commit each; returns the key space after each revision.
fn write_much(disk: &FakeDisk) -> BTreeMap<i64, Present> {
    let file = disk.open().unwrap();
    let mut store = file.load(Path::new("disk")).unwrap();
    let mut spaces = BTreeMap::from([(1, present(&store))]);
    disk.acknowledge(1);
    for n in 0..40_usize {
        let key = format!("/registry/pods/{}", n * 7 % 13);
        let txn = if n % 5 == 4 {
            Txn::delete(KeyRange::key(key))
        } else {
            Txn::put(key, vec![n as u8; n * n * 5])
        };
        let Some(commit) = store.apply(&txn).unwrap().commit else { continue };
        let mut changes = Changes::new();
        collect(&mut changes, &commit);
        file.commit(store.revision(), &changes).unwrap();
        disk.acknowledge(store.revision().0);
        spaces.insert(store.revision().0, present(&store));
    }
    spaces
}

#[test]
fn a_power_loss_at_any_moment_keeps_what_was_acknowledged() {
    let disk = FakeDisk::default();
    let spaces = write_much(&disk);
    let log = disk.log();
    // A small generator, seeded, so that a failure can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut survives = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.is_multiple_of(2)
    };
    let mut checked = 0;
    for end in 0..=log.len() {
        let acknowledged = log[..end].iter().rev().find_map(|operation| match operation {
            Operation::Acknowledged(revision) => Some(*revision),
            _ => None,
        });
        let Some(acknowledged) = acknowledged else { continue };
        let store = load(&FakeDisk::holding(after_power_loss(&log[..end], &mut survives))).unwrap();
        let revision = store.revision().0;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&revision),
            "{revision} after {acknowledged} was acknowledged"
        );
        assert_eq!(present(&store), spaces[&revision], "revision {revision} after operation {end}");
        checked += 1;
    }
    assert!(checked > 100, "{checked} moments");
}

#[test]
fn a_commit_is_one_flush() {
    let disk = FakeDisk::default();
    write_much(&disk);
    let log = disk.log();
    let acknowledged = |operation: &Operation| matches!(operation, Operation::Acknowledged(_));
    let first = log.iter().position(acknowledged).unwrap();
    let last = log.iter().rposition(acknowledged).unwrap();
    let count =
        |claim: &dyn Fn(&Operation) -> bool| log[first + 1..=last].iter().filter(|one| claim(one)).count();
    let (flushes, commits) = (count(&|one| *one == Operation::Flush), count(&acknowledged));
    // Growing the file may take one more.
    assert!(flushes <= commits + commits / 4, "{flushes} flushes of {commits} commits");
}

#[test]
fn a_file_of_a_newer_release_is_refused_with_its_writer() {
    let disk = FakeDisk::default();
    load(&disk).unwrap();
    let file = disk.open().unwrap();
    let write = file.database.begin_write().unwrap();
    write.open_table(FACTS).unwrap().insert(FORMAT, CURRENT_FORMAT + 1).unwrap();
    write.open_table(WRITER).unwrap().insert((), "mk8s-host 9.9.9").unwrap();
    write.commit().unwrap();
    drop(file);
    let error = load(&disk).unwrap_err().to_string();
    assert!(
        error.starts_with("disk has format 2, written by mk8s-host 9.9.9; this is mk8s-host "),
        "{error}"
    );
}

#[test]
fn a_malformed_record_is_named() {
    let disk = FakeDisk::default();
    load(&disk).unwrap();
    let file = disk.open().unwrap();
    let write = file.database.begin_write().unwrap();
    write.open_table(KEYS).unwrap().insert(&b"/a"[..], &b"short"[..]).unwrap();
    write.commit().unwrap();
    drop(file);
    let error = load(&disk).unwrap_err().to_string();
    assert!(error.contains("the record of key /a is malformed"), "{error}");
}
