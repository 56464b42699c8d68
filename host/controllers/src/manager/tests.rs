use std::sync::Mutex;

use client::Body;
use http::{Method, Response};
use objects::status::Status;
use objects::{Tree, tree};
use reconcile::fake::{self, Asked, Events};
use supervise::Scope;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;

/// The state at the beginning, by path; the watches that were opened, by the same.
struct Cluster {
    lists: Vec<(&'static str, Vec<Tree>)>,
    watches: Arc<Mutex<Vec<(String, Events)>>>,
}

impl Cluster {
    fn answer(&self, asked: &Asked) -> Response<Body> {
        let path = asked.path.split('?').next().unwrap_or_default();
        if asked.method != Method::GET {
            return fake::object(&asked.body);
        }
        if asked.path.contains("watch=true") {
            let (events, response) = fake::watch();
            self.watches.lock().unwrap().push((path.to_owned(), events));
            return response;
        }
        match self.lists.iter().find(|(known, _)| *known == path) {
            Some((_, items)) => fake::list("1", items.clone()),
            None => fake::status(&Status::no_such_path()),
        }
    }
}

struct Running {
    bundle: watch::Sender<String>,
    asked: UnboundedReceiver<Asked>,
    watches: Arc<Mutex<Vec<(String, Events)>>>,
    _scope: Scope,
}

fn run(lists: Vec<(&'static str, Vec<Tree>)>, bundle: &str) -> Running {
    let watches = Arc::default();
    let cluster = Cluster { lists, watches: Arc::clone(&watches) };
    let (client, asked) = fake::client(move |asked| cluster.answer(asked));
    let (bundle, root_ca) = watch::channel(bundle.to_owned());
    let clients = Clients { manager: client.clone(), controller: Arc::new(move |_| client.clone()) };
    let deps = Deps { clients, root_ca, ports: Ports::default(), candidate: None };
    let task = Config::default().build(deps);
    let scope = Scope::root("test");
    let stop = scope.token();
    scope.spawn("controllers", async move { task.run(stop).await.unwrap() });
    Running { bundle, asked, watches, _scope: scope }
}

impl Running {
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

    /// The next request that changes something.
    async fn write(&mut self) -> Asked {
        loop {
            let asked = self.asked.recv().await.unwrap();
            if asked.method != Method::GET {
                return asked;
            }
        }
    }
}

fn named(namespace: &str, name: &str) -> Tree {
    tree!({ "metadata": { "namespace": namespace, "name": name } })
}

const NAMESPACES: &str = "/api/v1/namespaces";
const ACCOUNTS: &str = "/api/v1/serviceaccounts";
const MAPS: &str = "/api/v1/configmaps";

#[tokio::test]
async fn a_namespace_without_them_gets_its_service_account_and_the_root_ca() {
    let web = tree!({ "metadata": { "name": "web" } });
    let mut running = run(vec![(NAMESPACES, vec![web]), (ACCOUNTS, vec![]), (MAPS, vec![])], "PEM");
    let mut written = [running.write().await, running.write().await];
    written.sort_by(|one, two| two.path.cmp(&one.path));
    let [account, map] = written;
    assert_eq!(account.path, "/api/v1/namespaces/web/serviceaccounts");
    assert_eq!(account.body.str_at(&["metadata", "name"]), Some("default"));
    assert_eq!(map.path, "/api/v1/namespaces/web/configmaps");
    assert_eq!(map.body.str_at(&["data", "ca.crt"]), Some("PEM"));
    assert!(map.body.str_at(&["metadata", "annotations", "kubernetes.io/description"]).is_some());
}

#[tokio::test]
async fn another_bundle_is_published_and_what_others_wrote_on_the_map_stays() {
    let web = tree!({ "metadata": { "name": "web" } });
    let mut map = named("web", "kube-root-ca.crt");
    map.set_at(&["metadata", "labels", "team"], "blue");
    let lists = vec![(NAMESPACES, vec![web]), (ACCOUNTS, vec![named("web", "default")]), (MAPS, vec![map])];
    let mut running = run(lists, "");
    running.bundle.send_replace("NEW".to_owned());
    let update = running.write().await;
    assert_eq!(
        (update.method, update.path.as_str()),
        (Method::PUT, "/api/v1/namespaces/web/configmaps/kube-root-ca.crt")
    );
    assert_eq!(update.body.str_at(&["data", "ca.crt"]), Some("NEW"));
    assert_eq!(update.body.str_at(&["metadata", "labels", "team"]), Some("blue"));
}

#[tokio::test]
async fn a_service_account_that_is_deleted_is_made_again() {
    let web = tree!({ "metadata": { "name": "web" } });
    let lists = vec![(NAMESPACES, vec![web]), (ACCOUNTS, vec![named("web", "default")]), (MAPS, vec![])];
    let mut running = run(lists, "");
    running.watch(ACCOUNTS).await.send("DELETED", named("web", "default"));
    assert_eq!(running.write().await.path, "/api/v1/namespaces/web/serviceaccounts");
}

#[tokio::test]
async fn nothing_is_made_in_a_namespace_that_is_going() {
    let going = tree!({ "metadata": { "name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    let web = tree!({ "metadata": { "name": "web" } });
    let lists = vec![
        (NAMESPACES, vec![going, web]),
        (ACCOUNTS, vec![named("old", "default"), named("web", "default")]),
        (MAPS, vec![]),
    ];
    let mut running = run(lists, "");
    let accounts = running.watch(ACCOUNTS).await;
    accounts.send("DELETED", named("old", "default"));
    accounts.send("DELETED", named("web", "default"));
    assert_eq!(running.write().await.path, "/api/v1/namespaces/web/serviceaccounts");
}
