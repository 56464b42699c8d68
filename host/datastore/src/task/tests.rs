//! The whole datastore on a disk that fills up or fails.

use mvcc::{KeyRange, RangeRequest, Revision, Txn};

use supervise::Task;

use super::*;
use crate::StoreError;
use crate::fake_disk::{FakeDisk, Health};

struct Running {
    store: Datastore,
    scope: Scope,
    task: Task<Result<(), TaskError>>,
    _directory: tempfile::TempDir,
}

fn start(disk: &FakeDisk) -> Running {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let lock = DirectoryLock::acquire(directory.path()).expect("a lock of its own");
    let disk = disk.clone();
    let open: Opener = Box::new(move || disk.open());
    let (store, task) = Datastore::open_volume(Config::new(directory.path()), "disk".into(), open, lock)
        .expect("the store opens");
    let scope = Scope::root("test");
    let task = scope.spawn("datastore", task.run(scope.token()));
    Running { store, scope, task, _directory: directory }
}

impl Running {
    async fn close(self) {
        self.scope.token().cancel();
        self.task.await.expect("the task does not panic").expect("the task ends well");
    }
}

async fn count(store: &Datastore) -> usize {
    store.range(RangeRequest::new(KeyRange::all())).await.expect("the present can be read").count
}

fn large(n: usize) -> Txn {
    Txn::put(format!("/pods/{n}"), vec![n as u8; 100_000])
}

/// Puts until the disk takes no more; returns how many were acknowledged.
async fn fill(store: &Datastore) -> usize {
    for n in 0..1000 {
        if let Err(error) = store.txn(large(n)).await {
            assert!(error.to_string().contains("the disk of disk is full; free some space"), "{error}");
            return n;
        }
    }
    panic!("the disk never fills up");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_keeps_what_was_acknowledged() {
    let disk = FakeDisk::default();
    let running = start(&disk);
    running.store.txn(large(0)).await.unwrap();
    disk.set_health(Health::Full);
    let acknowledged = fill(&running.store).await;
    let revision = running.store.revision();
    assert_eq!(count(&running.store).await, acknowledged.max(1));
    assert!(matches!(running.store.txn(Txn::put("/small", "1")).await, Err(StoreError::Write(_))));
    assert_eq!(running.store.revision(), revision);
    running.close().await;

    disk.set_health(Health::Good);
    let again = start(&disk);
    assert_eq!((again.store.revision(), count(&again.store).await), (revision, acknowledged.max(1)));
}

#[tokio::test]
async fn writes_go_on_when_a_full_disk_has_space_again() {
    let disk = FakeDisk::default();
    let running = start(&disk);
    disk.set_health(Health::Full);
    let acknowledged = fill(&running.store).await;
    disk.set_health(Health::Good);
    let revision = loop {
        match running.store.txn(Txn::put("/small", "1")).await {
            Ok(result) => break result.revision,
            Err(StoreError::Write(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(revision, Revision(acknowledged as i64 + 2));
    assert_eq!(count(&running.store).await, acknowledged + 1);
    running.close().await;

    let again = start(&disk);
    assert_eq!((again.store.revision(), count(&again.store).await), (revision, acknowledged + 1));
}

#[tokio::test]
async fn a_failed_flush_ends_the_task_and_nothing_of_it_is_seen() {
    let disk = FakeDisk::default();
    let running = start(&disk);
    running.store.txn(Txn::put("/a", "1")).await.unwrap();
    disk.set_health(Health::FlushFails);
    let error = running.store.txn(Txn::put("/a", "2")).await.unwrap_err();
    assert!(error.is_ambiguous() && error.to_string().contains("the disk does not answer"), "{error}");
    let ended = running.task.await.unwrap();
    assert!(matches!(ended, Err(TaskError::File(_))), "{ended:?}");
    let read = running.store.range(RangeRequest::new(KeyRange::key("/a"))).await.unwrap();
    assert_eq!((&read.kvs[0].value[..], read.revision), (&b"1"[..], Revision(2)));
    assert!(matches!(running.store.txn(Txn::put("/a", "3")).await, Err(StoreError::Stopped)));
}
