//! Replication controllers and ReplicaSets keep their pods, whatever goes wrong.

use std::time::Duration;

use client::DeleteOptions;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Event, Pod, ReplicationController, ResourceQuota};
use objects::{Tree, meta, tree};
use simulation::{Rates, Setup, World};

const WEB: &str = "app=web";

fn template() -> Tree {
    tree!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "image": "i" }] }
    })
}

fn set(replicas: i32) -> Tree {
    tree!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": (template())
        }
    })
}

fn is_settled(object: &Tree, replicas: i64) -> bool {
    let status = |field: &str| object.i64_at(&["status", field]).unwrap_or(0);
    status("observedGeneration") == meta::generation(object)
        && status("replicas") == replicas
        && status("availableReplicas") == replicas
}

async fn until_settled(world: &World, replicas: i64) {
    let claim = "as many pods as were asked for";
    world.until_object::<ReplicaSet>("web", claim, |set| is_settled(set, replicas)).await;
}

/// Whether any event has the reason.
async fn said(world: &World, reason: &str) -> bool {
    let events = world.list::<Event>("").await;
    events.iter().any(|event| event.str_at(&["reason"]) == Some(reason))
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_makes_replaces_and_deletes_pods_and_says_so() {
    let world = World::start().await;
    world.create::<ReplicaSet>(set(3)).await;
    until_settled(&world, 3).await;
    let pods = world.list::<Pod>(WEB).await;
    assert!(pods.iter().all(|pod| meta::name(pod).starts_with("web-")));
    world.delete::<Pod>(meta::name(&pods[0]), &DeleteOptions::default()).await;
    let name = meta::name(&pods[0]).to_owned();
    world.until("it is replaced", || async { world.find::<Pod>(&name).await.is_none().then_some(()) }).await;
    world.until_count::<Pod>(WEB, 3, "three pods", |_| true).await;
    world.patch::<ReplicaSet>("web", tree!({ "spec": { "replicas": 1 } })).await;
    until_settled(&world, 1).await;
    assert_eq!(world.list::<Pod>(WEB).await.len(), 1);
    assert!(said(&world, "SuccessfulCreate").await && said(&world, "SuccessfulDelete").await);
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_labels_change_is_released_and_one_that_matches_is_adopted() {
    let world = World::start().await;
    let mut pod = template();
    pod.set_at(&["metadata", "name"], "orphan");
    world.create::<Pod>(pod).await;
    world
        .create::<ReplicationController>(tree!({
            "metadata": { "name": "web" },
            "spec": { "replicas": 1, "selector": { "app": "web" }, "template": (template()) }
        }))
        .await;
    let adopted = |pod: &Tree| meta::controller_of(pod).is_some_and(|owner| owner.name == "web");
    world.until_object::<Pod>("orphan", "it is adopted", adopted).await;
    world.patch::<Pod>("orphan", tree!({ "metadata": { "labels": { "app": "db" } } })).await;
    world.until_object::<Pod>("orphan", "it is released", |pod| meta::controller_of(pod).is_none()).await;
    let claim = "another in its place";
    world.until_object::<ReplicationController>("web", claim, |rc| is_settled(rc, 1)).await;
    assert_eq!(world.list::<Pod>(WEB).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_quota_refuses_is_a_condition_until_there_is_room() {
    let world = World::start().await;
    world
        .create::<ResourceQuota>(tree!({
            "metadata": { "name": "few" },
            "spec": { "hard": { "pods": "2" } },
            "status": { "hard": { "pods": "2" }, "used": { "pods": "0" } }
        }))
        .await;
    let api = world.client().dynamic(&client::ApiResource::of::<ResourceQuota>(), Some("default"));
    let counted = tree!({ "status": { "hard": { "pods": "2" }, "used": { "pods": "0" } } });
    api.patch_status("few", &client::Patch::Merge(counted)).await.unwrap();
    world.create::<ReplicaSet>(set(3)).await;
    let reason = |set: &Tree| {
        let condition = set.items_at(&["status", "conditions"]).first();
        condition.and_then(|condition| condition.str_at(&["reason"])).map(str::to_owned)
    };
    let refused = |set: &Tree| reason(set).as_deref() == Some("FailedCreate");
    world.until_object::<ReplicaSet>("web", "the refusal is told", refused).await;
    world.patch::<ReplicaSet>("web", tree!({ "spec": { "replicas": 2 } })).await;
    let set = world.until_object::<ReplicaSet>("web", "two run", |set| is_settled(set, 2)).await;
    assert_eq!(reason(&set), None);
}

#[tokio::test(start_paused = true)]
async fn no_pod_is_made_twice_whatever_goes_wrong() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 200, losses: 0, closed_watches: 500 };
        let world = World::with(Setup { nodes: 4, faults, seed, ..Setup::default() }).await;
        world.create::<ReplicaSet>(set(20)).await;
        until_settled(&world, 20).await;
        assert!(!said(&world, "SuccessfulDelete").await, "seed {seed}");
        world.set_api_gone(true);
        world.patch::<ReplicaSet>("web", tree!({ "spec": { "replicas": 5 } })).await;
        world.rest(Duration::from_secs(30)).await;
        world.set_api_gone(false);
        until_settled(&world, 5).await;
    }
}
