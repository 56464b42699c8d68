//! What the scheduler counts, under upstream's names.

use std::borrow::Cow;
use std::time::Duration;

use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::{Histogram, exponential_buckets};

use crate::plugin::Plugin;
use crate::queue::Pending;
use crate::snapshot::Sizes;
use crate::trace::{Ending, Lap, Point};

/// More attempts than that are not told apart.
const MANY: u32 = 15;

const QUEUES: [&str; 4] = ["active", "backoff", "unschedulable", "gated"];
const KNOWN: [&str; 3] = ["nodes", "pods", "assumed_pods"];

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Scheduled,
    Unschedulable,
    Error,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Unschedulable => "unschedulable",
            Self::Error => "error",
        }
    }
}

type Label = [(&'static str, String); 1];
type Labels = [(&'static str, String); 2];
/// A plugin or none, an extension point and what it came to, and perhaps the profile.
type StepLabels = [(&'static str, Cow<'static, str>); 3];

fn attempt() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

fn waited() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 20))
}

fn point() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 12))
}

fn plugin() -> Histogram {
    Histogram::new(exponential_buckets(0.00001, 1.5, 20))
}

#[derive(Clone)]
pub(crate) struct SchedulerMetrics {
    attempts: Family<Labels, Counter>,
    durations: Family<Labels, Histogram>,
    algorithm: Histogram,
    points: Family<StepLabels, Histogram>,
    plugins: Family<StepLabels, Histogram>,
    /// By where they wait, in the order of [`QUEUES`].
    pending: [Gauge; 4],
    unschedulable: Family<Labels, Gauge>,
    incoming: Family<Labels, Counter>,
    preemptions: Counter,
    victims: Histogram,
    waited: Family<Label, Histogram>,
    tries: Histogram,
    /// In the order of [`KNOWN`].
    known: [Gauge; 3],
}

impl SchedulerMetrics {
    /// Registers them; once for each registry.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let gauges = |name: &str, help: &str| {
            let family = Family::<Label, Gauge>::default();
            metrics.register(name, help, family.clone());
            family
        };
        let help = "Pods without a node, by where they wait";
        let pending = gauges("scheduler_pending_pods", help);
        let help = "Nodes, pods that have one, and those of them that the API server did not tell of yet";
        let known = gauges("scheduler_scheduler_cache_size", help);
        let all = Self {
            attempts: Family::default(),
            durations: Family::new_with_constructor(attempt),
            algorithm: attempt(),
            points: Family::new_with_constructor(point),
            plugins: Family::new_with_constructor(plugin),
            pending: QUEUES.map(|queue| pending.get_or_create_owned(&[("queue", queue.to_owned())])),
            unschedulable: Family::default(),
            incoming: Family::default(),
            preemptions: Counter::default(),
            victims: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
            waited: Family::new_with_constructor(waited),
            tries: Histogram::new(exponential_buckets(1.0, 2.0, 5)),
            known: KNOWN.map(|kind| known.get_or_create_owned(&[("type", kind.to_owned())])),
        };
        metrics.register("scheduler_schedule_attempts", "Attempts to schedule a pod", all.attempts.clone());
        let help = "Seconds of an attempt: decision and binding";
        metrics.register("scheduler_scheduling_attempt_duration_seconds", help, all.durations.clone());
        let help = "Seconds of a decision";
        metrics.register("scheduler_scheduling_algorithm_duration_seconds", help, all.algorithm.clone());
        let help = "Seconds that all plugins took at an extension point";
        metrics.register("scheduler_framework_extension_point_duration_seconds", help, all.points.clone());
        let help = "Seconds that a plugin took, of one decision in ten";
        metrics.register("scheduler_plugin_execution_duration_seconds", help, all.plugins.clone());
        let help = "Pods that a plugin refuses and that wait for a change";
        metrics.register("scheduler_unschedulable_pods", help, all.unschedulable.clone());
        let help = "Pods that came into a queue, by the event that brought them";
        metrics.register("scheduler_queue_incoming_pods", help, all.incoming.clone());
        metrics.register(
            "scheduler_preemption_attempts",
            "Looks for pods that could go",
            all.preemptions.clone(),
        );
        metrics.register("scheduler_preemption_victims", "Pods that had to go at once", all.victims.clone());
        let help = "Seconds from a pod's first attempt until it was bound, by attempts";
        metrics.register("scheduler_pod_scheduling_sli_duration_seconds", help, all.waited.clone());
        metrics.register(
            "scheduler_pod_scheduling_attempts",
            "Attempts until a pod was bound",
            all.tries.clone(),
        );
        all
    }

    pub(crate) fn decided(&self, seconds: f64) {
        self.algorithm.observe(seconds);
    }

    pub(crate) fn ended(&self, outcome: Outcome, profile: &str, time: Duration) {
        let labels = [("result", outcome.name().to_owned()), ("profile", profile.to_owned())];
        self.attempts.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(time.as_secs_f64());
    }

    pub(crate) fn known(&self, sizes: Sizes) {
        let Sizes { nodes, pods, assumed } = sizes;
        set(&self.known, [nodes, pods, assumed]);
    }

    pub(crate) fn bound(&self, attempts: u32, time: Duration) {
        self.tries.observe(f64::from(attempts));
        let attempts = if attempts >= MANY { format!("{MANY}+") } else { attempts.to_string() };
        self.waited.get_or_create(&[("attempts", attempts)]).observe(time.as_secs_f64());
    }

    pub(crate) fn incoming(&self, queue: &str, event: &str, pods: usize) {
        let labels = [("queue", queue.to_owned()), ("event", event.to_owned())];
        self.incoming.get_or_create(&labels).inc_by(pods as u64);
    }

    pub(crate) fn preempted(&self, victims: usize) {
        self.preemptions.inc();
        if victims > 0 {
            self.victims.observe(victims as f64);
        }
    }

    pub(crate) fn pending(&self, pending: Pending) {
        let Pending { active, backoff, unschedulable, gated } = pending;
        set(&self.pending, [active, backoff, unschedulable, gated]);
    }

    /// So many pods of a profile wait because of a plugin.
    pub(crate) fn refused(&self, plugin: Plugin, profile: &str, pods: i64) {
        let labels = [("plugin", plugin.name().to_owned()), ("profile", profile.to_owned())];
        self.unschedulable.get_or_create_owned(&labels).set(pods);
    }

    /// The steps of a decision.
    pub(crate) fn took(&self, laps: &[Lap], profile: &str) {
        for Lap { point, plugin, ending, time } in laps {
            match plugin {
                None => self.passed(*point, *ending, profile, *time),
                Some(plugin) => {
                    let labels = step(("plugin", plugin.name().into()), *point, *ending);
                    self.plugins.get_or_create(&labels).observe(time.as_secs_f64());
                }
            }
        }
    }

    pub(crate) fn passed(&self, point: Point, ending: Ending, profile: &str, time: Duration) {
        let labels = step(("profile", profile.to_owned().into()), point, ending);
        self.points.get_or_create(&labels).observe(time.as_secs_f64());
    }
}

fn step(of: (&'static str, Cow<'static, str>), point: Point, ending: Ending) -> StepLabels {
    [("extension_point", point.name().into()), ("status", ending.name().into()), of]
}

fn set<const N: usize>(gauges: &[Gauge; N], counts: [usize; N]) {
    for (gauge, count) in gauges.iter().zip(counts) {
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_upstreams_name() {
        let registry = Metrics::new();
        let metrics = SchedulerMetrics::new(&registry);
        metrics.ended(Outcome::Scheduled, "default-scheduler", Duration::from_millis(100));
        metrics.decided(0.1);
        metrics.bound(20, Duration::from_secs(1));
        metrics.known(Sizes { nodes: 5, pods: 6, assumed: 1 });
        metrics.incoming("active", "PodAdd", 2);
        metrics.preempted(3);
        metrics.pending(Pending { active: 4, ..Pending::default() });
        metrics.refused(Plugin::NodeResourcesFit, "default-scheduler", 2);
        let lap =
            |point, plugin| Lap { point, plugin, ending: Ending::Success, time: Duration::from_millis(1) };
        let laps = [lap(Point::Filter, None), lap(Point::Score, Some(Plugin::ImageLocality))];
        metrics.took(&laps, "default-scheduler");
        let text = registry.text();
        for expected in [
            r#"scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 1"#,
            r#"scheduler_scheduling_attempt_duration_seconds_count{result="scheduled",profile="default-scheduler"} 1"#,
            "scheduler_scheduling_algorithm_duration_seconds_count 1",
            r#"scheduler_pending_pods{queue="active"} 4"#,
            r#"scheduler_pending_pods{queue="gated"} 0"#,
            r#"scheduler_queue_incoming_pods_total{queue="active",event="PodAdd"} 2"#,
            "scheduler_preemption_attempts_total 1",
            "scheduler_preemption_victims_sum 3",
            r#"scheduler_pod_scheduling_sli_duration_seconds_count{attempts="15+"} 1"#,
            "scheduler_pod_scheduling_attempts_sum 20",
            r#"scheduler_scheduler_cache_size{type="assumed_pods"} 1"#,
            r#"scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"} 2"#,
            r#"scheduler_framework_extension_point_duration_seconds_count{extension_point="Filter",status="Success",profile="default-scheduler"} 1"#,
            r#"scheduler_plugin_execution_duration_seconds_count{extension_point="Score",status="Success",plugin="ImageLocality"} 1"#,
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
