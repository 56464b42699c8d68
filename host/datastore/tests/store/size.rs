//! How large a store may become, and how its files are drawn together.

use std::path::Path;

use datastore::{Alarm, Config, KeyRange, LeaseId, RangeRequest, Revision, StoreError, Txn, WatchRequest};

use crate::fixture::Fixture;

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the store's directory");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut names: Vec<_> = entries.filter_map(name).collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[tokio::test]
async fn at_its_quota_the_store_takes_nothing_that_makes_it_larger_until_the_alarm_is_disarmed() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { quota: 10_000, ..Config::new(directory.path().join("store")) };
    let fixture = Fixture::with(config.clone());
    let put = |n: usize| fixture.store.txn(Txn::put(format!("/{n}"), "x".repeat(1000)));
    let mut taken = 0;
    let refused = loop {
        match put(taken).await {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreError::NoSpace) && (5..12).contains(&taken), "{refused} after {taken}");
    assert!(matches!(fixture.embedded.grant(LeaseId::NONE, 5).await, Err(StoreError::NoSpace)));
    let deleted = fixture.store.txn(Txn::delete(KeyRange::all())).await.unwrap();
    fixture.store.compact(deleted.revision).await.unwrap();
    assert!(matches!(put(0).await, Err(StoreError::NoSpace)), "the alarm is raised still");
    fixture.close().await;

    let again = Fixture::with(config);
    assert_eq!(again.embedded.status().alarms, [Alarm::NoSpace], "an alarm outlives a restart");
    again.embedded.set_alarm(Alarm::NoSpace, false).await.unwrap();
    again.put("/a", "1").await;
    again.close().await;
}

#[tokio::test]
async fn a_store_that_was_found_damaged_changes_nothing_and_is_read() {
    let fixture = Fixture::temporary();
    let (embedded, store) = (&fixture.embedded, &fixture.store);
    fixture.put("/a", "1").await;
    embedded.grant(LeaseId(7), 100).await.unwrap();
    embedded.set_alarm(Alarm::Corrupt, true).await.unwrap();
    assert!(matches!(store.txn(Txn::put("/a", "2")).await, Err(StoreError::Corrupt)));
    assert!(matches!(store.txn(Txn::delete(KeyRange::all())).await, Err(StoreError::Corrupt)));
    assert!(matches!(embedded.grant(LeaseId(8), 100).await, Err(StoreError::Corrupt)));
    assert!(matches!(embedded.revoke(LeaseId(7)).await, Err(StoreError::Corrupt)));
    assert!(matches!(store.compact(embedded.revision()).await, Err(StoreError::Corrupt)));
    assert_eq!(store.range(RangeRequest::new(KeyRange::all())).await.unwrap().kvs.len(), 1);
    embedded.set_alarm(Alarm::Corrupt, false).await.unwrap();
    fixture.put("/a", "2").await;
    fixture.close().await;
}

#[tokio::test]
async fn defragmenting_leaves_an_image_and_one_log_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::open(directory.path());
    fixture.embedded.grant(LeaseId(7), 100).await.unwrap();
    for n in 0..100 {
        fixture.put(&format!("/{}", n % 10), &n.to_string()).await;
    }
    fixture.store.compact(Revision(90)).await.unwrap();
    fixture.embedded.defragment().await.unwrap();
    fixture.put("/a", "1").await;
    fixture.store.compact(Revision(102)).await.unwrap();
    fixture.put("/b", "1").await;
    fixture.embedded.set_alarm(Alarm::Corrupt, true).await.unwrap();
    fixture.embedded.defragment().await.unwrap();
    let before = (fixture.embedded.export(), fixture.embedded.identity());
    fixture.close().await;

    let names = files(&directory.path().join("store"));
    let kinds: Vec<_> = names.iter().map(|name| name.split_once('-').unwrap().0).collect();
    assert_eq!(kinds, ["image", "log", "log"], "{names:?}");
    let again = Fixture::open(directory.path());
    let after = (again.embedded.export(), again.embedded.identity());
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    assert_eq!(again.embedded.compacted(), Revision(102));
    let mut watch = again.store.watch(WatchRequest::new(KeyRange::all()).from(Revision(102))).await.unwrap();
    assert_eq!(
        watch.next().await.unwrap().events.len(),
        2,
        "the commit that was compacted to can be watched"
    );
    again.close().await;
}

#[tokio::test]
async fn logs_are_drawn_together_when_they_outgrow_what_they_tell_of() {
    let directory = tempfile::tempdir().unwrap();
    let fixture =
        Fixture::with(Config { history_weight: 1 << 20, ..Config::new(directory.path().join("store")) });
    let value = "x".repeat(1 << 20);
    for n in 0..200 {
        fixture.put(&format!("/{}", n % 4), &value).await;
    }
    let largest = fixture.embedded.status().bytes_on_disk;
    assert!(largest < 200 << 20, "{largest} bytes on disk");
    fixture.close().await;
    let again = Fixture::open(directory.path());
    assert_eq!(again.embedded.revision(), Revision(201));
    assert_eq!(again.store.range(RangeRequest::new(KeyRange::all())).await.unwrap().count, 4);
    again.close().await;
}
