//! What upstream's conformance tests of sig-apps, sig-scheduling and sig-api-machinery assert and no other simulation shows,
//! step by step.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::time::Duration;

use client::{ApiResource, DeleteOptions, Patch, Propagation};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use objects::{Tree, meta, tree};
use simulation::{Script, Setup, World};

fn labelled(app: &str, spec: Tree) -> Tree {
    tree!({ "metadata": { "labels": { "app": app } }, "spec": spec })
}

fn containers(image: &str) -> Tree {
    tree!({ "containers": [{ "name": "c", "image": image }] })
}

/// An object that selects the pods of its template.
fn workload(name: &str, replicas: i32, template: Tree) -> Tree {
    tree!({
        "metadata": { "name": name },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": template }
    })
}

fn status(object: &Tree, field: &str) -> i64 {
    object.i64_at(&["status", field]).unwrap_or(0)
}

fn is_observed(object: &Tree) -> bool {
    status(object, "observedGeneration") == meta::generation(object)
}

fn phase(pod: &Tree) -> &str {
    pod.str_at(&["status", "phase"]).unwrap_or_default()
}

async fn set_phase(world: &World, pod: &str, phase: &str) {
    let pods = world.client().dynamic(&ApiResource::of::<Pod>(), Some("default"));
    pods.patch_status(pod, &Patch::Merge(tree!({ "status": { "phase": phase } }))).await.unwrap();
}

async fn said(world: &World, reason: &str) -> bool {
    let events = world.list::<Event>("").await;
    events.iter().any(|event| event.str_at(&["reason"]) == Some(reason))
}

/// "Job should adopt matching orphans and release non-matching pods"
#[tokio::test(start_paused = true)]
async fn a_job_adopts_an_orphan_that_matches_and_lets_go_of_a_pod_that_does_not() {
    let world = World::start().await;
    let mut spec = containers("i");
    spec.insert("restartPolicy", "Never");
    let job = tree!({
        "metadata": { "name": "adopt" },
        "spec": { "parallelism": 2, "completions": 2, "template": { "spec": spec } }
    });
    world.create::<Job>(job).await;
    let of_job = "batch.kubernetes.io/job-name=adopt";
    let running = |pod: &Tree| phase(pod) == "Running";
    let pods = world.until_count::<Pod>(of_job, 2, "two pods run", running).await;
    let name = meta::name(&pods[0]).to_owned();
    let is_ours = |pod: &Tree| meta::controller_of(pod).is_some_and(|owner| owner.name == "adopt");
    world.patch::<Pod>(&name, tree!({ "metadata": { "ownerReferences": [] } })).await;
    world.until_object::<Pod>(&name, "the orphan is adopted", is_ours).await;
    let labels = pods[0].at(&["metadata", "labels"]).unwrap();
    let mut none = tree!({});
    for (label, _) in labels.fields() {
        none.insert(label, Tree::Null);
    }
    world.patch::<Pod>(&name, tree!({ "metadata": { "labels": none } })).await;
    world.until_object::<Pod>(&name, "it is let go", |pod| meta::controller_of(pod).is_none()).await;
    let free = |pod: &Tree| meta::finalizers(pod).next().is_none();
    world.until_object::<Pod>(&name, "nobody counts it", free).await;
    world.until_count::<Pod>(of_job, 2, "another in its place", is_ours).await;
}

/// "StatefulSet Should recreate evicted statefulset"
#[tokio::test(start_paused = true)]
async fn a_pod_of_a_stateful_set_that_failed_or_ended_is_made_anew_under_its_name_and_that_is_told() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    world.create::<StatefulSet>(workload("ss", 1, labelled("ss", containers("i")))).await;
    for (end, reason) in [("Failed", "RecreatingFailedPod"), ("Succeeded", "RecreatingTerminatedPod")] {
        let pod = world.until_object::<Pod>("ss-0", "it runs", |pod| phase(pod) == "Running").await;
        let uid = meta::uid(&pod).to_owned();
        // The kubelet would say that it runs.
        world.nodes.stop("node-0");
        set_phase(&world, "ss-0", end).await;
        let is_going = |pod: &Tree| meta::is_deleting(pod) || meta::uid(pod) != uid;
        world
            .until("it is deleted", || async {
                world.find::<Pod>("ss-0").await.is_none_or(|pod| is_going(&pod)).then_some(())
            })
            .await;
        world.nodes.resume("node-0");
        let is_new = |pod: &Tree| meta::uid(pod) != uid && phase(pod) == "Running";
        world.until_object::<Pod>("ss-0", "another runs under its name", is_new).await;
        world.until(reason, || async { said(&world, reason).await.then_some(()) }).await;
    }
}

/// "Daemon set should rollback without unnecessary restarts"
#[tokio::test(start_paused = true)]
async fn a_daemon_set_that_is_rolled_back_keeps_the_pods_that_the_update_never_reached() {
    let world = World::start().await;
    world
        .create::<DaemonSet>({
            let mut set = workload("ds", 0, labelled("ds", containers("good")));
            set.set_at(&["spec", "replicas"], Tree::Null);
            set
        })
        .await;
    let is_available = |set: &Tree| {
        is_observed(set) && status(set, "numberAvailable") == 2 && status(set, "updatedNumberScheduled") == 2
    };
    world.until_object::<DaemonSet>("ds", "it is everywhere", is_available).await;
    let image = |image: &str, never_ready: Tree| {
        let mut template = labelled("ds", containers(image));
        template.set_at(&["metadata", "annotations"], tree!({}));
        template.make(&["metadata", "annotations"]).insert(Script::NEVER_READY, never_ready);
        tree!({ "spec": { "template": template } })
    };
    world.patch::<DaemonSet>("ds", image("bad", "yes".into())).await;
    let is_bad = |pod: &Tree| pod.str_at(&["spec", "containers", "0", "image"]) == Some("bad");
    world.until_count::<Pod>("app=ds", 1, "one is of the bad image", is_bad).await;
    world.rest(Duration::from_secs(30)).await;
    let pods = world.list::<Pod>("app=ds").await;
    let good: Vec<_> = pods.iter().filter(|pod| !is_bad(pod)).map(|pod| meta::uid(pod).to_owned()).collect();
    assert_eq!(good.len(), 1, "no more than one is missing");
    world.patch::<DaemonSet>("ds", image("good", Tree::Null)).await;
    world.until_object::<DaemonSet>("ds", "it is back", is_available).await;
    let pods = world.list::<Pod>("app=ds").await;
    assert!(pods.iter().any(|pod| meta::uid(pod) == good[0]), "the good one was not restarted");
}

/// "Deployment deployment should support rollover": a rollout that another overtakes.
#[tokio::test(start_paused = true)]
async fn a_rollout_that_is_overtaken_leaves_nothing_of_the_one_in_between() {
    let world = World::start().await;
    let template = |image: &str| labelled("web", containers(image));
    let mut orphan = workload("web", 1, template("old"));
    orphan.set_at(&["metadata"], tree!({ "name": "earlier", "labels": { "app": "web" } }));
    world.create::<ReplicaSet>(orphan).await;
    let is_ready = |set: &Tree| is_observed(set) && status(set, "readyReplicas") == 1;
    world.until_object::<ReplicaSet>("earlier", "its pod runs", is_ready).await;
    let mut deployment = workload("web", 1, template("never"));
    deployment.set_at(&["spec", "template", "metadata", "annotations"], tree!({}));
    deployment.make(&["spec", "template", "metadata", "annotations"]).insert(Script::NEVER_READY, "yes");
    deployment
        .set_at(&["spec", "strategy"], tree!({ "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } }));
    world.create::<Deployment>(deployment).await;
    let is_new =
        |set: &Tree| set.str_at(&["spec", "template", "spec", "containers", "0", "image"]) == Some("never");
    world.until_count::<ReplicaSet>("", 1, "the set of the new template", is_new).await;
    world.rest(Duration::from_secs(10)).await;
    let mut over = tree!({ "spec": { "template": (template("new")) } });
    over.set_at(&["spec", "template", "metadata", "annotations"], tree!({}));
    over.make(&["spec", "template", "metadata", "annotations"]).insert(Script::NEVER_READY, Tree::Null);
    world.patch::<Deployment>("web", over).await;
    let is_over = |deployment: &Tree| {
        is_observed(deployment)
            && ["replicas", "updatedReplicas", "availableReplicas"]
                .iter()
                .all(|field| status(deployment, field) == 1)
    };
    world.until_object::<Deployment>("web", "the last template runs alone", is_over).await;
    let sets = world.list::<ReplicaSet>("").await;
    let of = |name: &str| sets.iter().find(|set| meta::name(set) == name).unwrap();
    assert_eq!(meta::controller_of(of("earlier")).map(|owner| owner.name), Some("web"), "it was adopted");
    let sizes = sets.iter().filter(|set| set.i64_at(&["spec", "replicas"]) != Some(0)).count();
    assert_eq!((sets.len(), sizes), (3, 1), "only the last has pods");
}

/// "Deployment deployment should support proportional scaling"
#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_scaled_in_the_middle_of_a_rollout_scales_both_sets_in_proportion() {
    let world = World::start().await;
    let mut deployment = workload("web", 10, labelled("web", containers("good")));
    deployment
        .set_at(&["spec", "strategy"], tree!({ "rollingUpdate": { "maxUnavailable": 2, "maxSurge": 3 } }));
    world.create::<Deployment>(deployment).await;
    let available =
        |count: i64| move |found: &Tree| is_observed(found) && status(found, "availableReplicas") == count;
    world.until_object::<Deployment>("web", "ten run", available(10)).await;
    let mut bad = tree!({ "spec": { "template": (labelled("web", containers("bad"))) } });
    bad.set_at(&["spec", "template", "metadata", "annotations"], tree!({}));
    bad.make(&["spec", "template", "metadata", "annotations"]).insert(Script::NEVER_READY, "yes");
    world.patch::<Deployment>("web", bad).await;
    let sizes = async || {
        let mut sizes: Vec<_> = world
            .list::<ReplicaSet>("")
            .await
            .iter()
            .map(|set| set.i64_at(&["spec", "replicas"]).unwrap())
            .collect();
        sizes.sort_unstable();
        sizes
    };
    world
        .until("eight of the old and five of the new", || async { (sizes().await == [5, 8]).then_some(()) })
        .await;
    world.patch::<Deployment>("web", tree!({ "spec": { "replicas": 30 } })).await;
    world.until("both grow alike", || async { (sizes().await == [13, 20]).then_some(()) }).await;
}

/// "OrderedNamespaceDeletion namespace deletion should delete pod first"
#[tokio::test(start_paused = true)]
async fn in_a_namespace_that_goes_nothing_goes_before_the_last_pod() {
    let world = World::start().await;
    world.create_cluster::<Namespace>(tree!({ "metadata": { "name": "ordered" } })).await;
    let held =
        |name: &str| tree!({ "metadata": { "name": name, "finalizers": ["e2e.example.com/finalizer"] } });
    let mut pod = held("pod");
    pod.insert("spec", containers("i"));
    world.create_in::<Pod>("ordered", pod).await;
    world.create_in::<ConfigMap>("ordered", held("map")).await;
    let namespaces = world.client().cluster::<Namespace>();
    namespaces.delete("ordered", &DeleteOptions::default()).await.unwrap();
    let pods = world.client().dynamic(&ApiResource::of::<Pod>(), Some("ordered"));
    let maps = world.client().dynamic(&ApiResource::of::<ConfigMap>(), Some("ordered"));
    let is_going =
        async |api: &client::Api<Tree>, name: &str| meta::is_deleting(&api.get(name).await.unwrap());
    world.until("the pod goes", || async { is_going(&pods, "pod").await.then_some(()) }).await;
    world.rest(Duration::from_secs(60)).await;
    assert!(!is_going(&maps, "map").await, "the map waits for the pod");
    let told = namespaces.get("ordered").await.unwrap().status.unwrap().conditions.unwrap();
    let holds = |kind: &str| told.iter().any(|one| one.type_ == kind && one.status == "True");
    assert!(holds("NamespaceContentRemaining") && holds("NamespaceFinalizersRemaining"), "{told:?}");
    let free = Patch::Merge(tree!({ "metadata": { "finalizers": [] } }));
    pods.patch("pod", &free).await.unwrap();
    world.until("the map goes after it", || async { is_going(&maps, "map").await.then_some(()) }).await;
    maps.patch("map", &free).await.unwrap();
    let is_gone = || async { namespaces.find("ordered").await.unwrap().is_none().then_some(()) };
    world.until("the namespace is gone", is_gone).await;
}

async fn priority(world: &World, name: &str, value: i64) {
    world.create_cluster::<PriorityClass>(tree!({ "metadata": { "name": name }, "value": value })).await;
}

/// "SchedulerPreemption validates pod disruption condition is added to the preempted pod", with an extended resource.
#[tokio::test(start_paused = true)]
async fn a_pod_that_is_preempted_says_so_while_a_finalizer_holds_it() {
    let world = World::start().await;
    priority(&world, "low", 1).await;
    priority(&world, "high", 100).await;
    let nodes = world.client().dynamic(&ApiResource::of::<Node>(), None);
    let scarce = tree!({ "status": { "capacity": { "scarce.example.com/r": "5" }, "allocatable": { "scarce.example.com/r": "5" } } });
    nodes.patch_status("node-0", &Patch::Merge(scarce)).await.unwrap();
    let pod = |name: &str, class: &str, finalizers: Tree| {
        let amount = tree!({ "scarce.example.com/r": "3" });
        let resources = tree!({ "requests": (amount.clone()), "limits": amount });
        tree!({
            "metadata": { "name": name, "finalizers": finalizers },
            "spec": {
                "priorityClassName": class,
                "containers": [{ "name": "c", "image": "i", "resources": resources }]
            }
        })
    };
    world.create::<Pod>(pod("victim", "low", tree!(["example.com/test-finalizer"]))).await;
    world.until_object::<Pod>("victim", "it runs", |pod| phase(pod) == "Running").await;
    world.create::<Pod>(pod("preemptor", "high", tree!([]))).await;
    let victim = world.until_object::<Pod>("victim", "it is to go", meta::is_deleting).await;
    let mut conditions = victim.items_at(&["status", "conditions"]).iter();
    let target = conditions.find(|one| one.str_at(&["type"]) == Some("DisruptionTarget")).unwrap();
    assert_eq!(target.str_at(&["status"]), Some("True"));
    assert_eq!(target.str_at(&["reason"]), Some("PreemptionByScheduler"));
    let preemptor = world.find::<Pod>("preemptor").await.unwrap();
    assert_eq!(preemptor.str_at(&["status", "nominatedNodeName"]), Some("node-0"));
    world.patch::<Pod>("victim", tree!({ "metadata": { "finalizers": [] } })).await;
    world.until_object::<Pod>("preemptor", "it has its room", |pod| phase(pod) == "Running").await;
}

/// "SchedulerPreemption PreemptionExecutionPath runs ReplicaSets to verify preemption running path"
#[tokio::test(start_paused = true)]
async fn replica_sets_of_more_priority_take_what_those_of_less_have_and_no_more() {
    let world = World::start().await;
    let nodes = world.client().dynamic(&ApiResource::of::<Node>(), None);
    let fake = tree!({ "status": { "capacity": { "example.com/fakecpu": "1000" }, "allocatable": { "example.com/fakecpu": "1000" } } });
    nodes.patch_status("node-0", &Patch::Merge(fake)).await.unwrap();
    let set = |name: &str, replicas: i32, amount: &str| {
        let amounts = tree!({ "example.com/fakecpu": amount });
        let resources = tree!({ "requests": (amounts.clone()), "limits": amounts });
        let spec = tree!({
            "priorityClassName": name, "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "c", "image": "i", "resources": resources }]
        });
        workload(name, replicas, labelled(name, spec))
    };
    let sets = [("p1", 1, "200"), ("p2", 1, "300"), ("p3", 1, "450")];
    for (number, (name, replicas, amount)) in sets.into_iter().enumerate() {
        priority(&world, name, i64::try_from(number).unwrap() + 1).await;
        world.create::<ReplicaSet>(set(name, replicas, amount)).await;
        let is_ready = |set: &Tree| is_observed(set) && status(set, "readyReplicas") == 1;
        world.until_object::<ReplicaSet>(name, "its pod runs", is_ready).await;
    }
    priority(&world, "p4", 4).await;
    world.create::<ReplicaSet>(set("p4", 1, "500")).await;
    let is_ready = |set: &Tree| is_observed(set) && status(set, "readyReplicas") == 1;
    world.until_object::<ReplicaSet>("p4", "the most important runs", is_ready).await;
    world.rest(Duration::from_secs(60)).await;
    let mut running = Vec::new();
    for name in ["p1", "p2", "p3", "p4"] {
        let pods = world.list::<Pod>(&format!("app={name}")).await;
        running.push(pods.iter().filter(|pod| phase(pod) == "Running").count());
    }
    assert_eq!(running, [0, 0, 1, 1], "p1 and p2 made room, p3 was left alone");
}

/// "Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so", for a Deployment
/// that orphans.
#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_deleted_leaves_its_replica_set_where_that_is_asked_for() {
    let world = World::start().await;
    world.create::<Deployment>(workload("web", 2, labelled("web", containers("i")))).await;
    let is_ready = |set: &Tree| status(set, "readyReplicas") == 2;
    world.until_count::<ReplicaSet>("app=web", 1, "its pods run", is_ready).await;
    let orphan = DeleteOptions { propagation_policy: Some(Propagation::Orphan), ..DeleteOptions::default() };
    world.delete::<Deployment>("web", &orphan).await;
    world
        .until("the deployment is gone", || async {
            world.find::<Deployment>("web").await.is_none().then_some(())
        })
        .await;
    world.rest(Duration::from_secs(60)).await;
    let sets = world.list::<ReplicaSet>("app=web").await;
    assert_eq!(sets.len(), 1);
    assert!(meta::controller_of(&sets[0]).is_none());
    assert_eq!(world.list::<Pod>("app=web").await.len(), 2);
}
