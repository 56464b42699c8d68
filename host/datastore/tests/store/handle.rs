//! Reads, writes, watches and pages through the handle.

use std::time::Duration;

use datastore::{
    Compare, Config, Event, KeyRange, Op, OpResult, RangeError, RangeRequest, Revision, StoreError, Txn,
    WatchError, WatchRequest,
};

use crate::fixture::Fixture;

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_reopen() {
    let directory = tempfile::tempdir().unwrap();
    let first = Fixture::open(directory.path());
    first.put("/a", "1").await;
    first.put("/b", "1").await;
    first.put("/a", "2").await;
    first.store.txn(Txn::delete(KeyRange::key("/b"))).await.unwrap();
    first.close().await;

    let second = Fixture::open(directory.path());
    assert_eq!(second.embedded.revision(), Revision(5));
    let all = second.store.range(RangeRequest::new(KeyRange::all())).await.unwrap();
    assert_eq!(all.count, 1);
    let kv = &all.kvs[0];
    assert_eq!((&kv.key[..], &kv.value[..]), (&b"/a"[..], &b"2"[..]));
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (Revision(2), Revision(4), 2));
    assert_eq!(second.put("/c", "1").await, Revision(6));
    second.close().await;
}

#[tokio::test]
async fn history_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = Fixture::open(directory.path());
    for value in ["1", "2", "3"] {
        first.put("/a", value).await;
    }
    first.store.compact(Revision(3)).await.unwrap();
    first.put("/a", "4").await;
    first.close().await;

    let second = Fixture::open(directory.path());
    let at = async |revision| {
        let read = second.store.range(RangeRequest::new(KeyRange::all()).at(Revision(revision))).await;
        read.map(|read| String::from_utf8_lossy(&read.kvs[0].value).into_owned())
    };
    assert_eq!(at(4).await.unwrap(), "3");
    assert_eq!(at(3).await.unwrap(), "2");
    let old = at(2).await.unwrap_err();
    assert!(matches!(old, StoreError::Range(RangeError::Compacted { .. })), "{old}");
    let watch = second.store.watch(WatchRequest::new(KeyRange::all()).from(Revision(2))).await.unwrap_err();
    assert_eq!(watch, WatchError::Compacted { requested: Revision(2), compacted: Revision(3) });
    let mut watch = second.store.watch(WatchRequest::new(KeyRange::all()).from(Revision(3))).await.unwrap();
    let batch = watch.next().await.unwrap();
    assert_eq!(batch.events.iter().map(Event::revision).collect::<Vec<_>>(), [3, 4, 5].map(Revision));
    assert_eq!(batch.events[2].prev().unwrap().mod_revision, Revision(4));
    second.close().await;
}

#[tokio::test]
async fn one_of_many_concurrent_creators_wins() {
    let fixture = Fixture::temporary();
    let attempts = (0..50).map(|n| {
        let store = fixture.store.clone();
        async move {
            let create = Txn::guarded(Compare::absent("/lock"), Op::put("/lock", format!("{n}")));
            store.txn(create).await.unwrap().succeeded
        }
    });
    let won = futures_util::future::join_all(attempts).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(fixture.embedded.revision(), Revision(2));
    fixture.close().await;
}

#[tokio::test]
async fn an_acknowledged_write_is_seen_by_the_next_read() {
    let fixture = Fixture::temporary();
    for n in 0..20 {
        let revision = fixture.put("/a", &n.to_string()).await;
        assert_eq!(fixture.embedded.revision(), revision);
        let read = fixture.store.range(RangeRequest::new(KeyRange::key("/a"))).await.unwrap();
        assert_eq!((read.revision, &read.kvs[0].value[..]), (revision, n.to_string().as_bytes()));
    }
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_catches_up_from_history_then_follows() {
    let fixture = Fixture::temporary();
    fixture.put("/pods/a", "1").await;
    fixture.put("/nodes/a", "1").await;
    fixture.put("/pods/a", "2").await;
    let request = WatchRequest::new(KeyRange::prefix("/pods/")).from(Revision(2));
    let mut watch = fixture.store.watch(request).await.unwrap();
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.revision, batch.events.len()), (Revision(4), 2));
    assert_eq!(&batch.events[1].prev().unwrap().value[..], b"1");

    fixture.store.txn(Txn::delete(KeyRange::prefix("/pods/"))).await.unwrap();
    let batch = watch.next().await.unwrap();
    let [event] = &batch.events[..] else { panic!("{batch:?}") };
    assert_eq!((&event.key()[..], event.kv(), event.revision()), (&b"/pods/a"[..], None, Revision(5)));
    assert_eq!(&event.prev().unwrap().value[..], b"2");
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_tells_of_progress_when_it_is_asked_for_it() {
    let fixture = Fixture::temporary();
    let mut watch = fixture.store.watch(WatchRequest::new(KeyRange::prefix("/pods/"))).await.unwrap();
    fixture.put("/nodes/a", "1").await;
    assert!(tokio::time::timeout(Duration::from_millis(5), watch.next()).await.is_err());
    watch.want_progress();
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.revision, batch.events.len()), (Revision(2), 0));

    fixture.put("/pods/a", "1").await;
    fixture.put("/nodes/a", "2").await;
    watch.want_progress();
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.revision, batch.events.len()), (Revision(4), 1));
    fixture.close().await;
}

#[tokio::test]
async fn listing_and_watching_leaves_no_gap() {
    let fixture = Fixture::temporary();
    fixture.put("/pods/a", "1").await;
    let (list, mut watch) = fixture.store.list_and_watch(KeyRange::prefix("/pods/")).await.unwrap();
    assert_eq!((list.revision, list.count), (Revision(2), 1));
    fixture.put("/pods/b", "1").await;
    let batch = watch.next().await.unwrap();
    assert_eq!(batch.events[0].revision(), list.revision.next());
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_that_falls_behind_compaction_is_told_the_oldest_revision() {
    let fixture = Fixture::temporary();
    let mut watch = fixture.store.watch(WatchRequest::new(KeyRange::all())).await.unwrap();
    for n in 0..5 {
        fixture.put("/a", &n.to_string()).await;
    }
    fixture.store.compact(Revision(5)).await.unwrap();
    let behind = WatchError::Compacted { requested: Revision(2), compacted: Revision(5) };
    assert_eq!(watch.next().await.unwrap_err(), behind);
    assert_eq!(watch.next().await.unwrap_err(), behind);
    fixture.close().await;
}

#[tokio::test]
async fn a_dropped_wait_loses_no_event() {
    let fixture = Fixture::temporary();
    let mut watch = fixture.store.watch(WatchRequest::new(KeyRange::all())).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(5), watch.next()).await;
    assert!(waited.is_err());
    fixture.put("/a", "1").await;
    assert_eq!(watch.next().await.unwrap().events.len(), 1);
    fixture.close().await;
}

#[tokio::test]
async fn pages_show_one_revision_while_writes_go_on() {
    let fixture = Fixture::temporary();
    for n in 0..10 {
        fixture.put(&format!("/pods/{n}"), "1").await;
    }
    let mut pages = fixture.store.pages(KeyRange::prefix("/pods/"), 4);
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        seen.extend(page.kvs.iter().map(|kv| kv.value.clone()));
        fixture.put("/pods/9", "2").await;
        fixture.put(&format!("/pods/more-{}", seen.len()), "2").await;
    }
    assert_eq!(seen, vec!["1"; 10]);
    assert_eq!(pages.revision(), Some(Revision(11)));
    fixture.close().await;
}

#[tokio::test]
async fn a_failed_comparison_answers_with_what_is_there() {
    let fixture = Fixture::temporary();
    fixture.put("/a", "1").await;
    let update = Txn::guarded(Compare::unchanged("/a", Revision(9)), Op::put("/a", "2"));
    let result = fixture.store.txn(update).await.unwrap();
    assert!(!result.succeeded);
    let [OpResult::Range(found)] = &result.results[..] else { panic!("{result:?}") };
    assert_eq!(found.kvs[0].mod_revision, Revision(2));
    fixture.close().await;
}

#[tokio::test]
async fn after_the_task_ended_writes_are_refused_and_reads_go_on() {
    let fixture = Fixture::temporary();
    fixture.put("/a", "1").await;
    let store = fixture.store.clone();
    let mut watch = store.watch(WatchRequest::new(KeyRange::all())).await.unwrap();
    fixture.close().await;
    assert!(matches!(store.txn(Txn::put("/a", "2")).await, Err(StoreError::Stopped)));
    assert_eq!(store.range(RangeRequest::new(KeyRange::all())).await.unwrap().count, 1);
    assert_eq!(watch.next().await.unwrap_err(), WatchError::Stopped);
}

#[tokio::test]
async fn history_over_its_weight_is_forgotten_before_its_time() {
    let fixture = Fixture::configured(|config| Config { history_weight: 10_000, ..config });
    for _ in 0..100 {
        fixture.put("/a", &"x".repeat(1000)).await;
    }
    assert!(fixture.embedded.compacted() > Revision(85), "{}", fixture.embedded.compacted());
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn history_is_kept_for_its_window_and_then_forgotten() {
    let fixture = Fixture::temporary();
    tokio::task::yield_now().await;
    fixture.put("/a", "1").await;
    fixture.put("/a", "2").await;
    tokio::time::advance(Duration::from_secs(20)).await;
    fixture.put("/a", "3").await;
    tokio::time::advance(Config::HISTORY_WINDOW - Duration::from_secs(50)).await;
    fixture.put("/a", "4").await;
    assert_eq!(fixture.embedded.compacted(), Revision::UNCOMPACTED);
    tokio::time::advance(Duration::from_secs(50)).await;
    fixture.put("/a", "5").await;
    fixture.put("/a", "6").await;
    let compacted = fixture.embedded.compacted();
    assert!((Revision(3)..=Revision(4)).contains(&compacted), "{compacted}");
    fixture.close().await;
}
