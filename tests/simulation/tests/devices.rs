//! Claims of devices come and go with the pods that use them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use client::{ApiResource, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice};
use objects::{Tree, meta, tree};
use simulation::{Rates, Script, Setup, World};

fn template() -> Tree {
    tree!({
        "metadata": { "name": "one-gpu" },
        "spec": { "spec": { "devices": { "requests": [
            { "name": "gpu", "exactly": { "deviceClassName": "gpu" } }
        ] } } }
    })
}

/// A pod on a node that wants a device of its own.
fn pod(name: &str) -> Tree {
    let mut pod = tree!({
        "metadata": { "name": name },
        "spec": {
            "nodeName": "node-0", "restartPolicy": "Never",
            "containers": [{ "name": "c", "image": "i", "resources": { "claims": [{ "name": "gpu" }] } }],
            "resourceClaims": [{ "name": "gpu", "resourceClaimTemplateName": "one-gpu" }]
        }
    });
    for (key, value) in [(Script::EXIT, "0"), (Script::EXIT_AFTER, "60")] {
        pod.set_at(&["metadata", "annotations", key], value);
    }
    pod
}

async fn told(world: &World, name: &str) -> String {
    let status = |pod: &Tree| pod.items_at(&["status", "resourceClaimStatuses"]).first().cloned();
    let pod = world.until_object::<Pod>(name, "a claim is told", |pod| status(pod).is_some()).await;
    let told = status(&pod).unwrap();
    told.str_at(&["resourceClaimName"]).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_pod_gets_a_claim_of_its_template_which_is_reserved_and_goes_when_the_pod_is_done() {
    let world = World::start().await;
    world.create::<Pod>(pod("train")).await;
    world.create::<ResourceClaimTemplate>(template()).await;
    let name = told(&world, "train").await;
    assert!(name.starts_with("train-gpu-"), "{name}");
    // As the scheduler allocates.
    let held = tree!({ "metadata": { "finalizers": ["resource.kubernetes.io/delete-protection"] } });
    world.patch::<ResourceClaim>(&name, held).await;
    let claims = world.client().dynamic(&ApiResource::of::<ResourceClaim>(), Some("default"));
    let allocated = tree!({ "status": { "allocation": { "devices": { "results": [
        { "request": "gpu", "driver": "gpu.example.com", "pool": "node-0", "device": "gpu-0" }
    ] } } } });
    claims.patch_status(&name, &Patch::Merge(allocated)).await.unwrap();
    let is_reserved = |claim: &Tree| {
        let consumers = claim.items_at(&["status", "reservedFor"]);
        consumers.iter().any(|consumer| consumer.str_at(&["name"]) == Some("train"))
    };
    world.until_object::<ResourceClaim>(&name, "reserved", is_reserved).await;
    let claims = &claims;
    world
        .until("the claim is gone", || async { claims.find(&name).await.unwrap().is_none().then_some(()) })
        .await;
    let pod = world.find::<Pod>("train").await.unwrap();
    assert_eq!(pod.str_at(&["status", "phase"]), Some("Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_gets_one_claim_though_answers_get_lost_and_another_when_it_is_deleted() {
    for seed in 0..3 {
        let faults = Rates { conflicts: 100, losses: 150, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        world.create::<ResourceClaimTemplate>(template()).await;
        let mut waiting = pod("train");
        waiting.set_at(&["spec", "nodeName"], Tree::Null);
        waiting.set_at(&["spec", "schedulerName"], "nobody");
        world.create::<Pod>(waiting).await;
        let first = told(&world, "train").await;
        world.delete::<ResourceClaim>(&first, &DeleteOptions::default()).await;
        let second = world
            .until("another claim", || async {
                let name = told(&world, "train").await;
                (name != first).then_some(name)
            })
            .await;
        world.rest(std::time::Duration::from_secs(600)).await;
        let claims = world.list::<ResourceClaim>("").await;
        assert_eq!(claims.iter().map(meta::name).collect::<Vec<_>>(), [second], "seed {seed}");
    }
}

/// Devices of a class `gpu`, so many on each node.
async fn publish(world: &World, nodes: usize, count: usize) {
    let class = tree!({ "metadata": { "name": "gpu" } });
    world.create_cluster::<DeviceClass>(class).await;
    for node in 0..nodes {
        let node = format!("node-{node}");
        let name = |number: usize| tree!({ "name": (format!("gpu-{number}")) });
        let devices: Vec<Tree> = (0..count).map(name).collect();
        let slice = tree!({
            "metadata": { "name": (node.as_str()) },
            "spec": {
                "driver": "gpu.example.com", "nodeName": (node.as_str()), "devices": devices,
                "pool": { "name": (node.as_str()), "generation": 1, "resourceSliceCount": 1 }
            }
        });
        world.create_cluster::<ResourceSlice>(slice).await;
    }
}

/// A pod for the scheduler that keeps its device until it is deleted.
fn user(name: &str) -> Tree {
    let mut user = pod(name);
    user.set_at(&["spec", "nodeName"], Tree::Null);
    user.set_at(&["metadata", "annotations"], Tree::Null);
    user.set_at(&["metadata", "labels"], tree!({ "app": "user" }));
    user
}

fn is_running(pod: &Tree) -> bool {
    pod.str_at(&["status", "phase"]) == Some("Running")
}

/// The devices of all claims, none of which is given twice.
async fn devices(world: &World, seed: u64) -> Vec<String> {
    let claims = world.list::<ResourceClaim>("").await;
    let mut devices: Vec<String> = claims
        .iter()
        .flat_map(|claim| claim.items_at(&["status", "allocation", "devices", "results"]))
        .map(|result| {
            format!("{}/{}", result.str_at(&["pool"]).unwrap(), result.str_at(&["device"]).unwrap())
        })
        .collect();
    devices.sort();
    let all = devices.len();
    devices.dedup();
    assert_eq!(devices.len(), all, "seed {seed}: a device has two claims");
    devices
}

#[tokio::test(start_paused = true)]
async fn pods_get_the_devices_that_there_are_and_the_next_gets_what_another_gives_back() {
    for seed in 0..3 {
        let faults = match seed {
            0 => Rates::default(),
            _ => Rates { conflicts: 100, losses: 100, closed_watches: 200 },
        };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        world.create::<ResourceClaimTemplate>(template()).await;
        publish(&world, 2, 2).await;
        for name in ["a", "b", "c", "d", "late"] {
            world.create::<Pod>(user(name)).await;
        }
        let running = world.until_count::<Pod>("app=user", 4, "four run", is_running).await;
        assert_eq!(
            devices(&world, seed).await,
            ["node-0/gpu-0", "node-0/gpu-1", "node-1/gpu-0", "node-1/gpu-1"],
            "seed {seed}"
        );
        let names: Vec<&str> = running.iter().map(meta::name).collect();
        let waiting = ["a", "b", "c", "d", "late"].into_iter().find(|name| !names.contains(name)).unwrap();
        let why = |pod: &Tree| {
            let conditions = pod.items_at(&["status", "conditions"]).iter();
            let told = conditions.filter_map(|condition| condition.str_at(&["message"]));
            told.into_iter().any(|told| told.contains("2 cannot allocate all claims"))
        };
        world.until_object::<Pod>(waiting, "it is told why", why).await;
        world.delete::<Pod>(names[0], &DeleteOptions::default()).await;
        world.until_object::<Pod>(waiting, "it runs", is_running).await;
        assert_eq!(devices(&world, seed).await.len(), 4, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_gets_a_taint_loses_its_pod_and_goes_to_nobody_until_it_is_well() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    world.create::<ResourceClaimTemplate>(template()).await;
    publish(&world, 1, 1).await;
    world.create::<Pod>(user("a")).await;
    world.until_object::<Pod>("a", "it runs", is_running).await;
    let slices = world.client().dynamic(&ApiResource::of::<ResourceSlice>(), None);
    let taints = |taints: Tree| {
        let devices = tree!([{ "name": "gpu-0", "taints": taints }]);
        Patch::Merge(tree!({ "spec": { "devices": devices } }))
    };
    let broken = tree!([{ "key": "broken", "effect": "NoExecute" }]);
    slices.patch("node-0", &taints(broken)).await.unwrap();
    world.until("it is sent away", || async { world.find::<Pod>("a").await.is_none().then_some(()) }).await;
    let said = world.list::<Event>("").await;
    let is_told = |event: &&Tree| event.str_at(&["reason"]) == Some("DeviceTaintManagerEviction");
    assert_eq!(said.iter().filter(is_told).count(), 1);
    world.create::<Pod>(user("b")).await;
    world.rest(std::time::Duration::from_secs(60)).await;
    let waiting = world.find::<Pod>("b").await.unwrap();
    assert!(waiting.str_at(&["spec", "nodeName"]).is_none(), "nobody gets it");
    slices.patch("node-0", &taints(tree!([]))).await.unwrap();
    world.until_object::<Pod>("b", "it gets the device", is_running).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_is_shared_by_as_many_pods_as_it_has_room_for() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    let exactly = tree!({ "deviceClassName": "gpu", "capacity": { "requests": { "memory": "4Gi" } } });
    let half = tree!({
        "metadata": { "name": "one-gpu" },
        "spec": { "spec": { "devices": { "requests": [{ "name": "gpu", "exactly": exactly }] } } }
    });
    world.create::<ResourceClaimTemplate>(half).await;
    publish(&world, 1, 1).await;
    let slices = world.client().dynamic(&ApiResource::of::<ResourceSlice>(), None);
    let devices = tree!([{
        "name": "gpu-0", "allowMultipleAllocations": true, "capacity": { "memory": { "value": "8Gi" } }
    }]);
    let shared = Patch::Merge(tree!({ "spec": { "devices": devices } }));
    slices.patch("node-0", &shared).await.unwrap();
    for name in ["a", "b", "c"] {
        world.create::<Pod>(user(name)).await;
    }
    let running = world.until_count::<Pod>("app=user", 2, "two share it", is_running).await;
    world.rest(std::time::Duration::from_secs(30)).await;
    assert_eq!(world.list::<Pod>("app=user").await.iter().filter(|pod| is_running(pod)).count(), 2);
    let claims = world.list::<ResourceClaim>("").await;
    let mut shares: Vec<&str> = claims
        .iter()
        .flat_map(|claim| claim.items_at(&["status", "allocation", "devices", "results"]))
        .map(|result| result.str_at(&["shareID"]).unwrap())
        .collect();
    shares.sort_unstable();
    shares.dedup();
    assert_eq!(shares.len(), 2, "each has a share of its own");
    world.delete::<Pod>(meta::name(&running[0]), &DeleteOptions::default()).await;
    let gone = meta::name(&running[0]).to_owned();
    let others = |pod: &Tree| is_running(pod) && meta::name(pod) != gone;
    world.until_count::<Pod>("app=user", 2, "the third has its room", others).await;
}
