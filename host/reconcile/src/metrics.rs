//! What is counted of queues and their workers, under upstream's names.

use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::{Histogram, exponential_buckets};

type Label = [(&'static str, &'static str); 1];

/// From 10 microseconds to 10 seconds, a decade each.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(1e-5, 10.0, 7))
}

/// The metrics of all queues of a component.
#[derive(Clone)]
pub struct LoopMetrics {
    depth: Family<Label, Gauge>,
    adds: Family<Label, Counter>,
    retries: Family<Label, Counter>,
    work: Family<Label, Histogram>,
    waited: Family<Label, Histogram>,
    panics: Family<Label, Counter>,
}

/// Those of one queue.
pub(crate) struct QueueMetrics {
    pub(crate) depth: Gauge,
    pub(crate) adds: Counter,
    /// One for each reconciliation that failed.
    pub(crate) retries: Counter,
    /// One observation for each reconciliation, in seconds.
    pub(crate) work: Histogram,
    /// One observation for each key that was taken: how long it waited, in seconds.
    pub(crate) waited: Histogram,
    /// One for each reconciliation that panicked.
    pub(crate) panics: Counter,
}

impl LoopMetrics {
    /// Registers them; once for each registry.
    pub fn new(metrics: &Metrics) -> Self {
        let families = Self {
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            work: Family::new_with_constructor(durations),
            waited: Family::new_with_constructor(durations),
            panics: Family::default(),
        };
        metrics.register("workqueue_depth", "Keys that wait for a worker", families.depth.clone());
        metrics.register("workqueue_adds", "Keys that were added", families.adds.clone());
        metrics.register("workqueue_retries", "Reconciliations that failed", families.retries.clone());
        let help = "Seconds that a reconciliation took";
        metrics.register("workqueue_work_duration_seconds", help, families.work.clone());
        let help = "Seconds that a key waited for a worker";
        metrics.register("workqueue_queue_duration_seconds", help, families.waited.clone());
        let help = "Reconciliations that panicked, which count as failed too";
        metrics.register("reconcile_panics", help, families.panics.clone());
        families
    }

    pub(crate) fn queue(&self, name: &'static str) -> QueueMetrics {
        let label = [("name", name)];
        QueueMetrics {
            depth: self.depth.get_or_create_owned(&label),
            adds: self.adds.get_or_create_owned(&label),
            retries: self.retries.get_or_create_owned(&label),
            work: self.work.get_or_create_owned(&label),
            waited: self.waited.get_or_create_owned(&label),
            panics: self.panics.get_or_create_owned(&label),
        }
    }
}
