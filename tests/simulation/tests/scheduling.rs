//! Pods find their nodes whatever comes between: faults, conflicts, a silent API server; and those that are more
//! important, gated or to be spread find them as they should.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::DeleteOptions;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use objects::{Tree, meta, tree};
use simulation::{Rates, Script, Setup, World};

/// A pod of an app that asks for so much.
fn pod(name: &str, app: &str, cpu: &str) -> Tree {
    tree!({
        "metadata": { "name": name, "labels": { "app": app } },
        "spec": { "containers": [{
            "name": "c", "image": "i", "resources": { "requests": { "cpu": cpu, "memory": "64Mi" } }
        }] }
    })
}

fn node_of(pod: &Tree) -> Option<&str> {
    pod.str_at(&["spec", "nodeName"]).filter(|node| !node.is_empty())
}

/// The message of a pod that is waiting.
fn refusal(pod: &Tree) -> Option<String> {
    let conditions = pod.items_at(&["status", "conditions"]);
    let scheduled = conditions.iter().find(|one| one.str_at(&["type"]) == Some("PodScheduled"))?;
    let is_waiting = scheduled.str_at(&["reason"]) == Some("Unschedulable");
    is_waiting.then(|| scheduled.str_at(&["message"]).unwrap_or_default().to_owned())
}

async fn bound(world: &World, app: &str, count: usize) -> Vec<Tree> {
    let claim = format!("{count} pods of {app} have a node");
    world.until_count::<Pod>(&format!("app={app}"), count, &claim, |pod| node_of(pod).is_some()).await
}

/// How many pods are in each domain of a label of nodes.
async fn by_label(world: &World, pods: &[Tree], label: &str) -> BTreeMap<String, usize> {
    let nodes = world.client().cluster::<Node>().viewed::<Tree>();
    let nodes = nodes.list_all(&client::ListOptions::default()).await.unwrap().items;
    let mut counts = BTreeMap::new();
    for pod in pods {
        let node = nodes.iter().find(|node| Some(meta::name(node)) == node_of(pod)).unwrap();
        *counts.entry(meta::label(node, label).unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

/// No node has more pods than it has room for.
fn assert_nothing_is_overfull(pods: &[Tree], room: usize, seed: u64) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    pods.iter().filter_map(node_of).for_each(|node| *counts.entry(node).or_default() += 1);
    assert!(counts.values().all(|count| *count <= room), "seed {seed}: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn pods_get_their_nodes_though_requests_are_lost_and_watches_end() {
    for seed in 0..4 {
        let faults = Rates { conflicts: 200, losses: 100, closed_watches: 500 };
        let world = World::with(Setup { nodes: 3, faults, seed, ..Setup::default() }).await;
        for number in 0..24 {
            world.create::<Pod>(pod(&format!("web-{number}"), "web", "1")).await;
        }
        let pods = bound(&world, "web", 24).await;
        assert_nothing_is_overfull(&pods, 8, seed);
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_are_made_while_the_api_server_answers_nobody_get_their_nodes_afterwards() {
    let world = World::start().await;
    world.create::<Pod>(pod("before", "web", "1")).await;
    bound(&world, "web", 1).await;
    world.set_api_gone(true);
    for number in 0..5 {
        world.create::<Pod>(pod(&format!("web-{number}"), "web", "1")).await;
    }
    world.rest(Duration::from_secs(120)).await;
    let waiting = world.list::<Pod>("app=web").await;
    assert_eq!(waiting.iter().filter_map(node_of).count(), 1, "nobody can bind");
    world.set_api_gone(false);
    bound(&world, "web", 6).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_says_why_and_is_bound_once_a_node_comes() {
    let world = World::start().await;
    world.create::<Pod>(pod("large", "large", "12")).await;
    let expected = "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: \
        0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    // Nodes are tainted until it is seen that they are ready: it may say so first.
    let says = |pod: &Tree| refusal(pod).as_deref() == Some(expected);
    world.until_object::<Pod>("large", "it says why it waits", says).await;
    let events = world
        .until("an event says so", || async {
            let events = world.list::<Event>("").await;
            let told: Vec<Tree> = events
                .into_iter()
                .filter(|event| event.str_at(&["reason"]) == Some("FailedScheduling"))
                .filter(|event| event.str_at(&["message"]) == Some(expected))
                .collect();
            (!told.is_empty()).then_some(told)
        })
        .await;
    assert_eq!(events[0].str_at(&["source", "component"]), Some("default-scheduler"));
    let size = tree!({ "status": { "allocatable": { "cpu": "16" }, "capacity": { "cpu": "16" } } });
    world.nodes.add("big", size).await;
    let pods = bound(&world, "large", 1).await;
    assert_eq!(node_of(&pods[0]), Some("big"));
}

async fn classes(world: &World) {
    for (name, value) in [("low", 1), ("high", 1000)] {
        let class = tree!({ "metadata": { "name": name }, "value": value });
        world.create_cluster::<PriorityClass>(class).await;
    }
}

fn of_class(mut pod: Tree, class: &str) -> Tree {
    pod.set_at(&["spec", "priorityClassName"], class);
    pod
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_priority_takes_the_room_of_the_fewest_and_of_none_that_a_budget_keeps() {
    for seed in 0..3 {
        let faults = Rates { conflicts: 100, losses: 50, closed_watches: 300 };
        let world = World::with(Setup { faults, seed, ..Setup::default() }).await;
        classes(&world).await;
        let budget = tree!({
            "metadata": { "name": "kept" },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "kept" } } },
        });
        world.create::<PodDisruptionBudget>(budget).await;
        for app in ["kept", "spare"] {
            let mut pod = of_class(pod(app, app, "6"), "low");
            pod.set_at(&["metadata", "annotations", Script::END_AFTER], "5");
            world.create::<Pod>(pod).await;
            bound(&world, app, 1).await;
        }
        world.create::<Pod>(of_class(pod("urgent", "urgent", "6"), "high")).await;
        bound(&world, "urgent", 1).await;
        assert!(world.find::<Pod>("spare").await.is_none(), "seed {seed}: it made room");
        assert!(world.find::<Pod>("kept").await.is_some(), "seed {seed}: its budget kept it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_of_priority_waits_for_is_given_to_no_other() {
    let world = World::with(Setup { nodes: 1, ..Setup::default() }).await;
    classes(&world).await;
    let mut old = of_class(pod("old", "old", "6"), "low");
    old.set_at(&["metadata", "annotations", Script::END_AFTER], "20");
    world.create::<Pod>(old).await;
    bound(&world, "old", 1).await;
    world.create::<Pod>(of_class(pod("urgent", "urgent", "6"), "high")).await;
    let promised = |pod: &Tree| pod.str_at(&["status", "nominatedNodeName"]) == Some("node-0");
    world.until_object::<Pod>("urgent", "it has the promise of the node", promised).await;
    world.create::<Pod>(of_class(pod("hasty", "hasty", "6"), "low")).await;
    bound(&world, "urgent", 1).await;
    let hasty = world.find::<Pod>("hasty").await.unwrap();
    assert_eq!(node_of(&hasty), None);
    world.delete::<Pod>("urgent", &DeleteOptions::default()).await;
    bound(&world, "hasty", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_gated_pod_waits_until_its_last_gate_is_gone() {
    let world = World::start().await;
    let mut gated = pod("gated", "gated", "1");
    gated.set_at(
        &["spec", "schedulingGates"],
        tree!([{ "name": "example.com/one" }, { "name": "example.com/two" }]),
    );
    world.create::<Pod>(gated).await;
    world.rest(Duration::from_secs(600)).await;
    for left in [tree!([{ "name": "example.com/two" }]), tree!([])] {
        let waiting = world.find::<Pod>("gated").await.unwrap();
        assert_eq!(node_of(&waiting), None);
        world.patch::<Pod>("gated", tree!({ "spec": { "schedulingGates": left } })).await;
        world.rest(Duration::from_secs(1)).await;
    }
    bound(&world, "gated", 1).await;
}

#[tokio::test(start_paused = true)]
async fn pods_are_spread_over_zones_though_they_come_all_at_once() {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let faults = Rates { conflicts: 100, losses: 100, closed_watches: 300 };
    for seed in 0..3 {
        let world = World::with(Setup { nodes: 0, faults, seed, ..Setup::default() }).await;
        for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")] {
            let labels = tree!({ "topology.kubernetes.io/zone": zone });
            world.nodes.add(name, tree!({ "metadata": { "labels": labels } })).await;
        }
        for number in 0..12 {
            let mut web = pod(&format!("web-{number}"), "web", "100m");
            let term = tree!({
                "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": { "matchLabels": { "app": "web" } }
            });
            web.set_at(&["spec", "topologySpreadConstraints"], vec![term]);
            world.create::<Pod>(web).await;
        }
        let pods = bound(&world, "web", 12).await;
        let counts = by_label(&world, &pods, ZONE).await;
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [4, 4, 4], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_shun_one_another_never_share_a_node() {
    let faults = Rates { conflicts: 100, losses: 100, closed_watches: 300 };
    for seed in 0..3 {
        let world = World::with(Setup { nodes: 4, faults, seed, ..Setup::default() }).await;
        for number in 0..6 {
            let mut db = pod(&format!("db-{number}"), "db", "100m");
            let path =
                ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
            db.set_at(
                &path,
                tree!([{
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": { "matchLabels": { "app": "db" } }
                }]),
            );
            world.create::<Pod>(db).await;
        }
        let pods = bound(&world, "db", 4).await;
        let nodes: BTreeSet<_> = pods.iter().filter_map(node_of).collect();
        assert_eq!(nodes.len(), 4, "seed {seed}");
        world.rest(Duration::from_secs(60)).await;
        let waiting = world.list::<Pod>("app=db").await;
        assert_eq!(waiting.iter().filter(|pod| node_of(pod).is_none()).count(), 2, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_profile_of_a_file_takes_the_pods_that_name_it() {
    let file = "apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packed
  plugins:
    score: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]}
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
";
    let scheduler = scheduler::Config::parse(file).unwrap();
    let world = World::with(Setup { nodes: 4, scheduler, ..Setup::default() }).await;
    for (app, name) in [("even", "default-scheduler"), ("packed", "packed"), ("other", "other")] {
        for number in 0..4 {
            let mut pod = pod(&format!("{app}-{number}"), app, "500m");
            pod.set_at(&["spec", "schedulerName"], name);
            world.create::<Pod>(pod).await;
        }
    }
    let nodes = |pods: &[Tree]| pods.iter().filter_map(node_of).map(str::to_owned).collect::<BTreeSet<_>>();
    let (even, packed) = (bound(&world, "even", 4).await, bound(&world, "packed", 4).await);
    assert_eq!((nodes(&even).len(), nodes(&packed).len()), (4, 1));
    world.rest(Duration::from_secs(60)).await;
    assert!(nodes(&world.list::<Pod>("app=other").await).is_empty(), "nobody's pods stay as they are");
}
