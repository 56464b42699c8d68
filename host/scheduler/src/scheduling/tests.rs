use std::sync::{Arc, Mutex};

use client::Body;
use http::{Method, Response};
use objects::status::{Reason, Status};
use objects::{Tree, tree};
use reconcile::endpoints::Ports;
use reconcile::fake::{self, Asked, Events};
use supervise::Scope;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{Config, Deps};

const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";

/// A scheduler over one node `n` of one core.
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

/// Refuses the first bindings, as many as it is told.
fn run(pods: Vec<Tree>, refused: usize) -> Running {
    let watches = Arc::<Mutex<Vec<(String, Events)>>>::default();
    let (opened, refused) = (watches.clone(), Mutex::new(refused));
    let (client, asked) = fake::client(move |asked: &Asked| -> Response<Body> {
        let path = asked.path.split('?').next().unwrap_or_default();
        if asked.path.contains("watch=true") {
            let (events, response) = fake::watch();
            opened.lock().unwrap().push((path.to_owned(), events));
            return response;
        }
        let mut refused = refused.lock().unwrap();
        match (&asked.method, path) {
            (&Method::GET, NODES) => fake::list("1", vec![node("1")]),
            (&Method::GET, PODS) => fake::list("1", pods.clone()),
            (&Method::POST, path) if path.ends_with("/binding") && *refused > 0 => {
                *refused -= 1;
                fake::status(&Status::failure(Reason::InternalError, "no disk"))
            }
            (&Method::PATCH, _) => fake::object(&pod("answer", "1")),
            _ => fake::object(&asked.body),
        }
    });
    let task = Config::default().build(Deps { client, ports: Ports::default() });
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

fn bound(mut pod: Tree) -> Tree {
    pod.set_at(&["spec", "nodeName"], "n");
    pod
}

#[tokio::test]
async fn a_new_pod_is_bound_and_an_event_says_so() {
    let mut running = run(vec![], 0);
    running.watch(PODS).await.send("ADDED", pod("web", "1"));
    let binding = running.next(Method::POST, "/binding").await;
    assert_eq!(binding.path, "/api/v1/namespaces/default/pods/web/binding");
    assert_eq!(binding.body.str_at(&["target", "name"]), Some("n"));
    assert_eq!(binding.body.str_at(&["metadata", "uid"]), Some("web"));
    let event = running.next(Method::POST, "/events").await;
    assert_eq!(event.body.str_at(&["message"]), Some("Successfully assigned default/web to n"));
    assert_eq!(event.body.str_at(&["reason"]), Some("Scheduled"));
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_says_why_and_is_bound_when_another_goes() {
    let mut running = run(vec![bound(pod("old", "600m")), pod("web", "600m")], 0);
    let patch = running.next(Method::PATCH, "/pods/web/status").await;
    let condition = patch.body.at(&["status", "conditions", "0"]).unwrap();
    assert_eq!(condition.str_at(&["reason"]), Some("Unschedulable"));
    assert_eq!(condition.str_at(&["message"]), Some("0/1 nodes are available: 1 Insufficient cpu."));
    let event = running.next(Method::POST, "/events").await;
    assert_eq!(event.body.str_at(&["reason"]), Some("FailedScheduling"));
    running.watch(PODS).await.send("DELETED", bound(pod("old", "600m")));
    assert_eq!(
        running.next(Method::POST, "/binding").await.path,
        "/api/v1/namespaces/default/pods/web/binding"
    );
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_is_bound_when_its_node_grows() {
    let mut running = run(vec![pod("web", "2")], 0);
    running.next(Method::PATCH, "/pods/web/status").await;
    running.watch(NODES).await.send("MODIFIED", node("4"));
    running.next(Method::POST, "/pods/web/binding").await;
}

#[tokio::test]
async fn two_pods_do_not_get_the_same_room_before_the_watch_tells_of_the_first() {
    let mut running = run(vec![pod("a", "600m"), pod("b", "600m")], 0);
    let first = running.next(Method::POST, "/binding").await;
    let refused = running.next(Method::PATCH, "/status").await;
    assert_ne!(first.path.contains("/pods/a/"), refused.path.contains("/pods/a/"));
}

#[tokio::test]
async fn a_pod_made_anew_under_the_name_of_a_bound_one_is_bound_itself() {
    let mut running = run(vec![bound(pod("web", "600m"))], 0);
    let mut anew = pod("web", "600m");
    anew.set_at(&["metadata", "uid"], "anew");
    running.watch(PODS).await.send("MODIFIED", anew);
    let binding = running.next(Method::POST, "/pods/web/binding").await;
    assert_eq!(binding.body.str_at(&["metadata", "uid"]), Some("anew"));
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_fails_is_tried_again() {
    let mut running = run(vec![pod("web", "1")], 1);
    for _ in 0..2 {
        running.next(Method::POST, "/pods/web/binding").await;
    }
}

#[tokio::test]
async fn pods_of_other_schedulers_gated_and_deleted_ones_are_left_alone() {
    let mut others = pod("other", "100m");
    others.set_at(&["spec", "schedulerName"], "mine");
    let mut gated = pod("gated", "100m");
    gated.set_at(&["spec", "schedulingGates"], tree!([{ "name": "example.com/wait" }]));
    let mut deleted = pod("deleted", "100m");
    deleted.set_at(&["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z");
    let mut running = run(vec![deleted, gated, others, pod("web", "100m")], 0);
    assert_eq!(
        running.next(Method::POST, "/binding").await.path,
        "/api/v1/namespaces/default/pods/web/binding"
    );
}
