//! The scheduling loop: takes decisions off the board one after another and carries them out beside each other.

mod devices;
mod status;
mod volumes;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::{Tree, tree};
use reconcile::ObjectKey;
use supervise::Scope;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::advice::{self, Bound};
use crate::allocate::Allocated;
use crate::board::{Board, Next, Work};
use crate::decide::{Nomination, Refusal};
use crate::metrics::{Outcome, SchedulerMetrics};
use crate::plugin::{Plugin, VolumePlan};
use crate::profile::Profile;
use crate::queue::Turn;
use crate::trace::{Ending, Point};
use crate::view::PodView;
use devices::DeviceError;
use volumes::VolumeError;

/// Decisions that are carried out at the same time. Those that wait for a volume or for others do not count.
const HANDS: usize = 64;
/// Pods of which others are asked at the same time, however long they take to answer.
pub(crate) const ASKED: usize = 64;

pub(crate) struct Scheduling {
    pub(crate) client: Client,
    pub(crate) board: Board,
    pub(crate) events: Recorder,
    pub(crate) metrics: SchedulerMetrics,
    /// Changes whenever a claim does.
    pub(crate) claims: watch::Receiver<()>,
    /// Of [`ASKED`].
    pub(crate) asking: Semaphore,
}

/// Why a pod was not bound.
#[derive(Debug, thiserror::Error)]
enum BindError {
    #[error("running PreBind plugin \"VolumeBinding\": binding volumes: {0}")]
    Volumes(#[from] VolumeError),
    #[error("running PreBind plugin \"DynamicResources\": {0}")]
    Devices(#[source] DeviceError),
    #[error("running Bind plugin \"ExtenderBinder\": {0}")]
    Advisor(String),
    #[error("running Bind plugin \"DefaultBinder\": {0}")]
    Binding(#[source] ApiError),
}

impl Scheduling {
    /// Schedules until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let scope = Scope::root("scheduler");
        let scheduling = Arc::new(self);
        tokio::select! {
            () = stop.cancelled() => {}
            () = scheduling.decide(&scope) => {}
        }
    }

    async fn decide(self: &Arc<Self>, scope: &Scope) {
        let hands = Arc::new(Semaphore::new(HANDS));
        loop {
            let Ok(hand) = hands.clone().acquire_owned().await else { return };
            let changed = self.board.changed().notified();
            tokio::pin!(changed);
            // From here on a change wakes this loop.
            changed.as_mut().enable();
            let due = match self.board.next() {
                Next::Work(work) => {
                    let scheduling = self.clone();
                    // Waiting for a volume or for others takes no hand from the rest.
                    let hand = Some(hand).filter(|_| !waits(&work));
                    scope.spawn("carry out", async move {
                        scheduling.carry_out(*work).await;
                        drop(hand);
                    });
                    continue;
                }
                Next::At(due) => Some(due),
                Next::Nothing => None,
            };
            tokio::select! {
                () = changed => {}
                () = sleep_until(due) => {}
            }
        }
    }

    async fn carry_out(&self, work: Work) {
        match work {
            Work::Bind { turn, profile, node, volumes, devices } => {
                self.bind(turn, &profile, &node, &volumes, &devices).await;
            }
            Work::Ask { turn, profile, advisors, nodes } => {
                // The semaphore is never closed.
                let _asked = self.asking.acquire().await.ok();
                let advice = advice::ask(&self.client, &turn.pod, &advisors, nodes).await;
                if let Some(work) = self.board.advised(turn, profile, advice) {
                    Box::pin(self.carry_out(work)).await;
                }
            }
            Work::Refuse { turn, profile, refusal, demoted } => {
                self.say(&turn.pod, "Unschedulable", &refusal.message, &refusal.nomination).await;
                self.metrics.ended(Outcome::Unschedulable, profile.scheduler_name(), turn.taken.elapsed());
                if profile.enabled.contains(Plugin::DefaultPreemption) {
                    self.metrics.preempted(refusal.victims.len());
                }
                if let Nomination::Set(node) = &refusal.nomination {
                    self.make_room(&turn.pod, &profile, node, &refusal, &demoted).await;
                }
            }
            Work::Fail { turn, profile, message } => {
                self.say(&turn.pod, "SchedulerError", &message, &Nomination::Clear).await;
                self.metrics.ended(Outcome::Error, profile.scheduler_name(), turn.taken.elapsed());
            }
        }
    }

    async fn bind(
        &self,
        turn: Turn,
        profile: &Profile,
        node: &str,
        volumes: &VolumePlan,
        devices: &[Allocated],
    ) {
        let pod = &turn.pod;
        let ended = |outcome| self.metrics.ended(outcome, profile.scheduler_name(), turn.taken.elapsed());
        match self.try_bind(pod, profile, node, volumes, devices).await {
            Ok(()) => {
                self.board.bound(pod);
                ended(Outcome::Scheduled);
                self.metrics.bound(turn.attempts, turn.begun.elapsed());
                let message = format!("Successfully assigned {} to {node}", pod.head.key);
                self.events.record(reference(pod), EventType::Normal, "Scheduled", message);
            }
            Err(BindError::Binding(error)) if error.is_not_found() => {
                debug!(pod = %pod.head.key, "a pod went while it was bound");
                self.board.vanished(pod, volumes);
            }
            Err(error) => {
                warn!(pod = %pod.head.key, node, %error, "bind");
                self.board.not_bound(pod, volumes);
                ended(Outcome::Error);
                self.say(pod, "SchedulerError", &error.to_string(), &Nomination::Clear).await;
            }
        }
    }

    async fn try_bind(
        &self,
        pod: &PodView,
        profile: &Profile,
        node: &str,
        plan: &VolumePlan,
        allocated: &[Allocated],
    ) -> Result<(), BindError> {
        let prepared = async {
            if !plan.is_empty() {
                volumes::have(self, pod, node, plan, profile.args.bind_timeout).await?;
            }
            devices::reserve(self, pod, allocated).await.map_err(BindError::Devices)
        };
        self.timed(Point::PreBind, profile, prepared).await?;
        self.timed(Point::Bind, profile, self.put_on(pod, node)).await
    }

    async fn timed<T>(
        &self,
        point: Point,
        profile: &Profile,
        step: impl Future<Output = Result<T, BindError>>,
    ) -> Result<T, BindError> {
        let begun = Instant::now();
        let done = step.await;
        let ending = if done.is_ok() { Ending::Success } else { Ending::Error };
        self.metrics.passed(point, ending, profile.scheduler_name(), begun.elapsed());
        done
    }

    async fn put_on(&self, pod: &PodView, node: &str) -> Result<(), BindError> {
        let key = &pod.head.key;
        let advisor = self.board.binder(pod);
        if let Some(binder) = advisor.as_ref().and_then(|advisor| advisor.binder()) {
            let bound = Bound {
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                uid: pod.head.uid.to_string(),
            };
            return binder.bind(&bound, node).await.map_err(BindError::Advisor);
        }
        let binding = Binding {
            metadata: ObjectMeta {
                namespace: Some(key.namespace.clone()),
                name: Some(key.name.clone()),
                uid: Some(pod.head.uid.to_string()),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                ..ObjectReference::default()
            },
        };
        let pods = self.client.namespaced::<Pod>(&key.namespace);
        let answer: Result<Tree, ApiError> = pods.create_subresource(&key.name, "binding", &binding).await;
        answer.map(drop).map_err(BindError::Binding)
    }

    /// Tells why the pod waits, by an event and in its status, unless that says so already.
    async fn say(&self, pod: &PodView, reason: &str, message: &str, nomination: &Nomination) {
        self.events.record(reference(pod), EventType::Warning, "FailedScheduling", status::cut(message));
        // What was written since the decision counts.
        let current = self.board.waiting(&pod.head.key);
        let pod = current.as_deref().filter(|current| current.head.uid == pod.head.uid).unwrap_or(pod);
        let now = jiff::Timestamp::now();
        if let Some(change) = status::change(pod, reason, message, nomination, now) {
            self.patch_status(&pod.head.key, change, "say why a pod waits").await;
        }
    }

    /// Has the victims go. Those that kept room there and are less important look elsewhere.
    async fn make_room(
        &self,
        pod: &PodView,
        profile: &Profile,
        node: &str,
        refusal: &Refusal,
        demoted: &[Arc<PodView>],
    ) {
        for other in demoted.iter().filter(|other| other.nominated.is_some()) {
            let change = tree!({ "nominatedNodeName": null });
            self.patch_status(&other.head.key, change, "take back a nomination").await;
        }
        let mut all = true;
        for victim in refusal.victims.iter().filter(|victim| !victim.is_deleting) {
            match self.evict(victim, profile).await {
                Ok(()) => {
                    let message = format!("Preempted by pod {} on node {node}", pod.head.uid);
                    self.events.record(reference(victim), EventType::Normal, "Preempted", message);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    warn!(pod = %pod.head.key, victim = %victim.head.key, %error, "preempt");
                    all = false;
                }
            }
        }
        self.board.preempted(pod, all);
    }

    async fn evict(&self, victim: &PodView, profile: &Profile) -> Result<(), ApiError> {
        let key = &victim.head.key;
        let pods = self.client.namespaced::<Pod>(&key.namespace).viewed::<Tree>();
        let condition = status::preempted(victim, profile.scheduler_name(), jiff::Timestamp::now());
        let patch = Patch::Strategic(tree!({
            "metadata": { "uid": (&*victim.head.uid) },
            "status": { "conditions": [condition] },
        }));
        pods.patch_status(&key.name, &patch).await?;
        pods.delete(&key.name, &DeleteOptions::default().of_uid(&*victim.head.uid)).await.map(drop)
    }

    async fn patch_status(&self, key: &ObjectKey, status: Tree, what: &'static str) {
        let pods = self.client.namespaced::<Pod>(&key.namespace).viewed::<Tree>();
        match pods.patch_status(&key.name, &Patch::Strategic(tree!({ "status": status }))).await {
            Err(error) if !error.is_not_found() => warn!(pod = %key, %error, what, "patch a status"),
            _ => {}
        }
    }
}

fn waits(work: &Work) -> bool {
    match work {
        Work::Ask { .. } => true,
        Work::Bind { volumes, .. } => !volumes.is_empty(),
        Work::Refuse { .. } | Work::Fail { .. } => false,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn reference(pod: &PodView) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(pod.head.key.namespace.clone()),
        name: Some(pod.head.key.name.clone()),
        uid: Some(pod.head.uid.to_string()),
        resource_version: Some(pod.head.version().to_owned()),
        ..ObjectReference::default()
    }
}
