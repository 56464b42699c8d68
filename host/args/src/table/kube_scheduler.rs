//! kube-scheduler.

use super::{CLIENT, COMPONENT, DELEGATED, Flag, KLOG, SERVING, SHORT, Table, fixed, start};
use crate::table::Kind::{Address, Bool, Choices, Duration, Path, Port, Text};

pub(crate) const TABLE: Table =
    Table { flags: FLAGS, ignored: &[COMPONENT, SERVING, DELEGATED, CLIENT, KLOG, IGNORED], short: SHORT };

const FLAGS: &[Flag] = &[
    start("bind-address", Address, "0.0.0.0"),
    start("secure-port", Port, "10259"),
    // Upstream dropped these two; the page has the port.
    start("address", Address, "127.0.0.1"),
    start("port", Port, "10251"),
    start("config", Path, ""),
    start("pod-max-in-unschedulable-pods-duration", Duration, "5m"),
    // Upstream's default is true: here nobody else does the work unless it is said.
    start("leader-elect", Bool, "false"),
    start("leader-elect-lease-duration", Duration, "15s"),
    start("leader-elect-renew-deadline", Duration, "10s"),
    start("leader-elect-retry-period", Duration, "2s"),
    start("leader-elect-resource-lock", Choices(&["leases"]), "leases"),
    start("leader-elect-resource-name", Text, "kube-scheduler"),
    start("leader-elect-resource-namespace", Text, "kube-system"),
    fixed("cert-dir", Path, "${SNAP_DATA}/certs"),
    fixed("client-ca-file", Path, "${SNAP_DATA}/certs/ca.crt"),
    fixed("tls-cert-file", Path, "${SNAP_DATA}/certs/server.crt"),
    fixed("tls-private-key-file", Path, "${SNAP_DATA}/certs/server.key"),
    fixed("kubeconfig", Path, "${SNAP_DATA}/credentials/scheduler.config"),
];

const IGNORED: &str = "
    lock-object-name lock-object-namespace policy-config-file scheduler-name write-config-to";
