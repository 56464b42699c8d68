//! [`Profile`]: which plugins run for the pods of one scheduler name, and with what arguments.

use std::time::Duration;

use objects::placement::{NodeSelector, NodeSelectorTerm};
use objects::tree;

use crate::amounts::{CPU, MEMORY};
use crate::plugin::{Defaults, Plugin, Plugins, ROWS, Ranked, Row, Strategy};
use crate::view::{SpreadTerm, Weighted};

/// As upstream.
const BIND_TIMEOUT: Duration = Duration::from_secs(600);
const CANDIDATE_PERCENTAGE: i64 = 10;
const CANDIDATES: i64 = 100;

/// How pods that name one scheduler are scheduled.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub(crate) scheduler_name: String,
    /// Of the nodes, how many are looked at until enough that fit were found; 0: by the number of nodes.
    pub(crate) percentage: Option<i64>,
    pub(crate) enabled: Plugins,
    /// In the order of the table.
    pub(crate) weights: Vec<(Plugin, i64)>,
    pub(crate) args: Args,
}

/// The arguments of the plugins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) added_affinity: Option<NodeSelector>,
    pub(crate) added_preferences: Box<[Weighted<NodeSelectorTerm>]>,
    pub(crate) hard_affinity_weight: i64,
    pub(crate) ignores_preferred_of_others: bool,
    pub(crate) spread: Defaults,
    pub(crate) fit: (Strategy, Vec<Ranked>),
    pub(crate) ignored: Vec<String>,
    /// The part before the slash.
    pub(crate) ignored_groups: Vec<String>,
    pub(crate) balanced: Vec<Ranked>,
    pub(crate) candidate_percentage: i64,
    pub(crate) candidates: i64,
    pub(crate) bind_timeout: Duration,
}

impl Args {
    /// Whether extended resources of this name are none of ours.
    pub(crate) fn is_ignored(&self, resource: &str) -> bool {
        let Some((group, _)) = resource.split_once('/') else { return false };
        self.ignored.iter().any(|name| name == resource)
            || self.ignored_groups.iter().any(|name| name == group)
    }
}

impl Default for Args {
    fn default() -> Self {
        let loose = |key: &str, skew: i64| {
            let term = tree!({ "maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway" });
            SpreadTerm::read(&objects::Tree::Null, &term)
        };
        let even = || [CPU, MEMORY].map(|name| Ranked { name: name.into(), weight: 1 }).to_vec();
        Self {
            added_affinity: None,
            added_preferences: Box::default(),
            hard_affinity_weight: 1,
            ignores_preferred_of_others: false,
            spread: Defaults::System(vec![
                loose("kubernetes.io/hostname", 3),
                loose("topology.kubernetes.io/zone", 5),
            ]),
            fit: (Strategy::LeastAllocated, even()),
            ignored: Vec::new(),
            ignored_groups: Vec::new(),
            balanced: even(),
            candidate_percentage: CANDIDATE_PERCENTAGE,
            candidates: CANDIDATES,
            bind_timeout: BIND_TIMEOUT,
        }
    }
}

impl Profile {
    /// Upstream's default, for pods that name this scheduler.
    pub fn new(scheduler_name: impl Into<String>) -> Self {
        Self {
            scheduler_name: scheduler_name.into(),
            percentage: None,
            enabled: ROWS.iter().map(|row| row.plugin).collect(),
            weights: ROWS.iter().filter(|row| row.weight > 0).map(|row| (row.plugin, row.weight)).collect(),
            args: Args::default(),
        }
    }

    pub fn scheduler_name(&self) -> &str {
        &self.scheduler_name
    }

    /// The plugins that may object to a node.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &'static Row> + use<> {
        let enabled = self.enabled;
        ROWS.iter().filter(move |row| enabled.contains(row.plugin))
    }

    pub(crate) fn scores(&self) -> impl Iterator<Item = (&'static Row, i64)> {
        self.weights.iter().map(|(plugin, weight)| (plugin.row(), *weight))
    }
}
