//! Claims and volumes find each other, and let go.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::BTreeSet;
use std::time::Duration;

use client::DeleteOptions;
use k8s_openapi::api::core::v1::{Event, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::{StorageClass, VolumeAttributesClass};
use objects::{Tree, tree};
use simulation::{Rates, Setup, World};

fn claim(name: &str, class: Option<&str>) -> Tree {
    let mut claim = tree!({
        "metadata": { "name": name },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } }
    });
    if let Some(class) = class {
        claim.set_at(&["spec", "storageClassName"], class);
    }
    claim
}

fn volume(name: &str, change: Tree) -> Tree {
    let mut volume = tree!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "2Gi" },
            "hostPath": { "path": "/data" }, "persistentVolumeReclaimPolicy": "Retain"
        }
    });
    volume.merge(&change);
    volume
}

fn class(name: &str, mode: &str, is_default: bool) -> Tree {
    let mut class = tree!({
        "metadata": { "name": name }, "provisioner": "example.com/disk", "volumeBindingMode": mode
    });
    if is_default {
        class.set_at(&["metadata", "annotations", "storageclass.kubernetes.io/is-default-class"], "true");
    }
    class
}

fn is_in(phase: &str) -> impl Fn(&Tree) -> bool + '_ {
    move |object| object.str_at(&["status", "phase"]) == Some(phase)
}

/// A volume, once it is in a phase.
async fn until_volume(world: &World, name: &str, phase: &str) -> Tree {
    let volumes = world.client().dynamic(&client::ApiResource::of::<PersistentVolume>(), None);
    let volumes = &volumes;
    world
        .until(&format!("volume {name} {phase}"), || async {
            volumes.find(name).await.unwrap().filter(is_in(phase))
        })
        .await
}

async fn until_event(world: &World, name: &str, reason: &str) {
    let events = world.client().namespaced::<Event>("default");
    let events = &events;
    world
        .until(&format!("{reason} about {name}"), || async {
            let all = events.list(&client::ListOptions::default()).await.unwrap().items;
            let said = |event: &Event| {
                event.involved_object.name.as_deref() == Some(name) && event.reason.as_deref() == Some(reason)
            };
            all.iter().any(said).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_takes_a_volume_whichever_of_them_comes_first_and_leaves_it_released() {
    let world = World::start().await;
    world.create::<PersistentVolumeClaim>(claim("early", Some(""))).await;
    until_event(&world, "early", "FailedBinding").await;
    world.create_cluster::<PersistentVolume>(volume("a", tree!({}))).await;
    let bound = world.until_object::<PersistentVolumeClaim>("early", "bound", is_in("Bound")).await;
    assert_eq!(bound.str_at(&["spec", "volumeName"]), Some("a"));
    assert_eq!(bound.str_at(&["status", "capacity", "storage"]), Some("2Gi"));
    world.create_cluster::<PersistentVolume>(volume("b", tree!({}))).await;
    until_volume(&world, "b", "Available").await;
    world.create::<PersistentVolumeClaim>(claim("late", Some(""))).await;
    world.until_object::<PersistentVolumeClaim>("late", "bound", is_in("Bound")).await;
    until_volume(&world, "b", "Bound").await;
    world.delete::<PersistentVolumeClaim>("late", &DeleteOptions::default()).await;
    until_volume(&world, "b", "Released").await;
    // The claim of the same name is another, and a volume with somebody's data is not for it.
    world.create::<PersistentVolumeClaim>(claim("late", Some(""))).await;
    until_event(&world, "late", "FailedBinding").await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_gets_the_default_class_later_and_the_volume_that_its_provisioner_made() {
    let world = World::start().await;
    world.create::<PersistentVolumeClaim>(claim("data", None)).await;
    until_event(&world, "data", "FailedBinding").await;
    world.create_cluster::<StorageClass>(class("disk", "WaitForFirstConsumer", true)).await;
    until_event(&world, "data", "WaitForFirstConsumer").await;
    let selected =
        tree!({ "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "node-0" } } });
    world.patch::<PersistentVolumeClaim>("data", selected).await;
    let told = world
        .until_object::<PersistentVolumeClaim>("data", "the provisioner is told", |claim| {
            claim.str_at(&["metadata", "annotations", "volume.kubernetes.io/storage-provisioner"])
                == Some("example.com/disk")
        })
        .await;
    until_event(&world, "data", "ExternalProvisioning").await;
    let made = tree!({
        "metadata": { "annotations": { "pv.kubernetes.io/provisioned-by": "example.com/disk" } },
        "spec": {
            "storageClassName": "disk", "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": { "namespace": "default", "name": "data", "uid": (objects::meta::uid(&told)) }
        }
    });
    world.create_cluster::<PersistentVolume>(volume("pvc-1", made)).await;
    world.until_object::<PersistentVolumeClaim>("data", "bound", is_in("Bound")).await;
    world.delete::<PersistentVolumeClaim>("data", &DeleteOptions::default()).await;
    until_volume(&world, "pvc-1", "Released").await;
}

/// Every claim has a volume of its own, and every volume points back.
async fn check_all_bound(world: &World, count: usize, seed: u64) {
    let claims = world
        .until_count::<PersistentVolumeClaim>("", count, &format!("seed {seed}: all bound"), is_in("Bound"))
        .await;
    let mut taken = BTreeSet::new();
    for claim in &claims {
        let name = claim.str_at(&["spec", "volumeName"]).unwrap();
        assert!(taken.insert(name.to_owned()), "seed {seed}: {name} has two claims");
        let volume = until_volume(world, name, "Bound").await;
        let back = volume.str_at(&["spec", "claimRef", "uid"]);
        assert_eq!(back, Some(objects::meta::uid(claim)), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_claims_share_a_volume_though_writes_conflict_and_answers_get_lost() {
    for seed in 0..3 {
        let faults = Rates { conflicts: 100, losses: 100, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        for number in 0..12 {
            world.create_cluster::<PersistentVolume>(volume(&format!("v{number}"), tree!({}))).await;
            world.create::<PersistentVolumeClaim>(claim(&format!("c{number}"), Some(""))).await;
        }
        check_all_bound(&world, 12, seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn claims_that_were_made_while_nobody_listened_are_bound_after() {
    let world = World::start().await;
    world.set_api_gone(true);
    for number in 0..3 {
        world.create::<PersistentVolumeClaim>(claim(&format!("c{number}"), Some(""))).await;
        world.create_cluster::<PersistentVolume>(volume(&format!("v{number}"), tree!({}))).await;
    }
    world.rest(Duration::from_secs(60)).await;
    world.set_api_gone(false);
    check_all_bound(&world, 3, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_volume_was_deleted_is_lost() {
    let world = World::start().await;
    world.create_cluster::<PersistentVolume>(volume("a", tree!({}))).await;
    world.create::<PersistentVolumeClaim>(claim("data", Some(""))).await;
    world.until_object::<PersistentVolumeClaim>("data", "bound", is_in("Bound")).await;
    let volumes = world.client().cluster::<PersistentVolume>();
    volumes.delete("a", &DeleteOptions::default()).await.unwrap();
    // Nothing holds a volume that somebody takes its protection from.
    let bare = client::Patch::Merge(tree!({ "metadata": { "finalizers": [] } }));
    drop(volumes.patch("a", &bare).await);
    world.until_object::<PersistentVolumeClaim>("data", "lost", is_in("Lost")).await;
    until_event(&world, "data", "ClaimLost").await;
}

/// The provisioner of a node, as long as it is not dropped.
fn provision(world: &World, node: &str, root: &std::path::Path) -> supervise::Scope {
    let config = hostpath::Config { node_name: node.to_owned(), root: root.join(node) };
    let task = config.build(hostpath::Deps { client: world.client_of("hostpath") }).unwrap();
    let scope = supervise::Scope::root("hostpath");
    let stop = scope.token();
    scope.spawn("provisioner", async move { task.run(stop).await.unwrap() });
    scope
}

fn folders(root: &std::path::Path, node: &str) -> Vec<String> {
    let names = std::fs::read_dir(root.join(node)).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_the_selected_node_is_made_for_a_claim_and_goes_with_it() {
    let (world, root) = (World::start().await, tempfile::tempdir().unwrap());
    let _provisioners = ["node-0", "node-1"].map(|node| provision(&world, node, root.path()));
    let classes = world.client().cluster::<StorageClass>();
    let classes = &classes;
    world.until("the class", || async { classes.find(hostpath::CLASS).await.unwrap() }).await;
    world.create::<PersistentVolumeClaim>(claim("data", None)).await;
    until_event(&world, "data", "WaitForFirstConsumer").await;
    let selected =
        tree!({ "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "node-1" } } });
    world.patch::<PersistentVolumeClaim>("data", selected).await;
    let bound = world.until_object::<PersistentVolumeClaim>("data", "bound", is_in("Bound")).await;
    let name = bound.str_at(&["spec", "volumeName"]).unwrap();
    assert_eq!(folders(root.path(), "node-1"), [format!("default-data-{name}")]);
    assert!(folders(root.path(), "node-0").is_empty());
    until_event(&world, "data", "ProvisioningSucceeded").await;
    let more = tree!({ "spec": { "resources": { "requests": { "storage": "5Gi" } } } });
    world.patch::<PersistentVolumeClaim>("data", more).await;
    let has_more = |claim: &Tree| claim.str_at(&["status", "capacity", "storage"]) == Some("5Gi");
    world.until_object::<PersistentVolumeClaim>("data", "has more", has_more).await;
    world.delete::<PersistentVolumeClaim>("data", &DeleteOptions::default()).await;
    let volumes = world.client().cluster::<PersistentVolume>();
    let volumes = &volumes;
    world
        .until("the volume is gone", || async { volumes.find(name).await.unwrap().is_none().then_some(()) })
        .await;
    assert!(folders(root.path(), "node-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_does_not_wait_gets_one_folder_though_every_node_serves_it() {
    let (world, root) = (World::start().await, tempfile::tempdir().unwrap());
    let mut at_once = class("at-once", "Immediate", false);
    at_once.set_at(&["provisioner"], hostpath::PROVISIONER);
    world.create_cluster::<StorageClass>(at_once).await;
    let _provisioners = ["node-0", "node-1"].map(|node| provision(&world, node, root.path()));
    world.create::<PersistentVolumeClaim>(claim("data", Some("at-once"))).await;
    world.until_object::<PersistentVolumeClaim>("data", "bound", is_in("Bound")).await;
    world.rest(Duration::from_secs(60)).await;
    let made = ["node-0", "node-1"].map(|node| folders(root.path(), node).len());
    assert_eq!(made.iter().sum::<usize>(), 1, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_stays_while_a_pod_uses_it_and_its_volume_while_it_is_bound() {
    let world = World::start().await;
    world.create_cluster::<PersistentVolume>(volume("v", tree!({}))).await;
    world.create::<PersistentVolumeClaim>(claim("data", Some(""))).await;
    world.until_object::<PersistentVolumeClaim>("data", "bound", is_in("Bound")).await;
    let pod = tree!({
        "metadata": { "name": "user" },
        "spec": {
            "nodeName": "node-0",
            "containers": [{ "name": "c", "image": "i" }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]
        }
    });
    world.create::<Pod>(pod).await;
    world.until_object::<Pod>("user", "runs", is_in("Running")).await;
    world.delete::<PersistentVolumeClaim>("data", &DeleteOptions::default()).await;
    world.client().cluster::<PersistentVolume>().delete("v", &DeleteOptions::default()).await.unwrap();
    world.rest(Duration::from_secs(600)).await;
    let held = world.find::<PersistentVolumeClaim>("data").await.unwrap();
    assert_eq!(objects::meta::finalizers(&held).collect::<Vec<_>>(), ["kubernetes.io/pvc-protection"]);
    world.delete::<Pod>("user", &DeleteOptions::default()).await;
    let volumes = world.client().cluster::<PersistentVolume>();
    let volumes = &volumes;
    world
        .until("claim and volume are gone", || async {
            let claim = world.find::<PersistentVolumeClaim>("data").await;
            (claim.is_none() && volumes.find("v").await.unwrap().is_none()).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_class_of_attributes_stays_while_a_claim_wants_it() {
    let world = World::start().await;
    let gold =
        tree!({ "metadata": { "name": "gold" }, "driverName": "example.com", "parameters": { "iops": "9" } });
    world.create_cluster::<VolumeAttributesClass>(gold).await;
    let mut wants = claim("data", Some(""));
    wants.set_at(&["spec", "volumeAttributesClassName"], "gold");
    world.create::<PersistentVolumeClaim>(wants).await;
    let classes = world.client().cluster::<VolumeAttributesClass>();
    let classes = &classes;
    world.rest(Duration::from_secs(1)).await;
    classes.delete("gold", &DeleteOptions::default()).await.unwrap();
    world.rest(Duration::from_secs(600)).await;
    assert!(classes.find("gold").await.unwrap().is_some());
    world.delete::<PersistentVolumeClaim>("data", &DeleteOptions::default()).await;
    world
        .until("the class is gone", || async { classes.find("gold").await.unwrap().is_none().then_some(()) })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_gets_the_claims_that_it_brings_along_again_when_somebody_deletes_them() {
    let world = World::start().await;
    let pod = tree!({
        "metadata": { "name": "user" },
        "spec": {
            "containers": [{ "name": "c", "image": "i" }],
            "schedulerName": "nobody",
            "volumes": [{ "name": "tmp", "ephemeral": { "volumeClaimTemplate": { "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                "resources": { "requests": { "storage": "1Gi" } }
            } } } }]
        }
    });
    let taken = claim("other-tmp", Some(""));
    world.create::<PersistentVolumeClaim>(taken).await;
    world.create::<Pod>(pod.clone()).await;
    let there = |_: &Tree| true;
    let first = world.until_object::<PersistentVolumeClaim>("user-tmp", "made", there).await;
    world.delete::<PersistentVolumeClaim>("user-tmp", &DeleteOptions::default()).await;
    let uid = objects::meta::uid(&first).to_owned();
    world
        .until_object::<PersistentVolumeClaim>("user-tmp", "made again", |claim| {
            objects::meta::uid(claim) != uid
        })
        .await;
    let mut other = pod;
    other.set_at(&["metadata", "name"], "other");
    world.create::<Pod>(other).await;
    until_event(&world, "other", "FailedBinding").await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_waits_for_its_volumes_and_runs_on_the_node_that_has_them() {
    let (world, root) = (World::start().await, tempfile::tempdir().unwrap());
    let _provisioners = ["node-0", "node-1"].map(|node| provision(&world, node, root.path()));
    let classes = world.client().cluster::<StorageClass>();
    let classes = &classes;
    world.until("the class", || async { classes.find(hostpath::CLASS).await.unwrap() }).await;
    world.create::<PersistentVolumeClaim>(claim("data", None)).await;
    let pod = tree!({
        "metadata": { "name": "user" },
        "spec": {
            "containers": [{ "name": "c", "image": "i" }],
            "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "tmp", "ephemeral": { "volumeClaimTemplate": { "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }
                } } } }
            ]
        }
    });
    world.create::<Pod>(pod).await;
    let pod = world.until_object::<Pod>("user", "runs", is_in("Running")).await;
    let node = pod.str_at(&["spec", "nodeName"]).unwrap();
    for claim in ["data", "user-tmp"] {
        let claim = world.find::<PersistentVolumeClaim>(claim).await.unwrap();
        assert!(is_in("Bound")(&claim), "{claim:?}");
    }
    assert_eq!(folders(root.path(), node).len(), 2);
}
