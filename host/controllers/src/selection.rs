//! Which controllers run: `--controllers` in upstream's grammar.

use std::collections::BTreeSet;

use crate::manager::{WITHOUT_WORK, names};

const ALL: &str = "*";
const OFF: char = '-';
/// Those that run only where they are named.
const ASKED_FOR: &[&str] = &["bootstrap-signer-controller", "token-cleaner-controller"];

/// Names that older releases had.
const ALIASES: &[(&str, &str)] = &[
    ("attachdetach", "persistentvolume-attach-detach-controller"),
    ("bootstrapsigner", "bootstrap-signer-controller"),
    ("cloud-node-lifecycle", "cloud-node-lifecycle-controller"),
    ("clusterrole-aggregation", "clusterrole-aggregation-controller"),
    ("cronjob", "cronjob-controller"),
    ("csrapproving", "certificatesigningrequest-approving-controller"),
    ("csrcleaner", "certificatesigningrequest-cleaner-controller"),
    ("csrsigning", "certificatesigningrequest-signing-controller"),
    ("daemonset", "daemonset-controller"),
    ("deployment", "deployment-controller"),
    ("disruption", "disruption-controller"),
    ("endpoint", "endpoints-controller"),
    ("endpointslice", "endpointslice-controller"),
    ("endpointslicemirroring", "endpointslice-mirroring-controller"),
    ("ephemeral-volume", "ephemeral-volume-controller"),
    ("garbagecollector", "garbage-collector-controller"),
    ("horizontalpodautoscaling", "horizontal-pod-autoscaler-controller"),
    ("job", "job-controller"),
    ("legacy-service-account-token-cleaner", "legacy-serviceaccount-token-cleaner-controller"),
    ("namespace", "namespace-controller"),
    ("nodeipam", "node-ipam-controller"),
    ("nodelifecycle", "node-lifecycle-controller"),
    ("persistentvolume-binder", "persistentvolume-binder-controller"),
    ("persistentvolume-expander", "persistentvolume-expander-controller"),
    ("podgc", "pod-garbage-collector-controller"),
    ("pv-protection", "persistentvolume-protection-controller"),
    ("pvc-protection", "persistentvolumeclaim-protection-controller"),
    ("replicaset", "replicaset-controller"),
    ("replicationcontroller", "replicationcontroller-controller"),
    ("resource-claim-controller", "resourceclaim-controller"),
    ("resourcequota", "resourcequota-controller"),
    ("root-ca-cert-publisher", "root-ca-certificate-publisher-controller"),
    ("route", "node-route-controller"),
    ("service", "service-lb-controller"),
    ("serviceaccount", "serviceaccount-controller"),
    ("serviceaccount-token", "serviceaccount-token-controller"),
    ("statefulset", "statefulset-controller"),
    ("storage-version-gc", "storageversion-garbage-collector-controller"),
    ("tokencleaner", "token-cleaner-controller"),
    ("ttl", "ttl-controller"),
    ("ttl-after-finished", "ttl-after-finished-controller"),
    ("validatingadmissionpolicy-status", "validatingadmissionpolicy-status-controller"),
];

/// A list that names what is none of the controllers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("run the controller {0}: there is none of this name, there are {known}", known = names().collect::<Vec<_>>().join(", "))]
pub struct UnknownController(pub String);

/// Names of controllers that run, of the others that do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    all: bool,
    on: BTreeSet<String>,
    off: BTreeSet<String>,
}

impl Default for Selection {
    /// All that run by default.
    fn default() -> Self {
        Self { all: true, on: BTreeSet::new(), off: BTreeSet::new() }
    }
}

impl Selection {
    /// Reads `*` for all that run by default, `NAME` for one that runs, `-NAME` for one that does not; an empty list
    /// runs none.
    ///
    /// # Errors
    /// The first name of a controller that does not exist.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownController> {
        let mut selection = Self { all: false, on: BTreeSet::new(), off: BTreeSet::new() };
        for entry in list {
            let given = entry.strip_prefix(OFF).unwrap_or(entry);
            let alias = ALIASES.iter().find(|(alias, _)| *alias == given);
            let name = alias.map_or(given, |(_, name)| name);
            if entry == ALL {
                selection.all = true;
            } else if !is_known(name) {
                return Err(UnknownController(name.to_owned()));
            } else if entry.starts_with(OFF) {
                selection.off.insert(name.to_owned());
            } else {
                selection.on.insert(name.to_owned());
            }
        }
        Ok(selection)
    }

    pub(crate) fn runs(&self, name: &str) -> bool {
        !self.off.contains(name) && (self.on.contains(name) || (self.all && !ASKED_FOR.contains(&name)))
    }
}

fn is_known(name: &str) -> bool {
    names().chain(WITHOUT_WORK.iter().map(|(name, _)| *name)).any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_runs_by_its_name_or_by_default_unless_it_is_off() {
        let runs = |list: &[&str]| {
            let selection = Selection::parse(list.iter().copied()).unwrap();
            ["namespace-controller", "serviceaccount-controller"].map(|name| selection.runs(name))
        };
        assert_eq!(runs(&["*"]), [true, true]);
        assert_eq!(runs(&["*", "-namespace-controller"]), [false, true]);
        assert_eq!(runs(&["namespace-controller"]), [true, false]);
        assert_eq!(runs(&[]), [false, false]);
        assert!(!Selection::default().runs("token-cleaner-controller"));
    }

    #[test]
    fn a_controller_has_the_names_of_older_releases_too() {
        let selection = Selection::parse(["*", "bootstrapsigner", "-ttl"]).unwrap();
        assert!(selection.runs("bootstrap-signer-controller") && !selection.runs("ttl-controller"));
        for (alias, name) in ALIASES {
            assert!(is_known(name), "{alias} is the name of nothing");
        }
    }

    #[test]
    fn a_controller_of_upstreams_without_work_here_may_be_named() {
        Selection::parse(["*", "-validatingadmissionpolicy-status-controller", "-service"]).unwrap();
    }

    #[test]
    fn a_name_that_nobody_has_is_told_with_those_that_there_are() {
        let error = Selection::parse(["*", "-no-such-controller"]).unwrap_err().to_string();
        assert!(
            error.starts_with("run the controller no-such-controller: there is none of this name"),
            "{error}"
        );
        assert!(error.contains("namespace-controller"), "{error}");
    }
}
