//! ReplicaSets and ReplicationControllers keep as many pods as is asked of them. They differ in little but their names,
//! and have one controller.

mod kinds;
mod plan;

use std::sync::Arc;

use client::{ApiError, Client};
use jiff::Timestamp;
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, claim, feed_owners, matches};
use crate::pod::{Pod, controller_of, next_available};
use crate::pod_batches::PodBatches;
use crate::pod_control::PodError;
use crate::pod_template::pod_of;
use crate::status::write_status;
use crate::wiring::Wiring;
use kinds::Replicated;
use plan::{Plan, Pods};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplicasError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("manage the pods")]
    Pods(#[from] PodError),
}

pub(crate) fn wire<R: Replicated>(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue(R::QUEUE);
    let recorder = wiring.recorder(R::COMPONENT);
    let batches = PodBatches::of::<R>(wiring, recorder);
    let sets = wiring.feed_own::<R>(&queue);
    let pods = feed_owners::<R, Pod>(wiring, &queue);
    let (client, workers) = (wiring.client(), R::workers(wiring.config()));
    wiring.reconcile(Replicas { client, batches, sets, pods }, queue, workers);
}

struct Replicas<R> {
    client: Client,
    batches: PodBatches,
    sets: Store<R>,
    pods: Store<Pod>,
}

impl<R: Replicated> Reconcile for Replicas<R> {
    type Key = ObjectKey;
    type Error = ReplicasError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ReplicasError> {
        let Some(set) = self.sets.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let Some(selector) = set.selector() else { return Ok(Outcome::Done) };
        let owner = Owner::of(&*set);
        let is_settled = self.batches.pending(&owner).is_none();
        let all = self.pods.in_namespace(&key.namespace);
        let now = supervise::clock::now();
        let pods = self.pods_of(&*set, &owner, &selector, &all).await?;
        let managed = if is_settled && set.metadata().deletion_timestamp.is_none() {
            self.manage(&*set, &owner, &pods, &all, now).await
        } else {
            Ok(())
        };
        let failure = managed.as_ref().err().map(ToString::to_string);
        let status = plan::status(&*set, &pods, failure, now);
        write_status::<R, _>(&self.client, &owner, &set.status(), &status).await?;
        managed?;
        let due = next_available(&pods.active, set.min_ready_seconds(), now);
        let due = [due, self.batches.pending(&owner)].into_iter().flatten().min();
        Ok(due.map_or(Outcome::Done, Outcome::After))
    }
}

impl<R: Replicated> Replicas<R> {
    async fn pods_of(
        &self,
        set: &R,
        owner: &Owner,
        selector: &LabelSelector,
        all: &[Arc<Pod>],
    ) -> Result<Pods, ApiError> {
        let is_ours = |pod: &&Arc<Pod>| owner.controls(&pod.metadata) && matches(selector, &pod.metadata);
        let terminating = all.iter().filter(|pod| pod.is_terminating()).filter(is_ours).count();
        let active: Vec<_> = all.iter().filter(|pod| pod.is_active()).cloned().collect();
        let active = claim(&self.client, set, selector, active).await?;
        Ok(Pods { active, terminating })
    }

    async fn manage(
        &self,
        set: &R,
        owner: &Owner,
        pods: &Pods,
        all: &[Arc<Pod>],
        now: Timestamp,
    ) -> Result<(), PodError> {
        let is_surplus = pods.active.len() > set.replicas();
        let related = if is_surplus { self.related(set, all) } else { Vec::new() };
        match plan::plan(set.replicas(), &pods.active, &related, now) {
            Plan::Nothing => Ok(()),
            Plan::Create(count) => self.create(set, owner, count).await,
            Plan::Delete(pods) => self.batches.delete(owner, &pods).await,
        }
    }

    /// Pods of all sets of the controller that this set is of.
    fn related(&self, set: &R, all: &[Arc<Pod>]) -> Vec<Arc<Pod>> {
        let Some(controller) = controller_of(set.metadata()) else { return Vec::new() };
        let namespace = set.metadata().namespace.as_deref().unwrap_or_default();
        let sets = self.sets.in_namespace(namespace);
        let siblings: Vec<Owner> = sets
            .iter()
            .filter(|set| controller_of(set.metadata()).is_some_and(|other| other.uid == controller.uid))
            .map(|set| Owner::of(&**set))
            .collect();
        let is_related = |pod: &&Arc<Pod>| siblings.iter().any(|owner| owner.controls(&pod.metadata));
        all.iter().filter(is_related).cloned().collect()
    }

    async fn create(&self, set: &R, owner: &Owner, count: usize) -> Result<(), PodError> {
        let Some(template) = set.template() else { return Ok(()) };
        let pod = to_tree(&pod_of(template, owner)).expect("a pod is JSON");
        self.batches.create(owner, count, |_| pod.clone()).await
    }
}
