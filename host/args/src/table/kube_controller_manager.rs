//! kube-controller-manager.

use super::{CLIENT, COMPONENT, DELEGATED, Flag, KLOG, SERVING, SHORT, Table, fixed, start};
use crate::table::Kind::{Address, Bool, Choices, Cidr, Decimal, Duration, List, Number, Path, Port, Text};

pub(crate) const TABLE: Table =
    Table { flags: FLAGS, ignored: &[COMPONENT, SERVING, DELEGATED, CLIENT, KLOG, IGNORED], short: SHORT };

const FLAGS: &[Flag] = &[
    start("bind-address", Address, "0.0.0.0"),
    start("secure-port", Port, "10257"),
    // Upstream dropped these two; the page has the port.
    start("address", Address, "127.0.0.1"),
    start("port", Port, "10252"),
    start("controllers", List, "*"),
    start("concurrent-namespace-syncs", Number, "10"),
    start("concurrent-statefulset-syncs", Number, "5"),
    start("concurrent-replicaset-syncs", Number, "5"),
    start("concurrent-rc-syncs", Number, "5"),
    start("concurrent-deployment-syncs", Number, "5"),
    start("concurrent-daemonset-syncs", Number, "2"),
    start("concurrent-endpoint-syncs", Number, "5"),
    start("concurrent-service-endpoint-syncs", Number, "5"),
    start("max-endpoints-per-slice", Number, "100"),
    start("mirroring-concurrent-service-endpoint-syncs", Number, "5"),
    start("mirroring-max-endpoints-per-subset", Number, "1000"),
    start("concurrent-gc-syncs", Number, "20"),
    start("concurrent-ephemeralvolume-syncs", Number, "5"),
    start("concurrent-resource-claim-syncs", Number, "50"),
    start("terminated-pod-gc-threshold", Number, "12500"),
    start("cluster-signing-duration", Duration, "8760h"),
    start("cluster-signing-cert-file", Path, ""),
    start("cluster-signing-key-file", Path, ""),
    start("cluster-signing-kube-apiserver-client-cert-file", Path, ""),
    start("cluster-signing-kube-apiserver-client-key-file", Path, ""),
    start("cluster-signing-kubelet-client-cert-file", Path, ""),
    start("cluster-signing-kubelet-client-key-file", Path, ""),
    start("cluster-signing-kubelet-serving-cert-file", Path, ""),
    start("cluster-signing-kubelet-serving-key-file", Path, ""),
    start("cluster-signing-legacy-unknown-cert-file", Path, ""),
    start("cluster-signing-legacy-unknown-key-file", Path, ""),
    start("concurrent-job-syncs", Number, "5"),
    start("concurrent-cron-job-syncs", Number, "5"),
    start("concurrent-horizontal-pod-autoscaler-syncs", Number, "5"),
    start("concurrent-resource-quota-syncs", Number, "5"),
    start("concurrent-serviceaccount-token-syncs", Number, "5"),
    start("concurrent-ttl-after-finished-syncs", Number, "5"),
    start("concurrent-device-taint-eviction-syncs", Number, "8"),
    start("node-monitor-grace-period", Duration, "50s"),
    start("node-startup-grace-period", Duration, "1m"),
    start("large-cluster-size-threshold", Number, "50"),
    start("unhealthy-zone-threshold", Decimal, "0.55"),
    start("node-eviction-rate", Decimal, "0.1"),
    start("secondary-node-eviction-rate", Decimal, "0.01"),
    start("allocate-node-cidrs", Bool, "false"),
    start("cluster-cidr", Cidr, "10.1.0.0/16"),
    start("node-cidr-mask-size-ipv4", Number, "24"),
    start("node-cidr-mask-size-ipv6", Number, "64"),
    start("legacy-service-account-token-clean-up-period", Duration, "8760h"),
    start("horizontal-pod-autoscaler-sync-period", Duration, "15s"),
    start("horizontal-pod-autoscaler-tolerance", Decimal, "0.1"),
    start("horizontal-pod-autoscaler-downscale-stabilization", Duration, "5m"),
    start("horizontal-pod-autoscaler-cpu-initialization-period", Duration, "5m"),
    start("horizontal-pod-autoscaler-initial-readiness-delay", Duration, "30s"),
    // Upstream's default is true: here nobody else does the work unless it is said.
    start("leader-elect", Bool, "false"),
    start("leader-elect-lease-duration", Duration, "15s"),
    start("leader-elect-renew-deadline", Duration, "10s"),
    start("leader-elect-retry-period", Duration, "2s"),
    start("leader-elect-resource-lock", Choices(&["leases"]), "leases"),
    start("leader-elect-resource-name", Text, "kube-controller-manager"),
    start("leader-elect-resource-namespace", Text, "kube-system"),
    fixed("cert-dir", Path, "${SNAP_DATA}/certs"),
    fixed("client-ca-file", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("tls-cert-file", Path, "${SNAP_DATA}/certs/server.crt"),
    fixed("tls-private-key-file", Path, "${SNAP_DATA}/certs/server.key"),
    fixed("kubeconfig", Path, "${SNAP_DATA}/credentials/controller.config"),
    fixed("root-ca-file", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("service-account-private-key-file", Path, "${SNAP_DATA}/certs/serviceaccount.key"),
    fixed("use-service-account-credentials", Bool, "true"),
];

const IGNORED: &str = "
    allow-untagged-cloud attach-detach-reconcile-sync-period cidr-allocator-type cloud-config cloud-provider
    cluster-name concurrent-service-syncs concurrent-validating-admission-policy-status-syncs
    configure-cloud-routes controller-start-interval deployment-controller-sync-period
    disable-attach-detach-reconcile-sync disable-force-detach-on-timeout enable-dynamic-provisioning
    enable-garbage-collector enable-hostpath-provisioner enable-leader-migration endpoint-updates-batch-period
    endpointslice-updates-batch-period external-cloud-volume-plugin flex-volume-plugin-dir
    leader-migration-config min-resync-period mirroring-endpointslice-updates-batch-period namespace-sync-period
    node-cidr-mask-size node-monitor-period pod-eviction-timeout pv-recycler-increment-timeout-nfs
    pv-recycler-minimum-timeout-hostpath pv-recycler-minimum-timeout-nfs
    pv-recycler-pod-template-filepath-hostpath pv-recycler-pod-template-filepath-nfs
    pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period resource-quota-sync-period
    route-reconciliation-period service-cluster-ip-range volume-host-allow-local-loopback
    volume-host-cidr-denylist";
