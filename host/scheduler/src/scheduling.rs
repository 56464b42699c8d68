//! Scheduling as a reconciler of pods: it decides, binds or says why not, and looks again at what waits as soon as
//! something on the nodes gets free.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use client::events::{EventType, Recorder};
use client::{ApiError, Client, Patch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Binding, Node, ObjectReference, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::{Tree, meta, tree};
use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use reconcile::{Change, ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::decide::{Decision, decide};
use crate::demand::Demand;
use crate::snapshot::Snapshot;

const POD_SCHEDULED: &str = "PodScheduled";
const UNSCHEDULABLE: &str = "Unschedulable";
const ENDED: &[&str] = &["Succeeded", "Failed"];

/// What the scheduler knows; a handle, clones share it.
#[derive(Clone)]
pub(crate) struct Board {
    state: Arc<Mutex<State>>,
    queue: Queue<ObjectKey>,
    scheduler_name: Arc<str>,
}

#[derive(Default)]
struct State {
    snapshot: Snapshot,
    /// Pods that fit nowhere when they were last looked at.
    waiting: BTreeSet<ObjectKey>,
}

impl Board {
    pub(crate) fn new(queue: Queue<ObjectKey>, scheduler_name: &str) -> Self {
        Self { state: Arc::default(), queue, scheduler_name: scheduler_name.into() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pods that wait may fit now.
    fn wake(&self, state: &mut State) {
        std::mem::take(&mut state.waiting).into_iter().for_each(|key| self.queue.add(key));
    }

    fn gone(&self, state: &mut State, pod: &ObjectKey) {
        state.waiting.remove(pod);
        if state.snapshot.remove(pod) {
            self.wake(state);
        }
    }

    pub(crate) fn node_changed(&self, change: &Change<'_, Node>) {
        self.with(|state| match (change.old, change.new) {
            (_, None) => state.snapshot.remove_node(&change.key.name),
            (Some(old), Some(new)) if !differs_to_pods(old, new) => {}
            (_, Some(new)) => {
                state.snapshot.set_node(&change.key.name, Node::clone(new));
                self.wake(state);
            }
        });
    }

    pub(crate) fn pod_changed(&self, change: &Change<'_, Pod>) {
        let Some(pod) = change.new.filter(|pod| !has_ended(pod)) else {
            return self.with(|state| self.gone(state, change.key));
        };
        if change.old.is_some_and(|old| old.spec == pod.spec && old.metadata.uid == pod.metadata.uid) {
            return;
        }
        match node_of(pod) {
            Some(node) => self.with(|state| {
                state.waiting.remove(change.key);
                state.snapshot.place(change.key, node, Demand::of(pod));
            }),
            None => {
                if change.old.is_some_and(|old| old.metadata.uid != pod.metadata.uid) {
                    self.with(|state| self.gone(state, change.key));
                }
                self.queue.add(change.key.clone());
            }
        }
    }

    /// Whether the pod is ours to schedule.
    fn is_ours(&self, pod: &Pod) -> bool {
        let Some(spec) = &pod.spec else { return false };
        node_of(pod).is_none()
            && pod.metadata.deletion_timestamp.is_none()
            && !has_ended(pod)
            && spec.scheduler_name.as_deref() == Some(&*self.scheduler_name)
            && spec.scheduling_gates.as_deref().unwrap_or_default().is_empty()
    }

    /// Decides, and has the snapshot know it at once; `None` if the pod has its node already.
    fn decide(&self, key: &ObjectKey, pod: &Pod) -> Option<Decision> {
        let demand = Demand::of(pod);
        self.with(|state| {
            if state.snapshot.is_placed(key) {
                return None;
            }
            let decision = decide(pod, &demand, &state.snapshot);
            match &decision {
                Decision::Bind(node) => state.snapshot.assume(key, node, demand),
                Decision::Unschedulable(_) => drop(state.waiting.insert(key.clone())),
            }
            Some(decision)
        })
    }

    fn not_bound(&self, key: &ObjectKey) {
        self.with(|state| {
            state.snapshot.forget(key);
            self.wake(state);
        });
    }
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|node| !node.is_empty())
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase.is_some_and(|phase| ENDED.contains(&phase))
}

/// Whether a decision could turn out different; the heartbeat of a node does not make one.
fn differs_to_pods(old: &Node, new: &Node) -> bool {
    let allocatable = |node: &Node| node.status.as_ref().and_then(|status| status.allocatable.clone());
    old.spec != new.spec || old.metadata.labels != new.metadata.labels || allocatable(old) != allocatable(new)
}

/// Attempts by their result, under upstream's name.
#[derive(Clone)]
pub(crate) struct Attempts(Family<[(&'static str, &'static str); 1], Counter>);

impl Attempts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let attempts = Family::default();
        metrics.register("scheduler_schedule_attempts", "Attempts to schedule a pod", attempts.clone());
        Self(attempts)
    }

    fn count(&self, result: &'static str) {
        self.0.get_or_create(&[("result", result)]).inc();
    }
}

pub(crate) struct Scheduling {
    pub(crate) client: Client,
    pub(crate) pods: Store<Pod>,
    pub(crate) board: Board,
    pub(crate) events: Recorder,
    pub(crate) attempts: Attempts,
}

impl Reconcile for Scheduling {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(pod) = self.pods.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        if !self.board.is_ours(&pod) {
            return Ok(Outcome::Done);
        }
        let ended = match self.board.decide(key, &pod) {
            None => return Ok(Outcome::Done),
            Some(Decision::Bind(node)) => self.bind(key, &pod, node).await,
            Some(Decision::Unschedulable(message)) => self.refuse(key, &pod, &message).await,
        };
        match ended {
            Err(error) if error.is_not_found() => Ok(Outcome::Done),
            ended => ended.map(|()| Outcome::Done),
        }
    }
}

impl Scheduling {
    async fn bind(&self, key: &ObjectKey, pod: &Pod, node: String) -> Result<(), ApiError> {
        let message = format!("Successfully assigned {key} to {node}");
        let binding = Binding {
            metadata: ObjectMeta {
                namespace: Some(key.namespace.clone()),
                name: Some(key.name.clone()),
                uid: pod.metadata.uid.clone(),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(node),
                ..ObjectReference::default()
            },
        };
        let pods = self.client.namespaced::<Pod>(&key.namespace);
        let answer: Result<Tree, ApiError> = pods.create_subresource(&key.name, "binding", &binding).await;
        if let Err(error) = answer {
            self.board.not_bound(key);
            self.attempts.count("error");
            return Err(error);
        }
        self.attempts.count("scheduled");
        self.events.record(reference(key, pod), EventType::Normal, "Scheduled", message);
        Ok(())
    }

    /// Says why the pod waits, unless its status says just that.
    async fn refuse(&self, key: &ObjectKey, pod: &Pod, message: &str) -> Result<(), ApiError> {
        self.attempts.count("unschedulable");
        let Some(condition) = refusal(pod, message, Timestamp::now()) else { return Ok(()) };
        self.events.record(reference(key, pod), EventType::Warning, "FailedScheduling", message);
        let patch = Patch::Strategic(tree!({ "status": { "conditions": [condition] } }));
        self.client.namespaced::<Pod>(&key.namespace).patch_status(&key.name, &patch).await.map(drop)
    }
}

/// The condition of a pod that fits nowhere; `None` where it has it.
fn refusal(pod: &Pod, message: &str, now: Timestamp) -> Option<Tree> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let old: Option<&PodCondition> = conditions
        .into_iter()
        .find(|condition| condition.type_ == POD_SCHEDULED && condition.status == "False");
    let says = |condition: &PodCondition| {
        condition.reason.as_deref() == Some(UNSCHEDULABLE) && condition.message.as_deref() == Some(message)
    };
    if old.is_some_and(says) {
        return None;
    }
    let since = old.and_then(|condition| condition.last_transition_time.as_ref()).map_or(now, |time| time.0);
    Some(tree!({
        "type": POD_SCHEDULED,
        "observedGeneration": (pod.metadata.generation),
        "status": "False",
        "reason": UNSCHEDULABLE,
        "message": message,
        "lastTransitionTime": (meta::rfc3339(since)),
    }))
}

fn reference(key: &ObjectKey, pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(key.namespace.clone()),
        name: Some(key.name.clone()),
        uid: pod.metadata.uid.clone(),
        resource_version: pod.metadata.resource_version.clone(),
        ..ObjectReference::default()
    }
}
