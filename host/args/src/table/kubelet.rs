//! kubelet.

use super::{COMPONENT, Flag, KLOG, SERVING, SHORT, Table, fixed, restart, start};
use crate::table::Kind::{Address, Bool, List, Number, Pairs, Path, Port, Text};

pub(crate) const TABLE: Table =
    Table { flags: FLAGS, ignored: &[COMPONENT, SERVING, KLOG, IGNORED], short: SHORT };

const FLAGS: &[Flag] = &[
    start("address", Address, "0.0.0.0"),
    start("port", Port, "10250"),
    start("read-only-port", Port, "10255"),
    start("healthz-bind-address", Address, "127.0.0.1"),
    start("healthz-port", Port, "10248"),
    start("hostname-override", Text, ""),
    start("node-ip", Address, ""),
    restart(
        "node-labels",
        Pairs,
        "microk8s.io/cluster=true,node.kubernetes.io/microk8s-controlplane=microk8s-controlplane",
    ),
    restart("cluster-dns", List, "10.152.183.10"),
    restart("cluster-domain", Text, "cluster.local"),
    restart("resolv-conf", Path, "/etc/resolv.conf"),
    restart("max-pods", Number, "110"),
    fixed("anonymous-auth", Bool, "false"),
    fixed("authentication-token-webhook", Bool, "true"),
    fixed("authorization-mode", Text, "Webhook"),
    fixed("cert-dir", Path, "${SNAP_DATA}/certs"),
    fixed("client-ca-file", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("tls-cert-file", Path, "${SNAP_DATA}/certs/kubelet.crt"),
    fixed("tls-private-key-file", Path, "${SNAP_DATA}/certs/kubelet.key"),
    fixed("kubeconfig", Path, "${SNAP_DATA}/credentials/kubelet.config"),
    fixed("root-dir", Path, "${SNAP_DATA}/var/lib/kubelet"),
    fixed("container-runtime-endpoint", Path, "${SNAP_DATA}/run/containerd.sock"),
    fixed("containerd", Path, "${SNAP_DATA}/run/containerd.sock"),
    fixed("fail-swap-on", Bool, "false"),
    fixed("serialize-image-pulls", Bool, "false"),
];

const IGNORED: &str = "
    allowed-unsafe-sysctls application-metrics-count-limit authentication-token-webhook-cache-ttl
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl boot-id-file
    bootstrap-kubeconfig cgroup-driver cgroup-root cgroups-per-qos cloud-config cloud-provider config config-dir
    container-hints container-log-max-files container-log-max-size container-runtime containerd-namespace
    cpu-cfs-quota cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period
    docker-endpoint enable-cadvisor-json-endpoints enable-controller-attach-detach enable-debugging-handlers
    enable-load-reader enable-server enforce-node-allocatable event-burst event-qps event-storage-age-limit
    event-storage-event-limit eviction-hard eviction-max-pod-grace-period eviction-minimum-reclaim
    eviction-pressure-transition-period eviction-soft eviction-soft-grace-period exit-on-lock-contention
    experimental-allocatable-ignore-eviction experimental-mounter-path file-check-frequency
    global-housekeeping-interval hairpin-mode housekeeping-interval http-check-frequency
    image-credential-provider-bin-dir image-credential-provider-config image-gc-high-threshold
    image-gc-low-threshold image-service-endpoint iptables-drop-bit iptables-masquerade-bit
    keep-terminated-pod-volumes kernel-memcg-notification kube-api-burst kube-api-content-type kube-api-qps
    kube-reserved kube-reserved-cgroup kubelet-cgroups local-storage-capacity-isolation lock-file
    log-cadvisor-usage machine-id-file make-iptables-util-chains manifest-url manifest-url-header
    max-open-files maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy
    minimum-container-ttl-duration minimum-image-ttl-duration node-status-max-images node-status-update-frequency
    non-masquerade-cidr oom-score-adj pod-cidr pod-infra-container-image pod-manifest-path pod-max-pids
    pods-per-core protect-kernel-defaults provider-id qos-reserved register-node register-schedulable
    register-with-taints registry-burst registry-qps reserved-cpus reserved-memory rotate-certificates
    rotate-server-certificates runonce runtime-cgroups runtime-request-timeout seccomp-default storage-driver-buffer-duration
    storage-driver-db storage-driver-host storage-driver-password storage-driver-secure storage-driver-table
    storage-driver-user streaming-connection-idle-timeout sync-frequency system-cgroups system-reserved
    system-reserved-cgroup topology-manager-policy topology-manager-policy-options topology-manager-scope
    volume-plugin-dir volume-stats-agg-period";
