//! What `/metrics` tells of priority and fairness, by upstream's names. Each schema holds its own series, so that a
//! request looks for none.

use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::Histogram;

use super::share::Bounds;

type Labels = Vec<(&'static str, String)>;
type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// Upper bounds in seconds: upstream's.
const BUCKETS: [f64; 14] = [0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0];

const LEVEL: &str = "priority_level";
const SCHEMA: &str = "flow_schema";

/// Every series.
pub(super) struct FlowMetrics {
    dispatched: Family<Labels, Counter>,
    rejected: Family<Labels, Counter>,
    inqueue_requests: Family<Labels, Gauge>,
    inqueue_seats: Family<Labels, Gauge>,
    executing_requests: Family<Labels, Gauge>,
    executing_seats: Family<Labels, Gauge>,
    waited: Durations,
    executed: Durations,
    nominal: Family<Labels, Gauge>,
    lower: Family<Labels, Gauge>,
    upper: Family<Labels, Gauge>,
    current: Family<Labels, Gauge>,
}

/// Those of a schema.
pub(super) struct SchemaMetrics {
    pub(super) dispatched: Counter,
    pub(super) timed_out: Counter,
    pub(super) queue_full: Counter,
    pub(super) no_seat: Counter,
    pub(super) cancelled: Counter,
    pub(super) inqueue_requests: Gauge,
    pub(super) inqueue_seats: Gauge,
    pub(super) executing_requests: Gauge,
    pub(super) executing_seats: Gauge,
    pub(super) waited: Histogram,
    pub(super) waited_in_vain: Histogram,
    pub(super) executed: Histogram,
}

impl FlowMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let all = Self {
            dispatched: Family::default(),
            rejected: Family::default(),
            inqueue_requests: Family::default(),
            inqueue_seats: Family::default(),
            executing_requests: Family::default(),
            executing_seats: Family::default(),
            waited: Family::new_with_constructor(histogram),
            executed: Family::new_with_constructor(histogram),
            nominal: Family::default(),
            lower: Family::default(),
            upper: Family::default(),
            current: Family::default(),
        };
        let name = |name: &str| format!("apiserver_flowcontrol_{name}");
        for (of, help, counters) in [
            ("dispatched_requests", "Requests that were let through", &all.dispatched),
            ("rejected_requests", "Requests that were refused", &all.rejected),
        ] {
            metrics.register(&name(of), help, counters.clone());
        }
        for (of, help, gauges) in [
            ("current_inqueue_requests", "Requests that wait", &all.inqueue_requests),
            ("current_inqueue_seats", "Seats that waiting requests need", &all.inqueue_seats),
            ("current_executing_requests", "Requests that are answered", &all.executing_requests),
            ("current_executing_seats", "Seats of requests that are answered", &all.executing_seats),
            ("nominal_limit_seats", "Seats by the shares of a priority level", &all.nominal),
            ("lower_limit_seats", "Seats that a priority level does not lend", &all.lower),
            ("upper_limit_seats", "Seats that a priority level may have with those it borrows", &all.upper),
            ("current_limit_seats", "Seats that a priority level has now", &all.current),
        ] {
            metrics.register(&name(of), help, gauges.clone());
        }
        for (of, help, durations) in [
            ("request_wait_duration_seconds", "How long requests waited", &all.waited),
            ("request_execution_seconds", "How long requests were answered", &all.executed),
        ] {
            metrics.register(&name(of), help, durations.clone());
        }
        all
    }

    pub(super) fn of_schema(&self, level: &str, schema: &str) -> SchemaMetrics {
        let both = vec![(LEVEL, level.to_owned()), (SCHEMA, schema.to_owned())];
        let with = |name: &'static str, value: &str| [both.clone(), vec![(name, value.to_owned())]].concat();
        let rejected = |reason| self.rejected.get_or_create_owned(&with("reason", reason));
        SchemaMetrics {
            dispatched: self.dispatched.get_or_create_owned(&both),
            timed_out: rejected("time-out"),
            queue_full: rejected("queue-full"),
            no_seat: rejected("concurrency-limit"),
            cancelled: rejected("cancelled"),
            inqueue_requests: self.inqueue_requests.get_or_create_owned(&both),
            inqueue_seats: self.inqueue_seats.get_or_create_owned(&both),
            executing_requests: self.executing_requests.get_or_create_owned(&both),
            executing_seats: self.executing_seats.get_or_create_owned(&both),
            waited: self.waited.get_or_create_owned(&with("execute", "true")),
            waited_in_vain: self.waited.get_or_create_owned(&with("execute", "false")),
            executed: self.executed.get_or_create_owned(&both),
        }
    }

    pub(super) fn limits(&self, level: &str, bounds: Bounds, current: u32) {
        let labels = vec![(LEVEL, level.to_owned())];
        for (gauges, seats) in [
            (&self.nominal, bounds.nominal),
            (&self.lower, bounds.lower),
            (&self.upper, bounds.upper),
            (&self.current, current),
        ] {
            gauges.get_or_create(&labels).set(seats.into());
        }
    }

    /// A level that is no more has no limits.
    pub(super) fn forget(&self, level: &str) {
        let labels = vec![(LEVEL, level.to_owned())];
        for gauges in [&self.nominal, &self.lower, &self.upper, &self.current] {
            gauges.remove(&labels);
        }
    }
}
