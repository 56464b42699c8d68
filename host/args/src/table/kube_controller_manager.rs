//! kube-controller-manager.

use super::{CLIENT, COMPONENT, DELEGATED, Flag, KLOG, LEADER, SERVING, SHORT, Table, fixed, start};
use crate::table::Kind::{Address, Bool, List, Number, Path, Port};

pub(crate) const TABLE: Table = Table {
    flags: FLAGS,
    ignored: &[COMPONENT, SERVING, DELEGATED, CLIENT, LEADER, KLOG, IGNORED],
    short: SHORT,
};

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
    allocate-node-cidrs allow-untagged-cloud attach-detach-reconcile-sync-period cidr-allocator-type cloud-config
    cloud-provider cluster-cidr cluster-name cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file
    cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file
    cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file
    cluster-signing-kubelet-serving-cert-file cluster-signing-kubelet-serving-key-file
    cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs
    concurrent-device-taint-eviction-syncs
    concurrent-endpoint-syncs concurrent-ephemeralvolume-syncs concurrent-gc-syncs
    concurrent-horizontal-pod-autoscaler-syncs concurrent-job-syncs
    concurrent-resource-claim-syncs concurrent-resource-quota-syncs
    concurrent-service-endpoint-syncs concurrent-service-syncs concurrent-serviceaccount-token-syncs
    concurrent-ttl-after-finished-syncs
    concurrent-validating-admission-policy-status-syncs configure-cloud-routes controller-start-interval
    deployment-controller-sync-period disable-attach-detach-reconcile-sync disable-force-detach-on-timeout
    enable-dynamic-provisioning enable-garbage-collector enable-hostpath-provisioner enable-leader-migration
    endpoint-updates-batch-period endpointslice-updates-batch-period external-cloud-volume-plugin
    flex-volume-plugin-dir horizontal-pod-autoscaler-cpu-initialization-period
    horizontal-pod-autoscaler-downscale-stabilization horizontal-pod-autoscaler-initial-readiness-delay
    horizontal-pod-autoscaler-sync-period horizontal-pod-autoscaler-tolerance large-cluster-size-threshold
    leader-migration-config legacy-service-account-token-clean-up-period max-endpoints-per-slice min-resync-period
    mirroring-concurrent-service-endpoint-syncs mirroring-endpointslice-updates-batch-period
    mirroring-max-endpoints-per-subset namespace-sync-period node-cidr-mask-size node-cidr-mask-size-ipv4
    node-cidr-mask-size-ipv6 node-eviction-rate node-monitor-grace-period node-monitor-period
    node-startup-grace-period pod-eviction-timeout pv-recycler-increment-timeout-nfs
    pv-recycler-minimum-timeout-hostpath pv-recycler-minimum-timeout-nfs
    pv-recycler-pod-template-filepath-hostpath pv-recycler-pod-template-filepath-nfs
    pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period resource-quota-sync-period
    route-reconciliation-period secondary-node-eviction-rate service-cluster-ip-range terminated-pod-gc-threshold
    unhealthy-zone-threshold volume-host-allow-local-loopback volume-host-cidr-denylist";
