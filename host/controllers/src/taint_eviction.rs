//! Pods that a NoExecute taint of their node sends away, at once or when they no longer stand it.

mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::events::Recorder;
use client::{ApiError, Client};
use k8s_openapi::api::core::v1::Node;
use reconcile::{ObjectKey, Outcome, Queue, Reconcile, Store};
use tokio::time::Instant;

use crate::eviction::{Cause, Deletions, evict, tell};
use crate::node::{NO_EXECUTE, taints};
use crate::pod::Pod;
use crate::wiring::Wiring;
use plan::{Fate, fate};

/// Pods that are sent away at the same time; upstream's.
const WORKERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(8).expect("eight is not zero");

const CAUSE: Cause = Cause {
    event: "TaintManagerEviction",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
};

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
    let (since, counted) = (Mutex::default(), Deletions::new(wiring.metrics(), "taint_eviction_controller"));
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
                    tell(&self.recorder, &pod, CAUSE.event, message);
                }
                return Ok(Outcome::Done);
            }
            Fate::Goes(limit) => limit,
        };
        let stood = self.since().entry(key.clone()).or_insert_with(Instant::now).elapsed();
        if let Some(left) = limit.checked_sub(stood).filter(|left| !left.is_zero()) {
            return Ok(Outcome::After(left));
        }
        tell(&self.recorder, &pod, CAUSE.event, format!("Marking for deletion Pod {key}"));
        evict(&self.client, key, &pod, &CAUSE).await?;
        self.counted.deleted(stood.saturating_sub(limit));
        self.since().remove(key);
        Ok(Outcome::Done)
    }
}

impl Eviction {
    fn since(&self) -> MutexGuard<'_, HashMap<ObjectKey, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
