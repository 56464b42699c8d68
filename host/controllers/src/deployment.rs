//! Deployments: a ReplicaSet for each template that they had, the pods of which the newest takes over as the strategy
//! says; the older ones are the history, to which one can go back.

mod plan;
mod progress;
mod revision;
mod rollout;
mod sets;
mod wish;

use std::collections::HashSet;

use client::events::{EventType, Recorder};
use client::{ApiError, ApiResource, Client, DeleteOptions, Patch, Preconditions};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet};
use objects::selector::LabelSelector;
use objects::tree;
use objects::tree::to_tree;
use reconcile::{Change as Changed, ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, Selects, claim, feed_owners, owner_key, selector_of};
use crate::pod::Pod;
use crate::status::write_status;
use crate::wiring::Wiring;
use plan::{Change, Plan, State, plan};
use sets::{Sets, has_template, name, wanted};
use wish::{Strategy, Wish};

/// The label that keeps the pods of one template from those of another.
const TEMPLATE_HASH: &str = "pod-template-hash";

impl Selects for Deployment {
    fn selector(&self) -> Option<LabelSelector> {
        selector_of(&self.spec.as_ref()?.selector)
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("deployment");
    let recorder = wiring.recorder("deployment-controller");
    let deployments = wiring.feed_own::<Deployment>(&queue);
    let sets = feed_owners::<Deployment, ReplicaSet>(wiring, &queue);
    let (owners, waiting) = (sets.clone(), queue.clone());
    // A Deployment may wait for the last of its old pods.
    wiring.on_change(move |change: &Changed<'_, Pod>| {
        if let Some(old) = change.old.filter(|_| change.new.is_none_or(|new| new.has_ended())) {
            let set = owner_key::<ReplicaSet>(&old.metadata);
            let set = set.and_then(|set| owners.get(&set.namespace, &set.name));
            set.and_then(|set| owner_key::<Deployment>(&set.metadata))
                .into_iter()
                .for_each(|key| waiting.add(key));
        }
    });
    let (client, pods, workers) = (wiring.client(), wiring.store(), wiring.config().deployment_syncs);
    wiring.reconcile(Deployments { client, recorder, deployments, sets, pods }, queue, workers);
}

struct Deployments {
    client: Client,
    recorder: Recorder,
    deployments: Store<Deployment>,
    sets: Store<ReplicaSet>,
    pods: Store<Pod>,
}

impl Reconcile for Deployments {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(deployment) = self.deployments.get(&key.namespace, &key.name) else {
            return Ok(Outcome::Done);
        };
        let (owner, Some(wish)) = (Owner::of(&*deployment), Wish::of(&deployment)) else {
            return Ok(Outcome::Done);
        };
        let Some(selector) = deployment.selector() else {
            let message = "This deployment is selecting all pods. A non-empty selector is required.";
            self.recorder.record(owner.object(), EventType::Warning, "SelectingAll", message);
            let mut status = deployment.status.clone().unwrap_or_default();
            status.observed_generation = deployment.metadata.generation;
            self.write(&owner, &deployment, &status).await?;
            return Ok(Outcome::Done);
        };
        let sets =
            claim(&self.client, &*deployment, &selector, self.sets.in_namespace(&key.namespace)).await?;
        let busy = match wish.strategy {
            Strategy::Recreate => self.busy(&key.namespace),
            Strategy::Rolling { .. } => HashSet::new(),
        };
        let busy =
            busy.into_iter().filter(|uid| sets.iter().any(|set| set.metadata.uid.as_ref() == Some(uid)));
        let (busy, now) = (busy.collect(), supervise::clock::now());
        let sets = Sets::of(&deployment, sets);
        let state = State { deployment: &deployment, wish, sets, busy, now };
        self.carry_out(&owner, &deployment, plan(&state), &wish).await
    }
}

impl Deployments {
    /// Uids of whatever controls pods that have not ended.
    fn busy(&self, namespace: &str) -> HashSet<String> {
        let pods = self.pods.in_namespace(namespace);
        let pods = pods.iter().filter(|pod| !pod.has_ended());
        pods.filter_map(|pod| Some(pod.controller()?.uid.clone())).collect()
    }

    async fn carry_out(
        &self,
        owner: &Owner,
        deployment: &Deployment,
        mut plan: Plan,
        wish: &Wish,
    ) -> Result<Outcome, ApiError> {
        for change in &plan.changes {
            self.change(owner, change).await?;
        }
        if let Some(set) = plan.create.take() {
            let made = self.create(owner, deployment, &set, &mut plan.status).await;
            if made.is_err() {
                self.write(owner, deployment, &plan.status).await?;
            }
            made?;
        }
        for set in &plan.deletions {
            self.delete(owner, set).await?;
        }
        self.tell(owner, deployment, &plan).await?;
        let due = progress::next_look(wish, &plan.status, supervise::clock::now());
        Ok(due.filter(|_| plan.is_rollout).map_or(Outcome::Done, Outcome::After))
    }

    /// Of the very version of the set that the plan is for: an older plan must not undo a newer one.
    async fn change(&self, owner: &Owner, change: &Change) -> Result<(), ApiError> {
        let set = &change.set;
        let mut patch = tree!({
            "metadata": {
                "resourceVersion": (set.metadata.resource_version.clone()),
                "annotations": (to_tree(&change.annotations).expect("annotations are JSON"))
            },
            "spec": { "replicas": (change.replicas) }
        });
        if let Some(seconds) = change.min_ready_seconds {
            patch.set_at(&["spec", "minReadySeconds"], seconds);
        }
        self.sets(owner).patch(name(set), &Patch::Merge(patch)).await?;
        self.tell_size(owner, name(set), wanted(set), change.replicas);
        Ok(())
    }

    fn sets(&self, owner: &Owner) -> client::Api<objects::Tree> {
        self.client.dynamic(&ApiResource::of::<ReplicaSet>(), Some(&owner.namespace))
    }

    fn tell_size(&self, owner: &Owner, set: &str, from: i32, to: i32) {
        let direction = match to - from {
            0 => return,
            1.. => "up",
            _ => "down",
        };
        let message = format!("Scaled {direction} replica set {set} from {from} to {to}");
        self.recorder.record(owner.object(), EventType::Normal, "ScalingReplicaSet", message);
    }

    /// A set of the name that is another's moves the Deployment to another name; `status` says so, or why there is none.
    async fn create(
        &self,
        owner: &Owner,
        deployment: &Deployment,
        set: &ReplicaSet,
        status: &mut DeploymentStatus,
    ) -> Result<(), ApiError> {
        let sets = self.client.namespaced::<ReplicaSet>(&owner.namespace);
        let error = match sets.create(set).await {
            Ok(made) => {
                self.tell_size(owner, name(&made), 0, wanted(&made));
                return Ok(());
            }
            Err(error) => error,
        };
        let planned = std::mem::replace(status, deployment.status.clone().unwrap_or_default());
        if error.is_already_exists() {
            let template = deployment.spec.as_ref().map(|spec| &spec.template);
            let is_ours = |found: &ReplicaSet| {
                owner.controls(&found.metadata)
                    && template.is_some_and(|template| has_template(found, template))
            };
            if sets.find(name(set)).await?.is_some_and(|found| is_ours(&found)) {
                *status = planned;
                return Ok(());
            }
            status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
        } else if !error.is_namespace_terminating() {
            let message = format!("Failed to create new replica set {:?}: {error}", name(set));
            const REASON: &str = "ReplicaSetCreateError";
            self.recorder.record(owner.object(), EventType::Warning, REASON, message.clone());
            let conditions = status.conditions.get_or_insert_default();
            if deployment.spec.as_ref().is_some_and(|spec| spec.progress_deadline_seconds.is_some()) {
                progress::say(conditions, "False", REASON, message, supervise::clock::now());
            }
        }
        Err(error)
    }

    async fn delete(&self, owner: &Owner, set: &ReplicaSet) -> Result<(), ApiError> {
        let preconditions = Preconditions {
            uid: set.metadata.uid.clone(),
            resource_version: set.metadata.resource_version.clone(),
        };
        let options = DeleteOptions { preconditions: Some(preconditions), ..DeleteOptions::default() };
        match self.sets(owner).delete(name(set), &options).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The revision goes with the status, so that it makes no new generation.
    async fn tell(&self, owner: &Owner, deployment: &Deployment, plan: &Plan) -> Result<(), ApiError> {
        if let Some(revision) = &plan.revision {
            let mut patch = tree!({ "metadata": { "uid": (owner.uid.clone()) } });
            patch.set_at(&["metadata", "annotations", revision::REVISION], revision.clone());
            let deployments = self.client.dynamic(&ApiResource::of::<Deployment>(), Some(&owner.namespace));
            deployments.patch_status(&owner.name, &Patch::Merge(patch)).await?;
        }
        self.write(owner, deployment, &plan.status).await
    }

    async fn write(
        &self,
        owner: &Owner,
        deployment: &Deployment,
        status: &DeploymentStatus,
    ) -> Result<(), ApiError> {
        let old = deployment.status.clone().unwrap_or_default();
        write_status::<Deployment, _>(&self.client, owner, &old, status).await
    }
}
