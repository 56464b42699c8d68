//! Nodes that fail and come back, and what becomes of their pods.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use objects::{Tree, tree};
use simulation::{Rates, Setup, World};

async fn pod(world: &World, name: &str, tolerations: Tree) {
    let spec = tree!({
        "nodeName": "node-0", "containers": [{ "name": "c", "image": "i" }], "tolerations": tolerations
    });
    world.create::<Pod>(tree!({ "metadata": { "name": name }, "spec": spec })).await;
    world.until_object::<Pod>(name, "the pod is ready", |pod| status(pod, "Ready") == "True").await;
}

/// The status of a condition; empty if there is none.
fn status(object: &Tree, kind: &str) -> String {
    let conditions = object.items_at(&["status", "conditions"]).iter();
    let mut of_kind = conditions.filter(|condition| condition.str_at(&["type"]) == Some(kind));
    of_kind.next().and_then(|condition| condition.str_at(&["status"])).unwrap_or_default().to_owned()
}

async fn node(world: &World, name: &str) -> Node {
    world.client().cluster::<Node>().get(name).await.unwrap()
}

/// `key:effect` of the node's taints.
async fn taints(world: &World, name: &str) -> Vec<String> {
    let taints = node(world, name).await.spec.and_then(|spec| spec.taints).unwrap_or_default();
    let text = |key: &str| key.trim_start_matches("node.kubernetes.io/").to_owned();
    taints.iter().map(|taint| format!("{}:{}", text(&taint.key), taint.effect)).collect()
}

async fn until_tainted(world: &World, name: &str, expected: &[&str]) {
    world
        .until(&format!("{name} has {expected:?}"), || async {
            (taints(world, name).await == expected).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_gone_loses_its_pods_when_they_no_longer_stand_it() {
    let world = World::start().await;
    pod(&world, "short", tree!([{ "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30 }]))
        .await;
    pod(&world, "patient", tree!([{ "operator": "Exists" }])).await;
    world.nodes.stop("node-0");
    until_tainted(&world, "node-0", &["unreachable:NoSchedule", "unreachable:NoExecute"]).await;
    world
        .until_object::<Pod>("patient", "its pods are not ready", |pod| status(pod, "Ready") == "False")
        .await;
    world.rest(Duration::from_secs(20)).await;
    assert_eq!(status(&world.find::<Pod>("short").await.unwrap(), "DisruptionTarget"), "");
    let gone = world
        .until_object::<Pod>("short", "the pod is to go", |pod| {
            pod.str_at(&["metadata", "deletionTimestamp"]).is_some()
        })
        .await;
    assert_eq!(status(&gone, "DisruptionTarget"), "True");
    world.nodes.resume("node-0");
    until_tainted(&world, "node-0", &[]).await;
    let patient = world.find::<Pod>("patient").await.unwrap();
    assert!(patient.str_at(&["metadata", "deletionTimestamp"]).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_back_in_time_keeps_its_pods() {
    let world = World::start().await;
    pod(&world, "a", tree!([])).await;
    world.nodes.stop("node-0");
    until_tainted(&world, "node-0", &["unreachable:NoSchedule", "unreachable:NoExecute"]).await;
    world.nodes.resume("node-0");
    until_tainted(&world, "node-0", &[]).await;
    world.rest(Duration::from_secs(600)).await;
    let pod = world.find::<Pod>("a").await.unwrap();
    assert!(pod.str_at(&["metadata", "deletionTimestamp"]).is_none());
}

#[tokio::test(start_paused = true)]
async fn when_no_node_can_be_reached_nobody_loses_pods() {
    let world = World::start().await;
    pod(&world, "a", tree!([])).await;
    world.nodes.stop("node-0");
    world.nodes.stop("node-1");
    for name in ["node-0", "node-1"] {
        until_tainted(&world, name, &["unreachable:NoSchedule"]).await;
    }
    world.rest(Duration::from_secs(900)).await;
    assert_eq!(taints(&world, "node-0").await, ["unreachable:NoSchedule"]);
    assert!(world.find::<Pod>("a").await.unwrap().str_at(&["metadata", "deletionTimestamp"]).is_none());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_renew_their_leases_stay_ready_whatever_goes_wrong() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 100, losses: 50, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        for _ in 0..30 {
            world.rest(Duration::from_secs(10)).await;
            for name in ["node-0", "node-1"] {
                let node = objects::tree::to_tree(&node(&world, name).await).unwrap();
                assert_eq!(status(&node, "Ready"), "True", "{name}, seed {seed}");
            }
        }
    }
}
