//! The flags of each service: rows for those that mean something here, and names for all others that upstream v1.36 has.

pub(crate) mod cluster_agent;
pub(crate) mod containerd;
pub(crate) mod etcd;
pub(crate) mod kube_apiserver;
pub(crate) mod kube_controller_manager;
pub(crate) mod kube_proxy;
pub(crate) mod kube_scheduler;
pub(crate) mod kubelet;

/// A flag that means something here.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// Upstream's name, without dashes in front.
    pub name: &'static str,
    pub kind: Kind,
    /// Empty where there is no value unless somebody gives one. `${SNAP_DATA}` is the data directory.
    pub default: &'static str,
    pub effect: Effect,
}

/// What a value has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Bool,
    Number,
    /// Not below zero: `0.1`.
    Decimal,
    /// 0 means that nothing listens.
    Port,
    /// As Go writes it: `1h30m`, `300ms`.
    Duration,
    Address,
    /// `https://ADDRESS:PORT`, where something listens.
    Url,
    Cidr,
    /// Values with commas between; lines of one flag add up.
    List,
    /// `key=value` with commas between; lines of one flag add up.
    Pairs,
    /// Some of these, with commas between; a line takes the place of the one before.
    Choices(&'static [&'static str]),
    /// A file or folder.
    Path,
}

/// When a value that changes comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once, while the service runs.
    Live,
    /// By a restart of the service alone.
    Restart,
    /// When the host starts: an addon cannot change it.
    Start,
    /// Never: the default is always in force.
    Fixed,
}

/// Everything that upstream knows of one service.
pub(crate) struct Table {
    pub(crate) flags: &'static [Flag],
    /// Names of flags without an effect here, with spaces between.
    pub(crate) ignored: &'static [&'static str],
    /// Short forms: `l` for `log-level`.
    pub(crate) short: &'static [(&'static str, &'static str)],
}

impl Table {
    pub(crate) fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }

    pub(crate) fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().flat_map(|names| names.split_whitespace()).any(|ignored| ignored == name)
    }
}

const fn live(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, default, effect: Effect::Live }
}

const fn restart(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, default, effect: Effect::Restart }
}

const fn start(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, default, effect: Effect::Start }
}

const fn fixed(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, default, effect: Effect::Fixed }
}

/// Flags of every component of Kubernetes.
const COMPONENT: &str = "
    allow-metric-labels allow-metric-labels-manifest contention-profiling disabled-metrics emulated-version feature-gates
    help log-flush-frequency log-json-info-buffer-size log-json-split-stream log-text-info-buffer-size
    log-text-split-stream logging-format min-compatibility-version profiling show-hidden-metrics-for-version v version
    vmodule";

/// Flags of every component that serves HTTPS.
const SERVING: &str = "
    disable-http2-serving http2-max-streams-per-connection permit-address-sharing permit-port-sharing tls-cipher-suites
    tls-curve-preferences tls-min-version tls-sni-cert-key";

/// Flags of every component that asks the API server who its own users are.
const DELEGATED: &str = "
    authentication-kubeconfig authentication-skip-lookup authentication-token-webhook-cache-ttl
    authentication-tolerate-lookup-failure authorization-always-allow-paths authorization-kubeconfig
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl requestheader-allowed-names
    requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
    requestheader-uid-headers requestheader-username-headers";

/// Flags of every component that asks the API server for objects.
const CLIENT: &str = "kube-api-burst kube-api-content-type kube-api-qps master";

/// klog's flags for files and traces of its own, which older releases took.
const KLOG: &str = "
    add-dir-header alsologtostderr log-backtrace-at log-dir log-file log-file-max-size logtostderr one-output skip-headers
    skip-log-headers stderrthreshold";

const SHORT: &[(&str, &str)] = &[("v", "v"), ("h", "help")];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::Service;

    #[test]
    fn no_flag_is_told_twice() {
        for service in Service::ALL {
            let table = service.table();
            let mut seen = BTreeSet::new();
            let ignored = table.ignored.iter().flat_map(|names| names.split_whitespace());
            for name in table.flags.iter().map(|flag| flag.name).chain(ignored) {
                assert!(seen.insert(name), "{service} --{name} is told twice");
            }
        }
    }
}
