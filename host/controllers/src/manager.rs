//! The controllers put together: a row for each, what they are told, and how they run.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use client::Client;
use client::delegated::{CacheTtl, Gate};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::ReplicationController;
use observe::Metrics;
use reconcile::election::{Candidate, ElectionMetrics};
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{LoopEnded, Loops};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::counts::Levels;
use crate::wiring::{Board, Wiring};
use crate::{
    bootstrap_token, certificates, cluster_role_aggregation, cron_job, daemon_set, deployment,
    device_taint_eviction, disruption, endpoint_slice, endpoint_slice_mirroring, endpoints,
    garbage_collector, horizontal_pod_autoscaler, job, legacy_token, namespace, node_ipam, node_lifecycle,
    node_ttl, pod_garbage_collector, replicas, resource_claim, resource_quota, root_ca, service_account,
    service_cidr, stateful_set, taint_eviction, token_secret, ttl_after_finished, volume,
};

/// As metrics call it.
const MANAGER: &str = "kube-controller-manager";

/// One controller.
struct Controller {
    /// As `--controllers` has it.
    name: &'static str,
    /// Its service account in `kube-system`.
    identity: &'static str,
    wire: fn(&mut Wiring<'_>),
}

const fn row(name: &'static str, identity: &'static str, wire: fn(&mut Wiring<'_>)) -> Controller {
    Controller { name, identity, wire }
}

/// All of them, under upstream's names.
const CONTROLLERS: &[Controller] = &[
    row("garbage-collector-controller", "generic-garbage-collector", garbage_collector::wire),
    row("namespace-controller", "namespace-controller", namespace::wire),
    row("serviceaccount-controller", "service-account-controller", service_account::wire),
    row("root-ca-certificate-publisher-controller", "root-ca-cert-publisher", root_ca::wire),
    row("endpoints-controller", "endpoint-controller", endpoints::wire),
    row("endpointslice-controller", "endpointslice-controller", endpoint_slice::wire),
    row(
        "endpointslice-mirroring-controller",
        "endpointslicemirroring-controller",
        endpoint_slice_mirroring::wire,
    ),
    row(
        "replicationcontroller-controller",
        "replication-controller",
        replicas::wire::<ReplicationController>,
    ),
    row("replicaset-controller", "replicaset-controller", replicas::wire::<ReplicaSet>),
    row("deployment-controller", "deployment-controller", deployment::wire),
    row("node-lifecycle-controller", "node-controller", node_lifecycle::wire),
    row("taint-eviction-controller", "node-controller", taint_eviction::wire),
    row("device-taint-eviction-controller", "device-taint-eviction-controller", device_taint_eviction::wire),
    row("node-ipam-controller", "node-controller", node_ipam::wire),
    row("ttl-controller", "ttl-controller", node_ttl::wire),
    row(
        "certificatesigningrequest-approving-controller",
        "certificate-controller",
        certificates::wire_approving,
    ),
    row("certificatesigningrequest-signing-controller", "certificate-controller", certificates::wire_signing),
    row(
        "certificatesigningrequest-cleaner-controller",
        "certificate-controller",
        certificates::wire_cleaning,
    ),
    row(
        "clusterrole-aggregation-controller",
        "clusterrole-aggregation-controller",
        cluster_role_aggregation::wire,
    ),
    row("service-cidr-controller", "service-cidrs-controller", service_cidr::wire),
    row("serviceaccount-token-controller", "tokens-controller", token_secret::wire),
    row("bootstrap-signer-controller", "bootstrap-signer", bootstrap_token::signer::wire),
    row("token-cleaner-controller", "token-cleaner", bootstrap_token::wire_cleaner),
    row(
        "legacy-serviceaccount-token-cleaner-controller",
        "legacy-service-account-token-cleaner",
        legacy_token::wire,
    ),
    row("daemonset-controller", "daemon-set-controller", daemon_set::wire),
    row("statefulset-controller", "statefulset-controller", stateful_set::wire),
    row("persistentvolume-binder-controller", "persistent-volume-binder", volume::binder::wire),
    row("persistentvolume-attach-detach-controller", "attachdetach-controller", volume::attachment::wire),
    row("persistentvolume-expander-controller", "expand-controller", volume::expansion::wire),
    row(
        "persistentvolumeclaim-protection-controller",
        "pvc-protection-controller",
        volume::protection::wire_claims,
    ),
    row(
        "persistentvolume-protection-controller",
        "pv-protection-controller",
        volume::protection::wire_volumes,
    ),
    row(
        "volumeattributesclass-protection-controller",
        "volumeattributesclass-protection-controller",
        volume::protection::wire_classes,
    ),
    row("ephemeral-volume-controller", "ephemeral-volume-controller", volume::ephemeral::wire),
    row("resourceclaim-controller", "resource-claim-controller", resource_claim::wire),
    row("job-controller", "job-controller", job::wire),
    row("cronjob-controller", "cronjob-controller", cron_job::wire),
    row("ttl-after-finished-controller", "ttl-after-finished-controller", ttl_after_finished::wire),
    row("resourcequota-controller", "resourcequota-controller", resource_quota::wire),
    row("pod-garbage-collector-controller", "pod-garbage-collector", pod_garbage_collector::wire),
    row("horizontal-pod-autoscaler-controller", "horizontal-pod-autoscaler", horizontal_pod_autoscaler::wire),
    row("disruption-controller", "disruption-controller", disruption::wire),
];

/// Upstream's other controllers, which have nothing to do here, so that a list may name them.
pub(crate) const WITHOUT_WORK: &[(&str, &str)] = &[
    (
        "validatingadmissionpolicy-status-controller",
        "the API server, which has the types, writes that status",
    ),
    ("storageversion-garbage-collector-controller", "its feature StorageVersionAPI is alpha, off"),
    ("storage-version-migrator-controller", "its API storagemigration.k8s.io/v1beta1 is off"),
    ("podcertificaterequest-cleaner-controller", "its feature PodCertificateRequest is off"),
    (
        "kube-apiserver-serving-clustertrustbundle-publisher-controller",
        "its feature ClusterTrustBundle is off",
    ),
    ("selinux-warning-controller", "nobody runs it unless it is asked for, and no node has SELinux labels"),
    ("service-lb-controller", "there is no cloud"),
    ("node-route-controller", "there is no cloud"),
    ("cloud-node-lifecycle-controller", "there is no cloud"),
];

/// The names of all controllers, as `--controllers` has them.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.iter().map(|controller| controller.name)
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
    /// Where several processes have these controllers, that of which works.
    pub candidate: Option<Candidate>,
}

/// Works as long as [`run`](Self::run) runs.
#[must_use = "nothing is controlled unless it runs"]
pub struct ControllersTask {
    board: Board,
    endpoints: Endpoints,
    election: Option<(Candidate, Client, ElectionMetrics)>,
}

impl Config {
    pub fn build(self, deps: Deps) -> ControllersTask {
        let Deps { clients, root_ca, ports, candidate } = deps;
        let metrics = Metrics::new();
        let election =
            candidate.map(|candidate| (candidate, clients.manager.clone(), ElectionMetrics::new(&metrics)));
        let gate = Gate::new(clients.manager.clone(), CacheTtl::COMPONENT);
        let endpoints = Endpoints { ports, gate, metrics: metrics.clone() };
        let selection = self.controllers.clone();
        let mut board = Board::new(self, clients, root_ca, &metrics);
        let help = "Controllers that this manager runs";
        let running = Levels::new(&metrics, "running_managed_controllers", help, ["name", "manager"]);
        for controller in CONTROLLERS.iter().filter(|controller| selection.runs(controller.name)) {
            board.wire(controller.identity, controller.wire);
            running.set([controller.name.into(), MANAGER.into()], 1);
        }
        ControllersTask { board, endpoints, election }
    }
}

impl ControllersTask {
    /// Ends when the controllers have read the state that they work on; at once where they may have to wait for their
    /// turn.
    pub fn synced(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let is_candidate = self.election.is_some();
        let synced = self.board.synced();
        async move {
            if !is_candidate {
                synced.await;
            }
        }
    }

    /// Controls until `stop`; a candidate only while it leads.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it; the election, where another leads now.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let Self { board, endpoints, election } = self;
        let mut loops = Loops::new("controllers");
        loops.spawn("endpoints", |stop| endpoints.run(stop));
        match election {
            None => board.start(&mut loops),
            Some((candidate, client, metrics)) => loops.spawn("leader election", |stop| async move {
                let work = |stop| async {
                    let mut loops = Loops::new("controllers");
                    board.start(&mut loops);
                    if let Err(ended) = loops.run(stop).await {
                        tracing::error!(%ended, "the controllers stop");
                    }
                };
                candidate.lead(&client, &metrics, stop, work).await;
            }),
        }
        loops.run(stop).await
    }
}
