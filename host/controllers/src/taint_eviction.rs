//! Pods that a NoExecute taint of their node sends away, at once or when they no longer stand it.

mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod as WholePod};
use objects::tree;
use observe::Metrics;
use observe::counter::Counter;
use observe::histogram::Histogram;
use reconcile::{ObjectKey, Outcome, Queue, Reconcile, Store};
use tokio::time::Instant;

use crate::counts::counter;
use crate::node::{NO_EXECUTE, taints};
use crate::pod::Pod;
use crate::wiring::Wiring;
use plan::{Fate, fate};

/// Pods that are sent away at the same time; upstream's.
const WORKERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(8).expect("eight is not zero");

/// Bounds of how late pods are deleted, in seconds; upstream's.
const LATE: [f64; 12] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 120.0, 180.0, 240.0];

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("noexec_taint_pod");
    let waiting = queue.clone();
    wiring.on_change::<Pod>(move |change| {
        let same = |old: &Pod, new: &Pod| {
            old.spec.tolerations == new.spec.tolerations && old.spec.node_name == new.spec.node_name
        };
        let is_same = change.old.zip(change.new).is_some_and(|(old, new)| same(old, new));
        let placed = change.new.or(change.old).is_some_and(|pod| pod.spec.node_name.is_some());
        if placed && !is_same {
            waiting.add(change.key.clone());
        }
    });
    let pods = wiring.store::<Pod>();
    let nodes = feed_nodes(wiring, &queue, pods.clone());
    let client = wiring.client();
    let recorder = wiring.recorder("taint-eviction-controller");
    let (since, counted) = (Mutex::default(), Deletions::new(wiring.metrics()));
    wiring.reconcile(Eviction { client, nodes, pods, since, recorder, counted }, queue, WORKERS);
}

/// Other NoExecute taints concern every pod of the node.
fn feed_nodes(wiring: &mut Wiring<'_>, queue: &Queue<ObjectKey>, pods: Store<Pod>) -> Store<Node> {
    let queue = queue.clone();
    wiring.on_change::<Node>(move |change| {
        let sending = |node: Option<&Arc<Node>>| {
            let taints = node.map(|node| taints(node)).unwrap_or_default();
            taints.iter().filter(|taint| taint.effect == NO_EXECUTE).cloned().collect::<Vec<_>>()
        };
        if sending(change.old) == sending(change.new) {
            return;
        }
        let all = pods.all().into_iter();
        let on_node = all.filter(|pod| pod.spec.node_name.as_ref() == Some(&change.key.name));
        on_node.for_each(|pod| queue.add(ObjectKey::of(&pod.metadata)));
    });
    wiring.store()
}

struct Eviction {
    client: Client,
    nodes: Store<Node>,
    pods: Store<Pod>,
    /// Since when pods stand what they stand for a time alone.
    since: Mutex<HashMap<ObjectKey, Instant>>,
    recorder: Recorder,
    counted: Deletions,
}

/// What is counted.
struct Deletions {
    count: Counter,
    late: Histogram,
}

impl Deletions {
    fn new(metrics: &Metrics) -> Self {
        let name = "taint_eviction_controller_pod_deletions";
        let count = counter(metrics, name, "Pods that were sent away");
        let late = Histogram::new(LATE);
        let help = "Seconds from the time that a pod was to go until it was deleted";
        metrics.register("taint_eviction_controller_pod_deletion_duration_seconds", help, late.clone());
        Self { count, late }
    }
}

impl Reconcile for Eviction {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let pod = self.pods.get(&key.namespace, &key.name).filter(|pod| !pod.is_deleting());
        let Some(pod) = pod else {
            self.since().remove(key);
            return Ok(Outcome::Done);
        };
        let node = pod.spec.node_name.as_deref().and_then(|name| self.nodes.get("", name));
        let limit = match fate(node.as_deref().map(taints).unwrap_or_default(), &pod.spec.tolerations) {
            Fate::Stays => {
                if self.since().remove(key).is_some() {
                    let message = format!("Cancelling deletion of Pod {key}");
                    self.tell(&pod, message);
                }
                return Ok(Outcome::Done);
            }
            Fate::Goes(limit) => limit,
        };
        let stood = self.since().entry(key.clone()).or_insert_with(Instant::now).elapsed();
        if let Some(left) = limit.checked_sub(stood).filter(|left| !left.is_zero()) {
            return Ok(Outcome::After(left));
        }
        self.evict(key, &pod).await?;
        self.counted.count.inc();
        self.counted.late.observe(stood.saturating_sub(limit).as_secs_f64());
        self.since().remove(key);
        Ok(Outcome::Done)
    }
}

impl Eviction {
    fn since(&self) -> MutexGuard<'_, HashMap<ObjectKey, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, pod: &Pod, message: String) {
        let reference = ObjectReference {
            api_version: Some("v1".to_owned()),
            uid: None,
            ..crate::service::pod_reference(pod)
        };
        self.recorder.record(reference, EventType::Normal, "TaintManagerEviction", message);
    }

    /// Says why the pod ends, and ends it.
    async fn evict(&self, key: &ObjectKey, pod: &Pod) -> Result<(), ApiError> {
        self.tell(pod, format!("Marking for deletion Pod {key}"));
        let pods = self.client.namespaced::<WholePod>(&key.namespace).viewed::<Pod>();
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let condition = tree!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": (objects::meta::rfc3339(supervise::clock::now()))
        });
        let patch = tree!({ "metadata": { "uid": (uid.clone()) }, "status": { "conditions": [condition] } });
        let gone = |error: &ApiError| error.is_not_found() || error.is_conflict();
        match pods.patch_status(&key.name, &Patch::Strategic(patch)).await {
            Err(error) if error.is_not_found() => return Ok(()),
            answer => drop(answer?),
        }
        match pods.delete(&key.name, &DeleteOptions::default().of_uid(uid)).await {
            Err(error) if !gone(&error) => Err(error),
            _ => Ok(()),
        }
    }
}
