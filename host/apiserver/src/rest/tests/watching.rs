use expect_test::expect;
use objects::meta;
use objects::resource::Verb;
use objects::{Tree, tree};

use super::fixture::{Fixture, config_map};

async fn relabel(fixture: &Fixture, name: &str, value: &str) {
    let patch = tree!({ "metadata": { "labels": { "app": value } } });
    let call = fixture.call(Verb::Patch, "configmaps", name);
    fixture.tree(call.patch_of("application/merge-patch+json", &patch)).await.unwrap();
}

#[tokio::test]
async fn a_watch_from_a_list_has_no_gap() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    let list = fixture.tree(fixture.call(Verb::List, "configmaps", "")).await.unwrap();
    fixture.config_map("b", "1").await;
    fixture.tree(fixture.call(Verb::Delete, "configmaps", "a")).await.unwrap();
    let version = list.str_at(&["metadata", "resourceVersion"]).unwrap();
    let mut events = fixture.watch("configmaps", &[("resourceVersion", version)]).await;
    assert_eq!(events.brief().await, "ADDED b");
    assert_eq!(events.brief().await, "DELETED a");
    fixture.config_map("c", "1").await;
    assert_eq!(events.brief().await, "ADDED c");
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_the_state() {
    let fixture = Fixture::new().await;
    let created = fixture.config_map("a", "1").await;
    let mut events = fixture.watch("configmaps", &[]).await;
    assert_eq!(events.next().await, tree!({ "type": "ADDED", "object": created }));
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark_that_says_so() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    let query = [
        ("sendInitialEvents", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersionMatch", "NotOlderThan"),
    ];
    let mut events = fixture.watch("configmaps", &query).await;
    assert_eq!(events.brief().await, "ADDED a");
    let end = events.next().await;
    assert_eq!(end.str_at(&["type"]), Some("BOOKMARK"));
    assert_eq!(end.str_at(&["object", "metadata", "annotations", "k8s.io/initial-events-end"]), Some("true"));
}

#[tokio::test]
async fn an_object_that_is_no_longer_selected_is_deleted_to_the_watch() {
    let fixture = Fixture::new().await;
    let mut object = config_map("a", "1");
    object.set_at(&["metadata", "labels", "app"], "web");
    fixture.create("configmaps", object).await.unwrap();
    fixture.config_map("b", "1").await;
    let mut events = fixture.watch("configmaps", &[("labelSelector", "app=web")]).await;
    assert_eq!(events.brief().await, "ADDED a");
    relabel(&fixture, "a", "db").await;
    let gone = events.next().await;
    assert_eq!(gone.str_at(&["type"]), Some("DELETED"));
    assert_eq!(meta::label(gone.get("object").unwrap(), "app"), Some("web"));
    let now = fixture.get("configmaps", "a").await.unwrap();
    assert_eq!(meta::resource_version(gone.get("object").unwrap()), meta::resource_version(&now));
    relabel(&fixture, "b", "web").await;
    assert_eq!(events.brief().await, "ADDED b");
}

#[tokio::test]
async fn a_watch_of_one_name_sees_nothing_else() {
    let fixture = Fixture::new().await;
    let mut events = fixture.watch("configmaps", &[("fieldSelector", "metadata.name=b")]).await;
    fixture.config_map("a", "1").await;
    fixture.config_map("b", "1").await;
    assert_eq!(events.brief().await, "ADDED b");
}

#[tokio::test]
async fn a_watch_from_before_the_window_is_told_410_and_ends() {
    let fixture = Fixture::new().await;
    let created = fixture.config_map("a", "1").await;
    for n in 0..4100 {
        // Only the store is asked: the caches follow it.
        let key = format!("/registry/configmaps/default/x{}", n % 7);
        let value = config_map(&format!("x{}", n % 7), &n.to_string()).to_json();
        fixture.store.txn(datastore::Txn::put(key, value)).await.unwrap();
    }
    fixture.get("configmaps", "x0").await.unwrap();
    let version = meta::resource_version(&created);
    let mut events = fixture.watch("configmaps", &[("resourceVersion", version)]).await;
    let event: Tree = events.next().await;
    expect![["ERROR"]].assert_eq(event.str_at(&["type"]).unwrap());
    assert_eq!(event.i64_at(&["object", "code"]), Some(410));
    assert!(events.ends().await);
}

#[tokio::test]
async fn a_watch_ends_after_its_timeout() {
    let fixture = Fixture::new().await;
    let mut events = fixture.watch("configmaps", &[("timeoutSeconds", "1")]).await;
    assert!(events.ends().await);
}
