//! Which pods are made and which deleted, and what the status says of them. Pure.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::kinds::{Counts, Replicated};
use crate::conditions::{self, Condition};
use crate::pod::Pod;

/// Pods that are made or deleted at once; the others follow when these were seen. Upstream's.
const BURST: usize = 500;
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const FAILURE: &str = "ReplicaFailure";

/// The pods of a set.
pub(super) struct Pods {
    pub(super) active: Vec<Arc<Pod>>,
    /// How many are on their way out.
    pub(super) terminating: usize,
}

#[derive(Debug)]
pub(super) enum Plan {
    Nothing,
    Create(usize),
    Delete(Vec<Arc<Pod>>),
}

/// `related` are the pods beside which those of the set run.
pub(super) fn plan(wanted: usize, active: &[Arc<Pod>], related: &[Arc<Pod>], now: Timestamp) -> Plan {
    let surplus = active.len().saturating_sub(wanted);
    match wanted.saturating_sub(active.len()) {
        0 if surplus == 0 => Plan::Nothing,
        0 => {
            let mut pods = active.to_vec();
            let crowds = crowds(related);
            pods.sort_by_cached_key(|pod| worth(pod, &crowds, now));
            pods.truncate(surplus.min(BURST));
            Plan::Delete(pods)
        }
        missing => Plan::Create(missing.min(BURST)),
    }
}

/// Active pods by node.
fn crowds(related: &[Arc<Pod>]) -> HashMap<&str, usize> {
    let mut crowds = HashMap::new();
    for pod in related.iter().filter(|pod| pod.is_active()) {
        *crowds.entry(node(pod)).or_default() += 1;
    }
    crowds
}

fn node(pod: &Pod) -> &str {
    pod.spec.node_name.as_deref().unwrap_or_default()
}

/// What a pod is worth: those that are worth least go first. In upstream's order; ages are the same when they are of
/// the same power of two.
fn worth(pod: &Pod, crowds: &HashMap<&str, usize>, now: Timestamp) -> impl Ord + use<> {
    let phase = match pod.phase() {
        "Pending" | "" => 0,
        "Running" => 2,
        _ => 1,
    };
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|all| all.get(DELETION_COST)).and_then(|cost| cost.parse::<i32>().ok());
    let ready = pod.condition("Ready").filter(|condition| condition.status == "True");
    let crowd = crowds.get(node(pod)).copied().unwrap_or(0);
    let restarts = pod.status.container_statuses.iter().map(|container| container.restart_count).max();
    (
        !node(pod).is_empty(),
        phase,
        ready.is_some(),
        cost.unwrap_or(0),
        Reverse(crowd),
        ready.map(|ready| age(ready.last_transition_time.as_ref(), now)),
        Reverse(restarts),
        age(pod.metadata.creation_timestamp.as_ref(), now),
        pod.metadata.uid.clone(),
    )
}

/// The power of two below an age in nanoseconds; what has no time has no age.
fn age(since: Option<&Time>, now: Timestamp) -> Option<u32> {
    let age = now.duration_since(since?.0).as_nanos();
    u128::try_from(age).ok()?.checked_ilog2()
}

/// `failure` is why the pods could not be managed.
pub(super) fn status<R: Replicated>(
    set: &R,
    pods: &Pods,
    failure: Option<String>,
    now: Timestamp,
) -> R::Status {
    let labels = set.template().and_then(|template| template.metadata.as_ref()?.labels.as_ref());
    let is_fully_labeled = |pod: &Pod| {
        let own = pod.metadata.labels.as_ref();
        let has = |key, value| own.and_then(|own| own.get(key)).is_some_and(|own| own == value);
        labels.into_iter().flatten().all(|(key, value)| has(key, value))
    };
    let count = |which: &dyn Fn(&Pod) -> bool| pods.active.iter().filter(|pod| which(pod)).count();
    let counts = Counts {
        replicas: pods.active.len(),
        fully_labeled: count(&is_fully_labeled),
        ready: count(&Pod::is_ready),
        available: count(&|pod| pod.is_available(set.min_ready_seconds(), now)),
        terminating: pods.terminating,
    };
    let mut conditions = set.conditions();
    match failure {
        None => conditions::remove(&mut conditions, FAILURE),
        Some(message) if conditions::find(&conditions, FAILURE).is_none() => {
            let reason = if counts.replicas < set.replicas() { "FailedCreate" } else { "FailedDelete" };
            conditions.push(R::Condition::new(FAILURE, "True", reason, message, now));
        }
        Some(_) => {}
    }
    set.status_of(&counts, conditions)
}
