//! How many replicas a metric asks for. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Autoscaling;
use crate::pod::Pod;

/// What a pod uses, in thousandths, over a time that ended then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) value: i64,
    pub(super) at: Timestamp,
    pub(super) window: Duration,
}

/// Of how much a ratio may differ from one, up and down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) up: f64,
    pub(super) down: f64,
}

impl Tolerance {
    pub(super) fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// Pods by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) ready: usize,
    pub(super) unready: Vec<String>,
    pub(super) missing: Vec<String>,
    ignored: Vec<String>,
}

pub(super) fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// `is_cpu`: what a pod uses of it while it starts says nothing.
pub(super) fn group(
    pods: &[Arc<Pod>],
    samples: &BTreeMap<String, Sample>,
    is_cpu: bool,
    config: &Autoscaling,
    now: Timestamp,
) -> Groups {
    let mut groups = Groups::default();
    for pod in pods {
        let name = name(pod);
        let list = if pod.is_deleting() || pod.phase() == "Failed" {
            &mut groups.ignored
        } else if pod.phase() == "Pending" {
            &mut groups.unready
        } else {
            match samples.get(&name) {
                None => &mut groups.missing,
                Some(sample) if is_cpu && is_starting(pod, *sample, config, now) => &mut groups.unready,
                Some(_) => {
                    groups.ready += 1;
                    continue;
                }
            }
        };
        list.push(name);
    }
    groups
}

fn is_starting(pod: &Pod, sample: Sample, config: &Autoscaling, now: Timestamp) -> bool {
    let (Some(ready), Some(start)) = (pod.condition("Ready"), &pod.status.start_time) else { return true };
    let Some(turned) = ready.last_transition_time.as_ref().map(|time| time.0) else { return true };
    let is_unready = ready.status == "False";
    let signed = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    if now.duration_since(start.0) < signed(config.cpu_initialization) {
        return is_unready || sample.at.duration_since(turned) < signed(sample.window);
    }
    is_unready && turned.duration_since(start.0) < signed(config.initial_readiness)
}

/// What a metric asks of all pods: a share of what each requests, or an average value of each.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Percent, and what each pod requests in thousandths.
    Utilization(i64, BTreeMap<String, i64>),
    Average(i64),
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// Of what is requested, in percent; only where the target is a share.
    pub(super) utilization: Option<i64>,
    /// Of a pod, in thousandths.
    pub(super) average: i64,
    ratio: f64,
}

impl Target {
    fn usage(&self, samples: &BTreeMap<String, Sample>) -> Result<Usage, String> {
        let count = i64::try_from(samples.len()).unwrap_or(i64::MAX).max(1);
        match self {
            Self::Average(target) => {
                let average = samples.values().map(|sample| sample.value).sum::<i64>() / count;
                Ok(Usage { utilization: None, average, ratio: average as f64 / *target as f64 })
            }
            Self::Utilization(target, requests) => {
                let known =
                    samples.iter().filter_map(|(pod, sample)| Some((sample.value, requests.get(pod)?)));
                let (mut used, mut requested, mut pods) = (0, 0, 0);
                for (value, request) in known {
                    (used, requested, pods) = (used + value, requested + request, pods + 1);
                }
                if requested == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let utilization = used * 100 / requested;
                let ratio = utilization as f64 / *target as f64;
                Ok(Usage { utilization: Some(utilization), average: used / pods, ratio })
            }
        }
    }

    /// What a pod of which nothing is known is taken to use when others ask for less.
    fn cautious(&self, pod: &str) -> i64 {
        match self {
            Self::Average(target) => *target,
            Self::Utilization(target, requests) => {
                requests.get(pod).copied().unwrap_or(0) * (*target).max(100) / 100
            }
        }
    }

    /// The replicas, and what was found of pods that are ready. The error is upstream's message.
    pub(super) fn replicas(
        &self,
        mut samples: BTreeMap<String, Sample>,
        groups: &Groups,
        current: i32,
        tolerance: Tolerance,
    ) -> Result<(i32, Usage), String> {
        samples.retain(|pod, _| !groups.unready.contains(pod) && !groups.ignored.contains(pod));
        if samples.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
        }
        let usage = self.usage(&samples)?;
        let grows = usage.ratio > 1.0;
        let counts_unready = grows && !groups.unready.is_empty();
        if !counts_unready && groups.missing.is_empty() {
            let replicas =
                if tolerance.covers(usage.ratio) { current } else { ceil(usage.ratio * groups.ready as f64) };
            return Ok((replicas, usage));
        }
        let assumed = |value: i64| Sample { value, at: Timestamp::UNIX_EPOCH, window: Duration::ZERO };
        for pod in &groups.missing {
            let value = if grows { 0 } else { self.cautious(pod) };
            samples.insert(pod.clone(), assumed(value));
        }
        if counts_unready {
            samples.extend(groups.unready.iter().map(|pod| (pod.clone(), assumed(0))));
        }
        let again = self.usage(&samples)?.ratio;
        let turns = (usage.ratio < 1.0 && again > 1.0) || (usage.ratio > 1.0 && again < 1.0);
        let replicas = ceil(again * samples.len() as f64);
        let contradicts = (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current);
        let stays = tolerance.covers(again) || turns || contradicts;
        Ok((if stays { current } else { replicas }, usage))
    }
}

/// By one value for all of them: of each ready pod so much more or less.
pub(super) fn by_ratio(ratio: f64, ready: usize, current: i32, tolerance: Tolerance) -> i32 {
    match current {
        // What is scaled to nothing has none that is ready.
        0 => ceil(ratio),
        _ if tolerance.covers(ratio) => current,
        _ => ceil(ratio * ready as f64),
    }
}

/// By a value that all share.
pub(super) fn by_share(total: i64, target: i64, current: i32, tolerance: Tolerance) -> i32 {
    let ratio = total as f64 / (target as f64 * f64::from(current));
    if current > 0 && tolerance.covers(ratio) { current } else { ceil(total as f64 / target as f64) }
}

/// Saturating, as casts of floating point numbers are.
fn ceil(number: f64) -> i32 {
    number.ceil() as i32
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::from_tree;

    use super::*;

    const EVEN: Tolerance = Tolerance { up: Autoscaling::TOLERANCE, down: Autoscaling::TOLERANCE };

    fn samples(values: &[(&str, i64)]) -> BTreeMap<String, Sample> {
        let sample = |value| Sample { value, at: Timestamp::UNIX_EPOCH, window: Duration::from_secs(30) };
        values.iter().map(|(name, value)| ((*name).to_owned(), sample(*value))).collect()
    }

    fn utilization(target: i64) -> Target {
        let requests = ["a", "b", "c"].map(|name| (name.to_owned(), 1000));
        Target::Utilization(target, requests.into())
    }

    fn check(target: &Target, values: &[(&str, i64)], groups: &Groups, expected: i32) {
        let current = i32::try_from(groups.ready + groups.missing.len() + groups.unready.len()).unwrap();
        assert_eq!(target.replicas(samples(values), groups, current, EVEN).unwrap().0, expected);
    }

    #[test]
    fn usage_over_the_target_asks_for_more_in_proportion() {
        let two = Groups { ready: 2, ..Groups::default() };
        check(&utilization(50), &[("a", 1000), ("b", 1000)], &two, 4);
        check(&utilization(50), &[("a", 530), ("b", 540)], &two, 2);
        check(&utilization(50), &[("a", 100), ("b", 100)], &two, 1);
        check(&Target::Average(500), &[("a", 1000), ("b", 2000)], &two, 6);
    }

    #[test]
    fn pods_that_nothing_is_known_of_damp_both_ways() {
        let missing = Groups { ready: 2, missing: vec!["c".to_owned()], ..Groups::default() };
        check(&utilization(50), &[("a", 1000), ("b", 1000)], &missing, 4);
        check(&utilization(50), &[("a", 100), ("b", 100)], &missing, 3);
        let unready = Groups { ready: 2, unready: vec!["c".to_owned()], ..Groups::default() };
        check(&utilization(50), &[("a", 1000), ("b", 1000)], &unready, 4);
        check(&utilization(50), &[("a", 100), ("b", 100)], &unready, 1);
    }

    #[test]
    fn without_any_sample_nothing_is_known() {
        let error = utilization(50).replicas(samples(&[]), &Groups::default(), 1, EVEN).unwrap_err();
        assert_eq!(error, "did not receive metrics for targeted pods (pods might be unready)");
        let error = utilization(50).replicas(samples(&[("x", 1)]), &Groups::default(), 1, EVEN).unwrap_err();
        assert_eq!(error, "no metrics returned matched known pods");
    }

    #[test]
    fn pods_that_start_or_go_do_not_count() {
        let pod = |name: &str, phase: &str, ready: &str, started: i64| -> Arc<Pod> {
            let at = |second: i64| objects::meta::rfc3339(Timestamp::from_second(second).unwrap());
            let condition =
                tree!({ "type": "Ready", "status": ready, "lastTransitionTime": (at(started + 10)) });
            let status = tree!({ "phase": phase, "startTime": (at(started)), "conditions": [condition] });
            Arc::new(from_tree(&tree!({ "metadata": { "name": name }, "status": status })).unwrap())
        };
        let pods = [
            pod("old", "Running", "True", 0),
            pod("new", "Running", "True", 990),
            pod("pending", "Pending", "False", 0),
            pod("failed", "Failed", "False", 0),
            pod("blind", "Running", "True", 0),
        ];
        let known = samples(&[("old", 1), ("new", 1)]);
        let groups =
            group(&pods, &known, true, &Autoscaling::default(), Timestamp::from_second(1000).unwrap());
        assert_eq!(
            (groups.ready, groups.unready.len(), groups.missing, groups.ignored.len()),
            (1, 2, vec!["blind".to_owned()], 1)
        );
        let groups =
            group(&pods, &known, false, &Autoscaling::default(), Timestamp::from_second(1000).unwrap());
        assert_eq!((groups.ready, groups.unready), (2, vec!["pending".to_owned()]));
        let quick = Autoscaling { cpu_initialization: Duration::ZERO, ..Autoscaling::default() };
        let groups = group(&pods, &known, true, &quick, Timestamp::from_second(1000).unwrap());
        assert_eq!((groups.ready, groups.unready), (2, vec!["pending".to_owned()]));
    }

    #[test]
    fn values_that_are_not_of_pods_count_whole_or_shared() {
        assert_eq!(
            [by_ratio(2.0, 3, 3, EVEN), by_ratio(1.05, 3, 3, EVEN), by_ratio(2.5, 0, 0, EVEN)],
            [6, 3, 3]
        );
        assert_eq!(
            [by_share(900, 100, 3, EVEN), by_share(310, 100, 3, EVEN), by_share(50, 100, 0, EVEN)],
            [9, 3, 1]
        );
    }
}
