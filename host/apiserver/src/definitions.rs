//! From CustomResourceDefinitions to what is served: their names are accepted, their versions become rows of the registry
//! with a cache, and the objects of one that is deleted go before it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datastore::Revision;
use futures_util::future::select_all;
use objects::resource::{GroupVersion, Verb};
use objects::status::Status;
use objects::{Tree, meta};
use structural::{Condition, CustomResource};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::call::{Call, Place};
use crate::registration::{self, Change};
use crate::registry::Served;
use crate::rest::Rest;
use crate::strategy::CLEANUP;

const ROW: (&str, &str, &str) = ("apiextensions.k8s.io", "v1", "customresourcedefinitions");
const API_SERVICES: (&str, &str, &str) = ("apiregistration.k8s.io", "v1", "apiservices");

/// What is served of one definition.
struct Serving {
    /// What it was made of.
    made_of: Tree,
    definition: Arc<CustomResource>,
    rows: Vec<Arc<Served>>,
    /// Whether it was deleted, and nothing new is made.
    ending: Arc<AtomicBool>,
}

/// Keeps what is served in step with the definitions.
pub(crate) struct Definitions {
    rest: Rest,
    serving: HashMap<String, Serving>,
}

impl Definitions {
    pub(crate) fn new(rest: Rest) -> Self {
        Self { rest, serving: HashMap::new() }
    }

    /// Runs until `stop`; `served` tells how often everything was looked at.
    pub(crate) async fn run(mut self, served: watch::Sender<u64>, stop: CancellationToken) {
        let find = |(group, version, plural)| self.rest.registry().find(group, version, plural);
        let (Some(row), Some(services)) = (find(ROW), find(API_SERVICES)) else { return };
        let changes = |row| self.rest.view().changes(row);
        let (Some(mut changed), Some(mut registered)) = (changes(&row), changes(&services)) else { return };
        if self.rest.view().caches.reached(Revision::INITIAL).await.is_err() {
            return;
        }
        loop {
            changed.mark_unchanged();
            registered.mark_unchanged();
            let ending = tokio::select! {
                () = stop.cancelled() => return,
                ending = self.step(&row, &services) => ending,
            };
            served.send_modify(|count| *count += 1);
            let mut waits = vec![changed.clone(), registered.clone()];
            waits.extend(ending);
            let any = select_all(waits.iter_mut().map(|wait| Box::pin(wait.changed())));
            tokio::select! {
                () = stop.cancelled() => return,
                _ = any => {}
            }
        }
    }

    /// Looks at every definition; gives what to wait for beside their changes: objects of those that are ending.
    async fn step(&mut self, row: &Arc<Served>, services: &Arc<Served>) -> Vec<watch::Receiver<u64>> {
        let mut all = self.rest.list_trees(row);
        all.sort_by_cached_key(created);
        let mut statuses = Vec::new();
        for at in 0..all.len() {
            let new = self.judged(&all, at);
            if new.get("status") != all[at].get("status") {
                statuses.push(new.clone());
                all[at] = new;
            }
        }
        self.serve(&all).await;
        // What the status says is so by now.
        for definition in statuses {
            self.write(row, "status", &definition).await;
        }
        self.register(services).await;
        let mut waits = Vec::new();
        for definition in all.iter().filter(|tree| meta::is_deleting(tree)) {
            if let Some(wait) = self.clear(row, definition).await {
                waits.push(wait);
            }
        }
        waits
    }

    /// A definition with the names and conditions that it is due among the others.
    fn judged(&self, all: &[Tree], at: usize) -> Tree {
        let mut new = all[at].clone();
        let now = supervise::clock::now();
        let others = all.iter().enumerate().filter(|(position, _)| *position != at).map(|(_, tree)| tree);
        if let Some(naming) = structural::accept_names(&new, others) {
            new.set_at(&["status", "acceptedNames"], naming.accepted);
            naming.names_accepted.set(&mut new, now);
            naming.established.set(&mut new, now);
        }
        if let Some(condition) = structural::establish(&new) {
            condition.set(&mut new, now);
        }
        match structural::non_structural_schema(&new) {
            Some(condition) => set(&condition, &mut new, now),
            None => Condition::remove(&mut new, "NonStructuralSchema"),
        }
        if let Some(condition) = structural::api_approval(&new) {
            set(&condition, &mut new, now);
        }
        new
    }

    /// Serves what is established, and nothing else.
    async fn serve(&mut self, all: &[Tree]) {
        let mut next: HashMap<String, Serving> = HashMap::new();
        for definition in all.iter().filter(|tree| is_established(tree)) {
            let name = meta::name(definition).to_owned();
            let made_of = essence(definition);
            if let Some(held) = self.serving.remove(&name) {
                if held.made_of == made_of {
                    held.ending.store(meta::is_deleting(definition), Ordering::Relaxed);
                    next.insert(name, held);
                    continue;
                }
                self.serving.insert(name.clone(), held);
            }
            match CustomResource::compile(definition) {
                Ok(compiled) => {
                    let ending = Arc::new(AtomicBool::new(meta::is_deleting(definition)));
                    let (source, definition) = (definition.clone(), Arc::new(compiled));
                    let rows = Served::all_of(&definition, source, &ending);
                    if let Err(status) = self.open(&rows[definition.storage]).await {
                        warn!(definition = name, %status, "cannot read the objects of a definition");
                        continue;
                    }
                    next.insert(name, Serving { made_of, definition, rows, ending });
                }
                Err(why) => error!(definition = name, %why, "a definition cannot be served"),
            }
        }
        let rows = next.values().flat_map(|serving| serving.rows.iter().cloned()).collect();
        self.rest.registry().replace_custom(rows);
        for (name, gone) in std::mem::replace(&mut self.serving, next) {
            if !self.serving.contains_key(&name) {
                self.rest.view().caches.remove(&gone.rows[gone.definition.storage]);
            }
        }
    }

    /// Sees to it that each group version that clients see has an APIService, and no other has one.
    async fn register(&self, row: &Arc<Served>) {
        let rows = self.rest.registry().rows();
        let mut custom: Vec<GroupVersion> =
            rows.iter().filter(|row| row.custom().is_some()).map(|row| row.group_version()).collect();
        custom.dedup();
        for change in registration::plan(&custom, &self.rest.list_trees(row)) {
            match change {
                Change::Create(service) => self.ask(self.call(row, Verb::Create, "", "", &service)).await,
                Change::Update(service) => self.write(row, "", &service).await,
                Change::Delete(name) => {
                    self.ask(self.call(row, Verb::Delete, "", &name, &Tree::object())).await;
                }
            }
        }
    }

    async fn open(&self, hub: &Arc<Served>) -> Result<(), Status> {
        self.rest.view().caches.add(Arc::clone(hub)).await
    }

    /// Deletes the objects of a definition that is deleted, then lets it go; gives what to wait for where some stay.
    async fn clear(&self, row: &Arc<Served>, definition: &Tree) -> Option<watch::Receiver<u64>> {
        if !meta::has_finalizer(definition, CLEANUP) {
            return None;
        }
        let serving = self.serving.get(meta::name(definition));
        let hub = serving.map(|serving| &serving.rows[serving.definition.storage]);
        if let Some(hub) = hub {
            let changes = self.rest.view().changes(hub);
            let call = self.call(hub, Verb::DeleteCollection, "", "", &Tree::object());
            if let Err(status) = self.rest.answer(call).await {
                warn!(definition = meta::name(definition), %status, "cannot delete the objects of a definition");
            }
            if !self.rest.list_trees(hub).is_empty() {
                return changes;
            }
        }
        let mut free = definition.clone();
        meta::remove_finalizer(&mut free, CLEANUP);
        self.write(row, "", &free).await;
        None
    }

    async fn write(&self, row: &Arc<Served>, subresource: &str, object: &Tree) {
        self.ask(self.call(row, Verb::Update, subresource, meta::name(object), object)).await;
    }

    async fn ask(&self, call: Call) {
        let (resource, name) = (call.resource.plural.clone(), call.name.clone());
        match self.rest.answer(call).await {
            // Who changed it in between made news, after which it is looked at again.
            Err(status) if status.code != 409 && status.code != 404 => {
                warn!(%resource, name, %status, "cannot write what became of a definition");
            }
            _ => {}
        }
    }

    fn call(&self, row: &Arc<Served>, verb: Verb, subresource: &str, name: &str, body: &Tree) -> Call {
        let place = Place { name, subresource, ..Place::default() };
        Call::own(Arc::clone(row), verb, place, body)
    }
}

/// The order in which definitions get the names they ask for.
fn created(definition: &Tree) -> (String, String) {
    let time = definition.str_at(&["metadata", "creationTimestamp"]).unwrap_or_default();
    (time.to_owned(), meta::name(definition).to_owned())
}

fn set(condition: &Condition, definition: &mut Tree, now: jiff::Timestamp) {
    if Condition::of(definition, &condition.kind).as_ref() != Some(condition) {
        condition.set(definition, now);
    }
}

fn is_established(definition: &Tree) -> bool {
    Condition::of(definition, "Established").is_some_and(|condition| condition.status == "True")
}

/// What of a definition decides how it is served.
fn essence(definition: &Tree) -> Tree {
    objects::tree!({
        "spec": (definition.get("spec").cloned()),
        "names": (definition.at(&["status", "acceptedNames"]).cloned()),
        "uid": (meta::uid(definition))
    })
}
