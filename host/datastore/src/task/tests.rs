//! The whole datastore on a disk that fills up or fails.

use mvcc::{KeyRange, RangeRequest, Revision, Txn};
use supervise::Task;

use super::*;
use crate::StoreError;
use crate::folder::fake::{FakeFolder, Health};

struct Running {
    store: Embedded,
    scope: Scope,
    task: Task<Result<(), TaskError>>,
    _directory: tempfile::TempDir,
}

fn start(folder: &FakeFolder) -> Running {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let lock = DirectoryLock::acquire(directory.path()).expect("a lock of its own");
    let config = Config::new(directory.path());
    let (store, task) =
        Embedded::open_folder(&config, Arc::new(folder.clone()), lock).expect("the store opens");
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

fn count(store: &Embedded) -> usize {
    store.range(&RangeRequest::new(KeyRange::all())).expect("the present can be read").count
}

fn large(n: usize) -> Txn {
    Txn::put(format!("/pods/{n}"), vec![n as u8; 100_000])
}

/// Puts until the disk takes no more; returns how many were acknowledged.
async fn fill(store: &Embedded) -> usize {
    for n in 0..1000 {
        if let Err(error) = store.txn(large(n)).await {
            assert!(error.to_string().contains("is full; free some space"), "{error}");
            return n;
        }
    }
    panic!("the disk never fills up");
}

async fn check_full(health: Health) {
    let folder = FakeFolder::default();
    let running = start(&folder);
    running.store.txn(Txn::put("/first", "1")).await.unwrap();
    folder.set_health(health);
    let acknowledged = fill(&running.store).await;
    let revision = running.store.revision();
    assert_eq!(revision, Revision(acknowledged as i64 + 2));
    assert_eq!(count(&running.store), acknowledged + 1);
    assert!(matches!(running.store.txn(large(0)).await, Err(StoreError::Write(_))));

    folder.set_health(Health::Good);
    let again = running.store.txn(Txn::put("/small", "1")).await.unwrap();
    assert_eq!(again.revision, revision.next(), "no revision is lost to a write that was refused");
    running.close().await;

    let after = start(&folder);
    assert_eq!((after.store.revision(), count(&after.store)), (revision.next(), acknowledged + 2));
    after.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_keeps_what_was_acknowledged() {
    check_full(Health::Full).await;
}

#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_of_a_write_leaves_nothing_of_it() {
    check_full(Health::FullForWrites).await;
}

#[tokio::test]
async fn a_disk_that_is_found_full_by_a_flush_leaves_nothing_of_the_write() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    folder.set_health(Health::FullForFlushes);
    let error = running.store.txn(Txn::put("/large", vec![b'x'; 2000])).await.unwrap_err();
    assert!(error.to_string().contains("is full; free some space"), "{error}");
    folder.set_health(Health::Good);
    running.store.txn(Txn::put("/small", "1")).await.unwrap();
    running.close().await;

    let after = start(&folder);
    assert_eq!((after.store.revision(), count(&after.store)), (Revision(2), 1));
    after.close().await;
}

#[tokio::test]
async fn a_full_disk_still_answers_reads_and_tells_no_watcher_of_what_it_refused() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    folder.set_health(Health::FullForWrites);
    let mut watches = running.store.watch_set();
    watches.add(1, KeyRange::all(), None).unwrap();
    running.store.txn(large(1)).await.unwrap_err();
    folder.set_health(Health::Good);
    running.store.txn(Txn::put("/small", "1")).await.unwrap();
    let told = watches.next().await.unwrap().outcome.unwrap();
    assert_eq!(told.events.iter().map(|event| &event.key()[..]).collect::<Vec<_>>(), [b"/small"]);
    running.close().await;
}

#[tokio::test]
async fn a_failed_flush_ends_the_task_and_nothing_of_it_is_seen() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    running.store.txn(Txn::put("/a", "1")).await.unwrap();
    folder.set_health(Health::FlushFails);
    let error = running.store.txn(Txn::put("/a", "2")).await.unwrap_err();
    assert!(error.is_ambiguous() && error.to_string().contains("the disk does not answer"), "{error}");
    let ended = running.task.await.unwrap();
    assert!(matches!(ended, Err(TaskError::File(_))), "{ended:?}");
    let read = running.store.range(&RangeRequest::new(KeyRange::key("/a"))).unwrap();
    assert_eq!((&read.kvs[0].value[..], read.revision), (&b"1"[..], Revision(2)));
    assert!(matches!(running.store.txn(Txn::put("/a", "3")).await, Err(StoreError::Stopped)));
}

#[tokio::test]
async fn what_a_committer_writes_is_of_one_order_with_the_rest_and_ends_with_it() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    let (here, committer) = running.store.committed_here();
    let scope = Scope::root("beside the store");
    let committing = scope.spawn("committer", committer.run());
    for n in 0..50 {
        let first = here.txn(Txn::put("/a", n.to_string())).await.unwrap().revision;
        let read = running.store.range(&RangeRequest::new(KeyRange::key("/a"))).unwrap();
        assert_eq!((&read.kvs[0].value[..], read.revision), (n.to_string().as_bytes(), first));
        assert_eq!(running.store.txn(Txn::put("/b", "1")).await.unwrap().revision, first.next());
    }
    running.close().await;
    assert!(matches!(here.txn(Txn::put("/a", "late")).await, Err(StoreError::Stopped)));
    committing.await.unwrap();

    let after = start(&folder);
    assert_eq!((after.store.revision(), count(&after.store)), (Revision(101), 2));
    after.close().await;
}

#[tokio::test]
async fn a_flush_that_fails_for_a_committer_ends_the_task() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    let (here, committer) = running.store.committed_here();
    let committing = running.scope.spawn("committer", committer.run());
    folder.set_health(Health::FlushFails);
    let error = here.txn(Txn::put("/a", "1")).await.unwrap_err();
    assert!(error.is_ambiguous() && error.to_string().contains("the disk does not answer"), "{error}");
    assert!(matches!(running.task.await.unwrap(), Err(TaskError::File(_))));
    committing.await.unwrap();
    assert_eq!(count(&here), 0);
}

#[tokio::test]
async fn a_committer_that_panics_ends_the_task_and_nothing_is_written_after() {
    let folder = FakeFolder::default();
    let running = start(&folder);
    let (here, committer) = running.store.committed_here();
    let committing = running.scope.spawn("committer", committer.run());
    folder.set_health(Health::Broken);
    assert!(matches!(here.txn(Txn::put("/a", "1")).await, Err(StoreError::Stopped)));
    committing.await.unwrap_err();
    assert!(matches!(running.task.await.unwrap(), Err(TaskError::Committer)));
    folder.set_health(Health::Good);
    assert!(matches!(running.store.txn(Txn::put("/a", "2")).await, Err(StoreError::Stopped)));
}
