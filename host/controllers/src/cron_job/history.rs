//! What a cron job's jobs make of its status, and which of the finished ones are too old to be kept. Pure.

use std::cmp::Reverse;
use std::sync::Arc;

use client::events::EventType;
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};

/// Of a job that is over, how it ended: `Complete` or `Failed`.
pub(super) fn end_of(job: &Job) -> Option<&str> {
    let conditions = job.status.as_ref()?.conditions.iter().flatten();
    let mut ends = conditions.filter(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    });
    ends.next().map(|condition| condition.type_.as_str())
}

/// Kind, reason and message.
pub(super) type Told = (EventType, &'static str, String);

/// Takes into the status what became of the jobs.
pub(super) fn follow(status: &mut CronJobStatus, jobs: &[Arc<Job>]) -> Vec<Told> {
    let mut told = Vec::new();
    for job in jobs {
        let (uid, name) = (&job.metadata.uid, job.metadata.name.clone().unwrap_or_default());
        let is_active = status.active.iter().flatten().any(|active| active.uid == *uid);
        match (end_of(job), is_active) {
            (None, false) => {
                let message = format!("Saw a job that the controller did not create or forgot: {name}");
                told.push((EventType::Warning, "UnexpectedJob", message));
            }
            (Some(end), true) => {
                remove(status, uid.as_deref().unwrap_or_default());
                let message = format!("Saw completed job: {name}, condition: {end}");
                told.push((EventType::Normal, "SawCompletedJob", message));
            }
            _ => {}
        }
        let done = job.status.as_ref().and_then(|status| status.completion_time.clone());
        let is_success = end_of(job) == Some("Complete");
        if let Some(done) = done.filter(|_| is_success)
            && status.last_successful_time.as_ref().is_none_or(|last| last.0 < done.0)
        {
            status.last_successful_time = Some(done);
        }
    }
    told
}

/// Takes a job from the list of those that are active.
pub(super) fn remove(status: &mut CronJobStatus, uid: &str) {
    let left = status.active.take().unwrap_or_default();
    let left: Vec<_> = left.into_iter().filter(|active| active.uid.as_deref() != Some(uid)).collect();
    status.active = Some(left).filter(|left| !left.is_empty());
}

/// Finished jobs that are more than the limits say, the oldest.
pub(super) fn surplus(cron: &CronJob, jobs: &[Arc<Job>]) -> Vec<Arc<Job>> {
    let spec = &cron.spec;
    let limits =
        [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)];
    let mut surplus = Vec::new();
    for (end, limit) in limits {
        let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { continue };
        let mut ended: Vec<&Arc<Job>> = jobs.iter().filter(|job| end_of(job) == Some(end)).collect();
        let start = |job: &Job| job.status.as_ref()?.start_time.as_ref().map(|time| time.0);
        // Those that never started last.
        ended.sort_by_cached_key(|job| {
            (start(job).map(Reverse).map_or((0, None), |at| (1, Some(at))), job.metadata.name.clone())
        });
        ended.reverse();
        let count = ended.len().saturating_sub(limit);
        surplus.extend(ended.into_iter().take(count).cloned());
    }
    surplus
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::from_tree;

    use super::*;

    fn job(uid: &str, end: &str, started: &str) -> Arc<Job> {
        let condition = tree!({ "type": end, "status": "True" });
        let status = tree!({ "conditions": [condition], "startTime": started, "completionTime": started });
        let job =
            tree!({ "metadata": { "name": uid, "uid": uid }, "spec": { "template": {} }, "status": status });
        Arc::new(from_tree(&job).unwrap())
    }

    const FIRST: &str = "2026-01-01T00:00:00Z";
    const SECOND: &str = "2026-01-01T01:00:00Z";

    #[test]
    fn jobs_that_ended_are_no_longer_active_and_the_last_success_is_told() {
        let mut status: CronJobStatus =
            from_tree(&tree!({ "active": [{ "uid": "a" }, { "uid": "b" }] })).unwrap();
        let jobs = [
            job("a", "Complete", SECOND),
            job("b", "Running", FIRST),
            job("c", "Complete", FIRST),
            job("d", "Running", FIRST),
        ];
        let told: Vec<_> = follow(&mut status, &jobs)
            .into_iter()
            .map(|(_, reason, message)| format!("{reason}: {message}"))
            .collect();
        assert_eq!(
            told,
            [
                "SawCompletedJob: Saw completed job: a, condition: Complete",
                "UnexpectedJob: Saw a job that the controller did not create or forgot: d",
            ]
        );
        assert_eq!(status.active.unwrap().len(), 1);
        assert_eq!(status.last_successful_time.unwrap().0.to_string(), SECOND);
    }

    #[test]
    fn the_oldest_of_the_finished_jobs_go() {
        let spec = tree!({ "schedule": "", "jobTemplate": {}, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0 });
        let cron: CronJob = from_tree(&tree!({ "metadata": {}, "spec": spec })).unwrap();
        let jobs = [
            job("new", "Complete", SECOND),
            job("old", "Complete", FIRST),
            job("bad", "Failed", FIRST),
            job("on", "Running", FIRST),
        ];
        let gone: Vec<_> =
            surplus(&cron, &jobs).iter().map(|job| job.metadata.name.clone().unwrap()).collect();
        assert_eq!(gone, ["old", "bad"]);
    }
}
