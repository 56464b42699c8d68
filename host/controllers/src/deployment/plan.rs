//! What is done about a Deployment: one step of its rollout, and its status. Pure.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::TEMPLATE_HASH;
use super::progress::{self, PROGRESSING};
use super::revision::{self, Annotations};
use super::rollout::{self, Sizes};
use super::sets::{Sets, actual, name, sum, wanted};
use super::wish::{Strategy, Wish};
use crate::conditions;
use crate::dependents::Owner;
use crate::pod_template::template_hash;

/// What is known of a Deployment.
pub(super) struct State<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) wish: Wish,
    pub(super) sets: Sets,
    /// Uids of sets with pods that have not come to their end.
    pub(super) busy: HashSet<String>,
    pub(super) now: Timestamp,
}

/// What is done, in this order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) create: Option<ReplicaSet>,
    pub(super) deletions: Vec<Arc<ReplicaSet>>,
    /// The Deployment's.
    pub(super) revision: Option<String>,
    pub(super) status: DeploymentStatus,
    /// Whether the status is that of a rollout, which has a deadline.
    pub(super) is_rollout: bool,
}

/// What is to be another of a set.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) set: Arc<ReplicaSet>,
    pub(super) replicas: i32,
    pub(super) min_ready_seconds: Option<i32>,
    pub(super) annotations: Annotations,
}

pub(super) fn plan(state: &State<'_>) -> Plan {
    let State { deployment, wish, sets, now, .. } = state;
    let mut plan = Plan::default();
    let mut conditions = progress::conditions(deployment);
    if deployment.metadata.deletion_timestamp.is_some() {
        plan.status = progress::counted(deployment, wish, sets, conditions, *now);
        return plan;
    }
    progress::pause(wish, &mut conditions, *now);
    if let Some(new) = &sets.new {
        plan.keep(state, new);
        let is_told = conditions::find(&conditions, PROGRESSING).is_some();
        if wish.progress_deadline.is_some() && !is_told {
            let message = format!("Found new replica set {:?}", name(new));
            progress::say(&mut conditions, "True", "FoundNewReplicaSet", message, *now);
        }
    }
    plan.is_rollout = !wish.is_paused && !rollout::is_scaling(wish, sets);
    if !plan.is_rollout {
        let total = deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or(0);
        plan.resize(state, rollout::scaled(wish, sets, total));
        plan.deletions = rollout::forgotten(wish, sets);
        plan.status = progress::counted(deployment, wish, sets, conditions, *now);
        return plan;
    }
    plan.roll(state);
    let mut sets = sets.clone();
    if let Some(new) = &plan.create {
        sets.new = Some(Arc::new(new.clone()));
        if wish.progress_deadline.is_some() {
            let message = format!("Created new replica set {:?}", name(new));
            progress::say(&mut conditions, "True", "NewReplicaSetCreated", message, *now);
        }
    }
    plan.status = progress::counted(deployment, wish, &sets, conditions, *now);
    progress::judge(deployment, wish, &sets, &mut plan.status, *now);
    plan
}

impl Plan {
    fn roll(&mut self, state: &State<'_>) {
        let State { deployment, wish, sets, .. } = state;
        let new_uid = sets.new.as_ref().and_then(|new| new.metadata.uid.as_deref());
        match (wish.strategy, &sets.new) {
            (Strategy::Recreate, _) if sets.old.iter().any(|set| wanted(set) > 0) => {
                return self.resize(state, rollout::emptied(sets));
            }
            (Strategy::Recreate, _)
                if sum(&sets.old, actual) > 0
                    || state.busy.iter().any(|uid| Some(uid.as_str()) != new_uid) =>
            {
                return;
            }
            (_, None) => return self.create(state),
            (Strategy::Recreate, Some(new)) => {
                if wanted(new) != wish.replicas {
                    self.resize(state, vec![(new.clone(), wish.replicas)]);
                }
            }
            (Strategy::Rolling { .. }, Some(new)) => self.resize(state, rollout::rolling(wish, sets, new)),
        }
        let old = deployment.status.clone().unwrap_or_default();
        let is_observed = old.observed_generation >= deployment.metadata.generation;
        if self.changes.iter().all(|change| change.replicas == wanted(&change.set))
            && is_observed
            && progress::is_complete(wish, &old)
        {
            self.deletions = rollout::forgotten(wish, sets);
        }
    }

    /// The new set follows the Deployment, and the Deployment's revision that of the set.
    fn keep(&mut self, state: &State<'_>, new: &Arc<ReplicaSet>) {
        let State { deployment, wish, sets, .. } = state;
        let annotations = revision::of_new(deployment, Some(new), last_revision(sets));
        let revision = annotations.get(revision::REVISION).cloned();
        let revision = revision.unwrap_or_else(|| revision::revision(new).to_string());
        self.tell_revision(deployment, revision);
        let min_ready_seconds = new.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        let is_late = min_ready_seconds != wish.min_ready_seconds;
        if !annotations.is_empty() || is_late {
            let change = self.change(new);
            change.annotations.extend(annotations);
            change.min_ready_seconds = is_late.then_some(wish.min_ready_seconds);
        }
    }

    fn tell_revision(&mut self, deployment: &Deployment, revision: String) {
        let annotations = deployment.metadata.annotations.as_ref();
        if annotations.and_then(|annotations| annotations.get(revision::REVISION)) != Some(&revision) {
            self.revision = Some(revision);
        }
    }

    fn change(&mut self, set: &Arc<ReplicaSet>) -> &mut Change {
        let index = self.changes.iter().position(|change| Arc::ptr_eq(&change.set, set));
        let index = index.unwrap_or_else(|| {
            self.changes.push(Change {
                set: set.clone(),
                replicas: wanted(set),
                min_ready_seconds: None,
                annotations: Annotations::new(),
            });
            self.changes.len() - 1
        });
        &mut self.changes[index]
    }

    /// What is resized tells of how many it is a part.
    fn resize(&mut self, state: &State<'_>, sizes: Sizes) {
        for (set, replicas) in sizes {
            let annotations = revision::of_size(&state.wish, Some(&set));
            if replicas != wanted(&set) || !annotations.is_empty() {
                let change = self.change(&set);
                change.replicas = replicas;
                change.annotations.extend(annotations);
            }
        }
    }

    fn create(&mut self, state: &State<'_>) {
        let State { deployment, wish, sets, .. } = state;
        let Some(spec) = &deployment.spec else { return };
        let collisions = deployment.status.as_ref().and_then(|status| status.collision_count);
        let hash = template_hash(&spec.template, collisions);
        let mut annotations = revision::of_new(deployment, None, last_revision(sets));
        if let Some(revision) = annotations.get(revision::REVISION).cloned() {
            self.tell_revision(deployment, revision);
        }
        annotations.extend(revision::of_size(wish, None));
        let owner = Owner::of(*deployment);
        let mut template = spec.template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut match_labels = spec.selector.match_labels.clone().unwrap_or_default();
        match_labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        self.create = Some(ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{}-{hash}", owner.name)),
                namespace: Some(owner.namespace.clone()),
                labels: Some(labels),
                annotations: Some(annotations),
                owner_references: Some(vec![owner.reference()]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(rollout::of_new(wish, sets)),
                min_ready_seconds: Some(wish.min_ready_seconds).filter(|seconds| *seconds != 0),
                selector: LabelSelector { match_labels: Some(match_labels), ..spec.selector.clone() },
                template: Some(template),
            }),
            status: None,
        });
    }
}

fn last_revision(sets: &Sets) -> i64 {
    sets.old.iter().map(|set| revision::revision(set)).max().unwrap_or(0)
}
