//! One reflector for every resource that can be listed, watched and deleted, as CustomResourceDefinitions and APIServices
//! come and go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::{ApiResource, Client, ListOptions};
use futures_util::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use k8s_openapi::{ClusterResourceScope, Metadata, Resource};
use objects::resource::Verb;
use reconcile::{Outcome, Queue, Reconcile, Reflector, Store};
use serde::Deserialize;
use supervise::{Scope, Task};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::graph::Head;
use super::ledger::Ledger;
use crate::discovery::{Discovered, Served, discover};
use crate::wiring::Wiring;

/// The one key of the queue.
pub(super) const RESOURCES: &str = "resources";
const VERBS: &[Verb] = &[Verb::Delete, Verb::List, Verb::Watch];
/// Nobody owns them, they own nothing, and there are many.
const IGNORED: &[(&str, &str)] = &[("", "events"), ("events.k8s.io", "events")];

/// When a group that could not be read is read again; upstream's.
const RETRY: Duration = Duration::from_secs(30);
/// A definition is served moments after it says so.
const SOON: Duration = Duration::from_millis(200);
/// Work begins then at the latest, whatever could not be read; upstream's.
const FIRST_SYNC: Duration = Duration::from_secs(30);

/// Of a CustomResourceDefinition, what is to be in the discovery.
#[derive(Debug, Deserialize)]
pub(super) struct Definition {
    metadata: ObjectMeta,
    spec: DefinitionSpec,
    #[serde(default)]
    status: DefinitionStatus,
}

#[derive(Debug, Deserialize)]
struct DefinitionSpec {
    group: String,
    names: Names,
}

#[derive(Debug, Deserialize)]
struct Names {
    plural: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DefinitionStatus {
    conditions: Vec<Condition>,
}

impl Resource for Definition {
    const API_VERSION: &'static str = "apiextensions.k8s.io/v1";
    const GROUP: &'static str = "apiextensions.k8s.io";
    const KIND: &'static str = "CustomResourceDefinition";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "customresourcedefinitions";
    type Scope = ClusterResourceScope;
}

impl Metadata for Definition {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Definition {
    fn is_served(&self) -> bool {
        let is_established =
            |condition: &Condition| condition.type_ == "Established" && condition.status == "True";
        self.metadata.deletion_timestamp.is_none() && self.status.conditions.iter().any(is_established)
    }
}

/// Starts and stops reflectors, until the loops of the controller are stopped.
pub(super) struct Monitors {
    client: Client,
    ledger: Ledger,
    definitions: Store<Definition>,
    running: Arc<Running>,
}

/// What lives as long as the loop [`Running::hold`].
pub(super) struct Running {
    scope: Scope,
    monitors: Mutex<HashMap<(String, String), Monitor>>,
    synced: watch::Sender<bool>,
}

struct Monitor {
    resource: Arc<Served>,
    store: Store<Head>,
    stop: CancellationToken,
    _task: Task<()>,
}

/// Wires the monitors; what they know is in the ledger, and the signal says when that is everything.
pub(super) fn wire(
    wiring: &mut Wiring<'_>,
    ledger: Ledger,
) -> (Monitors, Queue<&'static str>, watch::Receiver<bool>) {
    let queue = wiring.queue("garbage_collector_resources");
    let definitions = wiring.feed(&queue, |_: &Definition| Some(RESOURCES));
    wiring.feed(&queue, |_: &APIService| Some(RESOURCES));
    queue.add(RESOURCES);
    let running = Arc::new(Running {
        scope: Scope::root("garbage collector"),
        monitors: Mutex::default(),
        synced: watch::Sender::new(false),
    });
    let (held, synced) = (running.clone(), running.synced.subscribe());
    wiring.spawn("monitors", move |stop| async move {
        stop.cancelled().await;
        held.scope.token().cancel();
    });
    let monitors = Monitors { client: wiring.client(), ledger, definitions, running };
    (monitors, queue, synced)
}

impl Reconcile for Monitors {
    type Key = &'static str;
    type Error = std::convert::Infallible;

    async fn reconcile(&self, _: &&'static str) -> Result<Outcome, Self::Error> {
        let discovered = discover(&self.client).await;
        self.ledger.discovered(&discovered);
        self.follow(&discovered);
        let is_missing = |definition: &Arc<Definition>| {
            let DefinitionSpec { group, names } = &definition.spec;
            let is_it =
                |served: &Served| served.resource.group == *group && served.resource.plural == *names.plural;
            definition.is_served() && !discovered.served.iter().any(is_it)
        };
        if self.definitions.all().iter().any(is_missing) {
            return Ok(Outcome::After(SOON));
        }
        if !discovered.failures.is_empty() {
            debug!(failures = ?discovered.failures, "discover what is served");
            return Ok(Outcome::After(RETRY));
        }
        Ok(Outcome::Done)
    }
}

impl Monitors {
    /// Makes the reflectors those of what is served; what is not known to be gone goes on.
    fn follow(&self, discovered: &Discovered) {
        let mut monitors = self.running.monitors.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = monitors.is_empty();
        let is_served = |monitor: &Monitor| discovered.served.contains(&monitor.resource);
        if discovered.failures.is_empty() {
            monitors.retain(|_, monitor| is_served(monitor) || self.end(monitor));
        }
        for served in discovered.with(VERBS) {
            let key = (served.resource.group.to_string(), served.resource.plural.to_string());
            if !IGNORED.contains(&(&*key.0, &*key.1)) {
                monitors.entry(key).or_insert_with(|| self.begin(served));
            }
        }
        if is_first && !monitors.is_empty() {
            let stores: Vec<Store<Head>> = monitors.values().map(|monitor| monitor.store.clone()).collect();
            let running = self.running.clone();
            self.running.scope.spawn("first sync", async move {
                let all = join_all(stores.iter().map(Store::synced));
                if tokio::time::timeout(FIRST_SYNC, all).await.is_err() {
                    debug!("begin before everything was read");
                }
                running.synced.send_replace(true);
            });
        }
    }

    fn begin(&self, served: &Served) -> Monitor {
        let resource = Arc::new(served.clone());
        // The whole objects are sent: in process that costs less than it would to cut them.
        let api = self.client.dynamic(&resource.resource, None).viewed::<Head>();
        let (ledger, known) = (self.ledger.clone(), resource.clone());
        let reflector = Reflector::view(api, ListOptions::default())
            .on_change(move |change| ledger.change(&known, change));
        let (store, stop) = (reflector.store(), self.running.scope.token().child_token());
        let task = self.running.scope.spawn(name(&resource.resource), reflector.run(stop.clone()));
        Monitor { resource, store, stop, _task: task }
    }

    /// Gives `false`: it is to be kept no longer.
    fn end(&self, monitor: &Monitor) -> bool {
        monitor.stop.cancel();
        self.ledger.forget(&monitor.resource, &monitor.store.all());
        false
    }
}

fn name(resource: &ApiResource) -> String {
    format!("{}.{}", resource.plural, resource.group)
}
