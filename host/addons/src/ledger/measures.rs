//! The numbers that an addon tells of itself, each checked before it gets among the host's own.

use std::collections::BTreeMap;

use engine::{Measure, Measured};

/// Series of one addon.
const SERIES: usize = 200;
const LABELS: usize = 8;
/// Bytes of a name and of a label's value.
const NAME: usize = 64;
const VALUE: usize = 128;
/// Upper bounds of a histogram's buckets, in seconds.
pub(super) const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Default)]
pub(super) struct Measures(pub(super) BTreeMap<String, Family>);

/// A metric and its series by their labels.
pub(super) struct Family {
    pub(super) measured: Measured,
    pub(super) series: BTreeMap<Vec<(String, String)>, Series>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    /// Of a histogram the sum.
    pub(super) value: f64,
    pub(super) buckets: [u64; BOUNDS.len() + 1],
}

/// Why a number is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MeasureError {
    #[error("a name of letters, digits and underscores, at most {NAME}")]
    Name,
    #[error("labels, at most {LABELS}, each once, with values of at most {VALUE} bytes")]
    Labels,
    #[error("a number, and not less than zero for a counter")]
    Value,
    #[error("one type for a metric")]
    Type,
    #[error("at most {SERIES} series")]
    Series,
}

impl Measures {
    pub(super) fn take(&mut self, measure: Measure) -> Result<(), MeasureError> {
        let Measure { metric, mut labels, measured, value } = measure;
        if !is_name(&metric) {
            return Err(MeasureError::Name);
        }
        labels.sort();
        let twice = labels.windows(2).any(|two| two[0].0 == two[1].0);
        let fine = |(name, value): &(String, String)| is_name(name) && value.len() <= VALUE;
        if twice || labels.len() > LABELS || !labels.iter().all(fine) {
            return Err(MeasureError::Labels);
        }
        if !value.is_finite() || (measured == Measured::Added && value < 0.0) {
            return Err(MeasureError::Value);
        }
        let full = self.0.values().map(|family| family.series.len()).sum::<usize>() >= SERIES;
        let known = self.0.get(&metric);
        if known.is_some_and(|family| family.measured != measured) {
            return Err(MeasureError::Type);
        }
        if full && !known.is_some_and(|family| family.series.contains_key(&labels)) {
            return Err(MeasureError::Series);
        }
        let family = self.0.entry(metric).or_insert_with(|| Family { measured, series: BTreeMap::new() });
        let series = family.series.entry(labels).or_default();
        match measured {
            Measured::Added => series.value += value,
            Measured::Set => series.value = value,
            Measured::Observed => {
                series.value += value;
                series.buckets[BOUNDS.partition_point(|bound| *bound < value)] += 1;
            }
        }
        Ok(())
    }
}

/// As Prometheus has them, without what is reserved.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME
        && !name.starts_with("__")
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !["le", "addon"].contains(&name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(
        measures: &mut Measures,
        metric: &str,
        label: &str,
        measured: Measured,
        value: f64,
    ) -> Result<(), MeasureError> {
        let labels = vec![(label.to_owned(), "x".to_owned())];
        measures.take(Measure { metric: metric.to_owned(), labels, measured, value })
    }

    #[test]
    fn what_prometheus_would_not_take_is_left_out() {
        let mut measures = Measures::default();
        let mut refused = |metric: &str, label: &str, measured, value| {
            take(&mut measures, metric, label, measured, value).unwrap_err()
        };
        assert_eq!(refused("a b", "l", Measured::Set, 1.0), MeasureError::Name);
        assert_eq!(refused("a\nb", "l", Measured::Set, 1.0), MeasureError::Name);
        assert_eq!(refused("a", "le", Measured::Set, 1.0), MeasureError::Labels);
        assert_eq!(refused("a", "l", Measured::Added, -1.0), MeasureError::Value);
        assert_eq!(refused("a", "l", Measured::Set, f64::NAN), MeasureError::Value);
        assert!(measures.0.is_empty());
    }

    #[test]
    fn a_metric_has_one_type_and_an_addon_so_many_series() {
        let mut measures = Measures::default();
        take(&mut measures, "a", "l", Measured::Added, 1.0).unwrap();
        assert_eq!(take(&mut measures, "a", "l", Measured::Set, 1.0), Err(MeasureError::Type));
        for one in 1..SERIES {
            take(&mut measures, "b", &format!("l{one}"), Measured::Set, 1.0).unwrap();
        }
        assert_eq!(take(&mut measures, "b", "new", Measured::Set, 1.0), Err(MeasureError::Series));
        take(&mut measures, "a", "l", Measured::Added, 2.0).unwrap();
        assert_eq!(measures.0["a"].series.values().next().unwrap().value, 3.0);
    }
}
