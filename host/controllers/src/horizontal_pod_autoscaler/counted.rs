//! What is counted of autoscalers.

use std::time::Duration;

use observe::Metrics;

use crate::counts::{Bounds, Counts, Spread};

/// The kinds of metrics that there are: another is told as none of them.
const KINDS: &[&str] = &["Resource", "ContainerResource", "Pods", "Object", "External"];

/// What a number of replicas means for those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    ScaleUp,
    ScaleDown,
    None,
}

impl Action {
    pub(super) fn of(current: i32, desired: i32) -> Self {
        match desired.cmp(&current) {
            std::cmp::Ordering::Greater => Self::ScaleUp,
            std::cmp::Ordering::Less => Self::ScaleDown,
            std::cmp::Ordering::Equal => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ScaleUp => "scale_up",
            Self::ScaleDown => "scale_down",
            Self::None => "none",
        }
    }
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    action: Action,
    error: &'static str,
}

impl Looked {
    pub(super) fn done(action: Action) -> Self {
        Self { action, error: "none" }
    }

    /// Something could not be read or written.
    pub(super) fn failed() -> Self {
        Self { action: Action::None, error: "internal" }
    }
}

pub(super) struct Counted {
    looks: Counts<2>,
    look_times: Spread<2>,
    metrics: Counts<3>,
    metric_times: Spread<3>,
}

impl Counted {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let name = |name: &str| format!("horizontal_pod_autoscaler_controller_{name}");
        let bounds = Bounds(0.001, 2.0, 15);
        let (look, metric) = (["action", "error"], ["action", "error", "metric_type"]);
        let help = "Looks at autoscalers";
        let looks = Counts::new(metrics, &name("reconciliations"), help, look);
        let help = "Seconds of a look at an autoscaler";
        let look_times = Spread::new(metrics, &name("reconciliation_duration_seconds"), help, look, bounds);
        let help = "Metrics that were read";
        let counts = Counts::new(metrics, &name("metric_computation"), help, metric);
        let help = "Seconds that a metric took to be read";
        let times = Spread::new(metrics, &name("metric_computation_duration_seconds"), help, metric, bounds);
        Self { looks, look_times, metrics: counts, metric_times: times }
    }

    pub(super) fn looked(&self, looked: Looked, time: Duration) {
        let words = [looked.action.name(), looked.error].map(Into::into);
        self.looks.add(words.clone(), 1);
        self.look_times.took(words, time);
    }

    /// `wanted`: what the metric asks for, if it could be read.
    pub(super) fn measured(&self, kind: &str, wanted: Option<Action>, time: Duration) {
        let kind = KINDS.iter().copied().find(|known| *known == kind).unwrap_or_default();
        let (action, error) = wanted.map_or((Action::None, "internal"), |action| (action, "none"));
        let words = [action.name(), error, kind].map(Into::into);
        self.metrics.add(words.clone(), 1);
        self.metric_times.took(words, time);
    }
}
