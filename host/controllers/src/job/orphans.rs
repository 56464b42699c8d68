//! Pods that are held to be counted by a job that is no longer there, or is finished: nobody counts them, so they are
//! let go.

use client::{ApiError, Client};
use k8s_openapi::api::batch::v1::Job;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use super::plan::is_finished;
use super::pods::is_tracked;
use super::{is_foreign, release_patch};
use crate::dependents::owner_key;
use crate::pod::Pod;
use crate::wiring::Wiring;

pub(super) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("job_orphan_pod");
    let jobs = wiring.store::<Job>();
    let pods = {
        let jobs = jobs.clone();
        wiring.feed(&queue, move |pod: &Pod| held_by_nobody(pod, &jobs).then(|| ObjectKey::of(&pod.metadata)))
    };
    let (waiting, held) = (queue.clone(), pods.clone());
    wiring.on_change(move |change: &Change<'_, Job>| {
        if change.new.is_some_and(|job| !is_finished(job)) {
            return;
        }
        let job = &change.key;
        let is_its = |pod: &Pod| is_tracked(pod) && owner_key::<Job>(&pod.metadata).as_ref() == Some(job);
        let pods = held.in_namespace(&job.namespace).into_iter().filter(|pod| is_its(pod));
        pods.for_each(|pod| waiting.add(ObjectKey::of(&pod.metadata)));
    });
    let client = wiring.client();
    let workers = wiring.config().job_syncs;
    wiring.reconcile(Orphans { client, jobs, pods }, queue, workers);
}

/// As far as the stores know.
fn held_by_nobody(pod: &Pod, jobs: &Store<Job>) -> bool {
    if !is_tracked(pod) {
        return false;
    }
    let Some(owner) = pod.controller() else { return true };
    let job = owner_key::<Job>(&pod.metadata).and_then(|key| jobs.get(&key.namespace, &key.name));
    job.is_none_or(|job| job.metadata.uid.as_ref() != Some(&owner.uid) || is_finished(&job))
}

struct Orphans {
    client: Client,
    jobs: Store<Job>,
    pods: Store<Pod>,
}

impl Reconcile for Orphans {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(pod) = self.pods.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        if !held_by_nobody(&pod, &self.jobs) || self.is_counted(&pod).await? {
            return Ok(Outcome::Done);
        }
        match self.client.namespaced::<Pod>(&key.namespace).patch(&key.name, &release_patch(&pod)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}

impl Orphans {
    /// Asks the API server: a pod may be seen before its job.
    async fn is_counted(&self, pod: &Pod) -> Result<bool, ApiError> {
        let (Some(owner), Some(key)) = (pod.controller(), owner_key::<Job>(&pod.metadata)) else {
            return Ok(false);
        };
        let job = self.client.namespaced::<Job>(&key.namespace).find(&key.name).await?;
        let job = job.filter(|job| job.metadata.uid.as_ref() == Some(&owner.uid));
        Ok(job.is_some_and(|job| is_foreign(&job) || !is_finished(&job)))
    }
}
