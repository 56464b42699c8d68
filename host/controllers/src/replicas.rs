//! ReplicaSets and ReplicationControllers keep as many pods as is asked of them. They differ in little but their names,
//! and have one controller.

mod kinds;
mod plan;

use std::num::NonZeroUsize;
use std::sync::Arc;

use client::{ApiError, Client};
use futures_util::future::join_all;
use jiff::Timestamp;
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, claim, feed_owners, matches};
use crate::expectations::Expectations;
use crate::pod::{Pod, controller_of, next_available};
use crate::pod_control::{PodControl, PodError};
use crate::pod_template::pod_of;
use crate::slow_start::slow_start;
use crate::status::write_status;
use crate::wiring::Wiring;
use kinds::Replicated;
use plan::{Plan, Pods};

/// Upstream's `--concurrent-replicaset-syncs`, and the same of replication controllers.
const WORKERS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

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
    let expectations = Expectations::of::<R, Pod>(wiring);
    let sets = wiring.feed_own::<R>(&queue);
    let pods = feed_owners::<R, Pod>(wiring, &queue);
    let (client, control) = (wiring.client(), PodControl::new(wiring, recorder));
    wiring.reconcile(Replicas { client, control, expectations, sets, pods }, queue, WORKERS);
}

struct Replicas<R> {
    client: Client,
    control: PodControl,
    expectations: Expectations,
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
        let is_settled = self.expectations.pending(&owner.uid).is_none();
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
        let due = [due, self.expectations.pending(&owner.uid)].into_iter().flatten().min();
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
        let related = self.related(set, all);
        match plan::plan(set.replicas(), &pods.active, &related, now) {
            Plan::Nothing => Ok(()),
            Plan::Create(count) => self.create(set, owner, count).await,
            Plan::Delete(pods) => self.delete(owner, &pods).await,
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
        self.expectations.expect_creations(&owner.uid, count);
        let (successes, ended) = slow_start(count, |_| async {
            match self.control.create(owner, &pod).await {
                Err(error) if error.is_namespace_terminating() => {
                    self.expectations.created(&owner.uid);
                    Ok(())
                }
                answer => answer,
            }
        })
        .await;
        (successes..count).for_each(|_| self.expectations.created(&owner.uid));
        ended
    }

    async fn delete(&self, owner: &Owner, pods: &[Arc<Pod>]) -> Result<(), PodError> {
        let uid = |pod: &Pod| pod.metadata.uid.clone().unwrap_or_default();
        self.expectations.expect_deletions(&owner.uid, pods.iter().map(|pod| uid(pod)));
        let answers = join_all(pods.iter().map(|pod| async move {
            let answer = self.control.delete(owner, pod).await;
            if !matches!(answer, Ok(true)) {
                self.expectations.deleted(&owner.uid, &uid(pod));
            }
            answer.map(drop)
        }))
        .await;
        answers.into_iter().collect()
    }
}
