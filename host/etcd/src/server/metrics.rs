//! What is counted, under etcd's usual names. There is no raft and no backend of etcd's here: what would tell of those
//! is left out. The latency of the disk is measured by the store.

use datastore::{Embedded, OpResult, TxnResult};
use observe::counter::Counter;
use observe::gauge::Gauge;

use super::kv::results;

pub(super) struct Metrics {
    registry: observe::Metrics,
    pub(super) ranges: Counter,
    puts: Counter,
    deletes: Counter,
    txns: Counter,
    /// Events that were told to watches.
    pub(super) events: Counter,
    pub(super) watch_streams: Gauge,
    pub(super) watchers: Gauge,
    /// Events that a stream has taken and its client has not.
    pub(super) pending_events: Gauge,
    pub(super) leases_granted: Counter,
    pub(super) leases_revoked: Counter,
    pub(super) leases_renewed: Counter,
    pub(super) health_successes: Counter,
    pub(super) health_failures: Counter,
    store: StoreGauges,
}

/// What is measured when it is asked for.
#[derive(Default)]
struct StoreGauges {
    size: Gauge,
    in_use: Gauge,
    quota: Gauge,
    keys: Gauge,
    revision: Gauge,
    compacted: Gauge,
    leases: Gauge,
    slow_watchers: Gauge,
}

impl Metrics {
    /// `version` is that of etcd whose behaviour is served.
    pub(super) fn new(registry: observe::Metrics, version: &'static str, store: &Embedded) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let gauge = |name: &str, help: &str| gauge(&registry, name, help);
        for name in ["etcd_server_has_leader", "etcd_server_is_leader"] {
            let one: Gauge = gauge(name, "1, since the only member leads");
            one.set(1);
        }
        let labels = vec![("server_version", version)];
        let family = observe::family::Family::<Vec<(&str, &str)>, Gauge>::default();
        family.get_or_create(&labels).set(1);
        registry.register("etcd_server_version", "The version of etcd whose behaviour is served", family);
        let flushes = store.flushes();
        registry.register(
            "etcd_disk_wal_fsync_duration_seconds",
            "How long flushes of the log take",
            flushes,
        );
        Self {
            ranges: counter("etcd_mvcc_range", "Ranges read"),
            puts: counter("etcd_mvcc_put", "Keys put"),
            deletes: counter("etcd_mvcc_delete", "Ranges deleted"),
            txns: counter("etcd_mvcc_txn", "Transactions of more than one operation"),
            events: counter("etcd_debugging_mvcc_events", "Events told to watchers"),
            watch_streams: gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams"),
            watchers: gauge("etcd_debugging_mvcc_watcher_total", "Watchers"),
            pending_events: gauge("etcd_debugging_mvcc_pending_events_total", "Events to be sent"),
            leases_granted: counter("etcd_debugging_lease_granted", "Leases granted"),
            leases_revoked: counter("etcd_debugging_lease_revoked", "Leases revoked"),
            leases_renewed: counter("etcd_debugging_lease_renewed", "Leases renewed"),
            health_successes: counter("etcd_server_health_success", "Successful health checks"),
            health_failures: counter("etcd_server_health_failures", "Failed health checks"),
            store: StoreGauges {
                size: gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes of the store's files"),
                in_use: gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes of what can be read"),
                quota: gauge("etcd_server_quota_backend_bytes", "Bytes in use that are too many"),
                keys: gauge("etcd_debugging_mvcc_keys_total", "Keys"),
                revision: gauge("etcd_debugging_mvcc_current_revision", "The present revision"),
                compacted: gauge(
                    "etcd_debugging_mvcc_compact_revision",
                    "The oldest revision that can be read",
                ),
                leases: gauge("etcd_debugging_lease_active_total", "Leases that live"),
                slow_watchers: gauge(
                    "etcd_debugging_mvcc_slow_watcher_total",
                    "Watchers that were not told everything yet",
                ),
            },
            registry,
        }
    }

    /// As etcd counts: each operation, and the transaction if it had several.
    pub(super) fn count(&self, result: &TxnResult) {
        let mut ops = 0;
        for result in results(result) {
            ops += 1;
            match result {
                OpResult::Range(_) => self.ranges.inc(),
                OpResult::Put { .. } => self.puts.inc(),
                OpResult::DeleteRange { .. } => self.deletes.inc(),
                OpResult::Txn(_) => continue,
            };
        }
        if ops > 1 {
            self.txns.inc();
        }
    }

    /// Every metric, with the store's as of now.
    pub(super) fn text(&self, store: &Embedded) -> String {
        let status = store.status();
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.store.size.set(bytes(status.bytes_on_disk));
        self.store.in_use.set(bytes(status.bytes_in_use));
        self.store.quota.set(bytes(status.quota));
        self.store.keys.set(bytes(status.keys as u64));
        self.store.revision.set(status.revision.0);
        self.store.compacted.set(status.compacted.0);
        self.store.leases.set(bytes(status.leases as u64));
        self.store.slow_watchers.set(bytes(store.late_watches() as u64));
        self.registry.text()
    }
}

fn gauge(registry: &observe::Metrics, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}
