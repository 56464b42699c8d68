//! What upstream's flags set, with upstream's values where nothing is said.

use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::certificates::ClusterSigning;
use crate::horizontal_pod_autoscaler::Autoscaling;
use crate::node_ipam::NodeNetworks;
use crate::node_lifecycle::NodeLifecycle;
use crate::selection::Selection;

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub controllers: Selection,
    /// Namespaces that are emptied at the same time.
    pub namespace_syncs: NonZeroUsize,
    /// Services whose Endpoints are written at the same time.
    pub endpoint_syncs: NonZeroUsize,
    /// Services whose EndpointSlices are written at the same time.
    pub service_endpoint_syncs: NonZeroUsize,
    pub max_endpoints_per_slice: NonZeroUsize,
    /// Endpoints that are mirrored at the same time.
    pub mirroring_syncs: NonZeroUsize,
    pub mirroring_max_endpoints_per_subset: NonZeroUsize,
    /// Objects that the garbage collector looks at at the same time.
    pub gc_syncs: NonZeroUsize,
    pub node_lifecycle: NodeLifecycle,
    pub node_networks: NodeNetworks,
    /// `None` signs nothing.
    pub cluster_signing: Option<ClusterSigning>,
    /// Objects of each kind of workload that are worked on at the same time.
    pub replication_controller_syncs: NonZeroUsize,
    pub replica_set_syncs: NonZeroUsize,
    pub deployment_syncs: NonZeroUsize,
    pub daemon_set_syncs: NonZeroUsize,
    pub stateful_set_syncs: NonZeroUsize,
    /// Pods whose ephemeral volumes are claimed at the same time.
    pub ephemeral_volume_syncs: NonZeroUsize,
    /// Pods and claims of devices that are looked at at the same time.
    pub resource_claim_syncs: NonZeroUsize,
    /// Objects of each of these kinds that are worked on at the same time.
    pub job_syncs: NonZeroUsize,
    pub cron_job_syncs: NonZeroUsize,
    pub finished_job_syncs: NonZeroUsize,
    pub autoscaler_syncs: NonZeroUsize,
    pub quota_syncs: NonZeroUsize,
    pub token_secret_syncs: NonZeroUsize,
    /// Pods whose devices have taints that are looked at at the same time.
    pub device_eviction_syncs: NonZeroUsize,
    /// Pods that ended and are kept; with zero all are.
    pub ended_pods: usize,
    /// How long a token of a service account that an older release made may go unused.
    pub unused_tokens: Duration,
    pub autoscaling: Autoscaling,
    /// Of the machine: times of cron jobs that name no zone are in it.
    pub time_zone: TimeZone,
}

impl Config {
    /// Upstream's `--concurrent-namespace-syncs`.
    pub const NAMESPACE_SYNCS: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
    /// Upstream's `--concurrent-endpoint-syncs`, `--concurrent-service-endpoint-syncs` and
    /// `--mirroring-concurrent-service-endpoint-syncs`.
    pub const ENDPOINT_SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--max-endpoints-per-slice`.
    pub const MAX_ENDPOINTS_PER_SLICE: NonZeroUsize = NonZeroUsize::new(100).expect("a hundred is not zero");
    /// Upstream's `--mirroring-max-endpoints-per-subset`.
    pub const MIRRORING_MAX_ENDPOINTS_PER_SUBSET: NonZeroUsize =
        NonZeroUsize::new(1000).expect("a thousand is not zero");
    /// Upstream's `--concurrent-gc-syncs`.
    pub const GC_SYNCS: NonZeroUsize = NonZeroUsize::new(20).expect("twenty is not zero");
    /// Upstream's `--concurrent-rc-syncs`, `--concurrent-replicaset-syncs`, `--concurrent-deployment-syncs` and
    /// `--concurrent-statefulset-syncs`.
    pub const WORKLOAD_SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--concurrent-daemonset-syncs`.
    pub const DAEMON_SET_SYNCS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
    /// Upstream's `--concurrent-ephemeralvolume-syncs`.
    pub const EPHEMERAL_VOLUME_SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--concurrent-resource-claim-syncs`.
    pub const RESOURCE_CLAIM_SYNCS: NonZeroUsize = NonZeroUsize::new(50).expect("fifty is not zero");
    /// Upstream's `--concurrent-job-syncs`, `--concurrent-cron-job-syncs`, `--concurrent-ttl-after-finished-syncs`,
    /// `--concurrent-horizontal-pod-autoscaler-syncs`, `--concurrent-resource-quota-syncs` and
    /// `--concurrent-serviceaccount-token-syncs`.
    pub const SYNCS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
    /// Upstream's `--concurrent-device-taint-eviction-syncs`.
    pub const DEVICE_EVICTION_SYNCS: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");
    /// Upstream's `--terminated-pod-gc-threshold`.
    pub const ENDED_PODS: usize = 12_500;
    /// Upstream's `--legacy-service-account-token-clean-up-period`.
    pub const UNUSED_TOKENS: Duration = Duration::from_secs(365 * 24 * 60 * 60);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            controllers: Selection::default(),
            namespace_syncs: Self::NAMESPACE_SYNCS,
            endpoint_syncs: Self::ENDPOINT_SYNCS,
            service_endpoint_syncs: Self::ENDPOINT_SYNCS,
            max_endpoints_per_slice: Self::MAX_ENDPOINTS_PER_SLICE,
            mirroring_syncs: Self::ENDPOINT_SYNCS,
            mirroring_max_endpoints_per_subset: Self::MIRRORING_MAX_ENDPOINTS_PER_SUBSET,
            gc_syncs: Self::GC_SYNCS,
            node_lifecycle: NodeLifecycle::default(),
            node_networks: NodeNetworks::default(),
            cluster_signing: None,
            replication_controller_syncs: Self::WORKLOAD_SYNCS,
            replica_set_syncs: Self::WORKLOAD_SYNCS,
            deployment_syncs: Self::WORKLOAD_SYNCS,
            daemon_set_syncs: Self::DAEMON_SET_SYNCS,
            stateful_set_syncs: Self::WORKLOAD_SYNCS,
            ephemeral_volume_syncs: Self::EPHEMERAL_VOLUME_SYNCS,
            resource_claim_syncs: Self::RESOURCE_CLAIM_SYNCS,
            job_syncs: Self::SYNCS,
            cron_job_syncs: Self::SYNCS,
            finished_job_syncs: Self::SYNCS,
            autoscaler_syncs: Self::SYNCS,
            quota_syncs: Self::SYNCS,
            token_secret_syncs: Self::SYNCS,
            device_eviction_syncs: Self::DEVICE_EVICTION_SYNCS,
            ended_pods: Self::ENDED_PODS,
            unused_tokens: Self::UNUSED_TOKENS,
            autoscaling: Autoscaling::default(),
            time_zone: TimeZone::UTC,
        }
    }
}
