//! What single controllers count, under upstream's names: counters and histograms that tell apart by a few words each.
//! What queues and workers count is `reconcile`'s.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use observe::Metrics;
use observe::counter::Counter;
use observe::family::{Family, MetricConstructor};
use observe::gauge::Gauge;
use observe::histogram::{Histogram, exponential_buckets};

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// The words that `N` labels have, in the order of their names.
pub(crate) type Words<const N: usize> = [Cow<'static, str>; N];

fn labels<const N: usize>(names: [&'static str; N], words: Words<N>) -> Labels<N> {
    let mut words = words.into_iter();
    names.map(|name| (name, words.next().unwrap_or_default()))
}

/// Counters; the name gets `_total` by itself.
pub(crate) struct Counts<const N: usize> {
    names: [&'static str; N],
    family: Family<Labels<N>, Counter>,
}

impl<const N: usize> Counts<N> {
    pub(crate) fn new(metrics: &Metrics, name: &str, help: &str, names: [&'static str; N]) -> Self {
        let family = Family::default();
        metrics.register(name, help, family.clone());
        Self { names, family }
    }

    pub(crate) fn add(&self, words: Words<N>, count: u64) {
        if count > 0 {
            self.family.get_or_create(&labels(self.names, words)).inc_by(count);
        }
    }
}

/// Amounts as they are now.
pub(crate) struct Levels<const N: usize> {
    names: [&'static str; N],
    family: Family<Labels<N>, Gauge>,
}

impl<const N: usize> Levels<N> {
    pub(crate) fn new(metrics: &Metrics, name: &str, help: &str, names: [&'static str; N]) -> Self {
        let family = Family::default();
        metrics.register(name, help, family.clone());
        Self { names, family }
    }

    pub(crate) fn set(&self, words: Words<N>, level: usize) {
        let gauge = self.family.get_or_create_owned(&labels(self.names, words));
        gauge.set(i64::try_from(level).unwrap_or(i64::MAX));
    }

    /// For what upstream counts under a name without `_total`.
    pub(crate) fn rise(&self, words: Words<N>, by: usize) {
        let gauge = self.family.get_or_create_owned(&labels(self.names, words));
        gauge.inc_by(i64::try_from(by).unwrap_or(i64::MAX));
    }
}

/// The bounds of a histogram: the first, the factor from one to the next, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds(pub(crate) f64, pub(crate) f64, pub(crate) u16);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(self.0, self.1, self.2))
    }
}

/// How often which times or amounts.
pub(crate) struct Spread<const N: usize> {
    names: [&'static str; N],
    family: Family<Labels<N>, Histogram, Bounds>,
}

impl<const N: usize> Spread<N> {
    pub(crate) fn new(
        metrics: &Metrics,
        name: &str,
        help: &str,
        names: [&'static str; N],
        bounds: Bounds,
    ) -> Self {
        let family = Family::new_with_constructor(bounds);
        metrics.register(name, help, family.clone());
        Self { names, family }
    }

    pub(crate) fn took(&self, words: Words<N>, time: Duration) {
        self.family.get_or_create(&labels(self.names, words)).observe(time.as_secs_f64());
    }
}

/// Amounts that are looked up whenever the metrics are read, by one word each.
pub(crate) fn lookup(
    metrics: &Metrics,
    name: &'static str,
    help: &'static str,
    label: &'static str,
    look: impl Fn() -> Vec<(String, usize)> + Send + Sync + 'static,
) {
    metrics.extend(Arc::new(move || {
        let mut text = format!("# HELP {name} {help}.\n# TYPE {name} gauge\n");
        for (word, amount) in look() {
            let word = word.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            text += &format!("{name}{{{label}=\"{word}\"}} {amount}\n");
        }
        text
    }));
}

/// A counter that tells nothing apart.
pub(crate) fn counter(metrics: &Metrics, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    metrics.register(name, help, counter.clone());
    counter
}

/// A histogram that tells nothing apart.
pub(crate) fn spread(metrics: &Metrics, name: &str, help: &str, bounds: Bounds) -> Histogram {
    let histogram = bounds.new_metric();
    metrics.register(name, help, histogram.clone());
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_under_their_names() {
        let metrics = Metrics::new();
        let counts = Counts::new(&metrics, "job_syncs", "Syncs", ["result", "action"]);
        counts.add(["success".into(), "tracking".into()], 2);
        counts.add(["error".into(), "tracking".into()], 0);
        Levels::new(&metrics, "zone_size", "Nodes", ["zone"]).set(["a".into()], 3);
        let bounds = Bounds(1.0, 2.0, 3);
        Spread::new(&metrics, "sync_seconds", "Seconds", ["code"], bounds)
            .took(["200".into()], Duration::from_secs(3));
        spread(&metrics, "skew", "Seconds", bounds).observe(0.5);
        counter(&metrics, "errors", "Errors").inc();
        lookup(&metrics, "volumes", "Volumes", "class", || vec![("a\"b".to_owned(), 2)]);
        let text = metrics.text();
        for expected in [
            "job_syncs_total{result=\"success\",action=\"tracking\"} 2",
            "zone_size{zone=\"a\"} 3",
            "sync_seconds_bucket{le=\"4.0\",code=\"200\"} 1",
            "skew_count 1",
            "errors_total 1",
            "volumes{class=\"a\\\"b\"} 2",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(!text.contains("error\",action"), "what never happened is not counted");
    }
}
