//! The ledgers in Prometheus' text format: the host's own numbers of each addon, then the addons' own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use engine::Measured;

use super::{Ledger, calls, lock, measures};

/// Every number of every addon; ends without the mark of the end.
pub(crate) fn exposition(ledgers: &[Arc<Ledger>]) -> String {
    let mut text = Text::default();
    let calls: BTreeMap<_, _> =
        ledgers.iter().map(|ledger| (&ledger.addon, ledger.calls.counted())).collect();
    text.family("mk8s_addon_calls", "counter", "Calls of addons");
    for (addon, counted) in &calls {
        for one in counted {
            let labels = [("addon", addon.as_str()), ("role", one.role.name())];
            text.sample("mk8s_addon_calls_total", &labels, one.calls());
        }
    }
    text.family("mk8s_addon_call_failures", "counter", "Calls of addons that failed or were refused");
    for (addon, counted) in &calls {
        for one in counted {
            let labels = [("addon", addon.as_str()), ("role", one.role.name())];
            text.sample("mk8s_addon_call_failures_total", &labels, one.failures);
        }
    }
    text.family("mk8s_addon_call_duration_seconds", "histogram", "How long calls of addons take");
    for (addon, counted) in &calls {
        for one in counted {
            let labels = [("addon", addon.as_str()), ("role", one.role.name())];
            let bounds = calls::BOUNDS.iter().map(|bound| seconds(*bound));
            text.histogram(
                "mk8s_addon_call_duration_seconds",
                &labels,
                bounds,
                &one.buckets,
                seconds(one.nanoseconds),
            );
        }
    }
    text.family("mk8s_addon_memory_bytes", "gauge", "The most memory that an instance of the addon had");
    for ledger in ledgers {
        text.sample("mk8s_addon_memory_bytes", &[("addon", &ledger.addon)], ledger.largest_memory());
    }
    text.family("mk8s_addon_denied", "counter", "What addons asked for and were not granted");
    for ledger in ledgers {
        text.sample("mk8s_addon_denied_total", &[("addon", &ledger.addon)], ledger.denied_in_all());
    }
    ledgers.iter().for_each(|ledger| own(&mut text, ledger));
    text.0
}

/// The addon's own numbers, whose names begin with its own.
fn own(text: &mut Text, ledger: &Ledger) {
    for (metric, family) in &lock(&ledger.measures).0 {
        let name = format!("addon_{}_{metric}", ledger.addon.replace('-', "_"));
        let (kind, suffix) = match family.measured {
            Measured::Added => ("counter", "_total"),
            Measured::Set => ("gauge", ""),
            Measured::Observed => ("histogram", ""),
        };
        text.family(&name, kind, &format!("Told by the addon {}", ledger.addon));
        for (labels, series) in &family.series {
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let labels: Vec<_> = [("addon", ledger.addon.as_str())].into_iter().chain(labels).collect();
            match family.measured {
                Measured::Observed => {
                    text.histogram(
                        &name,
                        &labels,
                        measures::BOUNDS.into_iter(),
                        &series.buckets,
                        series.value,
                    );
                }
                Measured::Added | Measured::Set => {
                    text.sample(&format!("{name}{suffix}"), &labels, series.value)
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a histogram need not be exact")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        match labels.is_empty() {
            true => self.write(format_args!("{name} {value}\n")),
            false => self.write(format_args!("{name}{{{}}} {value}\n", labels.join(","))),
        }
    }

    /// One more bucket than bounds.
    fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: impl Iterator<Item = f64>,
        buckets: &[u64],
        sum: f64,
    ) {
        let bounds = bounds.map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
        let mut count = 0;
        for (bound, bucket) in bounds.zip(buckets) {
            count += bucket;
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample(&format!("{name}_bucket"), &labels, count);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, count);
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a String does not fail");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::{Measure, Role};
    use expect_test::expect;

    use super::*;
    use crate::ledger::Ledgers;

    #[test]
    fn each_addon_has_its_own_numbers() {
        let ledgers = Ledgers::default();
        let ledger = ledgers.of("a-b");
        ledger.calls.add(Role::Dns, Duration::from_millis(2), true);
        ledger.denied("kv: not granted");
        ledger.memory(65536);
        let measure = |metric: &str, labels: &[(&str, &str)], measured, value| Measure {
            metric: metric.to_owned(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            measured,
            value,
        };
        ledger.measure(measure("hits", &[("what", "a\"\n")], Measured::Added, 2.0));
        ledger.measure(measure("took", &[], Measured::Observed, 7.0));
        let text = exposition(&ledgers.all());
        let some: Vec<_> =
            text.lines().filter(|line| !line.contains("le=\"0") && !line.starts_with("# HELP")).collect();
        expect![[r#"
            # TYPE mk8s_addon_calls counter
            mk8s_addon_calls_total{addon="a-b",role="dns"} 1
            # TYPE mk8s_addon_call_failures counter
            mk8s_addon_call_failures_total{addon="a-b",role="dns"} 1
            # TYPE mk8s_addon_call_duration_seconds histogram
            mk8s_addon_call_duration_seconds_bucket{addon="a-b",role="dns",le="1"} 1
            mk8s_addon_call_duration_seconds_bucket{addon="a-b",role="dns",le="10"} 1
            mk8s_addon_call_duration_seconds_bucket{addon="a-b",role="dns",le="+Inf"} 1
            mk8s_addon_call_duration_seconds_sum{addon="a-b",role="dns"} 0.002
            mk8s_addon_call_duration_seconds_count{addon="a-b",role="dns"} 1
            # TYPE mk8s_addon_memory_bytes gauge
            mk8s_addon_memory_bytes{addon="a-b"} 65536
            # TYPE mk8s_addon_denied counter
            mk8s_addon_denied_total{addon="a-b"} 1
            # TYPE addon_a_b_hits counter
            addon_a_b_hits_total{addon="a-b",what="a\"\n"} 2
            # TYPE addon_a_b_took histogram
            addon_a_b_took_bucket{addon="a-b",le="1"} 0
            addon_a_b_took_bucket{addon="a-b",le="2.5"} 0
            addon_a_b_took_bucket{addon="a-b",le="5"} 0
            addon_a_b_took_bucket{addon="a-b",le="10"} 1
            addon_a_b_took_bucket{addon="a-b",le="+Inf"} 1
            addon_a_b_took_sum{addon="a-b"} 7
            addon_a_b_took_count{addon="a-b"} 1"#]]
        .assert_eq(&some.join("\n"));
    }
}
