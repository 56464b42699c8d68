//! Jobs that say how long they are kept once they have finished are deleted when that is over.

use std::num::NonZeroUsize;
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, Propagation};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::wiring::Wiring;

/// Upstream's `--concurrent-ttl-after-finished-syncs`.
const WORKERS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("ttl_jobs_to_delete");
    let now = Timestamp::UNIX_EPOCH;
    let jobs =
        wiring.feed(&queue, move |job: &Job| left(job, now).is_some().then(|| ObjectKey::of(&job.metadata)));
    let client = wiring.client();
    wiring.reconcile(FinishedJobs { client, jobs }, queue, WORKERS);
}

struct FinishedJobs {
    client: Client,
    jobs: Store<Job>,
}

impl Reconcile for FinishedJobs {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let now = supervise::clock::now();
        let known = self.jobs.get(&key.namespace, &key.name);
        match known.and_then(|job| left(&job, now)) {
            None => return Ok(Outcome::Done),
            Some(left) if !left.is_zero() => return Ok(Outcome::After(left)),
            Some(_) => {}
        }
        // How long it is kept may have been changed.
        let jobs = self.client.namespaced::<Job>(&key.namespace);
        let Some(job) = jobs.find(&key.name).await? else { return Ok(Outcome::Done) };
        if left(&job, now).is_none_or(|left| !left.is_zero()) {
            return Ok(Outcome::Done);
        }
        let options =
            DeleteOptions { propagation_policy: Some(Propagation::Foreground), ..DeleteOptions::default() };
        let options = options.of_uid(job.metadata.uid.unwrap_or_default());
        match jobs.delete(&key.name, &options).await {
            Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}

/// How long a job is still kept; nothing where that is not said, or not yet known.
fn left(job: &Job, now: Timestamp) -> Option<Duration> {
    let kept = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let mut conditions = job.status.as_ref()?.conditions.iter().flatten();
    let finished = conditions.find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })?;
    let is_going = job.metadata.deletion_timestamp.is_some();
    let at = finished.last_transition_time.as_ref().filter(|_| !is_going)?.0;
    let kept = Duration::from_secs(u64::try_from(kept).unwrap_or(0));
    let passed = Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO);
    Some(kept.saturating_sub(passed))
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    /// What is left a minute after the time of the condition.
    fn check(spec: Tree, kind: &str, expected: Option<u64>) {
        let at = objects::meta::rfc3339(Timestamp::UNIX_EPOCH);
        let condition = tree!({ "type": kind, "status": "True", "lastTransitionTime": at });
        let status = tree!({ "conditions": [condition] });
        let mut job = tree!({ "metadata": {}, "spec": { "template": {} }, "status": status });
        job.merge(&tree!({ "spec": spec }));
        let left = left(&from_tree(&job).unwrap(), Timestamp::from_second(60).unwrap());
        assert_eq!(left.map(|left| left.as_secs()), expected);
    }

    #[test]
    fn a_finished_job_is_kept_as_long_as_it_says() {
        check(tree!({ "ttlSecondsAfterFinished": 100 }), "Complete", Some(40));
        check(tree!({ "ttlSecondsAfterFinished": 100 }), "Failed", Some(40));
        check(tree!({ "ttlSecondsAfterFinished": 0 }), "Failed", Some(0));
        check(tree!({ "ttlSecondsAfterFinished": 100 }), "Suspended", None);
        check(tree!({}), "Complete", None);
    }
}
