//! Many watches with one reader.

use datastore::{KeyRange, Revision, WatchError};

use crate::fixture::Fixture;

#[tokio::test]
async fn each_watch_is_told_of_its_own_range_alone() {
    let fixture = Fixture::temporary();
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::key("/a"), None).unwrap();
    set.add(2, KeyRange::prefix("/b/"), None).unwrap();
    set.add(3, KeyRange::from("/c"), None).unwrap();
    for key in ["/b/1", "/a", "/d"] {
        fixture.put(key, "1").await;
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        let next = set.next().await.unwrap();
        let events = next.outcome.unwrap().events;
        told.push((next.id, String::from_utf8_lossy(events[0].key()).into_owned(), events.len()));
    }
    told.sort();
    assert_eq!(told, [(1, "/a".to_owned(), 1), (2, "/b/1".to_owned(), 1), (3, "/d".to_owned(), 1)]);
    assert_eq!(set.caught_up(), Some(Revision(4)));
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_of_the_past_goes_on_with_the_present() {
    let fixture = Fixture::temporary();
    for value in ["1", "2", "3"] {
        fixture.put("/a", value).await;
    }
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::key("/a"), Some(Revision(3))).unwrap();
    assert_eq!(set.caught_up(), None);
    fixture.put("/a", "4").await;
    let batch = set.next().await.unwrap().outcome.unwrap();
    assert_eq!(batch.events.iter().map(|event| event.revision().0).collect::<Vec<_>>(), [3, 4, 5]);
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_of_the_future_is_not_told_what_comes_before() {
    let fixture = Fixture::temporary();
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::key("/a"), Some(Revision(4))).unwrap();
    for value in ["1", "2", "3"] {
        fixture.put("/a", value).await;
    }
    let batch = set.next().await.unwrap().outcome.unwrap();
    assert_eq!(batch.events.iter().map(|event| event.revision().0).collect::<Vec<_>>(), [4]);
    fixture.close().await;
}

#[tokio::test]
async fn a_quiet_watch_does_not_fall_behind_compaction() {
    let fixture = Fixture::temporary();
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::key("/quiet"), None).unwrap();
    for value in 0..10 {
        fixture.put("/loud", &value.to_string()).await;
    }
    fixture.store.compact(Revision(11)).await.unwrap();
    fixture.put("/quiet", "1").await;
    assert_eq!(set.next().await.unwrap().outcome.unwrap().revision, Revision(12));
    fixture.close().await;
}

#[tokio::test]
async fn a_watch_that_did_not_read_what_was_compacted_ends() {
    let fixture = Fixture::temporary();
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::key("/a"), None).unwrap();
    for value in 0..5 {
        fixture.put("/a", &value.to_string()).await;
    }
    fixture.store.compact(Revision(5)).await.unwrap();
    let told = set.next().await.unwrap();
    assert_eq!(
        told.outcome.unwrap_err(),
        WatchError::Compacted { requested: Revision(2), compacted: Revision(5) }
    );
    assert!(!set.contains(told.id));
    fixture.close().await;
}

#[tokio::test]
async fn a_stopped_store_tells_what_it_has_and_ends() {
    let fixture = Fixture::temporary();
    let mut set = fixture.embedded.watch_set();
    set.add(1, KeyRange::all(), None).unwrap();
    fixture.put("/a", "1").await;
    fixture.close().await;
    assert_eq!(set.next().await.unwrap().outcome.unwrap().events.len(), 1);
    assert_eq!(set.next().await.unwrap_err(), WatchError::Stopped);
}
