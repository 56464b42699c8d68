//! Stores whose power went away at any write, whose files were cut short, and whose bits flipped.

use std::time::Duration;

use mvcc::{KeyRange, KeyValue, LeaseId, Op, RangeRequest, Txn};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::file::frame::FrameBuffer;
use crate::file::head::Head;
use crate::file::image::Image;
use crate::folder::fake::{FakeFolder, Files, Operation, after_power_loss};

const IDENTITY: Identity = Identity { cluster: 1, member: 2 };

#[derive(Clone, Debug)]
enum Step {
    /// Values by key, in one frame; `None` deletes.
    Commits(Vec<(u8, Option<usize>)>),
    Grant(i64),
    Revoke(i64),
    /// Compacts to the present and tells of it.
    Compact,
    /// Compacts to the present and writes an image.
    Image,
    Rotate,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0..5u8, prop::option::weighted(0.8, 0..3000usize));
    prop_oneof![
        8 => vec(change, 1..4).prop_map(Step::Commits),
        1 => (1..3i64).prop_map(Step::Grant),
        1 => (1..3i64).prop_map(Step::Revoke),
        1 => Just(Step::Compact),
        1 => Just(Step::Image),
        1 => Just(Step::Rotate),
    ]
}

/// What a store shows: all keys, and leases.
type Shown = (Revision, Vec<KeyValue>, Vec<(LeaseId, i64)>);

fn shown(store: &Store) -> Shown {
    let all = store.range(&RangeRequest::new(KeyRange::all())).expect("the present can be read");
    let kvs = all.kvs.iter().map(|kv| (**kv).clone()).collect();
    (store.revision(), kvs, store.leases().map(|(id, lease)| (id, lease.ttl)).collect())
}

/// Carries steps out as the writer does, and gives what the store showed after each frame.
fn write(folder: &FakeFolder, steps: &[Step]) -> Vec<Shown> {
    let folder_handle: Arc<dyn Folder> = Arc::new(folder.clone());
    let (mut store, mut journal) =
        load(&*folder_handle).unwrap().resume(Arc::clone(&folder_handle), || IDENTITY).unwrap();
    let mut seen = vec![shown(&store)];
    let mut frame = FrameBuffer::new();
    for step in steps {
        match step {
            Step::Commits(changes) => {
                for (key, length) in changes {
                    let key = format!("/{key}");
                    let op = match length {
                        Some(length) => Op::put(key, vec![b'v'; *length]),
                        None => Op::delete(key),
                    };
                    let txn = Txn { success: vec![op], ..Txn::default() };
                    if let Some(commit) = store.apply(&txn).unwrap().commit {
                        entry::put_commit(&commit, frame.payload());
                    }
                }
            }
            Step::Grant(id) => {
                if store.grant(LeaseId(*id), 10, Duration::ZERO).is_ok() {
                    entry::put(&Entry::Granted { lease: LeaseId(*id), ttl: 10 }, frame.payload());
                }
            }
            Step::Revoke(id) => {
                if store.revoke(LeaseId(*id)).is_ok() {
                    entry::put(&Entry::Revoked(LeaseId(*id)), frame.payload());
                }
            }
            Step::Compact => {
                let revision = store.revision();
                if store.compact(revision).is_ok() {
                    entry::put(&Entry::Compacted(revision), frame.payload());
                }
            }
            Step::Rotate => journal.rotate().unwrap(),
            Step::Image => {
                let revision = store.revision();
                if store.compact(revision).is_ok() {
                    let image = Image {
                        identity: IDENTITY,
                        revision,
                        kvs: store.present().scan(&KeyRange::all(), revision).unwrap().cloned().collect(),
                        leases: store.leases().map(|(id, lease)| (id, lease.ttl)).collect(),
                        alarms: Vec::new(),
                    };
                    image.write(&*folder_handle).unwrap();
                    journal.drop_before(revision).unwrap();
                }
            }
        }
        if !frame.is_empty() {
            journal.append(&mut frame, store.revision()).unwrap();
            frame.clear();
            folder.acknowledge(seen.len() as i64);
            seen.push(shown(&store));
        }
    }
    seen
}

fn acknowledged(operations: &[Operation]) -> usize {
    let last = operations.iter().rev().find_map(|operation| match operation {
        Operation::Acknowledged(count) => Some(*count as usize),
        _ => None,
    });
    last.unwrap_or(0)
}

/// Opens what is there and repairs it, as a start does.
fn reopen(files: Files) -> Result<(Shown, FakeFolder), FileError> {
    let folder = FakeFolder::holding(files);
    let loaded = load(&folder)?;
    let (store, _) = loaded.resume(Arc::new(folder.clone()), || IDENTITY)?;
    Ok((shown(&store), folder))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn power_may_go_away_at_any_write(steps in vec(step(), 1..12), lucky in vec(any::<bool>(), 64)) {
        let folder = FakeFolder::default();
        let seen = write(&folder, &steps);
        let operations = folder.log();
        for end in 0..=operations.len() {
            let mut luck = lucky.iter().cycle();
            let files = after_power_loss(&operations[..end], || *luck.next().unwrap());
            let (found, repaired) = reopen(files).unwrap_or_else(|error| panic!("after {end} operations: {error}"));
            let least = acknowledged(&operations[..end]);
            prop_assert!(
                seen[least..].iter().take(2).any(|state| *state == found),
                "after {} operations revision {} is found, {} were acknowledged",
                end, found.0, least,
            );
            // It goes on from there, and finds that again.
            let more = write(&repaired, &[Step::Commits(vec![(9, Some(1))])]);
            prop_assert_eq!(&more[0], &found);
            prop_assert_eq!(&reopen(repaired.files()).unwrap().0, &more[1]);
        }
    }

    #[test]
    fn no_flipped_bit_is_served(steps in vec(step(), 1..8), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let folder = FakeFolder::default();
        let seen = write(&folder, &steps);
        let mut files = folder.files();
        let written: Vec<(String, usize)> = files
            .iter()
            .map(|(name, content)| {
                let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                (name.clone(), used)
            })
            .collect();
        let mut position = at.index(written.iter().map(|(_, used)| used).sum());
        for (name, used) in written {
            if position < used {
                files.get_mut(&name).unwrap()[position] ^= 1 << bit;
                break;
            }
            position -= used;
        }
        if let Ok((found, _)) = reopen(files) {
            prop_assert_eq!(Some(&found), seen.last());
        }
    }

    #[test]
    fn no_file_that_was_cut_short_is_served(steps in vec(step(), 1..8), at in any::<prop::sample::Index>()) {
        let folder = FakeFolder::default();
        write(&folder, &steps);
        let files = folder.files();
        for (name, content) in &files {
            let mut files = files.clone();
            files.insert(name.clone(), content[..at.index(content.len())].to_vec());
            let error = reopen(files).expect_err("a file that was cut short is found");
            prop_assert!(error.to_string().contains("db restore"), "{}", error);
        }
    }
}

#[test]
fn a_load_leaves_nothing_to_forget() {
    let folder = FakeFolder::default();
    let put = |length| Step::Commits(vec![(1, Some(length))]);
    write(&folder, &[put(1000), put(2000), Step::Compact, put(10)]);
    let mut store = load(&folder).unwrap().store;
    let weight = store.history_weight();
    store.prune(usize::MAX);
    assert_eq!((store.compacted(), store.history_weight()), (Revision(3), weight));
}

#[test]
fn a_missing_log_is_found() {
    let folder = FakeFolder::default();
    let steps = [Step::Grant(1), Step::Rotate, Step::Grant(2), Step::Rotate, Step::Revoke(1)];
    write(&folder, &steps);
    let mut files = folder.files();
    let second = files.keys().nth(1).unwrap().clone();
    files.remove(&second);
    let error = reopen(files).unwrap_err().to_string();
    assert!(error.contains("a file is missing"), "{error}");
}

#[test]
fn a_log_of_another_store_is_refused() {
    let folder = FakeFolder::default();
    write(&folder, &[Step::Grant(1), Step::Rotate]);
    let mut files = folder.files();
    let last = files.keys().last().unwrap().clone();
    let mut frame = FrameBuffer::new();
    Head::new(Identity { cluster: 7, member: 7 }).put(frame.payload());
    let mut content = frame.seal(name::of_log(&last).unwrap()).to_vec();
    content.resize(CHUNK as usize, 0);
    files.insert(last, content);
    let error = reopen(files).unwrap_err().to_string();
    assert!(error.contains("belongs to another store"), "{error}");
}

#[test]
fn a_file_of_a_newer_release_names_it() {
    let mut frame = FrameBuffer::new();
    let head = Head { format: 9, identity: IDENTITY, writer: "mk8s-host 9.0.0".into() };
    head.put(frame.payload());
    let mut content = frame.seal(0).to_vec();
    content.resize(CHUNK as usize, 0);
    let error = reopen(Files::from([(name::log(0), content)])).unwrap_err().to_string();
    assert!(error.contains("has format 9, written by mk8s-host 9.0.0"), "{error}");
}
