//! The controllers put together: which resources they read, who works on what, as whom.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use client::delegated::{CacheTtl, Gate};
use client::{Client, ListOptions};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use observe::Metrics;
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{LoopEnded, LoopMetrics, Loops, Queue, Reflector};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::namespace::{self, NamespaceContent};
use crate::root_ca::{self, RootCa};
use crate::service_account::{self, DefaultServiceAccount};

/// Each makes one object or looks at one, in process: upstream's one worker of theirs is enough.
const KEEPERS: NonZeroUsize = NonZeroUsize::MIN;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Namespaces that are emptied at the same time.
    pub namespace_syncs: NonZeroUsize,
}

impl Config {
    /// Upstream's `--concurrent-namespace-syncs`.
    pub const NAMESPACE_SYNCS: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
}

impl Default for Config {
    fn default() -> Self {
        Self { namespace_syncs: Self::NAMESPACE_SYNCS }
    }
}

/// One client for each identity.
#[derive(Clone)]
pub struct Clients {
    /// `system:kube-controller-manager`: whatever is watched, and the questions of the secure port.
    pub manager: Client,
    /// `system:serviceaccount:kube-system:namespace-controller`
    pub namespace: Client,
    /// `system:serviceaccount:kube-system:service-account-controller`
    pub service_account: Client,
    /// `system:serviceaccount:kube-system:root-ca-cert-publisher`
    pub root_ca: Client,
}

pub struct Deps {
    pub clients: Clients,
    /// The CAs that verify the API server, PEM; empty while they are not known.
    pub root_ca: watch::Receiver<String>,
    pub ports: Ports,
}

/// Works as long as [`run`](Self::run) runs.
#[must_use = "nothing is controlled unless it runs"]
pub struct ControllersTask {
    config: Config,
    clients: Clients,
    bundle: watch::Receiver<String>,
    endpoints: Endpoints,
    queues: Queues,
    namespaces: Reflector<Namespace>,
    accounts: Reflector<ServiceAccount>,
    maps: Reflector<ConfigMap>,
}

/// All of names of namespaces.
struct Queues {
    namespace: Queue<String>,
    service_account: Queue<String>,
    root_ca: Queue<String>,
}

impl Config {
    pub fn build(self, deps: Deps) -> ControllersTask {
        let Deps { clients, root_ca, ports } = deps;
        let metrics = Metrics::new();
        let loops = LoopMetrics::new(&metrics);
        let queues = Queues {
            namespace: Queue::new("namespace", &loops),
            service_account: Queue::new("serviceaccount", &loops),
            root_ca: Queue::new("root_ca_cert_publisher", &loops),
        };
        let namespaces = Reflector::new(clients.manager.cluster::<Namespace>(), ListOptions::default())
            .feed(&queues.namespace, |namespace| {
                namespace::is_going(namespace).then(|| namespace.metadata.name.clone())?
            })
            .feed(&queues.service_account, |namespace| namespace.metadata.name.clone())
            .feed(&queues.root_ca, |namespace| namespace.metadata.name.clone());
        let named = |name: &str| ListOptions::fields(format!("metadata.name={name}"));
        let accounts = clients.manager.everywhere::<ServiceAccount>();
        let accounts = Reflector::new(accounts, named(service_account::NAME))
            .feed(&queues.service_account, |account| account.metadata.namespace.clone());
        let maps = Reflector::new(clients.manager.everywhere::<ConfigMap>(), named(root_ca::NAME))
            .feed(&queues.root_ca, |map| map.metadata.namespace.clone());
        let gate = Gate::new(clients.manager.clone(), CacheTtl::COMPONENT);
        let endpoints = Endpoints { ports, gate, metrics };
        ControllersTask {
            config: self,
            clients,
            bundle: root_ca,
            endpoints,
            queues,
            namespaces,
            accounts,
            maps,
        }
    }
}

impl ControllersTask {
    /// Ends when the controllers have read the state that they work on.
    pub fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let (namespaces, accounts, maps) =
            (self.namespaces.store(), self.accounts.store(), self.maps.store());
        async move {
            tokio::join!(namespaces.synced(), accounts.synced(), maps.synced());
        }
    }

    /// Controls until `stop`.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let synced = self.synced();
        let Self { config, clients, bundle, endpoints, queues, namespaces, accounts, maps } = self;
        let namespace = NamespaceContent { client: clients.namespace };
        let service_account = DefaultServiceAccount {
            client: clients.service_account,
            namespaces: namespaces.store(),
            accounts: accounts.store(),
        };
        let root_ca = RootCa {
            client: clients.root_ca,
            namespaces: namespaces.store(),
            maps: maps.store(),
            bundle: bundle.clone(),
        };
        let mut loops = Loops::new("controllers");
        loops.spawn("endpoints", |stop| endpoints.run(stop));
        let all = namespaces.store();
        loops.spawn("root CA", |stop| root_ca::follow(bundle, all, queues.root_ca.clone(), stop));
        loops.spawn("namespaces", |stop| namespaces.run(stop));
        loops.spawn("service accounts", |stop| accounts.run(stop));
        loops.spawn("config maps", |stop| maps.run(stop));
        loops.spawn("reconcilers", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = synced => {}
            }
            tokio::join!(
                reconcile::run(namespace, queues.namespace, config.namespace_syncs, stop.clone()),
                reconcile::run(service_account, queues.service_account, KEEPERS, stop.clone()),
                reconcile::run(root_ca, queues.root_ca, KEEPERS, stop),
            );
        });
        loops.run(stop).await
    }
}
