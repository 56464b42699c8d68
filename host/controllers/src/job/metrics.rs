//! What is counted of jobs.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{JobSpec, JobStatus};
use observe::Metrics;

use super::plan::{Action, Ending};
use super::pods::is_indexed;
use crate::counts::{Bounds, Counts, Spread};

pub(super) struct JobMetrics {
    syncs: Counts<3>,
    sync_times: Spread<3>,
    finished: Counts<3>,
    finished_pods: Counts<2>,
}

fn mode(spec: &JobSpec) -> &'static str {
    if is_indexed(spec) { "Indexed" } else { "NonIndexed" }
}

/// What a look at a job came to.
pub(super) fn action(action: &Action) -> &'static str {
    match action {
        Action::Nothing => "reconciling",
        Action::Create(_) => "pods_created",
        Action::End(_) | Action::Delete(_) => "pods_deleted",
    }
}

impl JobMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let sync = ["completion_mode", "result", "action"];
        let name = |name: &str| format!("job_controller_{name}");
        let bounds = Bounds(0.004, 2.0, 15);
        Self {
            syncs: Counts::new(metrics, &name("job_syncs"), "Looks at jobs", sync),
            sync_times: Spread::new(
                metrics,
                &name("job_sync_duration_seconds"),
                "Seconds of a look at a job",
                sync,
                bounds,
            ),
            finished: Counts::new(
                metrics,
                &name("jobs_finished"),
                "Jobs that ended",
                ["completion_mode", "result", "reason"],
            ),
            finished_pods: Counts::new(
                metrics,
                &name("job_pods_finished"),
                "Pods that ended and were counted",
                ["completion_mode", "result"],
            ),
        }
    }

    pub(super) fn looked(&self, spec: &JobSpec, succeeded: bool, action: &'static str, time: Duration) {
        let result = if succeeded { "success" } else { "error" };
        let words = [mode(spec), result, action].map(Into::into);
        self.syncs.add(words.clone(), 1);
        self.sync_times.took(words, time);
    }

    pub(super) fn ended(&self, spec: &JobSpec, ending: &Ending) {
        let result = if ending.succeeded { "succeeded" } else { "failed" };
        self.finished.add([mode(spec).into(), result.into(), ending.reason.clone().into()], 1);
    }

    /// The pods that a status counts and the one before did not.
    pub(super) fn counted(&self, spec: &JobSpec, before: Option<&JobStatus>, after: &JobStatus) {
        let more = |count: fn(&JobStatus) -> Option<i32>| {
            let before = before.and_then(count).unwrap_or(0);
            u64::try_from(count(after).unwrap_or(0) - before).unwrap_or(0)
        };
        self.finished_pods.add([mode(spec), "succeeded"].map(Into::into), more(|status| status.succeeded));
        self.finished_pods.add([mode(spec), "failed"].map(Into::into), more(|status| status.failed));
    }
}
