use std::collections::VecDeque;
use std::sync::Mutex;

use client::Body;
use futures_util::FutureExt;
use http::{Method, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use objects::status::Status;
use objects::tree;
use supervise::Scope;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::fake::{self, Asked};
use crate::metrics::LoopMetrics;

const PATH: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, version: &str) -> Tree {
    tree!({ "metadata": { "namespace": "default", "name": name, "resourceVersion": version } })
}

/// A reflector that gets these answers, one after another, and then waits; with what it tells and asks.
struct Script {
    scope: Scope,
    store: Store<ConfigMap>,
    queue: Queue<String>,
    asked: UnboundedReceiver<Asked>,
}

fn script(answers: impl IntoIterator<Item = Response<Body>>) -> Script {
    let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
    let (client, asked) = fake::client(move |_| {
        answers.lock().unwrap().pop_front().unwrap_or_else(|| fake::status(&Status::unavailable("later")))
    });
    let queue = Queue::new("test", &LoopMetrics::new(&observe::Metrics::new()));
    let reflector = Reflector::new(client.namespaced::<ConfigMap>("default"), ListOptions::default())
        .feed(&queue, |map| map.metadata.name.clone());
    let (scope, store) = (Scope::root("test"), reflector.store());
    scope.spawn("reflector", reflector.run(scope.token()));
    Script { scope, store, queue, asked }
}

impl Script {
    async fn asked(&mut self) -> String {
        let asked = self.asked.recv().await.unwrap();
        assert_eq!(asked.method, Method::GET);
        asked.path
    }

    async fn told(&self) -> String {
        let key = self.queue.take().await;
        self.queue.done(&key, None);
        key
    }

    fn names(&self) -> Vec<String> {
        self.store.in_namespace("default").iter().filter_map(|map| map.metadata.name.clone()).collect()
    }
}

#[tokio::test]
async fn a_list_fills_the_store_and_the_watch_follows_from_its_version() {
    let (events, watch) = fake::watch();
    let mut script = script([fake::list("7", vec![map("a", "3"), map("b", "5")]), watch]);
    script.store.synced().await;
    assert_eq!([script.told().await, script.told().await], ["a", "b"]);
    assert_eq!(script.asked().await, format!("{PATH}?limit=500"));
    assert_eq!(script.asked().await, format!("{PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=7"));
    events.send("ADDED", map("c", "8"));
    assert_eq!(script.told().await, "c");
    events.send("DELETED", map("a", "9"));
    assert_eq!(script.told().await, "a");
    assert_eq!(script.names(), ["b", "c"]);
    assert!(script.store.get("default", "a").is_none());
    assert_eq!(script.store.all().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_at_the_last_version_or_bookmark() {
    let (first, first_watch) = fake::watch();
    let (second, second_watch) = fake::watch();
    let (third, third_watch) = fake::watch();
    let mut script = script([fake::list("7", vec![]), first_watch, second_watch, third_watch]);
    first.send("ADDED", map("a", "8"));
    drop(first);
    second.send("BOOKMARK", tree!({ "metadata": { "resourceVersion": "30" } }));
    drop(second);
    let versions = [script.asked().await, script.asked().await, script.asked().await, script.asked().await];
    let version = |path: &String| path.rsplit_once("resourceVersion=").map(|(_, version)| version.to_owned());
    assert_eq!(versions.each_ref().map(version)[1..], ["7", "8", "30"].map(|text| Some(text.to_owned())));
    third.send("MODIFIED", map("b", "31"));
    assert_eq!([script.told().await, script.told().await], ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_makes_it_list_again_and_drop_what_is_no_more() {
    let (events, watch) = fake::watch();
    let (_open, after) = fake::watch();
    let script = script([
        fake::list("7", vec![map("a", "3"), map("b", "5")]),
        watch,
        fake::list("90", vec![map("b", "80")]),
        after,
    ]);
    assert_eq!([script.told().await, script.told().await], ["a", "b"]);
    events.send("ERROR", Status::watch_too_old().to_tree());
    assert_eq!([script.told().await, script.told().await], ["b", "a"]);
    assert_eq!(script.names(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_asked_again_after_a_growing_time() {
    let away = || fake::status(&Status::unavailable("starting"));
    let mut script = script([away(), away(), away(), fake::list("1", vec![map("a", "1")])]);
    let begun = Instant::now();
    script.store.synced().await;
    assert_eq!(begun.elapsed(), FIRST_DELAY * (1 + 2 + 4));
    for _ in 0..4 {
        assert_eq!(script.asked().await, format!("{PATH}?limit=500"));
    }
    assert!(script.scope.close(Duration::from_secs(1)).await.is_empty());
}

#[tokio::test]
async fn any_resource_is_reflected_as_trees() {
    let answers = Mutex::new(VecDeque::from([fake::list("7", vec![map("a", "3")]), fake::watch().1]));
    let (client, _asked) = fake::client(move |_| {
        answers.lock().unwrap().pop_front().unwrap_or_else(|| fake::status(&Status::unavailable("later")))
    });
    let resource = client::ApiResource::new("", "v1", "configmaps");
    let reflector = Reflector::dynamic(client.dynamic(&resource, None), ListOptions::default());
    let (scope, store) = (Scope::root("test"), reflector.store());
    scope.spawn("reflector", reflector.run(scope.token()));
    store.synced().await;
    assert_eq!(store.get("default", "a").as_deref(), Some(&map("a", "3")));
}

/// Of a ConfigMap the one key that matters.
#[derive(serde::Deserialize)]
struct View {
    metadata: ObjectMeta,
    data: std::collections::BTreeMap<String, String>,
}

impl Reflected for View {
    fn key(&self) -> ObjectKey {
        ObjectKey::of(&self.metadata)
    }

    fn resource_version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }
}

#[tokio::test]
async fn a_view_holds_what_it_reads_and_the_hook_shares_it_with_the_store() {
    let mut object = map("a", "3");
    object.insert("data", tree!({ "key": "value" }));
    let answers = Mutex::new(VecDeque::from([fake::list("7", vec![object]), fake::watch().1]));
    let (client, _asked) = fake::client(move |_| {
        answers.lock().unwrap().pop_front().unwrap_or_else(|| fake::status(&Status::unavailable("later")))
    });
    let told = Arc::new(Mutex::new(None));
    let hook = told.clone();
    let api = client.namespaced::<ConfigMap>("default").viewed::<View>();
    let reflector = Reflector::view(api, ListOptions::default())
        .on_change(move |change| *hook.lock().unwrap() = change.new.cloned());
    let (scope, store) = (Scope::root("test"), reflector.store());
    scope.spawn("reflector", reflector.run(scope.token()));
    store.synced().await;
    let (kept, told) = (store.get("default", "a").unwrap(), told.lock().unwrap().take().unwrap());
    assert_eq!(kept.data["key"], "value");
    assert!(Arc::ptr_eq(&kept, &told));
}

#[tokio::test]
async fn what_was_written_is_waited_for_until_the_store_shows_it() {
    let (events, watch) = fake::watch();
    let script = script([fake::list("7", vec![map("a", "3")]), watch]);
    script.store.reached("7").await;
    script.store.reached("no number").await;
    let mut waiting = std::pin::pin!(script.store.reached("9"));
    events.send("ADDED", map("b", "8"));
    assert_eq!([script.told().await, script.told().await], ["a", "b"]);
    assert!((&mut waiting).now_or_never().is_none());
    events.send("MODIFIED", map("a", "9"));
    waiting.await;
    assert_eq!(script.store.get("default", "a").unwrap().metadata.resource_version.as_deref(), Some("9"));
}

#[tokio::test]
async fn an_object_that_cannot_be_read_hides_no_other_and_stays_as_it_was() {
    let broken = |name: &str, version: &str| {
        let mut map = map(name, version);
        map.insert("data", "no map");
        map
    };
    let list = || fake::list("7", vec![broken("a", "3"), map("b", "5")]);
    let (events, watch) = fake::watch();
    let mut script = script([list(), list(), watch]);
    script.store.synced().await;
    assert_eq!(script.told().await, "b");
    events.send("ADDED", map("c", "8"));
    assert_eq!(script.told().await, "c");
    events.send("MODIFIED", broken("b", "9"));
    events.send("DELETED", broken("c", "10"));
    assert_eq!(script.told().await, "c");
    assert_eq!(script.names(), ["b"]);
    assert_eq!(script.store.get("default", "b").unwrap().metadata.resource_version.as_deref(), Some("5"));
    drop(events);
    for _ in 0..3 {
        script.asked().await;
    }
    assert_eq!(
        script.asked().await,
        format!("{PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=10")
    );
}
