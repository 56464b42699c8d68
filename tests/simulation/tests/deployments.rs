//! Deployments roll from template to template, as kubectl asks for it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use objects::{Tree, meta, tree};
use simulation::{Rates, Script, Setup, World};

const WEB: &str = "app=web";
const REVISION: &str = "deployment.kubernetes.io/revision";

fn template(image: &str) -> Tree {
    tree!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "image": image }] }
    })
}

fn deployment(replicas: i32, change: Tree) -> Tree {
    let mut deployment = tree!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": (template("one"))
        }
    });
    deployment.merge(&change);
    deployment
}

fn image(image: &str) -> Tree {
    tree!({ "spec": { "template": (template(image)) } })
}

/// As `kubectl rollout status` judges.
fn is_rolled_out(deployment: &Tree) -> bool {
    let status = |field: &str| deployment.i64_at(&["status", field]).unwrap_or(0);
    let replicas = deployment.i64_at(&["spec", "replicas"]).unwrap_or(1);
    status("observedGeneration") == meta::generation(deployment)
        && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|field| status(field) == replicas)
}

async fn until_rolled_out(world: &World) -> Tree {
    world.until_object::<Deployment>("web", "it is rolled out", is_rolled_out).await
}

fn progress(deployment: &Tree) -> Option<String> {
    let conditions = deployment.items_at(&["status", "conditions"]);
    let progress = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Progressing"))?;
    progress.str_at(&["reason"]).map(str::to_owned)
}

fn replicas(set: &Tree) -> i64 {
    set.i64_at(&["spec", "replicas"]).unwrap_or(1)
}

/// Pods that are there and not going, by image.
async fn images(world: &World) -> Vec<String> {
    let pods = world.list::<Pod>(WEB).await;
    let pods = pods.iter().filter(|pod| !meta::is_deleting(pod));
    let image = |pod: &Tree| pod.str_at(&["spec", "containers", "0", "image"]).map(str::to_owned);
    pods.filter_map(image).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_keeps_to_its_bounds_and_can_be_undone() {
    let world = World::start().await;
    let bounds =
        tree!({ "spec": { "strategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 1 } } } });
    world.create::<Deployment>(deployment(4, bounds)).await;
    let first = until_rolled_out(&world).await;
    assert_eq!(meta::annotation(&first, REVISION), Some("1"));
    world.patch::<Deployment>("web", image("two")).await;
    let claim = "it is rolled out within its bounds";
    let second = world
        .until(claim, || async {
            let pods = world.list::<Pod>(WEB).await;
            let going = pods.iter().filter(|pod| meta::is_deleting(pod)).count();
            assert!(pods.len() - going <= 5, "{} pods", pods.len());
            let deployment = world.find::<Deployment>("web").await?;
            assert!(deployment.i64_at(&["status", "availableReplicas"]) >= Some(3));
            is_rolled_out(&deployment).then_some(deployment)
        })
        .await;
    assert_eq!(meta::annotation(&second, REVISION), Some("2"));
    assert_eq!(progress(&second).as_deref(), Some("NewReplicaSetAvailable"));
    assert_eq!(images(&world).await, ["two"; 4]);
    // As `kubectl rollout undo` does it.
    world.patch::<Deployment>("web", image("one")).await;
    let third = until_rolled_out(&world).await;
    assert_eq!(meta::annotation(&third, REVISION), Some("3"));
    let mut revisions: Vec<_> = world
        .list::<ReplicaSet>(WEB)
        .await
        .iter()
        .map(|set| (meta::annotation(set, REVISION).map(str::to_owned), replicas(set)))
        .collect();
    revisions.sort();
    assert_eq!(revisions, [(Some("2".to_owned()), 0), (Some("3".to_owned()), 4)]);
}

#[tokio::test(start_paused = true)]
async fn recreating_has_no_old_pod_beside_a_new_one() {
    let world = World::start().await;
    let recreate = tree!({ "spec": {
        "strategy": { "type": "Recreate" },
        "template": { "metadata": { "annotations": { "simulation/end-after": "5" } } }
    } });
    assert_eq!(Script::END_AFTER, "simulation/end-after");
    world.create::<Deployment>(deployment(3, recreate)).await;
    until_rolled_out(&world).await;
    world.patch::<Deployment>("web", image("two")).await;
    world
        .until("the new ones are there", || async {
            let pods = world.list::<Pod>(WEB).await;
            let image = |pod: &Tree| pod.str_at(&["spec", "containers", "0", "image"]).map(str::to_owned);
            let (old, new): (Vec<_>, Vec<_>) =
                pods.iter().partition(|pod| image(pod).as_deref() == Some("one"));
            assert!(old.is_empty() || new.is_empty(), "{} old and {} new", old.len(), new.len());
            is_rolled_out(&world.find::<Deployment>("web").await?).then_some(())
        })
        .await;
    assert_eq!(images(&world).await, ["two"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_does_not_roll_until_it_is_resumed() {
    let world = World::start().await;
    world.create::<Deployment>(deployment(2, tree!({}))).await;
    until_rolled_out(&world).await;
    let mut change = image("two");
    change.set_at(&["spec", "paused"], true);
    world.patch::<Deployment>("web", change).await;
    let is_paused = |found: &Tree| progress(found).as_deref() == Some("DeploymentPaused");
    world.until_object::<Deployment>("web", "it says so", is_paused).await;
    world.rest(Duration::from_secs(60)).await;
    assert_eq!(images(&world).await, ["one"; 2]);
    world.patch::<Deployment>("web", tree!({ "spec": { "paused": false } })).await;
    until_rolled_out(&world).await;
    assert_eq!(images(&world).await, ["two"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_comes_nowhere_says_so_at_its_deadline_and_keeps_the_old_pods() {
    let world = World::start().await;
    world.create::<Deployment>(deployment(3, tree!({ "spec": { "progressDeadlineSeconds": 60 } }))).await;
    until_rolled_out(&world).await;
    let mut broken = image("broken");
    broken.set_at(&["spec", "template", "metadata", "annotations", Script::NEVER_READY], "");
    world.patch::<Deployment>("web", broken).await;
    let is_late = |found: &Tree| progress(found).as_deref() == Some("ProgressDeadlineExceeded");
    let late = world.until_object::<Deployment>("web", "the deadline passes", is_late).await;
    assert_eq!(late.i64_at(&["status", "availableReplicas"]), Some(3));
    let mut repaired = image("two");
    repaired.set_at(&["spec", "template", "metadata", "annotations"], Tree::Null);
    world.patch::<Deployment>("web", repaired).await;
    until_rolled_out(&world).await;
    assert_eq!(images(&world).await, ["two"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_arrives_whatever_goes_wrong() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 100, losses: 20, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        world.create::<Deployment>(deployment(3, tree!({ "spec": { "revisionHistoryLimit": 1 } }))).await;
        until_rolled_out(&world).await;
        world.patch::<Deployment>("web", image("two")).await;
        world.set_api_gone(true);
        world.rest(Duration::from_secs(5)).await;
        world.set_api_gone(false);
        until_rolled_out(&world).await;
        world.patch::<Deployment>("web", image("three")).await;
        world.patch::<Deployment>("web", tree!({ "spec": { "replicas": 6 } })).await;
        until_rolled_out(&world).await;
        assert_eq!(images(&world).await, ["three"; 6], "seed {seed}");
        let claim = format!("seed {seed}: one old set is left");
        world.until_count::<ReplicaSet>(WEB, 2, &claim, |_| true).await;
    }
}
