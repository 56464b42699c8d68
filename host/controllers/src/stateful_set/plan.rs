//! Which pod of a StatefulSet is made or deleted next, and what the status says. Pure.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};

use super::identity::ordinal;
use crate::int_or_percent::{Round, part_of};
use crate::pod::Pod;
use crate::revisions::REVISION_LABEL;
use crate::status::counted;

/// What a StatefulSet asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) replicas: i32,
    /// The number of the first pod.
    pub(super) start: i32,
    /// One pod after another.
    pub(super) is_ordered: bool,
    pub(super) min_ready_seconds: i32,
    pub(super) update: Update,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Update {
    OnDelete,
    Rolling {
        /// Pods of a lower number stay as they are.
        partition: Option<i32>,
        /// How many may be missing; `None`: one, in their order.
        unavailable: Option<i32>,
    },
}

impl Wish {
    pub(super) fn of(set: &StatefulSet) -> Option<Self> {
        let spec = set.spec.as_ref()?;
        let replicas = spec.replicas.unwrap_or(1);
        let strategy = spec.update_strategy.as_ref();
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref());
        let update = match strategy.and_then(|strategy| strategy.type_.as_deref()) {
            Some("OnDelete") => Update::OnDelete,
            _ => Update::Rolling {
                partition: rolling.map(|rolling| rolling.partition.unwrap_or(0)),
                unavailable: unavailable.map(|value| part_of(value, replicas, Round::Down).max(1)),
            },
        };
        Some(Self {
            replicas,
            start: spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0),
            is_ordered: spec.pod_management_policy.as_deref() != Some("Parallel"),
            min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
            update,
        })
    }

    pub(super) fn has(&self, ordinal: i32) -> bool {
        (self.start..self.start.saturating_add(self.replicas)).contains(&ordinal)
    }
}

/// What is known of a StatefulSet.
pub(super) struct State<'a> {
    pub(super) set: &'a StatefulSet,
    pub(super) wish: Wish,
    /// Names of revisions: that which was complete last, and that of the template.
    pub(super) current: &'a str,
    pub(super) update: &'a str,
    /// With the number of each.
    pub(super) pods: Vec<(i32, Arc<Pod>)>,
    pub(super) now: Timestamp,
}

/// Of which revision a pod is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    Current,
    Update,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) create: Vec<(i32, Template)>,
    pub(super) delete: Vec<Arc<Pod>>,
    /// Numbers of pods that may wait for claims which are missing.
    pub(super) claims: Vec<i32>,
    /// Pods whose claims are to go with whom the policy says.
    pub(super) retain: Vec<(i32, Arc<Pod>)>,
}

/// The pods that belong to a set by their names, with their numbers.
pub(super) fn numbered(set: &str, pods: Vec<Arc<Pod>>) -> Vec<(i32, Arc<Pod>)> {
    let number = |pod: &Pod| ordinal(set, pod.metadata.name.as_deref()?);
    let mut pods: Vec<_> = pods.into_iter().filter_map(|pod| Some((number(&pod)?, pod))).collect();
    pods.sort_by_key(|(ordinal, _)| *ordinal);
    pods
}

impl State<'_> {
    fn pod(&self, ordinal: i32) -> Option<&Arc<Pod>> {
        let index = self.pods.binary_search_by_key(&ordinal, |(ordinal, _)| *ordinal).ok()?;
        self.pods.get(index).map(|(_, pod)| pod)
    }

    fn ordinals(&self) -> std::ops::Range<i32> {
        self.wish.start..self.wish.start.saturating_add(self.wish.replicas)
    }

    /// Those that are too many, the highest number first.
    fn condemned(&self) -> impl DoubleEndedIterator<Item = &(i32, Arc<Pod>)> {
        self.pods.iter().rev().filter(|(ordinal, _)| !self.wish.has(*ordinal))
    }

    fn is_available(&self, pod: &Pod) -> bool {
        is_serving(pod) && pod.is_available(self.wish.min_ready_seconds, self.now)
    }

    /// The first pod that does not serve, of those that are wanted before those that are not.
    fn first_unhealthy(&self) -> Option<i32> {
        let wanted = self.ordinals().find(|ordinal| self.pod(*ordinal).is_none_or(|pod| !is_healthy(pod)));
        let condemned =
            || self.condemned().rev().find(|(_, pod)| !is_healthy(pod)).map(|(ordinal, _)| *ordinal);
        wanted.or_else(condemned)
    }

    /// A pod that is made anew keeps its revision while the update has not come to it.
    fn template(&self, ordinal: i32) -> Template {
        let current = self.set.status.as_ref().and_then(|status| status.current_replicas).unwrap_or(0);
        let kept = match self.wish.update {
            Update::OnDelete => 0,
            Update::Rolling { partition, .. } => partition.unwrap_or(current),
        };
        if ordinal < self.wish.start.saturating_add(kept) { Template::Current } else { Template::Update }
    }
}

fn is_serving(pod: &Pod) -> bool {
    pod.phase() == "Running" && pod.is_ready()
}

fn is_healthy(pod: &Pod) -> bool {
    is_serving(pod) && !pod.is_deleting()
}

fn revision(pod: &Pod) -> Option<&str> {
    pod.metadata.labels.as_ref()?.get(REVISION_LABEL).map(String::as_str)
}

pub(super) fn plan(state: &State<'_>) -> Plan {
    let mut plan = Plan::default();
    let is_going = state.set.metadata.deletion_timestamp.is_some();
    // Each step waits for the one before it.
    if !is_going && !keep(state, &mut plan) && !scale_down(state, &mut plan) {
        roll(state, &mut plan);
    }
    plan
}

/// Every number has its pod. Tells whether the next step has to wait.
fn keep(state: &State<'_>, plan: &mut Plan) -> bool {
    for ordinal in state.ordinals() {
        let stops = match state.pod(ordinal) {
            None => {
                plan.create.push((ordinal, state.template(ordinal)));
                true
            }
            Some(pod) if pod.has_ended() => {
                if !pod.is_deleting() {
                    plan.delete.push(pod.clone());
                }
                true
            }
            Some(pod) => {
                if pod.phase() == "Pending" {
                    plan.claims.push(ordinal);
                }
                let waits = pod.is_deleting() || !state.is_available(pod);
                if !waits || !state.wish.is_ordered {
                    plan.retain.push((ordinal, pod.clone()));
                }
                waits
            }
        };
        if stops && state.wish.is_ordered {
            return true;
        }
    }
    false
}

/// Pods that are too many go. Tells whether the next step has to wait.
fn scale_down(state: &State<'_>, plan: &mut Plan) -> bool {
    plan.retain.extend(state.condemned().cloned());
    let first_unhealthy = state.first_unhealthy();
    for (ordinal, pod) in state.condemned() {
        let waits = pod.is_deleting() || (!state.is_available(pod) && first_unhealthy != Some(*ordinal));
        if !pod.is_deleting() && (!waits || !state.wish.is_ordered) {
            plan.delete.push(pod.clone());
        }
        if state.wish.is_ordered {
            return true;
        }
    }
    false
}

/// Deletes what is of an old revision, the highest number first; it is made anew of the new one.
fn roll(state: &State<'_>, plan: &mut Plan) {
    let Update::Rolling { partition, unavailable } = state.wish.update else { return };
    // As upstream counts it: the partition is of places, not of numbers.
    let first = state.wish.start.saturating_add(partition.unwrap_or(0));
    let ordinals = state.ordinals();
    let targets = (first..ordinals.end).rev().map(|ordinal| state.pod(ordinal));
    let is_old = |pod: &Pod| revision(pod) != Some(state.update) && !pod.is_deleting();
    let Some(unavailable) = unavailable else {
        let is_done = |pod: &Pod| !is_old(pod) && is_healthy(pod);
        let next = { targets }.find(|pod| !pod.is_some_and(|pod| is_done(pod)));
        plan.delete.extend(next.flatten().filter(|pod| is_old(pod)).cloned());
        return;
    };
    let missing = ordinals.filter(|ordinal| state.pod(*ordinal).is_none_or(|pod| !is_healthy(pod))).count();
    let room = usize::try_from(unavailable).unwrap_or(0).saturating_sub(missing);
    plan.delete.extend(targets.flatten().filter(|pod| is_old(pod)).take(room).cloned());
}

/// `collisions` is how many names of revisions were taken.
pub(super) fn status(state: &State<'_>, collisions: i32) -> StatefulSetStatus {
    let count = |which: &dyn Fn(&Pod) -> bool| state.pods.iter().filter(|(_, pod)| which(pod)).count();
    let is_created = |pod: &Pod| !pod.phase().is_empty();
    let is_of = |pod: &Pod, name: &str| is_created(pod) && !pod.is_deleting() && revision(pod) == Some(name);
    let (replicas, ready) = (count(&is_created), count(&is_serving));
    let updated = count(&|pod| is_of(pod, state.update));
    let mut current = count(&|pod| is_of(pod, state.current));
    let mut current_revision = state.current;
    let is_complete =
        [replicas, ready, updated].iter().all(|count| i32::try_from(*count) == Ok(state.wish.replicas));
    if is_complete && state.wish.update != Update::OnDelete {
        (current, current_revision) = (updated, state.update);
    }
    StatefulSetStatus {
        observed_generation: state.set.metadata.generation,
        replicas: counted(replicas).unwrap_or(0),
        ready_replicas: counted(ready),
        available_replicas: Some(i32::try_from(count(&|pod| state.is_available(pod))).unwrap_or(i32::MAX)),
        current_replicas: counted(current),
        updated_replicas: counted(updated),
        current_revision: Some(current_revision.to_owned()),
        update_revision: Some(state.update.to_owned()),
        collision_count: Some(collisions),
        conditions: state.set.status.as_ref().and_then(|status| status.conditions.clone()),
    }
}
