//! [`Ledger`]: what the collector knows, kept by the monitors and read by its workers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use reconcile::{Change, Queue};

use super::graph::{Graph, Head, Node, Scene};
use crate::discovery::{Discovered, Served};

/// Owners that are known to be gone; when there are more, all are asked for anew.
const ABSENT: usize = 10_000;

/// A handle; clones share the knowledge.
#[derive(Clone)]
pub(super) struct Ledger {
    pages: Arc<Mutex<Pages>>,
    queue: Queue<String>,
}

#[derive(Default)]
struct Pages {
    graph: Graph,
    /// By apiVersion and kind.
    kinds: HashMap<(String, String), Arc<Served>>,
    /// Objects that wait until the kind of an owner is served.
    waiting: HashSet<String>,
    /// Owners that were asked for and are gone: the uid never comes back.
    absent: HashSet<Absence>,
}

/// Where an owner is not, by uid, name and namespace.
type Absence = (String, String, String);

impl Ledger {
    /// Whatever is due goes to the queue, by uid.
    pub(super) fn new(queue: Queue<String>) -> Self {
        Self { pages: Arc::default(), queue }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, resource: &Arc<Served>, change: &Change<'_, Head>) {
        let due = self.pages().graph.change(resource, change.old, change.new);
        due.into_iter().for_each(|uid| self.queue.add(uid));
    }

    /// The objects are no longer watched.
    pub(super) fn forget(&self, resource: &Arc<Served>, heads: &[Arc<Head>]) {
        for head in heads {
            let due = self.pages().graph.change(resource, Some(head), None);
            due.into_iter().for_each(|uid| self.queue.add(uid));
        }
    }

    /// What is served now.
    pub(super) fn discovered(&self, discovered: &Discovered) {
        let kinds = discovered.served.iter().filter(|served| !served.kind.is_empty());
        let kinds: HashMap<_, _> = kinds
            .map(|served| ((served.api_version(), served.kind.clone()), Arc::new(served.clone())))
            .collect();
        let waiting = {
            let mut pages = self.pages();
            let is_other =
                pages.kinds.len() != kinds.len() || kinds.keys().any(|kind| !pages.kinds.contains_key(kind));
            pages.kinds = kinds;
            if is_other { std::mem::take(&mut pages.waiting) } else { HashSet::new() }
        };
        waiting.into_iter().for_each(|uid| self.queue.add(uid));
    }

    /// What an owner is one of.
    pub(super) fn kind_of(&self, owner: &OwnerReference) -> Option<Arc<Served>> {
        self.pages().kinds.get(&(owner.api_version.clone(), owner.kind.clone())).cloned()
    }

    /// The object is looked at again when other kinds are served.
    pub(super) fn wait_for_kinds(&self, uid: &str) {
        self.pages().waiting.insert(uid.to_owned());
    }

    pub(super) fn scene(&self, uid: &str) -> Option<Scene> {
        self.pages().graph.scene(uid)
    }

    pub(super) fn dependents(&self, uid: &str) -> Vec<Node> {
        self.pages().graph.dependents(uid)
    }

    pub(super) fn is_absent(&self, namespace: &str, owner: &OwnerReference) -> bool {
        self.pages().absent.contains(&absence(namespace, owner))
    }

    pub(super) fn set_absent(&self, namespace: &str, owner: &OwnerReference) {
        let mut pages = self.pages();
        if pages.absent.len() >= ABSENT {
            pages.absent.clear();
        }
        pages.absent.insert(absence(namespace, owner));
    }
}

fn absence(namespace: &str, owner: &OwnerReference) -> Absence {
    (owner.uid.clone(), owner.name.clone(), namespace.to_owned())
}
