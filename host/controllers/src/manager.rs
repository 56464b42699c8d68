//! The controllers put together: a row for each, what they are told, and how they run.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use client::Client;
use client::delegated::{CacheTtl, Gate};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::ReplicationController;
use observe::Metrics;
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{LoopEnded, Loops};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wiring::{Board, Wiring};
use crate::{
    cron_job, disruption, garbage_collector, job, namespace, pod_garbage_collector, replicas, resource_quota,
    root_ca, service_account, ttl_after_finished,
};

/// One controller.
struct Controller {
    /// As `--controllers` has it.
    name: &'static str,
    /// Its service account in `kube-system`.
    identity: &'static str,
    wire: fn(&mut Wiring<'_>),
}

/// All of them, under upstream's names.
const CONTROLLERS: &[Controller] = &[
    Controller {
        name: "garbage-collector-controller",
        identity: "generic-garbage-collector",
        wire: garbage_collector::wire,
    },
    Controller { name: "namespace-controller", identity: "namespace-controller", wire: namespace::wire },
    Controller {
        name: "serviceaccount-controller",
        identity: "service-account-controller",
        wire: service_account::wire,
    },
    Controller {
        name: "root-ca-certificate-publisher-controller",
        identity: "root-ca-cert-publisher",
        wire: root_ca::wire,
    },
    Controller {
        name: "replicationcontroller-controller",
        identity: "replication-controller",
        wire: replicas::wire::<ReplicationController>,
    },
    Controller {
        name: "replicaset-controller",
        identity: "replicaset-controller",
        wire: replicas::wire::<ReplicaSet>,
    },
    Controller { name: "job-controller", identity: "job-controller", wire: job::wire },
    Controller { name: "cronjob-controller", identity: "cronjob-controller", wire: cron_job::wire },
    Controller {
        name: "ttl-after-finished-controller",
        identity: "ttl-after-finished-controller",
        wire: ttl_after_finished::wire,
    },
    Controller {
        name: "resourcequota-controller",
        identity: "resourcequota-controller",
        wire: resource_quota::wire,
    },
    Controller {
        name: "pod-garbage-collector-controller",
        identity: "pod-garbage-collector",
        wire: pod_garbage_collector::wire,
    },
    Controller { name: "disruption-controller", identity: "disruption-controller", wire: disruption::wire },
];

/// The names of all controllers, as `--controllers` has them.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.iter().map(|controller| controller.name)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Names of controllers that do not run.
    pub off: Vec<String>,
    /// Namespaces that are emptied at the same time.
    pub namespace_syncs: NonZeroUsize,
    /// Objects that the garbage collector looks at at the same time.
    pub gc_syncs: NonZeroUsize,
    /// Pods that ended and are kept; with zero all are.
    pub ended_pods: usize,
}

impl Config {
    /// Upstream's `--concurrent-namespace-syncs`.
    pub const NAMESPACE_SYNCS: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
    /// Upstream's `--concurrent-gc-syncs`.
    pub const GC_SYNCS: NonZeroUsize = NonZeroUsize::new(20).expect("twenty is not zero");
    /// Upstream's `--terminated-pod-gc-threshold`.
    pub const ENDED_PODS: usize = 12_500;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            off: Vec::new(),
            namespace_syncs: Self::NAMESPACE_SYNCS,
            gc_syncs: Self::GC_SYNCS,
            ended_pods: Self::ENDED_PODS,
        }
    }
}

/// One client for each identity.
#[derive(Clone)]
pub struct Clients {
    /// `system:kube-controller-manager`: whatever is watched, and the questions of the secure port.
    pub manager: Client,
    /// That of the service account of a name in `kube-system`.
    pub controller: Arc<dyn Fn(&'static str) -> Client + Send + Sync>,
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
    board: Board,
    endpoints: Endpoints,
}

impl Config {
    pub fn build(self, deps: Deps) -> ControllersTask {
        let Deps { clients, root_ca, ports } = deps;
        let metrics = Metrics::new();
        let gate = Gate::new(clients.manager.clone(), CacheTtl::COMPONENT);
        let endpoints = Endpoints { ports, gate, metrics: metrics.clone() };
        let off = self.off.clone();
        let mut board = Board::new(self, clients, root_ca, metrics);
        for controller in CONTROLLERS.iter().filter(|controller| off.iter().all(|off| off != controller.name))
        {
            board.wire(controller.identity, controller.wire);
        }
        ControllersTask { board, endpoints }
    }
}

impl ControllersTask {
    /// Ends when the controllers have read the state that they work on.
    pub fn synced(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.board.synced()
    }

    /// Controls until `stop`.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let Self { board, endpoints } = self;
        let mut loops = Loops::new("controllers");
        loops.spawn("endpoints", |stop| endpoints.run(stop));
        board.start(&mut loops);
        loops.run(stop).await
    }
}
