//! Disruption budgets follow their pods, and pods that nobody else removes are removed.

use std::time::Duration;

use client::{ApiResource, DeleteOptions};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use objects::{Tree, tree};
use simulation::{Setup, World};

fn set(replicas: i32) -> Tree {
    tree!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": "i" }] }
            }
        }
    })
}

async fn allowed(world: &World, count: i64, expected: i64) {
    let look = |budget: &Tree| {
        let number = |name: &str| budget.i64_at(&["status", name]);
        number("disruptionsAllowed") == Some(count) && number("expectedPods") == Some(expected)
    };
    let claim = format!("{count} of {expected} may go");
    world.until_object::<PodDisruptionBudget>("web", &claim, look).await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_counts_by_the_scale_of_the_controller() {
    let world = World::start().await;
    world.create::<ReplicaSet>(set(3)).await;
    let spec = tree!({ "maxUnavailable": 1, "selector": { "matchLabels": { "app": "web" } } });
    world.create::<PodDisruptionBudget>(tree!({ "metadata": { "name": "web" }, "spec": spec })).await;
    allowed(&world, 1, 3).await;
    world.patch::<PodDisruptionBudget>("web", tree!({ "spec": { "maxUnavailable": "70%" } })).await;
    allowed(&world, 3, 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_eviction_takes_from_the_budget_until_the_pod_is_replaced() {
    let world = World::start().await;
    world.create::<ReplicaSet>(set(2)).await;
    let spec = tree!({ "minAvailable": 1, "selector": { "matchLabels": { "app": "web" } } });
    world.create::<PodDisruptionBudget>(tree!({ "metadata": { "name": "web" }, "spec": spec })).await;
    allowed(&world, 1, 2).await;
    let pods = world.list::<Pod>("app=web").await;
    let api = world.client().dynamic(&ApiResource::of::<Pod>(), Some("default"));
    let name = objects::meta::name(&pods[0]).to_owned();
    let eviction =
        tree!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": (name.clone()) } });
    let _answer: Tree = api.create_subresource(&name, "eviction", &eviction).await.unwrap();
    allowed(&world, 1, 2).await;
    let budget = world.find::<PodDisruptionBudget>("web").await.unwrap();
    assert_eq!(budget.at(&["status", "disruptedPods"]), None);
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_node_that_is_gone_fail_and_go() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    let pod =
        tree!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    world.create::<Pod>(pod).await;
    let runs = |pod: &Tree| pod.str_at(&["status", "phase"]) == Some("Running");
    world.until_object::<Pod>("a", "it runs", runs).await;
    world.nodes.stop("node-0");
    world.client().cluster::<Node>().delete("node-0", &DeleteOptions::default()).await.unwrap();
    world.until("the pod is gone", || async { world.find::<Pod>("a").await.is_none().then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn pods_that_ended_go_when_they_are_too_many() {
    let controllers = controllers::Config { ended_pods: 2, ..controllers::Config::default() };
    let world = World::with(Setup { controllers, ..Setup::default() }).await;
    for name in ["a", "b", "c", "d"] {
        let pod = tree!({
            "metadata": { "name": name, "annotations": { "simulation/exit": "0" } },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] }
        });
        world.create::<Pod>(pod).await;
        world.rest(Duration::from_secs(2)).await;
    }
    let left = world.until_count::<Pod>("", 2, "two are left", |_| true).await;
    let names: Vec<&str> = left.iter().map(objects::meta::name).collect();
    assert_eq!(names, ["c", "d"]);
}
