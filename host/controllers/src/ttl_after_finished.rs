//! Jobs that say how long they are kept once they have finished are deleted when that is over.

use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, Propagation};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use observe::histogram::Histogram;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::counts::{Bounds, spread};
use crate::wiring::Wiring;

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("ttl_jobs_to_delete");
    let jobs = wiring.feed(&queue, |job: &Job| kept_until(job).map(|_| ObjectKey::of(&job.metadata)));
    let client = wiring.client();
    let name = "ttl_after_finished_controller_job_deletion_duration_seconds";
    let help = "Seconds from the time that a job's keeping was over until it was deleted";
    let late = spread(wiring.metrics(), name, help, Bounds(0.1, 2.0, 14));
    let workers = wiring.config().finished_job_syncs;
    wiring.reconcile(FinishedJobs { client, late, jobs }, queue, workers);
}

struct FinishedJobs {
    client: Client,
    late: Histogram,
    jobs: Store<Job>,
}

impl Reconcile for FinishedJobs {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let now = supervise::clock::now();
        let known = self.jobs.get(&key.namespace, &key.name);
        let Some(over) = known.and_then(|job| kept_until(&job)) else { return Ok(Outcome::Done) };
        if let Some(left) = until(over, now) {
            return Ok(Outcome::After(left));
        }
        // How long it is kept may have been changed.
        let jobs = self.client.namespaced::<Job>(&key.namespace);
        let Some(job) = jobs.find(&key.name).await? else { return Ok(Outcome::Done) };
        let Some(over) = kept_until(&job).filter(|over| until(*over, now).is_none()) else {
            return Ok(Outcome::Done);
        };
        let options =
            DeleteOptions { propagation_policy: Some(Propagation::Foreground), ..DeleteOptions::default() };
        let options = options.of_uid(job.metadata.uid.unwrap_or_default());
        match jobs.delete(&key.name, &options).await {
            Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
            Err(_) => {}
            Ok(_) => self.late.observe(now.duration_since(over).as_secs_f64()),
        }
        Ok(Outcome::Done)
    }
}

/// Until when a job is kept; nothing where that is not said, or not yet known.
fn kept_until(job: &Job) -> Option<Timestamp> {
    let kept = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let mut conditions = job.status.as_ref()?.conditions.iter().flatten();
    let finished = conditions.find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })?;
    let is_going = job.metadata.deletion_timestamp.is_some();
    let at = finished.last_transition_time.as_ref().filter(|_| !is_going)?.0;
    at.saturating_add(SignedDuration::from_secs(kept.into())).ok()
}

/// How long it is until then, if it is not over.
fn until(over: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(over.duration_since(now)).ok().filter(|left| !left.is_zero())
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
        let now = Timestamp::from_second(60).unwrap();
        let left = kept_until(&from_tree(&job).unwrap()).map(|over| until(over, now).unwrap_or_default());
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
