//! What the scheduler counts, under upstream's names.

use std::time::Duration;

use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::{Histogram, exponential_buckets};

use crate::queue::Pending;
use crate::snapshot::Sizes;

/// More attempts than that are not told apart.
const MANY: u32 = 15;

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

fn attempt() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

fn waited() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 20))
}

#[derive(Clone)]
pub(crate) struct SchedulerMetrics {
    attempts: Family<Labels, Counter>,
    durations: Family<Labels, Histogram>,
    algorithm: Histogram,
    pending: Family<Label, Gauge>,
    incoming: Family<Labels, Counter>,
    preemptions: Counter,
    victims: Histogram,
    waited: Family<Label, Histogram>,
    tries: Histogram,
    known: Family<Label, Gauge>,
}

impl SchedulerMetrics {
    /// Registers them; once for each registry.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let all = Self {
            attempts: Family::default(),
            durations: Family::new_with_constructor(attempt),
            algorithm: attempt(),
            pending: Family::default(),
            incoming: Family::default(),
            preemptions: Counter::default(),
            victims: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
            waited: Family::new_with_constructor(waited),
            tries: Histogram::new(exponential_buckets(1.0, 2.0, 5)),
            known: Family::default(),
        };
        metrics.register("scheduler_schedule_attempts", "Attempts to schedule a pod", all.attempts.clone());
        let help = "Seconds of an attempt: decision and binding";
        metrics.register("scheduler_scheduling_attempt_duration_seconds", help, all.durations.clone());
        let help = "Seconds of a decision";
        metrics.register("scheduler_scheduling_algorithm_duration_seconds", help, all.algorithm.clone());
        metrics.register(
            "scheduler_pending_pods",
            "Pods without a node, by where they wait",
            all.pending.clone(),
        );
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
        let help = "Nodes, pods that have one, and those of them that the API server did not tell of yet";
        metrics.register("scheduler_scheduler_cache_size", help, all.known.clone());
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
        for (name, count) in [("nodes", nodes), ("pods", pods), ("assumed_pods", assumed)] {
            let gauge = self.known.get_or_create(&[("type", name.to_owned())]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
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
        let queues = [
            ("active", pending.active),
            ("backoff", pending.backoff),
            ("unschedulable", pending.unschedulable),
            ("gated", pending.gated),
        ];
        for (queue, pods) in queues {
            let gauge = self.pending.get_or_create_owned(&[("queue", queue.to_owned())]);
            gauge.set(i64::try_from(pods).unwrap_or(i64::MAX));
        }
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
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
