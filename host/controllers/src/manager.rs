//! The controllers put together: a row for each, what they are told, and how they run.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use client::Client;
use client::delegated::{CacheTtl, Gate};
use observe::Metrics;
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{LoopEnded, Loops};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::selection::Selection;
use crate::wiring::{Board, Wiring};
use crate::{
    endpoint_slice, endpoint_slice_mirroring, endpoints, namespace, resource_claim, root_ca, service_account,
    volume,
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
        name: "persistentvolume-binder-controller",
        identity: "persistent-volume-binder",
        wire: volume::binder::wire,
    },
    Controller {
        name: "persistentvolumeclaim-protection-controller",
        identity: "pvc-protection-controller",
        wire: volume::protection::wire_claims,
    },
    Controller {
        name: "persistentvolume-protection-controller",
        identity: "pv-protection-controller",
        wire: volume::protection::wire_volumes,
    },
    Controller {
        name: "volumeattributesclass-protection-controller",
        identity: "volumeattributesclass-protection-controller",
        wire: volume::protection::wire_classes,
    },
    Controller {
        name: "ephemeral-volume-controller",
        identity: "ephemeral-volume-controller",
        wire: volume::ephemeral::wire,
    },
    Controller {
        name: "persistentvolume-expander-controller",
        identity: "expand-controller",
        wire: volume::expansion::wire,
    },
    Controller {
        name: "persistentvolume-attach-detach-controller",
        identity: "attachdetach-controller",
        wire: volume::attachment::wire,
    },
    Controller {
        name: "resourceclaim-controller",
        identity: "resource-claim-controller",
        wire: resource_claim::wire,
    },
    Controller { name: "endpoints-controller", identity: "endpoint-controller", wire: endpoints::wire },
    Controller {
        name: "endpointslice-controller",
        identity: "endpointslice-controller",
        wire: endpoint_slice::wire,
    },
    Controller {
        name: "endpointslice-mirroring-controller",
        identity: "endpointslicemirroring-controller",
        wire: endpoint_slice_mirroring::wire,
    },
];

/// The names of all controllers, as `--controllers` has them.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.iter().map(|controller| controller.name)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub controllers: Selection,
    /// Namespaces that are emptied at the same time.
    pub namespace_syncs: NonZeroUsize,
    /// Pods whose ephemeral volumes are claimed at the same time.
    pub ephemeral_volume_syncs: NonZeroUsize,
    /// Pods and claims of devices that are looked at at the same time.
    pub resource_claim_syncs: NonZeroUsize,
    /// Services whose Endpoints are written at the same time.
    pub endpoint_syncs: NonZeroUsize,
    /// Services whose EndpointSlices are written at the same time.
    pub service_endpoint_syncs: NonZeroUsize,
    pub max_endpoints_per_slice: NonZeroUsize,
    /// Endpoints that are mirrored at the same time.
    pub mirroring_syncs: NonZeroUsize,
    pub mirroring_max_endpoints_per_subset: NonZeroUsize,
}

impl Config {
    /// Upstream's `--concurrent-namespace-syncs`.
    pub const NAMESPACE_SYNCS: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
    /// Upstream's `--concurrent-ephemeralvolume-syncs`.
    pub const EPHEMERAL_VOLUME_SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--concurrent-resource-claim-syncs`.
    pub const RESOURCE_CLAIM_SYNCS: NonZeroUsize = NonZeroUsize::new(50).expect("fifty is not zero");
    /// Upstream's `--concurrent-endpoint-syncs`, `--concurrent-service-endpoint-syncs` and
    /// `--mirroring-concurrent-service-endpoint-syncs`.
    pub const ENDPOINT_SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--max-endpoints-per-slice`.
    pub const MAX_ENDPOINTS_PER_SLICE: NonZeroUsize = NonZeroUsize::new(100).expect("a hundred is not zero");
    /// Upstream's `--mirroring-max-endpoints-per-subset`.
    pub const MIRRORING_MAX_ENDPOINTS_PER_SUBSET: NonZeroUsize =
        NonZeroUsize::new(1000).expect("a thousand is not zero");
}

impl Default for Config {
    fn default() -> Self {
        Self {
            controllers: Selection::default(),
            namespace_syncs: Self::NAMESPACE_SYNCS,
            ephemeral_volume_syncs: Self::EPHEMERAL_VOLUME_SYNCS,
            resource_claim_syncs: Self::RESOURCE_CLAIM_SYNCS,
            endpoint_syncs: Self::ENDPOINT_SYNCS,
            service_endpoint_syncs: Self::ENDPOINT_SYNCS,
            max_endpoints_per_slice: Self::MAX_ENDPOINTS_PER_SLICE,
            mirroring_syncs: Self::ENDPOINT_SYNCS,
            mirroring_max_endpoints_per_subset: Self::MIRRORING_MAX_ENDPOINTS_PER_SUBSET,
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
        let selection = self.controllers.clone();
        let mut board = Board::new(self, clients, root_ca, metrics);
        for controller in CONTROLLERS.iter().filter(|controller| selection.runs(controller.name)) {
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
