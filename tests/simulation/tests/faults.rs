//! What goes wrong around controllers: clocks that are set, reconcilers that panic, two that want opposite things, objects
//! that are never valid, selectors that take everything, and an API server that comes and goes. Schedules are drawn from
//! seeds that a failing assertion prints.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{ApiError, ApiResource, Client, DeleteOptions, ListOptions, Patch};
use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod, ReplicationController, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use objects::{Tree, meta, tree};
use observe::Metrics;
use reconcile::{LoopMetrics, ObjectKey, Outcome, Queue, Reconcile, Reflector};
use simulation::{Faults, Rates, Script, Setup, World};
use supervise::{Scope, clock};

const WEB: &str = "app=web";

fn template() -> Tree {
    tree!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "image": "i" }] }
    })
}

fn deployment(replicas: i32) -> Tree {
    tree!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": (template())
        }
    })
}

fn has_status(object: &Tree, field: &str, value: i64) -> bool {
    object.i64_at(&["status", field]) == Some(value)
        && object.i64_at(&["status", "observedGeneration"]) == Some(meta::generation(object))
}

async fn until_available(world: &World, replicas: i64, seed: u64) {
    let claim = format!("seed {seed}: {replicas} replicas are available");
    let is_available = |found: &Tree| {
        has_status(found, "availableReplicas", replicas) && has_status(found, "updatedReplicas", replicas)
    };
    world.until_object::<Deployment>("web", &claim, is_available).await;
}

fn is_ready(node: &Tree) -> bool {
    let mut conditions = node.items_at(&["status", "conditions"]).iter();
    let ready = conditions.find(|condition| condition.str_at(&["type"]) == Some("Ready"));
    ready.and_then(|ready| ready.str_at(&["status"])) == Some("True")
}

async fn cluster_objects<K: k8s_openapi::Resource>(world: &World) -> Vec<Tree> {
    let api = world.client().dynamic(&ApiResource::of::<K>(), None);
    api.list(&ListOptions::default()).await.unwrap().items
}

#[tokio::test(start_paused = true)]
async fn whichever_way_a_clock_is_set_nodes_stay_ready_and_pods_where_they_are() {
    for seed in 0..2 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let world = World::with(Setup { seed, ..Setup::default() }).await;
        world.create::<Deployment>(deployment(4)).await;
        until_available(&world, 4, seed).await;
        let names = async || {
            let pods = world.list::<Pod>(WEB).await;
            pods.iter().map(|pod| meta::name(pod).to_owned()).collect::<BTreeSet<_>>()
        };
        let before = names().await;
        for _ in 0..4 {
            let by = SignedDuration::from_secs(dice.i64(-400_000..400_000));
            clock::set_by(by);
            world.rest(Duration::from_secs(dice.u64(60..200))).await;
            let nodes = cluster_objects::<Node>(&world).await;
            assert!(nodes.iter().all(is_ready), "seed {seed}, set by {by:#}: {nodes:?}");
            let tainted = |node: &&Tree| !node.items_at(&["spec", "taints"]).is_empty();
            assert_eq!(nodes.iter().filter(tainted).count(), 0, "seed {seed}, set by {by:#}");
        }
        assert_eq!(names().await, before, "seed {seed}: nobody was evicted");
        world.patch::<Deployment>("web", tree!({ "spec": { "replicas": 6 } })).await;
        until_available(&world, 6, seed).await;
    }
}

fn cron(name: &str, schedule: &str) -> Tree {
    let mut template = tree!({
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] }
    });
    template.set_at(&["metadata", "annotations", Script::EXIT], "0");
    tree!({
        "metadata": { "name": name },
        "spec": {
            "schedule": schedule,
            "successfulJobsHistoryLimit": 100,
            "jobTemplate": { "spec": { "template": template } }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_starts_what_is_due_soon_and_one_that_is_set_back_starts_nothing_twice() {
    let world = World::start().await;
    let in_a_month = clock::now() + SignedDuration::from_hours(24 * 30);
    let at = in_a_month.strftime("%M %H %d %m *").to_string();
    world.create::<CronJob>(cron("monthly", &at)).await;
    world.rest(Duration::from_secs(60)).await;
    assert!(world.list::<Job>("").await.is_empty(), "it is due in a month");
    let month = SignedDuration::from_hours(24 * 30) + SignedDuration::from_mins(2);
    clock::set_by(month);
    world.until_count::<Job>("", 1, "its time has come, though no timer knows", |_| true).await;
    clock::set_by(-month);
    world.rest(Duration::from_secs(700)).await;
    clock::set_by(month);
    world.rest(Duration::from_secs(700)).await;
    assert_eq!(world.list::<Job>("").await.len(), 1, "a time starts one job");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_never_comes_costs_nothing_whatever_the_time_is() {
    let world = World::start().await;
    world.create::<CronJob>(cron("never", "0 0 31 2 *")).await;
    for hours in [24, 24 * 400, -24 * 500] {
        clock::set_by(SignedDuration::from_hours(hours));
        world.rest(Duration::from_secs(700)).await;
    }
    assert!(world.list::<Job>("").await.is_empty());
    let said = world.list::<Event>("").await;
    let about = said.iter().filter(|event| event.str_at(&["involvedObject", "name"]) == Some("never"));
    assert_eq!(about.count(), 0, "nothing is told of it");
}

/// Sees to it that a map holds a value, beside the controllers of the world; now and then it panics instead.
struct Setter {
    client: Client,
    value: &'static str,
    /// In a hundred.
    panics: u32,
    dice: Mutex<fastrand::Rng>,
    looks: Arc<AtomicUsize>,
}

impl Reconcile for Setter {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let draw = self.dice.lock().unwrap_or_else(std::sync::PoisonError::into_inner).u32(0..100);
        assert!(draw >= self.panics, "a panic on purpose");
        let maps = self.client.namespaced::<ConfigMap>(&key.namespace);
        let Some(map) = maps.find(&key.name).await? else { return Ok(Outcome::Done) };
        let is_set = map.data.iter().flatten().any(|(name, value)| name == "value" && value == self.value);
        if !is_set {
            maps.patch(&key.name, &Patch::Merge(tree!({ "data": { "value": (self.value) } }))).await?;
        }
        Ok(Outcome::Done)
    }
}

struct Running {
    metrics: Metrics,
    looks: Arc<AtomicUsize>,
    _scope: Scope,
}

/// Runs one under a name.
fn run(world: &World, faults: &Faults, value: &'static str, panics: u32, seed: u64) -> Running {
    let (metrics, scope, looks) = (Metrics::new(), Scope::root("setter"), Arc::default());
    let client = world.component("system:setter", faults);
    let queue = Queue::new("setter", &LoopMetrics::new(&metrics));
    let reflector = Reflector::new(client.all::<ConfigMap>(), ListOptions::labels("set=yes"))
        .feed(&queue, |map: &ConfigMap| Some(ObjectKey::of(&map.metadata)));
    scope.spawn("maps", reflector.run(scope.token()));
    let dice = Mutex::new(fastrand::Rng::with_seed(seed));
    let setter = Setter { client, value, panics, dice, looks: Arc::clone(&looks) };
    let workers = NonZeroUsize::new(3).unwrap();
    scope.spawn("setter", reconcile::run(setter, queue, workers, scope.token()));
    Running { metrics, looks, _scope: scope }
}

fn map(name: &str) -> Tree {
    tree!({ "metadata": { "name": name, "labels": { "set": "yes" } } })
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_panics_is_counted_goes_on_and_harms_no_other() {
    for seed in 0..2 {
        let faults = Faults::new(Rates { conflicts: 100, losses: 50, closed_watches: 300 }, seed);
        let world = World::with(Setup { seed, ..Setup::default() }).await;
        let running = run(&world, &faults, "here", 60, seed);
        for number in 0..10 {
            world.create::<ConfigMap>(map(&format!("m{number}"))).await;
        }
        world.create::<Deployment>(deployment(3)).await;
        until_available(&world, 3, seed).await;
        let is_set = |map: &Tree| map.str_at(&["data", "value"]) == Some("here");
        world.until_count::<ConfigMap>("set=yes", 10, &format!("seed {seed}: all are set"), is_set).await;
        let text = running.metrics.text();
        let panics =
            text.lines().find_map(|line| line.strip_prefix("reconcile_panics_total{name=\"setter\"} "));
        assert!(panics.is_some_and(|count| count != "0"), "seed {seed}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_controllers_that_fight_go_on_slowly_and_everything_else_works() {
    let world = World::start().await;
    let none = Faults::new(Rates::default(), 0);
    let running = ["one", "other"].map(|value| run(&world, &none, value, 0, 0));
    world.create::<ConfigMap>(map("m")).await;
    world.create::<Deployment>(deployment(3)).await;
    until_available(&world, 3, 0).await;
    let looks = || running.each_ref().map(|running| running.looks.load(Ordering::Relaxed));
    let before = looks();
    world.rest(Duration::from_secs(60)).await;
    let fought: Vec<usize> = looks().iter().zip(before).map(|(after, before)| after - before).collect();
    assert!(fought.iter().all(|looks| (1..4000).contains(looks)), "both have their say, slowly: {fought:?}");
    drop(running);
    let is_settled = |map: &Tree| matches!(map.str_at(&["data", "value"]), Some("one" | "other"));
    world.until_object::<ConfigMap>("m", "it stays as the last one left it", is_settled).await;
}

#[tokio::test(start_paused = true)]
async fn replica_sets_of_the_same_selector_share_no_pod_and_take_none_from_each_other() {
    for seed in 0..2 {
        let faults = Rates { conflicts: 200, losses: 0, closed_watches: 300 };
        let world = World::with(Setup { nodes: 2, faults, seed, ..Setup::default() }).await;
        for (name, replicas) in [("one", 3), ("other", 2)] {
            let mut set = deployment(replicas);
            set.set_at(&["metadata", "name"], name);
            world.create::<ReplicaSet>(set).await;
        }
        for (name, replicas) in [("one", 3), ("other", 2)] {
            let claim = format!("seed {seed}: {name} has its pods");
            let has_all = |set: &Tree| has_status(set, "readyReplicas", replicas);
            world.until_object::<ReplicaSet>(name, &claim, has_all).await;
        }
        world.rest(Duration::from_secs(120)).await;
        let pods = world.list::<Pod>(WEB).await;
        let of = |name: &str| {
            let controls = |pod: &&Tree| meta::controller_of(pod).is_some_and(|owner| owner.name == name);
            pods.iter().filter(controls).count()
        };
        assert_eq!((pods.len(), of("one"), of("other")), (5, 3, 2), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_takes_everything_takes_what_is_in_its_namespace_and_nobody_elses() {
    let world = World::start().await;
    world.create::<Deployment>(deployment(3)).await;
    let mut other = template();
    other.set_at(&["metadata"], tree!({ "name": "other", "labels": { "app": "db" } }));
    world.create::<Pod>(other).await;
    until_available(&world, 3, 0).await;
    let everything =
        tree!({ "metadata": { "name": "all" }, "spec": { "maxUnavailable": 1, "selector": {} } });
    world.create::<PodDisruptionBudget>(everything).await;
    let counts = |budget: &Tree| budget.i64_at(&["status", "currentHealthy"]) == Some(4);
    world.until_object::<PodDisruptionBudget>("all", "every pod of the namespace counts", counts).await;
    // Of pods that have a controller none is adopted, and of a bare one only by a selector that matches it.
    let rc = tree!({
        "metadata": { "name": "greedy" },
        "spec": { "replicas": 2, "selector": { "app": "web" }, "template": (template()) }
    });
    world.create::<ReplicationController>(rc).await;
    let is_full = |rc: &Tree| has_status(rc, "readyReplicas", 2);
    world.until_object::<ReplicationController>("greedy", "it makes its own", is_full).await;
    until_available(&world, 3, 0).await;
    assert_eq!(world.list::<Pod>(WEB).await.len(), 5);
    let bare = world.find::<Pod>("other").await.unwrap();
    assert!(meta::controller_of(&bare).is_none());
    // A service without a selector selects nothing, however much there is.
    let spec = tree!({ "metadata": { "name": "none" }, "spec": { "ports": [{ "port": 80 }] } });
    world.create::<Service>(spec).await;
    world.rest(Duration::from_secs(60)).await;
    assert!(world.list::<EndpointSlice>("kubernetes.io/service-name=none").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_never_valid_backs_off_alone_and_starts_once_it_is_mended() {
    let world = World::start().await;
    // Pods of it are refused each time: of a class of priority that there is not.
    let mut broken = deployment(2);
    broken.set_at(&["metadata", "name"], "broken");
    broken.set_at(&["spec", "selector"], tree!({ "matchLabels": { "app": "broken" } }));
    broken.set_at(&["spec", "template", "metadata", "labels"], tree!({ "app": "broken" }));
    broken.set_at(&["spec", "template", "spec", "priorityClassName"], "nowhere");
    world.create::<Deployment>(broken).await;
    world.create::<Deployment>(deployment(3)).await;
    until_available(&world, 3, 0).await;
    let refused = |found: &Tree| {
        let mut conditions = found.items_at(&["status", "conditions"]).iter();
        conditions.any(|condition| condition.str_at(&["type"]) == Some("ReplicaFailure"))
    };
    world.until_object::<Deployment>("broken", "the refusal is told", refused).await;
    world.rest(Duration::from_secs(300)).await;
    let mended = tree!({ "spec": { "template": { "spec": { "priorityClassName": null } } } });
    world.patch::<Deployment>("broken", mended).await;
    let claim = "it runs once its pods are valid";
    world.until_object::<Deployment>("broken", claim, |found| has_status(found, "readyReplicas", 2)).await;
}

#[tokio::test(start_paused = true)]
async fn everything_arrives_though_watches_end_at_any_moment_and_the_api_server_comes_and_goes() {
    for seed in 0..2 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let faults = Rates { conflicts: 100, losses: 50, closed_watches: 900 };
        let world = World::with(Setup { nodes: 3, faults, seed, ..Setup::default() }).await;
        world.create::<Deployment>(deployment(5)).await;
        let mut replicas = 5;
        for _ in 0..4 {
            world.rest(Duration::from_millis(dice.u64(0..4000))).await;
            world.set_api_gone(true);
            replicas = dice.i32(1..9);
            let image = format!("i{}", dice.u32(0..3));
            world
                .patch::<Deployment>(
                    "web",
                    tree!({ "spec": { "replicas": replicas, "template": { "spec": {
                        "containers": [{ "name": "c", "image": image }]
                    } } } }),
                )
                .await;
            world.rest(Duration::from_millis(dice.u64(0..20_000))).await;
            world.set_api_gone(false);
        }
        until_available(&world, replicas.into(), seed).await;
        world.delete::<Deployment>("web", &DeleteOptions::default()).await;
        world.until_count::<Pod>(WEB, 0, &format!("seed {seed}: its pods go with it"), |_| true).await;
    }
}
