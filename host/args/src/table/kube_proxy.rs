//! kube-proxy, which does not run here yet.

use super::{CLIENT, COMPONENT, KLOG, SHORT, Table};

pub(crate) const TABLE: Table =
    Table { flags: &[], ignored: &[COMPONENT, CLIENT, KLOG, IGNORED], short: SHORT };

const IGNORED: &str = "
    bind-address bind-address-hard-fail boot-id-file cleanup cleanup-ipvs cluster-cidr config config-sync-period
    conntrack-max-per-core conntrack-min conntrack-tcp-be-liberal conntrack-tcp-timeout-close-wait
    conntrack-tcp-timeout-established conntrack-udp-timeout conntrack-udp-timeout-stream detect-local-mode
    healthz-bind-address healthz-port hostname-override init-only iptables-localhost-nodeports
    iptables-masquerade-bit iptables-min-sync-period iptables-sync-period ipvs-exclude-cidrs ipvs-min-sync-period
    ipvs-scheduler ipvs-strict-arp ipvs-sync-period ipvs-tcp-timeout ipvs-tcpfin-timeout ipvs-udp-timeout kubeconfig
    machine-id-file masquerade-all metrics-bind-address metrics-port nodeport-addresses oom-score-adj
    pod-bridge-interface pod-interface-name-prefix proxy-mode proxy-port-range udp-timeout write-config-to";
