//! Quotas count what is there, and what goes is free again.

use client::{ApiResource, DeleteOptions};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ResourceQuota, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use objects::{Tree, tree};
use simulation::World;

fn pod(name: &str) -> Tree {
    let container = tree!({ "name": "c", "image": "i", "resources": { "requests": { "cpu": "100m" } } });
    tree!({ "metadata": { "name": name }, "spec": { "containers": [container] } })
}

async fn used(world: &World, name: &str, amount: &str) {
    let claim = format!("{amount} {name} are used");
    world
        .until_object::<ResourceQuota>("q", &claim, |quota| {
            quota.str_at(&["status", "used", name]) == Some(amount)
        })
        .await;
}

async fn quota(world: &World, hard: Tree) {
    world.create::<ResourceQuota>(tree!({ "metadata": { "name": "q" }, "spec": { "hard": hard } })).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_counted_and_what_goes_is_free_again() {
    let world = World::start().await;
    world.create::<Pod>(pod("a")).await;
    quota(&world, tree!({ "pods": "2", "requests.cpu": "1", "secrets": "5" })).await;
    used(&world, "pods", "1").await;
    world.create::<Secret>(tree!({ "metadata": { "name": "s" } })).await;
    used(&world, "secrets", "1").await;
    world.create::<Pod>(pod("b")).await;
    used(&world, "requests.cpu", "200m").await;
    let pods = world.client().dynamic(&ApiResource::of::<Pod>(), Some("default"));
    let mut third = pod("c");
    third.merge(&tree!({ "apiVersion": "v1", "kind": "Pod" }));
    assert!(pods.create(&third).await.unwrap_err().is_forbidden());
    world.delete::<Pod>("a", &DeleteOptions::grace(0)).await;
    used(&world, "pods", "1").await;
    world.until("there is room", || async { pods.create(&third).await.ok() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_changes_is_told() {
    let world = World::start().await;
    quota(&world, tree!({ "count/configmaps": "5" })).await;
    // The root CA is one.
    used(&world, "count/configmaps", "1").await;
    world.create::<ConfigMap>(tree!({ "metadata": { "name": "a" } })).await;
    used(&world, "count/configmaps", "2").await;
    world
        .patch::<ResourceQuota>(
            "q",
            tree!({ "spec": { "hard": { "secrets": "1", "count/configmaps": null } } }),
        )
        .await;
    used(&world, "secrets", "0").await;
    let quota = world.find::<ResourceQuota>("q").await.unwrap();
    assert_eq!(quota.at(&["status", "used", "count/configmaps"]), None);
}

#[tokio::test(start_paused = true)]
async fn custom_resources_are_counted_once_they_are_served() {
    let world = World::start().await;
    quota(&world, tree!({ "count/widgets.example.com": "5", "secrets": "9" })).await;
    used(&world, "secrets", "0").await;
    let definition = tree!({
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object" } }
            }]
        }
    });
    world.create_cluster::<CustomResourceDefinition>(definition).await;
    used(&world, "count/widgets.example.com", "0").await;
    let api = world.client().dynamic(&ApiResource::new("example.com", "v1", "widgets"), Some("default"));
    let widget = tree!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": "w" } });
    api.create(&widget).await.unwrap();
    used(&world, "count/widgets.example.com", "1").await;
}
