//! Services and the endpoints that are published for them.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::time::Duration;

use client::DeleteOptions;
use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use objects::{Tree, tree};
use simulation::{Rates, Setup, World};

const SLICES: &str = "kubernetes.io/service-name=web";

async fn pod(world: &World, name: &str) {
    let pod = tree!({
        "metadata": { "name": name, "labels": { "app": "web" } },
        "spec": { "nodeName": "node-0", "containers": [{ "name": "c", "image": "i" }] }
    });
    world.create::<Pod>(pod).await;
}

async fn service(world: &World, selector: Tree) {
    let spec = tree!({ "selector": selector, "ports": [{ "port": 80 }] });
    world.create::<Service>(tree!({ "metadata": { "name": "web" }, "spec": spec })).await;
}

/// The pods of all slices, by name; those that are not ready with a mark.
async fn published(world: &World) -> Vec<String> {
    let slices = world.list::<EndpointSlice>(SLICES).await;
    let mut names: Vec<String> = slices
        .iter()
        .flat_map(|slice| slice.items_at(&["endpoints"]))
        .map(|endpoint| {
            let ready = endpoint.at(&["conditions", "ready"]) == Some(&Tree::from(true));
            format!("{}{}", endpoint.str_at(&["targetRef", "name"]).unwrap(), if ready { "" } else { "?" })
        })
        .collect();
    names.sort();
    names
}

async fn until_published(world: &World, names: &[&str]) {
    world.until(&format!("{names:?}"), || async { (published(world).await == names).then_some(()) }).await;
}

/// How many addresses the Endpoints have.
async fn addresses(world: &World) -> Option<usize> {
    let endpoints = world.find::<Endpoints>("web").await?;
    let subsets = endpoints.items_at(&["subsets"]);
    Some(subsets.iter().map(|subset| subset.items_at(&["addresses"]).len()).sum())
}

#[tokio::test(start_paused = true)]
async fn endpoints_follow_the_pods_of_a_service() {
    let world = World::start().await;
    service(&world, tree!({ "app": "web" })).await;
    world.until_count::<EndpointSlice>(SLICES, 1, "an empty slice", |_| true).await;
    pod(&world, "a").await;
    pod(&world, "b").await;
    until_published(&world, &["a", "b"]).await;
    world.until("both addresses", || async { (addresses(&world).await == Some(2)).then_some(()) }).await;
    world.delete::<Pod>("a", &DeleteOptions::default()).await;
    until_published(&world, &["b"]).await;
    world.until("one address", || async { (addresses(&world).await == Some(1)).then_some(()) }).await;
    world.delete::<Service>("web", &DeleteOptions::default()).await;
    world.until("no Endpoints", || async { addresses(&world).await.is_none().then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn slices_that_somebody_changed_or_deleted_are_put_right() {
    let world = World::start().await;
    service(&world, tree!({ "app": "web" })).await;
    pod(&world, "a").await;
    until_published(&world, &["a"]).await;
    let slice = world.list::<EndpointSlice>(SLICES).await.remove(0);
    let name = objects::meta::name(&slice);
    world.patch::<EndpointSlice>(name, tree!({ "endpoints": [] })).await;
    until_published(&world, &["a"]).await;
    world.delete::<EndpointSlice>(name, &DeleteOptions::default()).await;
    until_published(&world, &["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_of_a_service_without_selector_are_mirrored() {
    let world = World::start().await;
    world
        .create::<Service>(tree!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "port": 80 }] } }))
        .await;
    let subsets = tree!([{ "addresses": [{ "ip": "192.0.2.7" }], "ports": [{ "port": 80 }] }]);
    world.create::<Endpoints>(tree!({ "metadata": { "name": "web" }, "subsets": subsets })).await;
    let of_mirror = |slice: &Tree| slice.items_at(&["endpoints"]).len() == 1;
    world.until_count::<EndpointSlice>(SLICES, 1, "a mirror", of_mirror).await;
    world.delete::<Endpoints>("web", &DeleteOptions::default()).await;
    world.until_count::<EndpointSlice>(SLICES, 0, "no mirror", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_every_pod_is_published_once() {
    for seed in 0..3 {
        let faults = Rates { conflicts: 100, losses: 50, closed_watches: 200 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        service(&world, tree!({ "app": "web" })).await;
        let names: Vec<String> = (0..8).map(|number| format!("pod-{number}")).collect();
        for name in &names {
            pod(&world, name).await;
        }
        world.set_api_gone(true);
        world.rest(Duration::from_secs(5)).await;
        world.set_api_gone(false);
        let claim = format!("all pods, seed {seed}");
        world.until(&claim, || async { (published(&world).await == names).then_some(()) }).await;
    }
}
