//! The scheduler as a whole, over an API server by script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use client::Body;
use http::{Method, Response};
use objects::status::{Reason, Status};
use objects::{Tree, meta, tree};
use reconcile::endpoints::Ports;
use reconcile::fake::{self, Asked, Events};
use supervise::Scope;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fixture::with;
use crate::{Config, Deps, Profile};

const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";
const CLAIMS: &str = "/api/v1/persistentvolumeclaims";
const VOLUMES: &str = "/api/v1/persistentvolumes";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

type Refuse = Box<dyn FnMut(&Asked) -> Option<Status> + Send>;

/// A scheduler, and what it asks.
struct Running {
    asked: UnboundedReceiver<Asked>,
    watches: Arc<Mutex<Vec<(String, Events)>>>,
    _scope: Scope,
}

fn node(cpu: &str) -> Tree {
    tree!({
        "metadata": { "name": "n" },
        "status": { "allocatable": { "cpu": cpu, "memory": "1Gi", "pods": "110" } }
    })
}

fn pod(name: &str, cpu: &str) -> Tree {
    tree!({
        "metadata": { "namespace": "default", "name": name, "uid": name },
        "spec": {
            "schedulerName": "default-scheduler",
            "containers": [{ "name": "c", "resources": { "requests": { "cpu": cpu } } }]
        },
        "status": { "phase": "Pending" }
    })
}

fn bound(pod: Tree) -> Tree {
    with(pod, &["spec", "nodeName"], "n")
}

/// Over one node `n` of one core, and these pods.
fn run(pods: Vec<Tree>) -> Running {
    over([(NODES, vec![node("1")]), (PODS, pods)], Config::default(), Box::new(|_| None))
}

/// Over these lists; what `refuse` gives is answered instead.
fn over(
    lists: impl IntoIterator<Item = (&'static str, Vec<Tree>)>,
    config: Config,
    refuse: Refuse,
) -> Running {
    let lists: BTreeMap<&str, Vec<Tree>> = lists.into_iter().collect();
    let watches = Arc::<Mutex<Vec<(String, Events)>>>::default();
    let (opened, refuse) = (watches.clone(), Mutex::new(refuse));
    let (client, asked) = fake::client(move |asked: &Asked| -> Response<Body> {
        let path = asked.path.split('?').next().unwrap_or_default();
        if asked.path.contains("watch=true") {
            let (events, response) = fake::watch();
            opened.lock().unwrap().push((path.to_owned(), events));
            return response;
        }
        if let Some(status) = (refuse.lock().unwrap())(asked) {
            return fake::status(&status);
        }
        match (&asked.method, path) {
            (&Method::GET, path) if path.matches('/').count() <= 4 && !path.contains("namespaces/") => {
                fake::list("1", lists.get(path).cloned().unwrap_or_default())
            }
            (&Method::PATCH | &Method::GET, _) => fake::object(&pod("answer", "1")),
            (&Method::DELETE, _) => fake::object(&tree!({ "kind": "Status", "status": "Success" })),
            _ => fake::object(&asked.body),
        }
    });
    let task = config.build(Deps { client, ports: Ports::default(), candidate: None, counsel: None });
    let scope = Scope::root("test");
    let stop = scope.token();
    scope.spawn("scheduler", async move { task.run(stop).await.unwrap() });
    Running { asked, watches, _scope: scope }
}

impl Running {
    /// The next request of a method to a path that ends so.
    async fn next(&mut self, method: Method, end: &str) -> Asked {
        loop {
            let asked = self.asked.recv().await.unwrap();
            if asked.method == method && asked.path.ends_with(end) {
                return asked;
            }
        }
    }

    /// The next event about an object of a name.
    async fn event(&mut self, name: &str) -> String {
        loop {
            let event = self.next(Method::POST, "/events").await.body;
            if event.str_at(&["involvedObject", "name"]) == Some(name) {
                let text = |field: &str| event.str_at(&[field]).unwrap_or_default().to_owned();
                return format!("{} {}: {}", text("type"), text("reason"), text("message"));
            }
        }
    }

    /// The watch of a path, once it is open.
    async fn watch(&mut self, path: &str) -> Events {
        loop {
            let open = self.watches.lock().unwrap().iter().find(|(known, _)| known == path).cloned();
            if let Some((_, events)) = open {
                return events;
            }
            self.asked.recv().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_pod_is_bound_and_an_event_says_so() {
    let mut running = run(vec![]);
    running.watch(PODS).await.send("ADDED", pod("web", "1"));
    let binding = running.next(Method::POST, "/binding").await;
    assert_eq!(binding.path, "/api/v1/namespaces/default/pods/web/binding");
    assert_eq!(binding.body.str_at(&["target", "name"]), Some("n"));
    assert_eq!(binding.body.str_at(&["metadata", "uid"]), Some("web"));
    assert_eq!(running.event("web").await, "Normal Scheduled: Successfully assigned default/web to n");
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_says_why_and_is_bound_when_another_goes() {
    let mut running = run(vec![bound(pod("old", "600m")), pod("web", "600m")]);
    let patch = running.next(Method::PATCH, "/pods/web/status").await;
    let condition = patch.body.at(&["status", "conditions", "0"]).unwrap();
    assert_eq!(condition.str_at(&["reason"]), Some("Unschedulable"));
    let message = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: \
        0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(condition.str_at(&["message"]), Some(message));
    assert_eq!(running.event("web").await, format!("Warning FailedScheduling: {message}"));
    running.watch(PODS).await.send("DELETED", bound(pod("old", "600m")));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_is_bound_when_its_node_grows() {
    let mut running = run(vec![pod("web", "2")]);
    running.next(Method::PATCH, "/pods/web/status").await;
    running.watch(NODES).await.send("MODIFIED", node("4"));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test]
async fn two_pods_do_not_get_the_same_room_before_the_watch_tells_of_the_first() {
    let mut running = run(vec![pod("a", "600m"), pod("b", "600m")]);
    let (mut first, mut refused) = (None, None);
    while first.is_none() || refused.is_none() {
        let asked = running.asked.recv().await.unwrap();
        match asked.method {
            Method::POST if asked.path.ends_with("/binding") => first = Some(asked.path),
            Method::PATCH if asked.path.ends_with("/status") => refused = Some(asked.path),
            _ => {}
        }
    }
    assert_ne!(first.unwrap().contains("/pods/a/"), refused.unwrap().contains("/pods/a/"));
}

#[tokio::test]
async fn a_pod_made_anew_under_the_name_of_a_bound_one_is_bound_itself() {
    let mut running = run(vec![bound(pod("web", "600m"))]);
    let anew = with(pod("web", "600m"), &["metadata", "uid"], "anew");
    running.watch(PODS).await.send("MODIFIED", anew);
    let binding = running.next(Method::POST, "/pods/web/binding").await;
    assert_eq!(binding.body.str_at(&["metadata", "uid"]), Some("anew"));
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_fails_is_told_and_tried_again() {
    let mut times = 1;
    let refuse = move |asked: &Asked| {
        let fails = asked.path.ends_with("/binding") && times > 0;
        times -= i32::from(fails);
        fails.then(|| Status::failure(Reason::InternalError, "no disk"))
    };
    let lists = [(NODES, vec![node("1")]), (PODS, vec![pod("web", "1")])];
    let mut running = over(lists, Config::default(), Box::new(refuse));
    running.next(Method::POST, "/pods/web/binding").await;
    let patch = running.next(Method::PATCH, "/pods/web/status").await;
    let condition = patch.body.at(&["status", "conditions", "0"]).unwrap();
    assert_eq!(condition.str_at(&["reason"]), Some("SchedulerError"));
    assert_eq!(condition.str_at(&["message"]), Some(r#"running Bind plugin "DefaultBinder": no disk"#));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test]
async fn a_pod_that_goes_while_it_is_bound_leaves_its_room_to_others() {
    let gone = |asked: &Asked| {
        let is_first = asked.path.ends_with("/pods/first/binding");
        is_first.then(|| Status::failure(Reason::NotFound, r#"pods "first" not found"#))
    };
    let first = with(pod("first", "600m"), &["spec", "priority"], 10);
    let lists = [(NODES, vec![node("1")]), (PODS, vec![first, pod("second", "600m")])];
    let mut running = over(lists, Config::default(), Box::new(gone));
    running.next(Method::POST, "/pods/first/binding").await;
    running.next(Method::POST, "/pods/second/binding").await;
}

#[tokio::test]
async fn pods_of_other_schedulers_gated_and_deleted_ones_are_left_alone() {
    let others = with(pod("other", "100m"), &["spec", "schedulerName"], "mine");
    let gated =
        with(pod("gated", "100m"), &["spec", "schedulingGates"], tree!([{ "name": "example.com/wait" }]));
    let deleted = with(pod("deleted", "100m"), &["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z");
    let mut running = run(vec![deleted, gated, others, pod("web", "100m")]);
    let binding = running.next(Method::POST, "/binding").await;
    assert_eq!(binding.path, "/api/v1/namespaces/default/pods/web/binding");
    running.watch(PODS).await.send("MODIFIED", pod("gated", "100m"));
    let binding = running.next(Method::POST, "/binding").await;
    assert_eq!(binding.path, "/api/v1/namespaces/default/pods/gated/binding");
}

#[tokio::test]
async fn each_profile_schedules_the_pods_that_name_it() {
    let config = Config::new(vec![Profile::new("one"), Profile::new("two")]);
    let of = |name: &str| with(pod(name, "100m"), &["spec", "schedulerName"], name);
    let lists = [(NODES, vec![node("1")]), (PODS, vec![of("one"), of("two"), of("three")])];
    let mut running = over(lists, config, Box::new(|_| None));
    let mut paths = [
        running.next(Method::POST, "/binding").await.path,
        running.next(Method::POST, "/binding").await.path,
    ];
    paths.sort();
    assert_eq!(paths, ["one", "two"].map(|name| format!("/api/v1/namespaces/default/pods/{name}/binding")));
}

#[tokio::test]
async fn a_more_important_pod_has_another_go_and_takes_its_room() {
    let important = with(pod("web", "600m"), &["spec", "priority"], 100);
    let mut running = run(vec![bound(pod("old", "600m")), important]);
    let promised = running.next(Method::PATCH, "/pods/web/status").await.body;
    assert_eq!(promised.str_at(&["status", "nominatedNodeName"]), Some("n"));
    let told = running.next(Method::PATCH, "/pods/old/status").await.body;
    let condition = told.at(&["status", "conditions", "0"]).unwrap();
    assert_eq!(condition.str_at(&["type"]), Some("DisruptionTarget"));
    assert_eq!(condition.str_at(&["reason"]), Some("PreemptionByScheduler"));
    let message = "default-scheduler: preempting to accommodate a higher priority pod";
    assert_eq!(condition.str_at(&["message"]), Some(message));
    let deleted = running.next(Method::DELETE, "/pods/old").await.body;
    assert_eq!(deleted.str_at(&["preconditions", "uid"]), Some("old"));
    assert_eq!(running.event("old").await, "Normal Preempted: Preempted by pod web on node n");
    running.watch(PODS).await.send("DELETED", bound(pod("old", "600m")));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test(start_paused = true)]
async fn a_victim_that_cannot_be_told_is_tried_again() {
    let mut times = 1;
    let refuse = move |asked: &Asked| {
        let fails = asked.method == Method::DELETE && times > 0;
        times -= i32::from(fails);
        fails.then(|| Status::failure(Reason::InternalError, "no disk"))
    };
    let important = with(pod("web", "600m"), &["spec", "priority"], 100);
    let lists = [(NODES, vec![node("1")]), (PODS, vec![bound(pod("old", "600m")), important])];
    let mut running = over(lists, Config::default(), Box::new(refuse));
    running.next(Method::DELETE, "/pods/old").await;
    running.next(Method::DELETE, "/pods/old").await;
}

fn claiming(name: &str) -> Tree {
    let volume = tree!({ "name": "v", "persistentVolumeClaim": { "claimName": "data" } });
    with(pod(name, "100m"), &["spec", "volumes"], vec![volume])
}

fn claim() -> Tree {
    tree!({
        "metadata": { "namespace": "default", "name": "data", "uid": "u" },
        "spec": { "storageClassName": "local", "resources": { "requests": { "storage": "1Gi" } } }
    })
}

fn class(provisioner: &str) -> Tree {
    tree!({
        "metadata": { "name": "local" }, "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer"
    })
}

fn with_volume(claim: Tree) -> Tree {
    let claim = with(claim, &["spec", "volumeName"], "one");
    with(claim, &["metadata", "annotations", "pv.kubernetes.io/bind-completed"], "yes")
}

#[tokio::test]
async fn a_pod_is_bound_once_the_volume_is_there_that_is_made_for_its_node() {
    let lists = [
        (NODES, vec![node("1")]),
        (PODS, vec![claiming("web")]),
        (CLAIMS, vec![claim()]),
        (CLASSES, vec![class("x.example/p")]),
    ];
    let mut running = over(lists, Config::default(), Box::new(|_| None));
    let asked = running.next(Method::PATCH, "/persistentvolumeclaims/data").await.body;
    let annotation = ["metadata", "annotations", "volume.kubernetes.io/selected-node"];
    assert_eq!(asked.str_at(&annotation), Some("n"));
    let watch = running.watch(CLAIMS).await;
    watch.send("MODIFIED", with(claim(), &annotation, "n"));
    watch.send("MODIFIED", with_volume(claim()));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_cannot_be_made_has_its_pod_looked_at_again() {
    let lists = [
        (NODES, vec![node("1")]),
        (PODS, vec![claiming("web")]),
        (CLAIMS, vec![claim()]),
        (CLASSES, vec![class("x.example/p")]),
    ];
    let mut running = over(lists, Config::default(), Box::new(|_| None));
    running.next(Method::PATCH, "/persistentvolumeclaims/data").await;
    let annotation = ["metadata", "annotations", "volume.kubernetes.io/selected-node"];
    let watch = running.watch(CLAIMS).await;
    watch.send("MODIFIED", with(claim(), &annotation, "n"));
    // The scheduler is to see the one before the other.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    watch.send("MODIFIED", claim());
    let status = running.next(Method::PATCH, "/pods/web/status").await.body;
    let why =
        r#"running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "data""#;
    assert_eq!(status.str_at(&["status", "conditions", "0", "message"]), Some(why));
    running.next(Method::PATCH, "/persistentvolumeclaims/data").await;
}

#[tokio::test]
async fn a_volume_that_is_there_is_kept_for_the_claim() {
    let volume = tree!({
        "metadata": { "name": "one" },
        "spec": { "storageClassName": "local", "capacity": { "storage": "1Gi" } },
        "status": { "phase": "Available" }
    });
    let lists = [
        (NODES, vec![node("1")]),
        (PODS, vec![claiming("web")]),
        (CLAIMS, vec![claim()]),
        (CLASSES, vec![class("kubernetes.io/no-provisioner")]),
        (VOLUMES, vec![volume]),
    ];
    let mut running = over(lists, Config::default(), Box::new(|_| None));
    let kept = running.next(Method::PATCH, "/persistentvolumes/one").await.body;
    assert_eq!(kept.str_at(&["spec", "claimRef", "name"]), Some("data"));
    let annotation = ["metadata", "annotations", "pv.kubernetes.io/bound-by-controller"];
    assert_eq!(kept.str_at(&annotation), Some("yes"));
    running.watch(CLAIMS).await.send("MODIFIED", with_volume(claim()));
    let binding = running.next(Method::POST, "/binding").await;
    assert!(binding.path.contains("/pods/web/"), "{}", binding.path);
}

#[tokio::test]
async fn a_node_that_goes_takes_no_pods() {
    let mut running = run(vec![pod("web", "2")]);
    running.next(Method::PATCH, "/pods/web/status").await;
    running.watch(NODES).await.send("DELETED", node("1"));
    let added = with(node("4"), &["metadata", "name"], "m");
    running.watch(NODES).await.send("ADDED", added);
    let binding = running.next(Method::POST, "/pods/web/binding").await;
    assert_eq!(binding.body.str_at(&["target", "name"]), Some("m"));
    assert_eq!(meta::name(&binding.body), "web");
}
