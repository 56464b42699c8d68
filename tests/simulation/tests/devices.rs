//! Claims of devices come and go with the pods that use them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use client::{ApiResource, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
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
