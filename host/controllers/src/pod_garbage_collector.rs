//! Pods that nobody else would remove: of nodes that are gone, never placed and being deleted, on nodes that are told to
//! be out of service, and those that ended and are too many.

mod plan;

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::Node;
use objects::{meta, tree};
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use crate::pod::Pod;
use crate::wiring::Wiring;
use plan::{Cause, oldest_ended};

/// What is deleted at a time.
const WORKERS: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");
/// How long a node may be missing before its pods are taken for lost; upstream's.
const QUARANTINE: Duration = Duration::from_secs(40);
/// How often pods that ended are counted at most; upstream's.
const COUNT: Duration = Duration::from_secs(20);

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Work {
    Pod(ObjectKey),
    /// All that ended together.
    Ended,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(key) => key.fmt(f),
            Self::Ended => f.write_str("ended pods"),
        }
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("pod_garbage_collector");
    let nodes = wiring.store::<Node>();
    let (due, known) = (queue.clone(), nodes.clone());
    wiring.on_change(move |change: &Change<'_, Pod>| {
        let Some(pod) = change.new else { return };
        if pod.has_ended() {
            due.add_after(Work::Ended, COUNT);
        }
        let work = Work::Pod(change.key.clone());
        match Cause::of(pod, node_of(pod, &known).as_deref()) {
            None => {}
            Some(Cause::NodeGone) => due.add_after(work, QUARANTINE),
            Some(_) => due.add(work),
        }
    });
    let pods = wiring.store::<Pod>();
    let (due, all) = (queue.clone(), pods.clone());
    wiring.on_change(move |change: &Change<'_, Node>| {
        let delay = match change.new {
            Some(node) if plan::is_out_of_service(node) => Duration::ZERO,
            Some(_) => return,
            None => QUARANTINE,
        };
        let is_on = |pod: &Pod| pod.spec.node_name.as_ref() == Some(&change.key.name);
        let pods = all.all().into_iter().filter(|pod| is_on(pod));
        pods.for_each(|pod| due.add_after(Work::Pod(ObjectKey::of(&pod.metadata)), delay));
    });
    let threshold = wiring.config().ended_pods;
    let client = wiring.client();
    wiring.reconcile(PodGarbageCollector { client, pods, nodes, threshold }, queue, WORKERS);
}

fn node_of(pod: &Pod, nodes: &Store<Node>) -> Option<std::sync::Arc<Node>> {
    nodes.get("", pod.spec.node_name.as_deref().unwrap_or_default())
}

struct PodGarbageCollector {
    client: Client,
    pods: Store<Pod>,
    nodes: Store<Node>,
    /// Pods that ended and are kept; zero keeps all.
    threshold: usize,
}

impl Reconcile for PodGarbageCollector {
    type Key = Work;
    type Error = ApiError;

    async fn reconcile(&self, work: &Work) -> Result<Outcome, ApiError> {
        match work {
            Work::Pod(key) => {
                if let Some(pod) = self.pods.get(&key.namespace, &key.name) {
                    self.judge(&pod).await?;
                }
            }
            Work::Ended if self.threshold == 0 => {}
            Work::Ended => {
                for pod in oldest_ended(self.pods.all(), self.threshold) {
                    self.delete(&pod).await?;
                }
            }
        }
        Ok(Outcome::Done)
    }
}

impl PodGarbageCollector {
    async fn judge(&self, pod: &Pod) -> Result<(), ApiError> {
        let Some(cause) = Cause::of(pod, node_of(pod, &self.nodes).as_deref()) else { return Ok(()) };
        if cause == Cause::NodeGone {
            // A node may be back before the watch tells.
            let name = pod.spec.node_name.as_deref().unwrap_or_default();
            if self.client.cluster::<Node>().find(name).await?.is_some() {
                return Ok(());
            }
        }
        if !pod.has_ended() {
            self.fail(pod, cause).await?;
        }
        self.delete(pod).await
    }

    /// So that whoever counts on the pod knows that it did not succeed.
    async fn fail(&self, pod: &Pod, cause: Cause) -> Result<(), ApiError> {
        let mut status = tree!({ "phase": "Failed" });
        if cause == Cause::NodeGone {
            let condition = tree!({
                "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists",
                "observedGeneration": (pod.metadata.generation),
                "lastTransitionTime": (meta::rfc3339(supervise::clock::now()))
            });
            status.insert("conditions", vec![condition]);
        }
        let (uid, name) = (pod.metadata.uid.clone(), pod.metadata.name.as_deref().unwrap_or_default());
        let patch = Patch::Strategic(tree!({ "metadata": { "uid": uid }, "status": status }));
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        match self.client.namespaced::<Pod>(namespace).patch_status(name, &patch).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    async fn delete(&self, pod: &Pod) -> Result<(), ApiError> {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let options = DeleteOptions::grace(0).of_uid(metadata.uid.clone().unwrap_or_default());
        let name = metadata.name.as_deref().unwrap_or_default();
        match self.client.namespaced::<Pod>(namespace).delete(name, &options).await {
            Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }
}
