//! etcd: the embedded store, as far as it speaks etcd's API.

use super::{Flag, Table, fixed, start};
use crate::table::Kind::{Bool, Choices, Duration, Number, Path, Url};

pub(crate) const TABLE: Table = Table { flags: FLAGS, ignored: &[IGNORED], short: &[("h", "help")] };

const FLAGS: &[Flag] = &[
    start("listen-client-urls", Url, "https://0.0.0.0:12379"),
    start("quota-backend-bytes", Number, "2147483648"),
    start("auto-compaction-retention", Duration, "5m"),
    start("max-request-bytes", Number, "1572864"),
    start("max-txn-ops", Number, "128"),
    start("watch-progress-notify-interval", Duration, "10m"),
    fixed("auto-compaction-mode", Choices(&["periodic"]), "periodic"),
    fixed("client-cert-auth", Bool, "true"),
    fixed("cert-file", Path, "${SNAP_DATA}/certs/server.crt"),
    fixed("key-file", Path, "${SNAP_DATA}/certs/server.key"),
    fixed("trusted-ca-file", Path, "${SNAP_DATA}/certs/etcd-ca.crt"),
];

const IGNORED: &str = "
    advertise-client-urls auth-token auth-token-ttl auto-tls
    backend-batch-interval backend-batch-limit backend-bbolt-freelist-type bcrypt-cost bootstrap-defrag-threshold-megabytes
    cipher-suites client-cert-allowed-hostname client-cert-file client-crl-file
    client-key-file compact-hash-check-enabled compact-hash-check-time compaction-batch-limit compaction-sleep-interval
    config-file corrupt-check-time cors data-dir discovery discovery-cacert discovery-cert discovery-dial-timeout
    discovery-endpoints discovery-fallback discovery-insecure-skip-tls-verify discovery-insecure-transport
    discovery-keepalive-time discovery-keepalive-timeout discovery-key discovery-password discovery-proxy
    discovery-request-timeout discovery-srv discovery-srv-name discovery-token discovery-user distributed-tracing-address
    distributed-tracing-instance-id distributed-tracing-sampling-rate distributed-tracing-service-name
    downgrade-check-time election-timeout enable-distributed-tracing enable-grpc-gateway enable-log-rotation
    enable-pprof experimental-compact-hash-check-enabled experimental-compaction-batch-limit
    experimental-corrupt-check-time experimental-enable-lease-checkpoint experimental-initial-corrupt-check
    experimental-peer-skip-client-san-verification experimental-txn-mode-write-with-shared-buffer
    experimental-warning-apply-duration experimental-watch-progress-notify-interval feature-gates
    force-new-cluster grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout heartbeat-interval help
    host-whitelist initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
    initial-election-tick-advance listen-client-http-urls listen-metrics-urls
    listen-peer-urls local-address log-format log-level log-outputs log-rotation-config-json logger
    max-concurrent-streams max-learners max-snapshots max-wals
    memory-mlock metrics name peer-auto-tls peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file
    peer-client-cert-auth peer-client-cert-file peer-client-key-file peer-crl-file peer-key-file
    peer-skip-client-san-verification peer-trusted-ca-file pre-vote self-signed-cert-validity
    snapshot-catchup-entries snapshot-count socket-reuse-address socket-reuse-port strict-reconfig-check
    tls-max-version tls-min-version unsafe-no-fsync v2-deprecation version wal-dir
    warning-apply-duration warning-unary-request-duration";
