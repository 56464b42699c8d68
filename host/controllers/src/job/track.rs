//! How finished pods come into a job's status, each once: their uids are written there first, then their finalizers go,
//! then they are counted. Pure.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{JobCondition, JobStatus, UncountedTerminatedPods};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::plan::{
    COMPLETE, Ending, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET, Scene, View, is_suspended,
};
use super::pods::{has_failed, index, is_indexed, is_tracked, uid};
use super::policy::failure_of;
use crate::conditions::{self, Condition};
use crate::pod::Pod;
use crate::status::counted;

/// The uids in a status take their place: the others follow.
const MOST_UNCOUNTED: usize = 500;
const SUSPENDED: &str = "Suspended";

/// What became of the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) active: usize,
    pub(super) ready: usize,
    pub(super) terminating: usize,
    /// Whether the pods were looked after.
    pub(super) is_managed: bool,
    /// Whether nothing of the job runs on, as far as it is known.
    pub(super) is_ended: bool,
}

#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) status: JobStatus,
    /// Pods whose finalizer goes once the status is written.
    pub(super) release: Vec<Arc<Pod>>,
    /// Uids that hold their place in the status until then.
    pub(super) tracked: HashSet<String>,
    pub(super) ending: Option<Ending>,
    /// Whether there are pods that found no place.
    pub(super) is_full: bool,
    /// Reason and message.
    pub(super) events: Vec<(&'static str, &'static str)>,
}

pub(super) fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> JobCondition {
    JobCondition::new(kind, status, reason, message.to_owned(), now)
}

/// The status with the finished pods in it, and what is to be done once it is written.
pub(super) fn track(scene: &Scene<'_>, view: &View, done: Done) -> Tracked {
    let now = scene.now;
    let mut status = scene.job.status.clone().unwrap_or_default();
    let mut events = Vec::new();
    if status.start_time.is_none() && !is_suspended(&view.spec) {
        status.start_time = Some(Time(now));
    }
    let mut ending = view.ending.clone().filter(|_| done.is_ended);
    if view.ending.is_none() {
        ending = complete(view, done);
        if ending.is_none() && done.is_managed {
            suspend(view, &mut status, &mut events, now);
        }
    }
    status.active = counted(done.active);
    status.ready = Some(i32::try_from(done.ready).unwrap_or(i32::MAX));
    status.terminating = Some(i32::try_from(done.terminating).unwrap_or(i32::MAX));
    let tracked: HashSet<String> = scene
        .pods
        .iter()
        .filter(|pod| is_tracked(pod) && !scene.released.contains(uid(pod)))
        .map(|pod| uid(pod).to_owned())
        .collect();
    count_released(&mut status, &tracked);
    let (release, is_full) = take_in(scene, view, ending.as_ref(), &mut status);
    if let Some(ending) = &ending {
        let kind = if ending.succeeded { SUCCESS_CRITERIA_MET } else { FAILURE_TARGET };
        let conditions = status.conditions.get_or_insert_default();
        if conditions::find(conditions, kind).is_none() {
            conditions.push(condition(kind, "True", &ending.reason, &ending.message, now));
        }
    }
    Tracked { status, release, tracked, ending, is_full, events }
}

/// Whether as much has succeeded as was asked for, and nothing runs any more.
fn complete(view: &View, done: Done) -> Option<Ending> {
    let is_enough = match view.spec.completions {
        None => view.succeeded > 0,
        Some(completions) => view.succeeded >= completions,
    };
    let (reason, message) = ("CompletionsReached", "Reached expected number of succeeded pods");
    let ending = Ending { succeeded: true, reason: reason.to_owned(), message: message.to_owned() };
    (is_enough && done.active == 0).then_some(ending)
}

fn suspend(
    view: &View,
    status: &mut JobStatus,
    events: &mut Vec<(&'static str, &'static str)>,
    now: Timestamp,
) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let was = conditions::find(conditions, SUSPENDED).map(|condition| condition.status.clone());
    let row = match (is_suspended(&view.spec), was.as_deref()) {
        (true, was) if was != Some("True") => ("True", "JobSuspended", "Job suspended", "Suspended"),
        (false, Some("True")) => ("False", "JobResumed", "Job resumed", "Resumed"),
        _ => return,
    };
    let (truth, reason, message, event) = row;
    let conditions = status.conditions.get_or_insert_default();
    conditions::remove(conditions, SUSPENDED);
    conditions.push(condition(SUSPENDED, truth, reason, message, now));
    events.push((event, message));
    if event == "Resumed" {
        // The time that it may be active begins anew.
        status.start_time = Some(Time(now));
    }
}

/// Takes finished pods into the status; gives those whose finalizer is to go then, and whether there are more.
fn take_in(
    scene: &Scene<'_>,
    view: &View,
    ending: Option<&Ending>,
    status: &mut JobStatus,
) -> (Vec<Arc<Pod>>, bool) {
    let mut pods: Vec<&Arc<Pod>> = scene.pods.iter().collect();
    if is_indexed(&view.spec) {
        pods.sort_by_key(|pod| index(pod, view.completions));
    }
    let uncounted = status.uncounted_terminated_pods.take().unwrap_or_default();
    let mut succeeded = uncounted.succeeded.unwrap_or_default();
    let mut failed = uncounted.failed.unwrap_or_default();
    let mut release = Vec::new();
    let mut new_indexes = Vec::new();
    let mut is_full = false;
    for pod in pods {
        if !is_tracked(pod) || scene.released.contains(uid(pod)) || !is_releasable(view, ending, pod) {
            continue;
        }
        release.push(pod.clone());
        let index = index(pod, view.completions);
        let is_valid = !is_indexed(&view.spec) || index.is_some();
        let is_in = |list: &[String]| list.iter().any(|known| known == uid(pod));
        let is_failure = has_failed(&view.spec, pod) || ending.is_some_and(|ending| !ending.succeeded);
        if pod.phase() == "Succeeded" && !is_in(&failed) {
            match index.filter(|_| is_indexed(&view.spec)) {
                // The index in the status is enough to count it once.
                Some(index) if !view.counted.contains(index) => new_indexes.push(index),
                None if is_valid && !is_in(&succeeded) => succeeded.push(uid(pod).to_owned()),
                _ => {}
            }
        } else if is_failure && is_valid && !is_in(&failed) && counts(view, pod) {
            failed.push(uid(pod).to_owned());
        }
        if new_indexes.len() + succeeded.len() + failed.len() >= MOST_UNCOUNTED {
            is_full = true;
            break;
        }
    }
    let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    let uncounted = UncountedTerminatedPods { succeeded: some(succeeded), failed: some(failed) };
    status.uncounted_terminated_pods = Some(uncounted);
    if is_indexed(&view.spec) {
        let all = view.counted.with(new_indexes);
        status.succeeded = Some(all.len()).filter(|count| *count != 0);
        status.completed_indexes = Some(all.to_string()).filter(|text| !text.is_empty());
        status.failed_indexes = view.failed.as_ref().map(ToString::to_string);
    }
    (release, is_full)
}

fn counts(view: &View, pod: &Pod) -> bool {
    failure_of(view.spec.pod_failure_policy.as_ref(), pod).is_counted()
}

/// Whether the pod's finalizer may go: the pod or the job is over, and it is not kept for its index.
fn is_releasable(view: &View, ending: Option<&Ending>, pod: &Pod) -> bool {
    if view.is_deleting || ending.is_some() || pod.phase() == "Succeeded" {
        return true;
    }
    let is_held = || view.held.values().any(|held| uid(held) == uid(pod));
    has_failed(&view.spec, pod) && !is_held()
}

/// Counts those in the status whose finalizers are gone; whether there were any.
pub(super) fn count_released(status: &mut JobStatus, tracked: &HashSet<String>) -> bool {
    let uncounted: &mut UncountedTerminatedPods = status.uncounted_terminated_pods.get_or_insert_default();
    let lists =
        [(&mut uncounted.succeeded, &mut status.succeeded), (&mut uncounted.failed, &mut status.failed)];
    let mut is_changed = false;
    for (list, total) in lists {
        let Some(uids) = list else { continue };
        let before = uids.len();
        uids.retain(|uid| tracked.contains(uid));
        let gone = i32::try_from(before - uids.len()).unwrap_or(i32::MAX);
        if gone > 0 {
            *total = Some(total.unwrap_or(0) + gone);
            is_changed = true;
        }
        if uids.is_empty() {
            *list = None;
        }
    }
    is_changed
}

/// Ends the job in its status, once everything is counted and nothing terminates any more; whether it did.
pub(super) fn finish(status: &mut JobStatus, ending: &Ending, now: Timestamp) -> bool {
    let uncounted = status.uncounted_terminated_pods.as_ref();
    let is_all_counted = uncounted.is_none_or(|pods| pods.succeeded.is_none() && pods.failed.is_none());
    if !is_all_counted || status.terminating.unwrap_or(0) > 0 {
        return false;
    }
    let kind = if ending.succeeded { COMPLETE } else { FAILED };
    let conditions = status.conditions.get_or_insert_default();
    conditions::remove(conditions, kind);
    conditions.push(condition(kind, "True", &ending.reason, &ending.message, now));
    if ending.succeeded {
        status.completion_time = Some(Time(now));
    }
    true
}
