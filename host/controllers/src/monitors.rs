//! Reflectors of resources that are only known when they are discovered, as CustomResourceDefinitions and APIServices
//! come and go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::{Client, ListOptions};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use k8s_openapi::{ClusterResourceScope, Metadata, Resource};
use reconcile::{Change, Queue, Reflected, Reflector, Store};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use supervise::{Scope, Task};
use tokio_util::sync::CancellationToken;

use crate::discovery::{Discovered, Served};
use crate::wiring::Wiring;

/// The one key of a queue of what is served.
pub(crate) const RESOURCES: &str = "resources";

/// Of a CustomResourceDefinition, what is to be in the discovery.
#[derive(Debug, Deserialize)]
pub(crate) struct Definition {
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
    /// Whether it says that it is served, and is not yet discovered.
    pub(crate) fn is_missing(&self, discovered: &Discovered) -> bool {
        let is_established =
            |condition: &Condition| condition.type_ == "Established" && condition.status == "True";
        let is_it = |served: &Served| {
            served.resource.group == self.spec.group && served.resource.plural == self.spec.names.plural
        };
        self.metadata.deletion_timestamp.is_none()
            && self.status.conditions.iter().any(is_established)
            && !discovered.served.iter().any(is_it)
    }
}

/// Queues [`RESOURCES`] at first and whenever other resources may be served.
pub(crate) fn feed_resources(wiring: &mut Wiring<'_>, queue: &Queue<&'static str>) -> Store<Definition> {
    wiring.feed(queue, |_: &APIService| Some(RESOURCES));
    queue.add(RESOURCES);
    wiring.feed(queue, |_: &Definition| Some(RESOURCES))
}

type Hook<V> = Arc<dyn Fn(&Arc<Served>, &Change<'_, V>) + Send + Sync>;
type Running<V> = HashMap<(String, String), Monitor<V>>;

/// A handle; what runs ends with the loop of the controller that it was wired for.
#[derive(Clone)]
pub(crate) struct Monitors<V> {
    client: Client,
    scope: Scope,
    hook: Hook<V>,
    /// By group and resource.
    running: Arc<Mutex<Running<V>>>,
}

/// One reflector that runs.
pub(crate) struct Monitor<V> {
    pub(crate) resource: Arc<Served>,
    pub(crate) store: Store<V>,
    stop: CancellationToken,
    _task: Task<()>,
}

impl<V: Reflected + DeserializeOwned + Send + Sync + 'static> Monitors<V> {
    /// `hook` is called for every change of every resource; it must not wait.
    pub(crate) fn new(
        wiring: &mut Wiring<'_>,
        hook: impl Fn(&Arc<Served>, &Change<'_, V>) + Send + Sync + 'static,
    ) -> Self {
        let scope = Scope::root("monitors");
        let held = scope.clone();
        wiring.spawn("monitors", move |stop| async move {
            stop.cancelled().await;
            held.token().cancel();
        });
        Self { client: wiring.client(), scope, hook: Arc::new(hook), running: Arc::default() }
    }

    /// Makes the reflectors those of what is wanted; gives those that ended for it. Where not everything could be
    /// discovered, what is not known to be gone goes on.
    pub(crate) fn follow(&self, wanted: &[&Served], discovered: &Discovered) -> Vec<Monitor<V>> {
        let key = |served: &Served| (served.resource.group.to_string(), served.resource.plural.to_string());
        let keys: Vec<_> = wanted.iter().map(|served| key(served)).collect();
        let mut running = self.running();
        let is_gone = |key: &(String, String), monitor: &mut Monitor<V>| {
            !keys.contains(key) || !discovered.served.contains(&monitor.resource)
        };
        let mut ended = Vec::new();
        if discovered.failures.is_empty() {
            ended.extend(running.extract_if(is_gone).map(|(_, monitor)| monitor));
        }
        ended.iter().for_each(|monitor| monitor.stop.cancel());
        for (key, served) in keys.into_iter().zip(wanted) {
            running.entry(key).or_insert_with(|| self.begin(served));
        }
        ended
    }

    fn begin(&self, served: &Served) -> Monitor<V> {
        let resource = Arc::new(served.clone());
        // The whole objects are sent: in process that costs less than it would to cut them.
        let api = self.client.dynamic(&resource.resource, None).viewed::<V>();
        let (hook, known) = (self.hook.clone(), resource.clone());
        let reflector =
            Reflector::view(api, ListOptions::default()).on_change(move |change| hook(&known, change));
        let (store, stop) = (reflector.store(), self.scope.token().child_token());
        let name = format!("{}.{}", resource.resource.plural, resource.resource.group);
        let task = self.scope.spawn(name, reflector.run(stop.clone()));
        Monitor { resource, store, stop, _task: task }
    }

    /// Every resource that is read, with its objects.
    pub(crate) fn stores(&self) -> Vec<(Arc<Served>, Store<V>)> {
        let running = self.running();
        running.values().map(|monitor| (monitor.resource.clone(), monitor.store.clone())).collect()
    }

    fn running(&self) -> MutexGuard<'_, Running<V>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
