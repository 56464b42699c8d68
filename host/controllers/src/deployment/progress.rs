//! The status of a Deployment: what its sets have, and whether that goes forward.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSetCondition};

use super::sets::{Sets, actual, available, name, status, sum, wanted};
use super::wish::Wish;
use crate::conditions::{self, Condition};

const AVAILABLE: &str = "Available";
pub(super) const PROGRESSING: &str = "Progressing";
const FAILURE: &str = "ReplicaFailure";

const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const COMPLETED: &str = "NewReplicaSetAvailable";
const PAUSED: &str = "DeploymentPaused";

/// A look that is due may be so by a part of a second that times in a status do not tell.
const BLUR: Duration = Duration::from_secs(1);

type Conditions = Vec<DeploymentCondition>;

pub(super) fn conditions(deployment: &Deployment) -> Conditions {
    deployment.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default()
}

/// Says that the Deployment is paused, or no longer.
pub(super) fn pause(wish: &Wish, conditions: &mut Conditions, now: Timestamp) {
    let reason = conditions::find(conditions, PROGRESSING).and_then(|condition| condition.reason.as_deref());
    if wish.progress_deadline.is_none() || reason == Some(TIMED_OUT) {
        return;
    }
    let (reason, message) = match (wish.is_paused, reason == Some(PAUSED)) {
        (true, false) => (PAUSED, "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return,
    };
    say(conditions, "Unknown", reason, message.to_owned(), now);
}

/// Sets the condition `Progressing`.
pub(super) fn say(conditions: &mut Conditions, truth: &str, reason: &str, message: String, now: Timestamp) {
    conditions::set(conditions, Condition::new(PROGRESSING, truth, reason, message, now));
}

/// What the sets have, with the condition `Available` among `conditions`.
pub(super) fn counted(
    deployment: &Deployment,
    wish: &Wish,
    sets: &Sets,
    mut conditions: Conditions,
    now: Timestamp,
) -> DeploymentStatus {
    let unavailable = sum(sets.all(), wanted) - sum(sets.all(), available);
    let is_available = sum(sets.all(), available) >= wish.min_available();
    let (truth, reason, message) = if is_available {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    conditions::set(&mut conditions, Condition::new(AVAILABLE, truth, reason, message.to_owned(), now));
    let told = |number: i32| Some(number).filter(|number| *number > 0);
    let terminating = sets.all().map(|set| status(set, |status| status.terminating_replicas));
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: told(sum(sets.all(), actual)),
        updated_replicas: told(sum(&sets.new, actual)),
        ready_replicas: told(sum(sets.all(), |set| status(set, |s| s.ready_replicas.unwrap_or(0)))),
        available_replicas: told(sum(sets.all(), available)),
        unavailable_replicas: told(unavailable),
        terminating_replicas: terminating.sum(),
        collision_count: deployment.status.as_ref().and_then(|status| status.collision_count),
        conditions: Some(conditions),
    }
}

/// Judges the progress of a rollout, in a status that was counted.
pub(super) fn judge(
    deployment: &Deployment,
    wish: &Wish,
    sets: &Sets,
    status: &mut DeploymentStatus,
    now: Timestamp,
) {
    let old = deployment.status.clone().unwrap_or_default();
    let (is_complete, is_progressing) = (is_complete(wish, status), is_progressing(&old, status));
    let is_settled = status.replicas == status.updated_replicas;
    let subject = || match &sets.new {
        Some(new) => format!("ReplicaSet {:?}", name(new)),
        None => format!("Deployment {:?}", deployment.metadata.name.as_deref().unwrap_or_default()),
    };
    let conditions = status.conditions.get_or_insert_default();
    let progress = conditions::find(conditions, PROGRESSING).cloned();
    let has_completed = progress.as_ref().is_some_and(|progress| progress.reason() == Some(COMPLETED));
    if wish.progress_deadline.is_none() {
        conditions::remove(conditions, PROGRESSING);
    } else if is_settled && has_completed {
        // What follows a rollout that is over is no rollout.
    } else if is_complete {
        say(conditions, "True", COMPLETED, format!("{} has successfully progressed.", subject()), now);
    } else if is_progressing {
        let message = format!("{} is progressing.", subject());
        let mut new: DeploymentCondition =
            Condition::new(PROGRESSING, "True", "ReplicaSetUpdated", message, now);
        // Each step is told, since the deadline counts from the last.
        if let Some(mut old) = progress.filter(|old| old.status() == "True") {
            *new.transition() = old.transition().take();
        }
        conditions::remove(conditions, PROGRESSING);
        conditions.push(new);
    } else if progress.is_some_and(|progress| is_timed_out(wish, &progress, now)) {
        say(conditions, "False", TIMED_OUT, format!("{} has timed out progressing.", subject()), now);
    }
    match failure(sets) {
        Some(failure) => conditions::set(conditions, failure),
        None => conditions::remove(conditions, FAILURE),
    }
}

pub(super) fn is_complete(wish: &Wish, status: &DeploymentStatus) -> bool {
    let all = [status.updated_replicas, status.replicas, status.available_replicas];
    all.iter().all(|count| count.unwrap_or(0) == wish.replicas)
}

/// Whether more of the new pods, or fewer of the old ones, are there than before.
fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let [(old_outdated, old_counts), (new_outdated, new_counts)] = [old, new].map(|status| {
        let counts = [status.updated_replicas, status.ready_replicas, status.available_replicas];
        let counts = counts.map(|count| count.unwrap_or(0));
        (status.replicas.unwrap_or(0) - counts[0], counts)
    });
    new_outdated < old_outdated || new_counts.iter().zip(old_counts).any(|(new, old)| *new > old)
}

fn is_timed_out(wish: &Wish, progress: &DeploymentCondition, now: Timestamp) -> bool {
    match progress.reason() {
        Some(COMPLETED) => false,
        Some(TIMED_OUT) => true,
        _ => left(wish, progress, now).is_some_and(|left| left.is_negative()),
    }
}

/// How long the deadline is away.
fn left(wish: &Wish, progress: &DeploymentCondition, now: Timestamp) -> Option<SignedDuration> {
    let deadline = SignedDuration::from_secs(i64::from(wish.progress_deadline?));
    Some(deadline - now.duration_since(progress.last_update_time.as_ref()?.0))
}

/// When a rollout is to be looked at for its deadline, if nothing happens before.
pub(super) fn next_look(wish: &Wish, status: &DeploymentStatus, now: Timestamp) -> Option<Duration> {
    let progress = conditions::find(status.conditions.as_deref()?, PROGRESSING)?;
    // What is over or late has no deadline any more.
    if is_complete(wish, status) || matches!(progress.reason(), Some(TIMED_OUT | COMPLETED)) {
        return None;
    }
    let left = left(wish, progress, now)?;
    Some(Duration::try_from(left).unwrap_or_default() + BLUR)
}

/// Why a set cannot have its pods, the new one's reason first.
fn failure(sets: &Sets) -> Option<DeploymentCondition> {
    let sets = sets.new.iter().chain(&sets.old);
    let conditions = sets.flat_map(|set| status(set, |status| status.conditions.clone()).unwrap_or_default());
    let failure: ReplicaSetCondition = { conditions }.find(|condition| condition.type_ == FAILURE)?;
    Some(DeploymentCondition {
        type_: failure.type_,
        status: failure.status,
        reason: failure.reason,
        message: failure.message,
        last_transition_time: failure.last_transition_time.clone(),
        last_update_time: failure.last_transition_time,
    })
}
