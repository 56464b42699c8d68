use std::sync::Mutex;

use client::Body;
use http::{Method, Response};
use objects::status::{Reason, Status};
use objects::{Tree, tree};
use reconcile::fake::{self, Asked};

use super::*;

/// A namespace that is going with config maps in it; those with a finalizer stay.
#[derive(Default)]
struct Cluster {
    maps: Vec<Tree>,
    refuses: bool,
    written: Vec<(String, Tree)>,
}

impl Cluster {
    fn answer(&mut self, asked: &Asked) -> Response<Body> {
        let path = asked.path.split('?').next().unwrap_or_default();
        match (&asked.method, path) {
            (&Method::GET, "/apis") => fake::object(&tree!({ "kind": "APIGroupList", "groups": [] })),
            (&Method::GET, "/api/v1") => fake::object(&tree!({
                "kind": "APIResourceList", "groupVersion": "v1", "resources": [{
                    "name": "configmaps", "singularName": "", "namespaced": true, "kind": "ConfigMap",
                    "verbs": ["delete", "deletecollection", "list"]
                }]
            })),
            (&Method::GET, "/api/v1/namespaces/web") => fake::object(&namespace()),
            (&Method::GET, "/api/v1/namespaces/web/configmaps") => fake::list("9", self.maps.clone()),
            (&Method::DELETE, "/api/v1/namespaces/web/configmaps") if self.refuses => {
                fake::status(&Status::failure(Reason::InternalError, "no disk"))
            }
            (&Method::DELETE, "/api/v1/namespaces/web/configmaps") => {
                self.maps.retain(|map| objects::meta::finalizers(map).next().is_some());
                fake::object(&Status::success().to_tree())
            }
            (&Method::PUT, path) => {
                self.written.push((path.to_owned(), asked.body.clone()));
                fake::object(&asked.body)
            }
            _ => fake::status(&Status::no_such_path()),
        }
    }
}

fn namespace() -> Tree {
    tree!({
        "metadata": { "name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "finalizers": ["kubernetes", "example.com/mine"] },
        "status": { "phase": "Terminating" }
    })
}

/// Reconciles the namespace once; how that went, and what was written.
async fn reconcile(cluster: Cluster) -> (Result<Outcome, NamespaceError>, Vec<(String, Tree)>) {
    let cluster = std::sync::Arc::new(Mutex::new(cluster));
    let served = cluster.clone();
    let (client, _asked) = fake::client(move |asked| served.lock().unwrap().answer(asked));
    let outcome = NamespaceContent { client }.reconcile(&"web".to_owned()).await;
    let written = std::mem::take(&mut cluster.lock().unwrap().written);
    (outcome, written)
}

fn map(finalizers: Vec<&str>) -> Tree {
    tree!({ "metadata": { "name": "a", "finalizers": finalizers } })
}

fn condition(tree: &Tree, kind: &str) -> Option<String> {
    let conditions = tree.items_at(&["status", "conditions"]);
    let found = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some(kind))?;
    found.str_at(&["status"]).map(str::to_owned)
}

#[tokio::test]
async fn an_emptied_namespace_gives_up_our_finalizer_alone() {
    let (outcome, written) = reconcile(Cluster { maps: vec![map(vec![])], ..Cluster::default() }).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let (path, body) = written.last().unwrap();
    assert_eq!(path, "/api/v1/namespaces/web/finalize");
    assert_eq!(body.at(&["spec", "finalizers"]), Some(&tree!(["example.com/mine"])));
}

#[tokio::test]
async fn content_that_a_finalizer_holds_keeps_the_namespace() {
    let cluster = Cluster { maps: vec![map(vec!["example.com/hold"])], ..Cluster::default() };
    let (outcome, written) = reconcile(cluster).await;
    assert_eq!(outcome.unwrap(), Outcome::After(LAST_LOOK));
    let paths: Vec<_> = written.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/api/v1/namespaces/web/status"]);
    assert_eq!(condition(&written[0].1, "NamespaceFinalizersRemaining").as_deref(), Some("True"));
}

#[tokio::test]
async fn a_delete_that_fails_keeps_the_namespace_and_is_told() {
    let cluster = Cluster { maps: vec![map(vec![])], refuses: true, ..Cluster::default() };
    let (outcome, written) = reconcile(cluster).await;
    assert_eq!(outcome.unwrap_err().to_string(), "empty the namespace: no disk");
    assert_eq!(written.len(), 1);
    assert_eq!(condition(&written[0].1, "NamespaceDeletionContentFailure").as_deref(), Some("True"));
}

#[test]
fn the_next_look_is_later_the_longer_it_takes() {
    let look = |seconds| next_look(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).unwrap());
    assert_eq!(
        [look(-5), look(0), look(8), look(3600)].map(|look| look.as_millis()),
        [100, 100, 2000, 15_000]
    );
}
