//! Jobs run pods until as many have succeeded as is asked for, or too many have failed. Every pod that ends is counted
//! once, however often anything is interrupted: it has a finalizer until the job's status knows of it.

mod indexes;
mod metrics;
mod orphans;
mod plan;
mod pods;
mod policy;
mod released;
mod template;
mod track;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use client::events::{EventType, Recorder};
use client::{ApiError, Client, Patch};
use futures_util::future::join_all;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use objects::selector::LabelSelector;
use objects::tree;
use objects::tree::to_tree;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};
use tokio::time::Instant;

use crate::dependents::{Owner, Selects, claim, feed_owners, selector_of};
use crate::expectations::Expectations;
use crate::pod::Pod;
use crate::pod_control::{PodControl, PodError};
use crate::slow_start::slow_start;
use crate::wiring::Wiring;
use metrics::JobMetrics;
use plan::{Action, Creation, Ending, Scene, View, is_finished};
use pods::{Backoff, TRACKING, is_tracked, uid};
use released::Released;
use track::{Done, Tracked, count_released, finish};

/// Of `spec.managedBy`, where it is not left out.
const MANAGER: &str = "kubernetes.io/job-controller";

#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("manage the pods")]
    Pods(#[from] PodError),
}

impl Selects for Job {
    const FINALIZERS: &[&str] = &[TRACKING];

    fn selector(&self) -> Option<LabelSelector> {
        selector_of(self.spec.as_ref()?.selector.as_ref()?)
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("job");
    let recorder = wiring.recorder("job-controller");
    let expectations = Expectations::of::<Job, Pod>(wiring);
    let released = Released::watching(wiring);
    let jobs = wiring.feed_own::<Job>(&queue);
    let pods = feed_owners::<Job, Pod>(wiring, &queue);
    let (client, control) = (wiring.client(), PodControl::new(wiring, recorder.clone()));
    let (backoffs, metrics) = (Mutex::default(), JobMetrics::new(wiring.metrics()));
    let jobs = Jobs { client, control, recorder, metrics, expectations, released, jobs, pods, backoffs };
    let workers = wiring.config().job_syncs;
    wiring.reconcile(jobs, queue, workers);
    orphans::wire(wiring);
}

/// Whether another controller looks after the job.
fn is_foreign(job: &Job) -> bool {
    let manager = job.spec.as_ref().and_then(|spec| spec.managed_by.as_deref());
    manager.is_some_and(|manager| manager != MANAGER)
}

/// Removes the finalizer that holds a pod until it is counted.
fn release_patch(pod: &Pod) -> Patch {
    Patch::Strategic(tree!({
        "metadata": { "uid": (uid(pod)), "$deleteFromPrimitiveList/finalizers": [TRACKING] }
    }))
}

/// What becomes of the finalizer of a pod that is deleted.
#[derive(Clone, Copy)]
enum Hold {
    /// The pod is to be counted.
    Kept,
    Released,
}

struct Jobs {
    client: Client,
    control: PodControl,
    recorder: Recorder,
    metrics: JobMetrics,
    expectations: Expectations,
    released: Released,
    jobs: Store<Job>,
    pods: Store<Pod>,
    /// Of jobs that had failures, by uid.
    backoffs: Mutex<HashMap<String, Backoff>>,
}

impl Reconcile for Jobs {
    type Key = ObjectKey;
    type Error = JobError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, JobError> {
        let Some(job) = self.jobs.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let owner = Owner::of(&*job);
        if is_foreign(&job) || is_finished(&job) {
            self.set_backoff(&owner, Backoff::default());
            return Ok(Outcome::Done);
        }
        let Some(selector) = job.selector() else { return Ok(Outcome::Done) };
        let begun = Instant::now();
        let pending = self.expectations.pending(&owner.uid);
        // Before the pods are read: what is released by then is seen by then.
        let released = self.released.of(&owner.uid);
        let pods = claim(&self.client, &*job, &selector, self.pods.in_namespace(&key.namespace)).await?;
        let scene = Scene {
            job: &job,
            pods: &pods,
            released: &released,
            is_settled: pending.is_none(),
            backoff: self.backoff(&owner),
            now: supervise::clock::now(),
        };
        let view = View::of(&scene);
        let plan = plan::plan(&scene, &view);
        let (done, acted) = self.act(&scene, &view, &owner, &plan).await;
        let tracked = track::track(&scene, &view, done);
        let settled = self.settle(&scene, &view, &owner, tracked).await;
        let (succeeded, action) = (settled.is_ok() && acted.is_ok(), metrics::action(&plan.action));
        self.metrics.looked(&view.spec, succeeded, action, begun.elapsed());
        settled?;
        acted?;
        let due = [plan.again, self.expectations.pending(&owner.uid)].into_iter().flatten().min();
        Ok(due.map_or(Outcome::Done, Outcome::After))
    }
}

impl Jobs {
    fn backoff(&self, owner: &Owner) -> Backoff {
        let backoffs = self.backoffs.lock().unwrap_or_else(PoisonError::into_inner);
        backoffs.get(&owner.uid).copied().unwrap_or_default()
    }

    fn set_backoff(&self, owner: &Owner, backoff: Backoff) {
        let mut backoffs = self.backoffs.lock().unwrap_or_else(PoisonError::into_inner);
        if backoff == Backoff::default() {
            backoffs.remove(&owner.uid);
        } else {
            backoffs.insert(owner.uid.clone(), backoff);
        }
    }

    /// Carries the plan out; what became of it counts even where some of it failed.
    async fn act(
        &self,
        scene: &Scene<'_>,
        view: &View,
        owner: &Owner,
        plan: &plan::Plan,
    ) -> (Done, Result<(), JobError>) {
        let mut done = Done {
            active: view.active.len(),
            ready: view.ready,
            terminating: view.terminating,
            is_managed: plan.is_managed,
            is_ended: false,
        };
        let acted = match &plan.action {
            Action::Nothing => Ok(()),
            Action::Create(creations) => {
                let (made, ended) = self.create(scene, owner, creations).await;
                done.active += made;
                ended
            }
            Action::End(pods) => {
                let ended = self.delete(owner, pods, &mut done, Hold::Kept).await;
                done.is_ended = ended.is_ok() && scene.is_settled;
                ended
            }
            Action::Delete(pods) => {
                self.expectations.expect_deletions(&owner.uid, pods.iter().map(|pod| uid(pod).to_owned()));
                self.delete(owner, pods, &mut done, Hold::Released).await
            }
        };
        (done, acted)
    }

    async fn create(
        &self,
        scene: &Scene<'_>,
        owner: &Owner,
        creations: &[Creation],
    ) -> (usize, Result<(), JobError>) {
        self.expectations.expect_creations(&owner.uid, creations.len());
        let (made, ended) = slow_start(creations.len(), |position| async move {
            let pod = template::pod(scene.job, owner, &creations[position]);
            let pod = to_tree(&pod).expect("a pod is JSON");
            match self.control.create(owner, &pod).await {
                Err(error) if error.is_namespace_terminating() => {
                    self.expectations.created(&owner.uid);
                    Ok(())
                }
                answer => answer,
            }
        })
        .await;
        (made..creations.len()).for_each(|_| self.expectations.created(&owner.uid));
        (made, ended.map_err(JobError::from))
    }

    /// Deletes pods; what was deleted is no longer active.
    async fn delete(
        &self,
        owner: &Owner,
        pods: &[Arc<Pod>],
        done: &mut Done,
        hold: Hold,
    ) -> Result<(), JobError> {
        let answers = join_all(pods.iter().map(async |pod| -> Result<(), JobError> {
            let released = match hold {
                Hold::Kept => Ok(()),
                Hold::Released => self.release(owner, pod).await,
            };
            let answer = match released {
                Ok(()) => self.control.delete(owner, pod).await.map_err(JobError::from),
                Err(error) => Err(error.into()),
            };
            if !matches!(answer, Ok(true)) {
                self.expectations.deleted(&owner.uid, uid(pod));
            }
            answer.map(drop)
        }))
        .await;
        for (pod, _) in pods.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            done.active -= 1;
            done.terminating += 1;
            done.ready -= usize::from(pod.is_ready());
        }
        answers.into_iter().collect()
    }

    /// Removes the finalizer of a pod; one that is gone has none.
    async fn release(&self, owner: &Owner, pod: &Pod) -> Result<(), ApiError> {
        if !is_tracked(pod) {
            return Ok(());
        }
        let pods = self.client.namespaced::<Pod>(&owner.namespace);
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        match pods.patch(name, &release_patch(pod)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the status, releases the pods that it knows of by then, and writes that they are counted.
    async fn settle(
        &self,
        scene: &Scene<'_>,
        view: &View,
        owner: &Owner,
        tracked: Tracked,
    ) -> Result<(), JobError> {
        let Tracked { status, release, tracked, ending, is_full, events } = tracked;
        let mut job = scene.job.clone();
        if job.status.as_ref() != Some(&status) {
            job = self.write(job, owner, status).await?;
        }
        self.set_backoff(owner, view.backoff);
        for (reason, message) in events {
            self.recorder.record(owner.object(), EventType::Normal, reason, message);
        }
        let (left, answer) = self.release_all(owner, &release, tracked).await;
        let mut status = job.status.clone().unwrap_or_default();
        let is_counted = count_released(&mut status, &left);
        let ending =
            ending.filter(|ending| answer.is_ok() && !is_full && finish(&mut status, ending, scene.now));
        if is_counted || ending.is_some() {
            self.write(job, owner, status.clone()).await?;
        }
        self.metrics.counted(&view.spec, scene.job.status.as_ref(), &status);
        if let Some(ending) = ending {
            self.metrics.ended(&view.spec, &ending);
            self.tell(view, owner, &status, &ending);
        }
        answer.map_err(JobError::from)
    }

    /// Who still has the finalizer of those that had, after it was removed from some.
    async fn release_all(
        &self,
        owner: &Owner,
        release: &[Arc<Pod>],
        mut tracked: HashSet<String>,
    ) -> (HashSet<String>, Result<(), ApiError>) {
        self.released.expect(&owner.uid, release.iter().map(|pod| uid(pod).to_owned()));
        let answers = join_all(release.iter().map(|pod| self.release(owner, pod))).await;
        let mut all = Ok(());
        for (pod, answer) in release.iter().zip(answers) {
            match answer {
                Ok(()) => drop(tracked.remove(uid(pod))),
                Err(error) => {
                    self.released.seen(&owner.uid, uid(pod));
                    all = Err(error);
                }
            }
        }
        (tracked, all)
    }

    /// The version that was read must be the one that is written over: counts are kept in it.
    async fn write(&self, job: Job, owner: &Owner, status: JobStatus) -> Result<Job, ApiError> {
        let job = Job { status: Some(status), ..job };
        self.client.namespaced::<Job>(&owner.namespace).update_status(&owner.name, &job).await
    }

    fn tell(&self, view: &View, owner: &Owner, status: &JobStatus, ending: &Ending) {
        let record = |kind, reason: &str, message: &str| {
            self.recorder.record(owner.object(), kind, reason, message);
        };
        if !ending.succeeded {
            return record(EventType::Warning, &ending.reason, &ending.message);
        }
        if view.spec.completions.is_some_and(|completions| status.succeeded > Some(completions)) {
            let message = "Too many succeeded pods running after completion count reached";
            record(EventType::Warning, "TooManySucceededPods", message);
        }
        record(EventType::Normal, "Completed", "Job completed");
    }
}
