//! DaemonSets have a pod on every node that is fit for one.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use objects::{Tree, meta, tree};
use simulation::{Rates, Setup, World};

const AGENT: &str = "app=agent";

fn daemon_set(change: Tree) -> Tree {
    let mut set = tree!({
        "metadata": { "name": "agent" },
        "spec": { "selector": { "matchLabels": { "app": "agent" } }, "template": {
            "metadata": { "labels": { "app": "agent" } },
            "spec": { "containers": [{ "name": "c", "image": "one" }] }
        } }
    });
    set.merge(&change);
    set
}

fn image(image: &str) -> Tree {
    tree!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": image }] } } } })
}

/// As `kubectl rollout status` judges, on so many nodes.
async fn until_rolled_out(world: &World, nodes: i64) {
    let is_rolled_out = |set: &Tree| {
        let status = |field: &str| set.i64_at(&["status", field]).unwrap_or(0);
        let counts = ["desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"];
        status("observedGeneration") == meta::generation(set)
            && counts.iter().all(|field| status(field) == nodes)
    };
    world.until_object::<DaemonSet>("agent", "it is rolled out", is_rolled_out).await;
}

/// The node and image of every pod.
async fn pods(world: &World) -> BTreeSet<(String, String)> {
    let text = |pod: &Tree, path: &[&str]| pod.str_at(path).unwrap_or_default().to_owned();
    let pods = world.list::<Pod>(AGENT).await;
    let pods = pods.iter();
    let place = |pod| (text(pod, &["spec", "nodeName"]), text(pod, &["spec", "containers", "0", "image"]));
    pods.map(place).collect()
}

fn placed(pods: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pods.iter().map(|(node, image)| ((*node).to_owned(), (*image).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn nodes_get_a_pod_as_they_become_fit_and_lose_it_as_they_no_longer_are() {
    let world = World::start().await;
    let selecting = tree!({ "spec": { "template": { "spec": { "nodeSelector": { "agent": "yes" } } } } });
    world.create::<DaemonSet>(daemon_set(selecting)).await;
    until_rolled_out(&world, 0).await;
    let nodes = world.client().cluster::<Node>();
    let label = |value: Tree| client::Patch::Merge(tree!({ "metadata": { "labels": { "agent": value } } }));
    nodes.patch("node-0", &label("yes".into())).await.unwrap();
    world.nodes.add("node-2", tree!({ "metadata": { "labels": { "agent": "yes" } } })).await;
    // A node that takes no other pods takes these.
    let cordon = client::Patch::Merge(tree!({ "spec": { "unschedulable": true } }));
    nodes.patch("node-0", &cordon).await.unwrap();
    until_rolled_out(&world, 2).await;
    assert_eq!(pods(&world).await, placed(&[("node-0", "one"), ("node-2", "one")]));
    nodes.patch("node-0", &label(Tree::Null)).await.unwrap();
    until_rolled_out(&world, 1).await;
    world.until_count::<Pod>(AGENT, 1, "its pod is gone", |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_has_no_more_pods_missing_than_it_may() {
    let world = World::with(Setup { nodes: 3, ..Setup::default() }).await;
    world.create::<DaemonSet>(daemon_set(tree!({}))).await;
    until_rolled_out(&world, 3).await;
    world.patch::<DaemonSet>("agent", image("two")).await;
    let claim = "it is rolled out one after another";
    world
        .until(claim, || async {
            let set = world.find::<DaemonSet>("agent").await?;
            assert!(set.i64_at(&["status", "numberAvailable"]) >= Some(2));
            let updated = set.i64_at(&["status", "updatedNumberScheduled"]) == Some(3);
            (updated && set.i64_at(&["status", "numberAvailable"]) == Some(3)).then_some(())
        })
        .await;
    assert_eq!(pods(&world).await, placed(&[("node-0", "two"), ("node-1", "two"), ("node-2", "two")]));
    // As `kubectl rollout undo` does it.
    world.patch::<DaemonSet>("agent", image("one")).await;
    until_rolled_out(&world, 3).await;
    let mut revisions: Vec<_> = world
        .list::<ControllerRevision>(AGENT)
        .await
        .iter()
        .map(|revision| revision.i64_at(&["revision"]).unwrap())
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn with_a_surge_every_node_has_a_pod_that_serves_all_the_time() {
    let world = World::start().await;
    let surge = tree!({ "spec": { "updateStrategy": { "rollingUpdate": {
        "maxSurge": 1, "maxUnavailable": 0
    } } } });
    world.create::<DaemonSet>(daemon_set(surge)).await;
    until_rolled_out(&world, 2).await;
    world.patch::<DaemonSet>("agent", image("two")).await;
    let is_ready = |pod: &Tree| {
        let conditions = pod.items_at(&["status", "conditions"]);
        let ready = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Ready"));
        !meta::is_deleting(pod) && ready.is_some_and(|ready| ready.str_at(&["status"]) == Some("True"))
    };
    world
        .until("both nodes have the new pod alone", || async {
            let pods_now = world.list::<Pod>(AGENT).await;
            let serving = pods_now.iter().filter(|pod| is_ready(pod));
            let nodes: BTreeSet<_> = serving.filter_map(|pod| pod.str_at(&["spec", "nodeName"])).collect();
            assert_eq!(nodes.len(), 2);
            (pods(&world).await == placed(&[("node-0", "two"), ("node-1", "two")])).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn on_delete_a_pod_is_new_when_its_old_one_was_deleted() {
    let world = World::start().await;
    let on_delete = tree!({ "spec": { "updateStrategy": { "type": "OnDelete" } } });
    world.create::<DaemonSet>(daemon_set(on_delete)).await;
    until_rolled_out(&world, 2).await;
    world.patch::<DaemonSet>("agent", image("two")).await;
    world.rest(std::time::Duration::from_secs(60)).await;
    assert_eq!(pods(&world).await, placed(&[("node-0", "one"), ("node-1", "one")]));
    let old = world.list::<Pod>(AGENT).await;
    let old = old.iter().find(|pod| pod.str_at(&["spec", "nodeName"]) == Some("node-0")).unwrap();
    world.delete::<Pod>(meta::name(old), &client::DeleteOptions::default()).await;
    let wanted = placed(&[("node-0", "two"), ("node-1", "one")]);
    world.until("it is replaced", || async { (pods(&world).await == wanted).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fails_is_replaced_ever_later() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    world.create::<DaemonSet>(daemon_set(tree!({}))).await;
    // Containers of a DaemonSet are restarted; what fails for good is the pod, as when its node refuses it.
    for turn in 1..=3 {
        let pod = world.until_count::<Pod>(AGENT, 1, "a pod", |pod| !meta::is_deleting(pod)).await.remove(0);
        let failed = client::Patch::Merge(tree!({ "status": { "phase": "Failed" } }));
        let api = world.client().dynamic(&client::ApiResource::of::<Pod>(), Some("default"));
        api.patch_status(meta::name(&pod), &failed).await.unwrap();
        let claim = format!("it is replaced, turn {turn}");
        let is_another = |other: &Tree| meta::uid(other) != meta::uid(&pod);
        world.until_count::<Pod>(AGENT, 1, &claim, is_another).await;
    }
    let events = world.list::<Event>("").await;
    assert!(events.iter().any(|event| event.str_at(&["reason"]) == Some("FailedDaemonPod")));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_arrives_whatever_goes_wrong() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 100, losses: 20, closed_watches: 300 };
        let world = World::with(Setup { nodes: 4, faults, seed, ..Setup::default() }).await;
        world.create::<DaemonSet>(daemon_set(tree!({}))).await;
        until_rolled_out(&world, 4).await;
        world.patch::<DaemonSet>("agent", image("two")).await;
        world.set_api_gone(true);
        world.rest(std::time::Duration::from_secs(5)).await;
        world.set_api_gone(false);
        until_rolled_out(&world, 4).await;
        let images: BTreeSet<_> = pods(&world).await.into_iter().map(|(_, image)| image).collect();
        assert_eq!(images, BTreeSet::from(["two".to_owned()]), "seed {seed}");
    }
}
