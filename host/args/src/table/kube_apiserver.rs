//! kube-apiserver.

use super::{COMPONENT, Flag, KLOG, SERVING, SHORT, Table, fixed, live, restart, start};
use crate::table::Kind::{Address, Bool, Choices, Cidr, Duration, List, Number, Path, Port, Text};

pub(crate) const TABLE: Table =
    Table { flags: FLAGS, ignored: &[COMPONENT, SERVING, KLOG, IGNORED], short: SHORT };

/// Those of upstream that can be answered here; ABAC and Webhook cannot.
const MODES: &[&str] = &["AlwaysAllow", "AlwaysDeny", "RBAC", "Node"];

const FLAGS: &[Flag] = &[
    start("bind-address", Address, "0.0.0.0"),
    start("secure-port", Port, "16443"),
    start("advertise-address", Address, ""),
    live("authorization-mode", Choices(MODES), "AlwaysAllow"),
    live("anonymous-auth", Bool, "true"),
    live("token-auth-file", Path, "${SNAP_DATA}/credentials/known_tokens.csv"),
    live("basic-auth-file", Path, "${SNAP_DATA}/credentials/basic_auth.csv"),
    start("service-cluster-ip-range", Cidr, "10.152.183.0/24"),
    start("service-account-issuer", Text, "https://kubernetes.default.svc"),
    start("api-audiences", List, ""),
    start("etcd-servers", List, "unix://${SNAP_DATA}/var/kubernetes/backend/kine.sock:12379"),
    start("etcd-cafile", Path, ""),
    start("etcd-certfile", Path, ""),
    start("etcd-keyfile", Path, ""),
    start("etcd-compaction-interval", Duration, "5m"),
    restart("event-ttl", Duration, "1h"),
    start("encryption-provider-config", Path, ""),
    restart("enable-admission-plugins", List, ""),
    restart("disable-admission-plugins", List, ""),
    restart("admission-control-config-file", Path, ""),
    restart("max-requests-inflight", Number, "400"),
    restart("max-mutating-requests-inflight", Number, "200"),
    restart("request-timeout", Duration, "1m"),
    restart("min-request-timeout", Number, "1800"),
    // Upstream deletes one after the other; here those beside each other share flushes of the store.
    restart("delete-collection-workers", Number, "16"),
    restart("audit-policy-file", Path, ""),
    restart("audit-log-path", Path, ""),
    restart("audit-log-format", Text, "json"),
    restart("audit-log-maxage", Number, "366"),
    restart("audit-log-maxbackup", Number, "100"),
    restart("audit-log-maxsize", Number, "100"),
    fixed("etcd-prefix", Path, "/registry"),
    fixed("allow-privileged", Bool, "true"),
    fixed("cert-dir", Path, "${SNAP_DATA}/certs"),
    fixed("client-ca-file", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("tls-cert-file", Path, "${SNAP_DATA}/certs/server.crt"),
    fixed("tls-private-key-file", Path, "${SNAP_DATA}/certs/server.key"),
    fixed("service-account-key-file", Path, "${SNAP_DATA}/certs/serviceaccount.key"),
    fixed("service-account-signing-key-file", Path, "${SNAP_DATA}/certs/serviceaccount.key"),
    fixed("kubelet-certificate-authority", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("kubelet-client-certificate", Path, "${SNAP_DATA}/certs/apiserver-kubelet-client.crt"),
    fixed("kubelet-client-key", Path, "${SNAP_DATA}/certs/apiserver-kubelet-client.key"),
    fixed("requestheader-client-ca-file", Path, "${SNAP_DATA}/certs/front-proxy-ca.crt"),
    fixed("requestheader-allowed-names", List, "front-proxy-client"),
    fixed("requestheader-extra-headers-prefix", List, "X-Remote-Extra-"),
    fixed("requestheader-group-headers", List, "X-Remote-Group"),
    fixed("requestheader-username-headers", List, "X-Remote-User"),
];

const IGNORED: &str = "
    admission-control aggregator-reject-forwarding-redirect apiserver-count
    audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait audit-log-batch-throttle-burst
    audit-log-batch-throttle-enable audit-log-batch-throttle-qps audit-log-compress
    audit-log-mode audit-log-truncate-enabled audit-log-truncate-max-batch-size audit-log-truncate-max-event-size audit-log-version
    audit-webhook-batch-buffer-size audit-webhook-batch-max-size audit-webhook-batch-max-wait
    audit-webhook-batch-throttle-burst audit-webhook-batch-throttle-enable audit-webhook-batch-throttle-qps
    audit-webhook-config-file audit-webhook-initial-backoff audit-webhook-mode audit-webhook-truncate-enabled
    audit-webhook-truncate-max-batch-size audit-webhook-truncate-max-event-size audit-webhook-version
    authentication-config authentication-token-webhook-cache-ttl authentication-token-webhook-config-file
    authentication-token-webhook-version authorization-config authorization-policy-file
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
    authorization-webhook-config-file authorization-webhook-version cloud-config cloud-provider
    cloud-provider-gce-l7lb-src-cidrs cloud-provider-gce-lb-src-cidrs coordinated-leadership-lease-duration
    coordinated-leadership-renew-deadline coordinated-leadership-retry-period cors-allowed-origins debug-socket-path
    default-not-ready-toleration-seconds default-unreachable-toleration-seconds default-watch-cache-size
    egress-selector-config-file emulation-forward-compatible
    enable-aggregator-routing enable-bootstrap-token-auth enable-garbage-collector
    enable-logs-handler enable-priority-and-fairness
    encryption-provider-config-automatic-reload endpoint-reconciler-type
    etcd-count-metric-poll-period etcd-db-metric-poll-interval etcd-healthcheck-timeout etcd-readycheck-timeout
    etcd-servers-overrides external-hostname goaway-chance
    identity-lease-duration-seconds identity-lease-renew-interval-seconds kubelet-port kubelet-preferred-address-types
    kubelet-read-only-port kubelet-timeout kubernetes-service-node-port lease-reuse-duration-seconds livez-grace-period
    master-service-namespace max-connection-bytes-per-sec oidc-ca-file oidc-client-id oidc-groups-claim
    oidc-groups-prefix oidc-issuer-url oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix peer-advertise-ip
    peer-advertise-port peer-ca-file proxy-client-cert-file proxy-client-key-file
    requestheader-uid-headers runtime-config runtime-config-emulation-forward-compatible
    service-account-extend-token-expiration service-account-jwks-uri service-account-lookup
    service-account-max-token-expiration service-account-signing-endpoint service-node-port-range
    shutdown-delay-duration shutdown-send-retry-after shutdown-watch-termination-grace-period storage-backend
    storage-initialization-timeout storage-media-type strict-transport-security-directives target-ram-mb
    tracing-config-file watch-cache watch-cache-sizes";
