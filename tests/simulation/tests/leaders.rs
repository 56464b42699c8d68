//! Of several control planes one works, whatever goes wrong between them and the API server.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use controllers::Selection;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use objects::{Tree, tree};
use observe::Metrics;
use reconcile::election::{Candidate, ElectionMetrics, Times};
use reconcile::endpoints::Ports;
use simulation::{Faults, Rates, Setup, World};
use supervise::Scope;
use tokio::sync::watch;
use tokio::time::Instant;

fn candidate(identity: &str) -> Candidate {
    Candidate {
        identity: identity.to_owned(),
        namespace: "kube-system".to_owned(),
        name: "work".to_owned(),
        times: Times::DEFAULT,
    }
}

/// No controllers of its own.
async fn world() -> World {
    let controllers =
        controllers::Config { controllers: Selection::parse([]).unwrap(), ..controllers::Config::default() };
    World::with(Setup { nodes: 1, controllers, ..Setup::default() }).await
}

async fn holder(world: &World, name: &str) -> Option<String> {
    let leases = world.client().namespaced::<Lease>("kube-system");
    leases.find(name).await.unwrap()?.spec?.holder_identity
}

/// How many work, the most that did at once, and how often one began.
#[derive(Default)]
struct Workers {
    now: AtomicUsize,
    most: AtomicUsize,
    terms: AtomicUsize,
}

/// One that works, until it is dropped.
struct Working(Arc<Workers>);

impl Working {
    fn begin(workers: &Arc<Workers>) -> Self {
        let now = workers.now.fetch_add(1, Ordering::SeqCst) + 1;
        workers.most.fetch_max(now, Ordering::SeqCst);
        workers.terms.fetch_add(1, Ordering::SeqCst);
        Self(workers.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_lead_at_once_though_each_loses_the_api_server_in_turn_and_answers_get_lost() {
    for seed in 0..4 {
        let (world, scope) = (world().await, Scope::root("test"));
        let workers = Arc::<Workers>::default();
        let mut links = Vec::new();
        for number in 0..3 {
            let rates = Rates { conflicts: 50, losses: 200, closed_watches: 0 };
            let link = Faults::new(rates, seed * 10 + number);
            let client = world.component("system:kube-controller-manager", &link);
            let (workers, stop) = (workers.clone(), scope.token());
            scope.spawn("candidate", async move {
                let metrics = ElectionMetrics::new(&Metrics::new());
                for start in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let work = |stop: tokio_util::sync::CancellationToken| async {
                        let _working = Working::begin(&workers);
                        stop.cancelled_owned().await;
                    };
                    candidate(&format!("{number}-{start}")).lead(&client, &metrics, stop.clone(), work).await;
                }
            });
            links.push(link);
        }
        for turn in 0..12 {
            let link: &Faults = &links[turn % links.len()];
            link.set_gone(true);
            world.rest(Duration::from_secs(40)).await;
            link.set_gone(false);
            world
                .until("somebody leads", || async { (workers.now.load(Ordering::SeqCst) == 1).then_some(()) })
                .await;
        }
        assert_eq!(workers.most.load(Ordering::SeqCst), 1, "seed {seed}");
        assert!(workers.terms.load(Ordering::SeqCst) >= 4, "seed {seed}: it never passed on");
    }
}

#[tokio::test(start_paused = true)]
async fn who_stops_gives_the_lease_back_and_the_next_need_not_wait_for_its_end() {
    let (world, faults) = (world().await, Faults::new(Rates::default(), 0));
    let metrics = ElectionMetrics::new(&Metrics::new());
    let client = world.component("system:kube-scheduler", &faults);
    let first = Scope::root("first");
    let stop = first.token();
    let led = {
        let (client, metrics) = (client.clone(), metrics.clone());
        first.spawn("lead", async move {
            let work = |stop: tokio_util::sync::CancellationToken| async move { stop.cancelled().await };
            candidate("first").lead(&client, &metrics, stop, work).await
        })
    };
    world.until("it leads", || async { holder(&world, "work").await.filter(|who| who == "first") }).await;
    first.close(Duration::from_secs(60)).await;
    assert_eq!(led.await.unwrap(), Some(()));
    assert_eq!(holder(&world, "work").await, None);
    let begun = Instant::now();
    let stop = tokio_util::sync::CancellationToken::new();
    candidate("second").lead(&client, &metrics, stop, |_| async {}).await.unwrap();
    assert!(begun.elapsed() < Times::DEFAULT.retry);
}

/// A controller manager that leads or waits to.
fn manage(scope: &Scope, world: &World, identity: &str, faults: &Faults) {
    let manager = world.component("system:kube-controller-manager", faults);
    let client = manager.clone();
    let clients = controllers::Clients { manager, controller: Arc::new(move |_| client.clone()) };
    let deps = controllers::Deps {
        clients,
        root_ca: watch::channel("PEM".to_owned()).1,
        ports: Ports::default(),
        candidate: Some(candidate(identity)),
    };
    let task = controllers::Config::default().build(deps);
    let stop = scope.token();
    // Who lost the lease ends, to be started again.
    scope.spawn("controllers", async move { drop(task.run(stop).await) });
}

fn deployment(name: &str) -> Tree {
    let labels = tree!({ "app": name });
    tree!({
        "metadata": { "name": name },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": (labels.clone()) },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "c", "image": "i" }] }
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn another_manager_takes_over_the_controllers_when_the_first_is_cut_off() {
    let (world, scope) = (world().await, Scope::root("test"));
    let links = [0, 1].map(|seed| Faults::new(Rates::default(), seed));
    manage(&scope, &world, "first", &links[0]);
    world.until("the first leads", || async { holder(&world, "work").await }).await;
    manage(&scope, &world, "second", &links[1]);
    world.create::<Deployment>(deployment("a")).await;
    let runs = |pod: &Tree| pod.str_at(&["status", "phase"]) == Some("Running");
    world.until_count::<Pod>("app=a", 2, "its pods run", runs).await;
    assert_eq!(holder(&world, "work").await.as_deref(), Some("first"));
    links[0].set_gone(true);
    world.create::<Deployment>(deployment("b")).await;
    world.until_count::<Pod>("app=b", 2, "its pods run", runs).await;
    assert_eq!(holder(&world, "work").await.as_deref(), Some("second"));
    links[0].set_gone(false);
    world.rest(Duration::from_secs(60)).await;
    assert_eq!(world.list::<Pod>("app=b").await.len(), 2);
}
