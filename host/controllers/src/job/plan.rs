//! What a job is to do next: pods to make or to delete, or the end. Pure.

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};

use super::indexes::Indexes;
use super::pods::{
    Backoff, backoff, ended_at, expendability, fails_index, failures_before, failures_with, has_failed,
    index, is_indexed, is_tracked, replaces_failed_only, spec, uid,
};
use super::policy::{Failure, failure_of, success_of};
use crate::conditions;
use crate::pod::Pod;

pub(super) const COMPLETE: &str = "Complete";
pub(super) const FAILED: &str = "Failed";
pub(super) const SUCCESS_CRITERIA_MET: &str = "SuccessCriteriaMet";
pub(super) const FAILURE_TARGET: &str = "FailureTarget";

/// Pods that are made or deleted at once; the others follow when these were seen. Upstream's.
const BURST: usize = 500;

/// What is known of a job.
pub(super) struct Scene<'a> {
    pub(super) job: &'a Job,
    pub(super) pods: &'a [Arc<Pod>],
    /// Pods whose finalizer was removed, which the store does not show yet.
    pub(super) released: &'a HashSet<String>,
    /// Whether everything is seen that was made and deleted.
    pub(super) is_settled: bool,
    pub(super) backoff: Backoff,
    pub(super) now: Timestamp,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) succeeded: bool,
    pub(super) reason: String,
    pub(super) message: String,
}

/// A pod to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Creation {
    pub(super) index: Option<i32>,
    /// How often pods of the index failed, those that count and the others; of jobs that bound that alone.
    pub(super) failures: Option<(i32, i32)>,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    Nothing,
    /// They are counted once they are on their way.
    End(Vec<Arc<Pod>>),
    /// They are not counted.
    Delete(Vec<Arc<Pod>>),
    Create(Vec<Creation>),
}

pub(super) struct Plan {
    pub(super) action: Action,
    /// Whether the pods were to be looked after.
    pub(super) is_managed: bool,
    /// When the next thing is due, whatever happens.
    pub(super) again: Option<Duration>,
}

/// A job and what follows from its pods.
pub(super) struct View {
    pub(super) spec: JobSpec,
    pub(super) completions: i32,
    pub(super) active: Vec<Arc<Pod>>,
    pub(super) ready: usize,
    pub(super) terminating: usize,
    pub(super) succeeded: i32,
    pub(super) is_deleting: bool,
    /// Those that the status tells, and all.
    pub(super) counted: Indexes,
    pub(super) done: Indexes,
    /// Of jobs that bound the failures of an index.
    pub(super) failed: Option<Indexes>,
    /// The failed pod of an index that is kept until there is another, to tell that how often its index failed.
    pub(super) held: BTreeMap<i32, Arc<Pod>>,
    pub(super) ending: Option<Ending>,
    pub(super) backoff: Backoff,
}

fn uncounted(status: &JobStatus) -> (HashSet<&str>, HashSet<&str>) {
    fn set(list: Option<&Vec<String>>) -> HashSet<&str> {
        list.into_iter().flatten().map(String::as_str).collect()
    }
    let uncounted = status.uncounted_terminated_pods.as_ref();
    let succeeded = uncounted.and_then(|pods| pods.succeeded.as_ref());
    (set(succeeded), set(uncounted.and_then(|pods| pods.failed.as_ref())))
}

fn told<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    conditions::find(conditions, kind).filter(|condition| condition.status == "True")
}

pub(super) fn is_finished(job: &Job) -> bool {
    job.status.as_ref().is_some_and(|status| told(status, COMPLETE).or(told(status, FAILED)).is_some())
}

pub(super) fn is_suspended(spec: &JobSpec) -> bool {
    spec.suspend == Some(true)
}

fn count(pods: &[&Pod]) -> i32 {
    i32::try_from(pods.len()).unwrap_or(i32::MAX)
}

impl View {
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let spec = spec(scene.job);
        let status = scene.job.status.clone().unwrap_or_default();
        let completions = spec.completions.unwrap_or(i32::MAX);
        let (uncounted_succeeded, uncounted_failed) = uncounted(&status);
        // Pods that were not counted yet, and may be.
        let countable = |pod: &&Pod| {
            let is_known = uncounted_succeeded.contains(uid(pod)) || uncounted_failed.contains(uid(pod));
            let is_valid = !is_indexed(&spec) || index(pod, completions).is_some();
            is_tracked(pod) && !is_known && is_valid && !scene.released.contains(uid(pod))
        };
        let pods = || scene.pods.iter().map(|pod| &**pod);
        let succeeded: Vec<&Pod> =
            pods().filter(countable).filter(|pod| pod.phase() == "Succeeded").collect();
        let failed: Vec<&Pod> = pods().filter(countable).filter(|pod| has_failed(&spec, pod)).collect();
        let counts = |pod: &&&Pod| failure_of(spec.pod_failure_policy.as_ref(), pod).is_counted();
        let failures = failed.iter().filter(counts).count() + uncounted_failed.len();
        let failures = status.failed.unwrap_or(0) + i32::try_from(failures).unwrap_or(i32::MAX);
        let successes = i32::try_from(uncounted_succeeded.len()).unwrap_or(i32::MAX);
        let active: Vec<Arc<Pod>> = scene.pods.iter().filter(|pod| pod.is_active()).cloned().collect();
        let mut view = Self {
            completions,
            ready: active.iter().filter(|pod| pod.is_ready()).count(),
            active,
            terminating: pods().filter(|pod| pod.is_terminating()).count(),
            succeeded: status.succeeded.unwrap_or(0) + count(&succeeded) + successes,
            is_deleting: scene.job.metadata.deletion_timestamp.is_some(),
            counted: Indexes::default(),
            done: Indexes::default(),
            failed: None,
            held: BTreeMap::new(),
            ending: None,
            backoff: scene.backoff.after(&succeeded, &failed),
            spec,
        };
        view.ending = view.told_ending(&status).or_else(|| view.failing(scene, &status, failures));
        if is_indexed(&view.spec) {
            view.index(scene, &status);
        }
        view
    }

    fn told_ending(&self, status: &JobStatus) -> Option<Ending> {
        let ending = |condition: &JobCondition, succeeded| Ending {
            succeeded,
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        };
        let met = told(status, SUCCESS_CRITERIA_MET).map(|condition| ending(condition, true));
        met.or_else(|| told(status, FAILURE_TARGET).map(|condition| ending(condition, false)))
    }

    /// Why the job fails by what all its pods did together.
    fn failing(&self, scene: &Scene<'_>, status: &JobStatus, failures: i32) -> Option<Ending> {
        let policy = self.spec.pod_failure_policy.as_ref();
        let failed = scene.pods.iter().filter(|pod| policy.is_some() && has_failed(&self.spec, pod));
        let by_policy = failed.map(|pod| failure_of(policy, pod)).find_map(|failure| match failure {
            Failure::FailsJob(message) => Some(message),
            _ => None,
        });
        if let Some(message) = by_policy {
            return Some(failure("PodFailurePolicy", message));
        }
        let limit = self.spec.backoff_limit.unwrap_or(i32::MAX);
        if failures > limit || self.restarts_too_often(scene.pods, limit) {
            return Some(failure("BackoffLimitExceeded", "Job has reached the specified backoff limit"));
        }
        let left = self.until_deadline(status, scene.now)?;
        left.is_zero().then(|| failure("DeadlineExceeded", "Job was active longer than specified deadline"))
    }

    /// Containers that are restarted in place count for pods.
    fn restarts_too_often(&self, pods: &[Arc<Pod>], limit: i32) -> bool {
        let template = self.spec.template.spec.as_ref();
        if template.and_then(|spec| spec.restart_policy.as_deref()) != Some("OnFailure") {
            return false;
        }
        let running = pods.iter().filter(|pod| matches!(pod.phase(), "Running" | "Pending"));
        let containers = running
            .flat_map(|pod| pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses));
        let restarts: i32 = containers.map(|container| container.restart_count).sum();
        restarts > 0 && restarts >= limit
    }

    /// Nothing where the job has all the time, or its time does not run.
    fn until_deadline(&self, status: &JobStatus, now: Timestamp) -> Option<Duration> {
        let seconds = self.spec.active_deadline_seconds.filter(|_| !is_suspended(&self.spec))?;
        let deadline = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let start = status.start_time.as_ref().map_or(now, |time| time.0);
        let passed = Duration::try_from(now.duration_since(start)).unwrap_or(Duration::ZERO);
        Some(deadline.saturating_sub(passed))
    }

    fn index(&mut self, scene: &Scene<'_>, status: &JobStatus) {
        let (spec, completions) = (&self.spec, self.completions);
        let indexes = |which: &dyn Fn(&Pod) -> bool| -> Indexes {
            let pods = scene.pods.iter().filter(|pod| is_tracked(pod) && which(pod));
            pods.filter_map(|pod| index(pod, completions)).collect()
        };
        self.counted = Indexes::parse(status.completed_indexes.as_deref().unwrap_or_default(), completions);
        self.done = self.counted.union(&indexes(&|pod| pod.phase() == "Succeeded"));
        self.succeeded = self.done.len();
        if spec.backoff_limit_per_index.is_some() {
            let told = Indexes::parse(status.failed_indexes.as_deref().unwrap_or_default(), completions);
            let failed = told.union(&indexes(&|pod| fails_index(spec, pod)));
            if self.ending.is_none() {
                self.ending = self.failing_indexes(&failed);
            }
            self.held = self.held_pods(scene, &failed);
            self.failed = Some(failed);
        }
        if self.ending.is_none() {
            let met = success_of(self.spec.success_policy.as_ref(), completions, &self.done);
            self.ending =
                met.map(|message| Ending { succeeded: true, reason: "SuccessPolicy".to_owned(), message });
        }
    }

    fn failing_indexes(&self, failed: &Indexes) -> Option<Ending> {
        if self.spec.max_failed_indexes.is_some_and(|most| failed.len() > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(failure("MaxFailedIndexesExceeded", message));
        }
        let are_all_over = failed.len() + self.done.len() >= self.completions;
        (!failed.is_empty() && are_all_over).then(|| failure("FailedIndexes", "Job has failed indexes"))
    }

    /// Of each index that is to get another pod, the last that failed.
    fn held_pods(&self, scene: &Scene<'_>, failed: &Indexes) -> BTreeMap<i32, Arc<Pod>> {
        let active: Indexes = self.active.iter().filter_map(|pod| index(pod, self.completions)).collect();
        let rank = |pod: &Pod| {
            let (counted, ignored) = failures_before(pod);
            (counted.saturating_add(ignored), ended_at(pod))
        };
        let mut held: BTreeMap<i32, Arc<Pod>> = BTreeMap::new();
        for pod in scene.pods {
            let Some(index) = index(pod, self.completions) else { continue };
            let is_over = self.done.contains(index) || failed.contains(index) || active.contains(index);
            let is_left = is_tracked(pod) && !scene.released.contains(uid(pod));
            if is_over || !is_left || !has_failed(&self.spec, pod) {
                continue;
            }
            let last = held.entry(index).or_insert_with(|| pod.clone());
            if rank(pod) > rank(last) {
                *last = pod.clone();
            }
        }
        held
    }
}

fn failure(reason: &str, message: impl Into<String>) -> Ending {
    Ending { succeeded: false, reason: reason.to_owned(), message: message.into() }
}

pub(super) fn plan(scene: &Scene<'_>, view: &View) -> Plan {
    if view.ending.is_some() {
        let action = Action::End(view.active.clone());
        return Plan { action, is_managed: false, again: None };
    }
    let status = scene.job.status.clone().unwrap_or_default();
    let deadline = view.until_deadline(&status, scene.now);
    if !scene.is_settled || view.is_deleting {
        return Plan { action: Action::Nothing, is_managed: false, again: deadline };
    }
    let (action, wait) = manage(scene, view);
    Plan { action, is_managed: true, again: [deadline, wait].into_iter().flatten().min() }
}

/// What is to be done, and when there is more if that is for later.
fn manage(scene: &Scene<'_>, view: &View) -> (Action, Option<Duration>) {
    let spec = &view.spec;
    if is_suspended(spec) {
        return (deletion(view.active.clone()), None);
    }
    let size = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let (active, parallelism) = (size(view.active.len()), spec.parallelism.unwrap_or(1));
    let wanted = match spec.completions {
        // Once one has succeeded the others are left to end.
        None if view.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => (completions - view.succeeded).min(parallelism).max(0),
    };
    let surplus = usize::try_from(active - wanted).unwrap_or(0);
    let mut surplus = surplus_pods(view, surplus);
    surplus.truncate(BURST);
    if !surplus.is_empty() {
        return (Action::Delete(surplus), None);
    }
    let going = if replaces_failed_only(spec) { size(view.terminating) } else { 0 };
    let missing = usize::try_from(wanted - going - active).unwrap_or(0);
    if missing == 0 {
        return (Action::Nothing, None);
    }
    if spec.backoff_limit_per_index.is_none() {
        let left = view.backoff.left(scene.now);
        if !left.is_zero() {
            return (Action::Nothing, Some(left));
        }
    }
    let missing = missing.min(BURST);
    if !is_indexed(spec) {
        return (Action::Create(vec![Creation { index: None, failures: None }; missing]), None);
    }
    creations(scene, view, missing)
}

fn deletion(pods: Vec<Arc<Pod>>) -> Action {
    if pods.is_empty() { Action::Nothing } else { Action::Delete(pods) }
}

/// Pods of no index or one that another has too, and as many as there are too many.
fn surplus_pods(view: &View, count: usize) -> Vec<Arc<Pod>> {
    let mut pods = view.active.clone();
    pods.sort_by_cached_key(|pod| expendability(pod));
    if !is_indexed(&view.spec) {
        pods.truncate(count);
        return pods;
    }
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    let mut surplus = Vec::new();
    for pod in pods.into_iter().rev() {
        match index(&pod, view.completions) {
            Some(index) if seen.insert(index) => kept.push(pod),
            _ => surplus.push(pod),
        }
    }
    let more = count.saturating_sub(surplus.len());
    surplus.extend(kept.into_iter().rev().take(more));
    surplus
}

fn creations(scene: &Scene<'_>, view: &View, count: usize) -> (Action, Option<Duration>) {
    let indexes_of = |which: &dyn Fn(&Pod) -> bool| -> Indexes {
        let pods = scene.pods.iter().filter(|pod| which(pod));
        pods.filter_map(|pod| index(pod, view.completions)).collect()
    };
    let mut taken = view.done.union(&indexes_of(&Pod::is_active));
    if replaces_failed_only(&view.spec) {
        taken = taken.union(&indexes_of(&Pod::is_terminating));
    }
    if let Some(failed) = &view.failed {
        taken = taken.union(failed);
    }
    let is_bounded = view.spec.backoff_limit_per_index.is_some();
    let mut creations = Vec::new();
    let mut wait: Option<Duration> = None;
    for index in taken.missing(count, view.completions) {
        let last = view.held.get(&index).filter(|_| is_bounded);
        let left = last.map_or(Duration::ZERO, |pod| {
            let (counted, ignored) = failures_before(pod);
            backoff(counted.saturating_add(ignored).saturating_add(1), ended_at(pod), scene.now)
        });
        if left.is_zero() {
            let failures = is_bounded.then(|| last.map_or((0, 0), |pod| failures_with(&view.spec, pod)));
            creations.push(Creation { index: Some(index), failures });
        } else {
            wait = Some(wait.map_or(left, |wait| wait.min(left)));
        }
    }
    let action = if creations.is_empty() { Action::Nothing } else { Action::Create(creations) };
    (action, wait)
}
