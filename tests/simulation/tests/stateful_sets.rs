//! StatefulSets keep the number, the name and the claims of every pod.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use objects::{Tree, meta, tree};
use simulation::{Rates, Setup, World};

const DB: &str = "app=db";

fn stateful_set(replicas: i32, change: Tree) -> Tree {
    let mut set = tree!({
        "metadata": { "name": "db" },
        "spec": {
            "replicas": replicas, "serviceName": "db",
            "selector": { "matchLabels": { "app": "db" } },
            "template": {
                "metadata": { "labels": { "app": "db" } },
                "spec": { "containers": [{ "name": "c", "image": "one" }] }
            }
        }
    });
    set.merge(&change);
    set
}

fn image(image: &str) -> Tree {
    tree!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": image }] } } } })
}

/// As `kubectl rollout status` judges.
async fn until_rolled_out(world: &World, replicas: i64) {
    let is_rolled_out = |set: &Tree| {
        let status = |field: &str| set.i64_at(&["status", field]).unwrap_or(0);
        let counts = ["replicas", "readyReplicas", "updatedReplicas"];
        status("observedGeneration") == meta::generation(set)
            && counts.iter().all(|field| status(field) == replicas)
            && set.str_at(&["status", "currentRevision"]) == set.str_at(&["status", "updateRevision"])
    };
    world.until_object::<StatefulSet>("db", "it is rolled out", is_rolled_out).await;
}

/// Names of pods with their images.
async fn pods(world: &World) -> Vec<String> {
    let mut pods: Vec<_> = world
        .list::<Pod>(DB)
        .await
        .iter()
        .map(|pod| {
            let image = pod.str_at(&["spec", "containers", "0", "image"]).unwrap_or_default();
            format!("{} {image}", meta::name(pod))
        })
        .collect();
    pods.sort();
    pods
}

fn is_ready(pod: &Tree) -> bool {
    let conditions = pod.items_at(&["status", "conditions"]);
    let ready = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Ready"));
    ready.is_some_and(|ready| ready.str_at(&["status"]) == Some("True"))
}

#[tokio::test(start_paused = true)]
async fn pods_come_and_go_in_their_order() {
    let world = World::start().await;
    world.create::<StatefulSet>(stateful_set(3, tree!({}))).await;
    world
        .until("all three are there, one after another", || async {
            let mut pods = world.list::<Pod>(DB).await;
            pods.sort_by(|one, two| meta::name(one).cmp(meta::name(two)));
            let numbers: Vec<_> = pods.iter().map(meta::name).collect();
            assert_eq!(numbers, ["db-0", "db-1", "db-2"][..pods.len()]);
            let before = pods.split_last().map_or(&[][..], |(_, before)| before);
            assert!(before.iter().all(is_ready));
            (pods.len() == 3 && pods.iter().all(is_ready)).then_some(())
        })
        .await;
    until_rolled_out(&world, 3).await;
    world.patch::<StatefulSet>("db", tree!({ "spec": { "replicas": 1 } })).await;
    until_rolled_out(&world, 1).await;
    world.until_count::<Pod>(DB, 1, "one is left", |pod| meta::name(pod) == "db-0").await;
}

#[tokio::test(start_paused = true)]
async fn an_update_is_tried_from_a_partition_on_and_then_goes_on() {
    let world = World::start().await;
    world.create::<StatefulSet>(stateful_set(3, tree!({}))).await;
    until_rolled_out(&world, 3).await;
    let partition = |partition: i32| tree!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": partition } } } });
    world.patch::<StatefulSet>("db", partition(2)).await;
    world.patch::<StatefulSet>("db", image("two")).await;
    let one_is_new = |set: &Tree| {
        set.i64_at(&["status", "updatedReplicas"]) == Some(1)
            && set.i64_at(&["status", "readyReplicas"]) == Some(3)
    };
    world.until_object::<StatefulSet>("db", "the last one is new", one_is_new).await;
    assert_eq!(pods(&world).await, ["db-0 one", "db-1 one", "db-2 two"]);
    // One below the partition comes back as it was.
    world.delete::<Pod>("db-0", &client::DeleteOptions::default()).await;
    world.until_count::<Pod>(DB, 3, "three serve again", is_ready).await;
    assert_eq!(pods(&world).await, ["db-0 one", "db-1 one", "db-2 two"]);
    world.patch::<StatefulSet>("db", partition(0)).await;
    until_rolled_out(&world, 3).await;
    assert_eq!(pods(&world).await, ["db-0 two", "db-1 two", "db-2 two"]);
}

#[tokio::test(start_paused = true)]
async fn in_parallel_no_pod_waits_for_another_and_on_delete_none_is_replaced() {
    let world = World::start().await;
    let mut change = tree!({ "spec": {
        "podManagementPolicy": "Parallel", "updateStrategy": { "type": "OnDelete" }
    } });
    change.set_at(&["spec", "template", "metadata", "annotations", simulation::Script::NEVER_READY], "");
    world.create::<StatefulSet>(stateful_set(3, change)).await;
    world.until_count::<Pod>(DB, 3, "three run", |_| true).await;
    world.patch::<StatefulSet>("db", image("two")).await;
    world.rest(std::time::Duration::from_secs(60)).await;
    assert_eq!(pods(&world).await, ["db-0 one", "db-1 one", "db-2 one"]);
    world.delete::<Pod>("db-1", &client::DeleteOptions::default()).await;
    let claim = "the one that was deleted is new";
    let wanted = ["db-0 one", "db-1 two", "db-2 one"];
    world.until(claim, || async { (pods(&world).await == wanted).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn claims_stay_with_their_number_or_go_with_whom_the_policy_says() {
    let world = World::start().await;
    let mut change = tree!({ "spec": {
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Delete", "whenScaled": "Delete" },
        "volumeClaimTemplates": [{
            "metadata": { "name": "data" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } }
        }]
    } });
    // The claims of this test are bound by nobody, and the scheduler would wait for that.
    change.set_at(
        &["spec", "template", "spec"],
        tree!({
            "nodeName": "node-0", "containers": [{ "name": "c", "image": "one" }]
        }),
    );
    world.create::<StatefulSet>(stateful_set(2, change)).await;
    until_rolled_out(&world, 2).await;
    let pod = world.find::<Pod>("db-1").await.unwrap();
    let volume = pod.str_at(&["spec", "volumes", "0", "persistentVolumeClaim", "claimName"]);
    assert_eq!(volume, Some("data-db-1"));
    let owner = |claim: &Tree| meta::owner_references(claim).next().map(|owner| owner.kind.to_owned());
    let with_set = |claim: &Tree| owner(claim).as_deref() == Some("StatefulSet");
    for name in ["data-db-0", "data-db-1"] {
        world.until_object::<PersistentVolumeClaim>(name, "it goes with the set", with_set).await;
    }
    world.patch::<StatefulSet>("db", tree!({ "spec": { "replicas": 1 } })).await;
    let claim = "the claim of the pod that is scaled away goes with that";
    world
        .until(claim, || async {
            let found = world.find::<PersistentVolumeClaim>("data-db-1").await;
            found.is_none_or(|found| owner(&found).as_deref() == Some("Pod")).then_some(())
        })
        .await;
    let kept = world.find::<PersistentVolumeClaim>("data-db-0").await.unwrap();
    assert!(with_set(&kept));
}

#[tokio::test(start_paused = true)]
async fn a_set_arrives_whatever_goes_wrong() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 100, losses: 20, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        world.create::<StatefulSet>(stateful_set(3, tree!({}))).await;
        until_rolled_out(&world, 3).await;
        world.patch::<StatefulSet>("db", image("two")).await;
        world.set_api_gone(true);
        world.rest(std::time::Duration::from_secs(5)).await;
        world.set_api_gone(false);
        until_rolled_out(&world, 3).await;
        assert_eq!(pods(&world).await, ["db-0 two", "db-1 two", "db-2 two"], "seed {seed}");
    }
}
