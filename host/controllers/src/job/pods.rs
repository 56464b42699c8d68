//! Pods as a job sees them: their index, whether they failed, when they ended, and which go first.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobSpec};

use super::policy::{Failure, failure_of};
use crate::pod::Pod;

/// Holds a pod until it is counted.
pub(super) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
pub(super) const IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// How long until the pod after a failed one is made: doubled by each failure, up to the last; upstream's.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LAST_BACKOFF: Duration = Duration::from_secs(600);

pub(super) fn spec(job: &Job) -> JobSpec {
    job.spec.clone().unwrap_or_default()
}

pub(super) fn is_indexed(spec: &JobSpec) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

/// Whether a pod is replaced only once it has failed, not when it begins to go.
pub(super) fn replaces_failed_only(spec: &JobSpec) -> bool {
    spec.pod_replacement_policy.as_deref() == Some("Failed")
}

pub(super) fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

pub(super) fn is_tracked(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == TRACKING)
}

/// Its completion index, if that is one of the job's.
pub(super) fn index(pod: &Pod, completions: i32) -> Option<i32> {
    let index = number(pod, INDEX)?;
    (0..completions).contains(&index).then_some(index)
}

fn number(pod: &Pod, annotation: &str) -> Option<i32> {
    pod.metadata.annotations.as_ref()?.get(annotation)?.parse().ok()
}

/// How often pods of its index failed before it, those whose failures are counted and the others.
pub(super) fn failures_before(pod: &Pod) -> (i32, i32) {
    let count = |annotation| number(pod, annotation).unwrap_or(0).max(0);
    (count(FAILURES), count(IGNORED_FAILURES))
}

/// The same of the pod that replaces it.
pub(super) fn failures_with(spec: &JobSpec, pod: &Pod) -> (i32, i32) {
    let (counted, ignored) = failures_before(pod);
    match failure_of(spec.pod_failure_policy.as_ref(), pod).is_counted() {
        true => (counted + 1, ignored),
        false => (counted, ignored + 1),
    }
}

pub(super) fn has_failed(spec: &JobSpec, pod: &Pod) -> bool {
    let is_going = pod.is_deleting() && pod.phase() != "Succeeded" && !replaces_failed_only(spec);
    pod.phase() == "Failed" || is_going
}

/// Whether its index is lost with it.
pub(super) fn fails_index(spec: &JobSpec, pod: &Pod) -> bool {
    let limit = spec.backoff_limit_per_index.unwrap_or(i32::MAX);
    has_failed(spec, pod)
        && match failure_of(spec.pod_failure_policy.as_ref(), pod) {
            Failure::FailsIndex => true,
            Failure::Ignored => false,
            _ => failures_before(pod).0 >= limit,
        }
}

/// When a pod that ended did so, as well as it is known.
pub(super) fn ended_at(pod: &Pod) -> Timestamp {
    let containers = &pod.status.container_statuses;
    let ends = containers.iter().map(|container| {
        let ended = container.state.as_ref()?.terminated.as_ref()?;
        Some(ended.finished_at.as_ref()?.0)
    });
    let ends: Option<Vec<Timestamp>> = ends.collect();
    let not_ready = || {
        let ready = pod.condition("Ready").filter(|ready| ready.status == "False")?;
        Some(ready.last_transition_time.as_ref()?.0)
    };
    let deleted = || {
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        pod.metadata.deletion_timestamp.as_ref()?.0.checked_sub(grace).ok()
    };
    let created = || pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let last = ends.and_then(|ends| ends.into_iter().max());
    last.or_else(not_ready).or_else(deleted).or_else(created).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// How long a next pod waits after so many failures, the last of them then.
pub(super) fn backoff(failures: i32, last: Timestamp, now: Timestamp) -> Duration {
    let Some(doublings) = u32::try_from(failures).ok().and_then(|failures| failures.checked_sub(1)) else {
        return Duration::ZERO;
    };
    let delay = FIRST_BACKOFF.saturating_mul(2u32.saturating_pow(doublings)).min(LAST_BACKOFF);
    let passed = Duration::try_from(now.duration_since(last)).unwrap_or(Duration::ZERO);
    delay.saturating_sub(passed)
}

/// Those of active pods that go first when there are too many: the less a pod has done the sooner.
pub(super) fn expendability(pod: &Pod) -> impl Ord + use<> {
    let is_placed = pod.spec.node_name.as_ref().is_some_and(|node| !node.is_empty());
    let phase = match pod.phase() {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let ready = pod.condition("Ready").filter(|ready| ready.status == "True");
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
    let restarts = pod.status.container_statuses.iter().map(|container| container.restart_count).max();
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let newest_first = |time: Option<Timestamp>| time.map(Reverse);
    (is_placed, phase, ready.is_some(), newest_first(since), Reverse(restarts), newest_first(created))
}

/// Failures since the last success, of all indexes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: i32,
    last: Timestamp,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { failures: 0, last: Timestamp::UNIX_EPOCH }
    }
}

impl Backoff {
    /// After more pods that succeeded or failed.
    pub(super) fn after(self, succeeded: &[&Pod], failed: &[&Pod]) -> Self {
        let times = |pods: &[&Pod], failed: bool| -> Vec<(Timestamp, bool)> {
            pods.iter().map(|pod| (ended_at(pod), failed)).collect()
        };
        let mut ends = times(succeeded, false);
        ends.extend(times(failed, true));
        ends.sort_unstable();
        ends.into_iter().fold(self, |record, (at, failed)| match failed {
            true => Self { failures: record.failures.saturating_add(1), last: record.last.max(at) },
            false => Self::default(),
        })
    }

    pub(super) fn left(self, now: Timestamp) -> Duration {
        backoff(self.failures, self.last, now)
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::from_tree;

    use super::*;

    fn ended(second: i64) -> Pod {
        let at = objects::meta::rfc3339(Timestamp::from_second(second).unwrap());
        let state = tree!({ "terminated": { "exitCode": 1, "finishedAt": at } });
        from_tree(
            &tree!({ "metadata": {}, "status": { "containerStatuses": [{ "name": "c", "state": state }] } }),
        )
        .unwrap()
    }

    #[test]
    fn the_delay_doubles_up_to_ten_minutes_and_passes() {
        let left = |failures, seconds| {
            backoff(failures, Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).unwrap()).as_secs()
        };
        assert_eq!([left(0, 0), left(1, 0), left(2, 0), left(3, 15), left(1, 11)], [0, 10, 20, 25, 0]);
        assert_eq!([left(7, 0), left(40, 0)], [600, 600]);
    }

    #[test]
    fn failures_count_since_the_last_success() {
        let (first, second, third) = (ended(10), ended(20), ended(30));
        let now = Timestamp::from_second(30).unwrap();
        let record = Backoff::default().after(&[], &[&first, &third]);
        assert_eq!(record.left(now).as_secs(), 20);
        assert_eq!(record.after(&[&third], &[&second]).left(now).as_secs(), 0);
        assert_eq!(record.after(&[&second], &[&third]).left(now).as_secs(), 10);
    }

    #[test]
    fn who_has_done_least_goes_first() {
        let pod = |tree| -> Pod { from_tree(&tree).unwrap() };
        let ready = |at: &str| {
            pod(tree!({ "metadata": {}, "spec": { "nodeName": "n" }, "status": {
                "phase": "Running",
                "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": at }]
            } }))
        };
        let order = [
            pod(tree!({ "metadata": {}, "status": { "phase": "Pending" } })),
            pod(tree!({ "metadata": {}, "spec": { "nodeName": "n" }, "status": { "phase": "Pending" } })),
            pod(tree!({ "metadata": {}, "spec": { "nodeName": "n" }, "status": { "phase": "Running" } })),
            ready("2026-01-02T00:00:00Z"),
            ready("2026-01-01T00:00:00Z"),
        ];
        assert!(order.iter().map(expendability).is_sorted());
    }
}
