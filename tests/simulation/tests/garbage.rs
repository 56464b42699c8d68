//! What has no owner left goes, and an owner goes as its deletion was asked for.

use std::time::Duration;

use client::{ApiResource, DeleteOptions, Propagation};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use objects::tree::to_tree;
use objects::{Tree, meta, tree};
use simulation::{Rates, Setup, World};

/// Long enough for what is to happen to have happened.
const REST: Duration = Duration::from_secs(120);

fn by(policy: Propagation) -> DeleteOptions {
    DeleteOptions { propagation_policy: Some(policy), ..DeleteOptions::default() }
}

fn reference(api_version: &str, kind: &str, metadata: &ObjectMeta) -> Tree {
    let owner = OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        controller: None,
        block_owner_deletion: Some(true),
    };
    to_tree(&owner).expect("an owner reference is JSON")
}

fn to_map(map: &ConfigMap) -> Tree {
    reference("v1", "ConfigMap", &map.metadata)
}

async fn map(world: &World, name: &str, owners: Vec<Tree>, finalizers: &[&str]) -> ConfigMap {
    let finalizers = finalizers.to_vec();
    let metadata = tree!({ "name": name, "ownerReferences": owners, "finalizers": finalizers });
    world.create(tree!({ "metadata": metadata })).await
}

async fn gone(world: &World, name: &str) {
    let look = || async { world.find::<ConfigMap>(name).await.is_none().then_some(()) };
    world.until(&format!("{name} is gone"), look).await;
}

async fn owners_of(world: &World, name: &str) -> usize {
    meta::owner_references(&world.find::<ConfigMap>(name).await.expect("it stays")).count()
}

#[tokio::test(start_paused = true)]
async fn dependents_follow_an_owner_that_went_in_the_background() {
    let world = World::start().await;
    let a = map(&world, "a", vec![], &[]).await;
    let b = map(&world, "b", vec![to_map(&a)], &[]).await;
    map(&world, "c", vec![to_map(&b)], &[]).await;
    map(&world, "other", vec![], &[]).await;
    world.delete::<ConfigMap>("a", &by(Propagation::Background)).await;
    gone(&world, "b").await;
    gone(&world, "c").await;
    assert!(world.find::<ConfigMap>("other").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_without_their_owner() {
    let world = World::start().await;
    let a = map(&world, "a", vec![], &[]).await;
    let keeper = map(&world, "keeper", vec![], &[]).await;
    map(&world, "b", vec![to_map(&a), to_map(&keeper)], &[]).await;
    world.delete::<ConfigMap>("a", &by(Propagation::Orphan)).await;
    gone(&world, "a").await;
    world.rest(REST).await;
    assert_eq!(owners_of(&world, "b").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreground_owner_waits_for_what_blocks_it() {
    let world = World::start().await;
    let a = map(&world, "a", vec![], &[]).await;
    map(&world, "b", vec![to_map(&a)], &["example.com/hold"]).await;
    world.delete::<ConfigMap>("a", &by(Propagation::Foreground)).await;
    world.until_object::<ConfigMap>("b", "the dependent goes", meta::is_deleting).await;
    world.rest(REST).await;
    assert!(world.find::<ConfigMap>("a").await.is_some());
    world.patch::<ConfigMap>("b", tree!({ "metadata": { "finalizers": [] } })).await;
    gone(&world, "a").await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_left_holds_what_another_left() {
    let world = World::start().await;
    let a = map(&world, "a", vec![], &[]).await;
    let keeper = map(&world, "keeper", vec![], &[]).await;
    map(&world, "b", vec![to_map(&a), to_map(&keeper)], &[]).await;
    world.delete::<ConfigMap>("a", &by(Propagation::Background)).await;
    let one = |map: &Tree| meta::owner_references(map).count() == 1;
    world.until_object::<ConfigMap>("b", "the reference is dropped", one).await;
    world.rest(REST).await;
    assert!(world.find::<ConfigMap>("b").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_cycle_of_owners_goes_in_the_foreground() {
    let world = World::start().await;
    let a = map(&world, "a", vec![], &[]).await;
    let b = map(&world, "b", vec![to_map(&a)], &[]).await;
    let c = map(&world, "c", vec![to_map(&b)], &[]).await;
    world.patch::<ConfigMap>("a", tree!({ "metadata": { "ownerReferences": [(to_map(&c))] } })).await;
    world.delete::<ConfigMap>("a", &by(Propagation::Foreground)).await;
    for name in ["a", "b", "c"] {
        gone(&world, name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_in_another_namespace_is_none_and_one_out_of_reach_ends_nothing() {
    let world = World::start().await;
    world.create_cluster::<Namespace>(tree!({ "metadata": { "name": "web" } })).await;
    let far: ConfigMap = world.create_in("web", tree!({ "metadata": { "name": "far" } })).await;
    map(&world, "near", vec![to_map(&far)], &[]).await;
    gone(&world, "near").await;
    let event = |event: &Tree| event.str_at(&["reason"]) == Some("OwnerRefInvalidNamespace");
    world.until_count::<Event>("", 1, "the event", event).await;

    world.nodes.add("held", tree!({ "metadata": { "ownerReferences": [(to_map(&far))] } })).await;
    world.rest(REST).await;
    assert!(world.client().cluster::<Node>().find("held").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_owner_of_a_kind_that_comes_later_is_waited_for() {
    let world = World::start().await;
    let owner = ObjectMeta { name: Some("w".to_owned()), uid: Some("1".to_owned()), ..ObjectMeta::default() };
    map(&world, "a", vec![reference("example.com/v1", "Widget", &owner)], &[]).await;
    world.rest(REST).await;
    assert!(world.find::<ConfigMap>("a").await.is_some());
    world.create_cluster::<CustomResourceDefinition>(widgets()).await;
    gone(&world, "a").await;
}

#[tokio::test(start_paused = true)]
async fn custom_resources_own_as_others_do_and_go_with_their_definition() {
    let world = World::start().await;
    world.create_cluster::<CustomResourceDefinition>(widgets()).await;
    let resource = ApiResource::new("example.com", "v1", "widgets");
    let api = world.client().dynamic(&resource, Some("default"));
    for (widget, owned) in [("w1", "a"), ("w2", "b")] {
        let object = tree!({
            "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": widget }
        });
        let made = world.until("widgets are served", || async { api.create(&object).await.ok() }).await;
        let metadata: ObjectMeta = objects::tree::from_tree(made.get("metadata").unwrap()).unwrap();
        map(&world, owned, vec![reference("example.com/v1", "Widget", &metadata)], &[]).await;
    }
    world.rest(REST).await;
    assert_eq!(owners_of(&world, "a").await, 1);
    api.delete("w1", &by(Propagation::Background)).await.unwrap();
    gone(&world, "a").await;
    let definitions = world.client().dynamic(&ApiResource::of::<CustomResourceDefinition>(), None);
    definitions.delete("widgets.example.com", &DeleteOptions::default()).await.unwrap();
    let look = || async { definitions.find("widgets.example.com").await.unwrap().is_none().then_some(()) };
    world.until("the definition is gone", look).await;
    // Should it have been gone before its owner was asked for, it is known once the kind is served again.
    world.rest(REST).await;
    world.create_cluster::<CustomResourceDefinition>(widgets()).await;
    gone(&world, "b").await;
}

fn widgets() -> Tree {
    tree!({
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object" } }
            }]
        }
    })
}

#[tokio::test(start_paused = true)]
async fn trees_go_and_others_stay_though_requests_are_lost() {
    let faults = Rates { conflicts: 100, losses: 100, closed_watches: 200 };
    for seed in 1..=3 {
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        let root = map(&world, "root", vec![], &[]).await;
        let keeper = map(&world, "keeper", vec![], &[]).await;
        for number in 0..5 {
            let child = map(&world, &format!("child-{number}"), vec![to_map(&root)], &[]).await;
            map(&world, &format!("leaf-{number}"), vec![to_map(&child)], &[]).await;
            map(&world, &format!("kept-{number}"), vec![to_map(&child), to_map(&keeper)], &[]).await;
        }
        world.delete::<ConfigMap>("root", &by(Propagation::Foreground)).await;
        for number in 0..5 {
            gone(&world, &format!("leaf-{number}")).await;
        }
        gone(&world, "root").await;
        world.rest(REST).await;
        for number in 0..5 {
            assert_eq!(owners_of(&world, &format!("kept-{number}")).await, 1, "seed {seed}");
        }
    }
}
