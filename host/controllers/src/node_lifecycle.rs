//! Nodes that give no sign of life are `Unknown`, what is wrong with a node keeps pods off it by taints, and pods are
//! sent away from nodes that are gone, of a zone one node after another.

mod plan;
mod signs;
mod zones;

use std::sync::Arc;
use std::time::Duration;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, ListOptions, Patch};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod as WholePod};
use objects::tree;
use objects::tree::to_tree;
use observe::Metrics;
use reconcile::{Outcome, Queue, Reconcile, Store};

use crate::counts::{Counts, lookup};
use crate::node::{READY, condition, is_ready};
use crate::pod::Pod;
use crate::reference::reference;
use crate::wiring::Wiring;
use signs::Signs;
use zones::{Permit, Zones};

const LEASES: &str = "metadata.namespace=kube-node-lease";
/// Nodes that are looked at at the same time; upstream's.
const WORKERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(8).expect("eight is not zero");

/// How patient the cluster is with its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLifecycle {
    /// How long a node may give no sign of life.
    pub grace: Duration,
    /// How long a node may take to say how it is at first.
    pub startup_grace: Duration,
    /// From the eviction of one node of a zone to that of the next; none where none is evicted.
    pub eviction_interval: Option<Duration>,
    /// The same in a large zone with too many nodes that are not ready.
    pub secondary_eviction_interval: Option<Duration>,
    /// A zone of more nodes is large.
    pub large_zone: usize,
    /// So many of a hundred nodes that are not ready are too many.
    pub unhealthy_percent: usize,
}

impl NodeLifecycle {
    /// Upstream's `--node-monitor-grace-period`.
    pub const GRACE: Duration = Duration::from_secs(50);
    /// Upstream's `--node-startup-grace-period`.
    pub const STARTUP_GRACE: Duration = Duration::from_secs(60);
    /// Upstream's `--node-eviction-rate`, 0.1 in a second.
    pub const EVICTION_INTERVAL: Duration = Duration::from_secs(10);
    /// Upstream's `--secondary-node-eviction-rate`, 0.01 in a second.
    pub const SECONDARY_EVICTION_INTERVAL: Duration = Duration::from_secs(100);
    /// Upstream's `--large-cluster-size-threshold`.
    pub const LARGE_ZONE: usize = 50;
    /// Upstream's `--unhealthy-zone-threshold`, 0.55.
    pub const UNHEALTHY_PERCENT: usize = 55;
}

impl Default for NodeLifecycle {
    fn default() -> Self {
        Self {
            grace: Self::GRACE,
            startup_grace: Self::STARTUP_GRACE,
            eviction_interval: Some(Self::EVICTION_INTERVAL),
            secondary_eviction_interval: Some(Self::SECONDARY_EVICTION_INTERVAL),
            large_zone: Self::LARGE_ZONE,
            unhealthy_percent: Self::UNHEALTHY_PERCENT,
        }
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("node_lifecycle_controller");
    let nodes = wiring.feed(&queue, |node: &Node| node.metadata.name.clone());
    let signs = Arc::new(Signs::default());
    wiring.store_some(ListOptions::fields(LEASES), {
        let signs = signs.clone();
        move |change: &reconcile::Change<'_, Lease>| {
            let renewed = |lease: &Arc<Lease>| lease.spec.as_ref()?.renew_time.as_ref().map(|time| time.0);
            if let Some(renewed) = change.new.and_then(renewed) {
                signs.renewed(&change.key.name, renewed);
            }
        }
    });
    let config = wiring.config().node_lifecycle.clone();
    on_readiness(wiring, &queue, nodes.clone());
    let (pods, client) = (wiring.store(), wiring.client());
    let recorder = wiring.recorder("node-controller");
    let zones = Zones::new(config.clone());
    tell_zones(wiring.metrics(), &nodes);
    let name = "node_collector_evictions";
    let evictions = Counts::new(wiring.metrics(), name, "Nodes whose pods were sent away", ["zone"]);
    let keeper = Keeper { client, nodes, pods, signs, zones, config, recorder, evictions };
    wiring.reconcile(keeper, queue, WORKERS);
}

/// What of a zone is told of its ready nodes and the others.
type Amount = fn(usize, usize) -> usize;

fn tell_zones(metrics: &Metrics, nodes: &Store<Node>) {
    let rows: [(&str, &str, Amount); 3] = [
        ("node_collector_zone_size", "Nodes of a zone", |ready, failed| ready + failed),
        ("node_collector_unhealthy_nodes_in_zone", "Nodes of a zone that are not ready", |_, failed| failed),
        ("node_collector_zone_health", "Ready nodes of a zone in a hundred", |ready, failed| {
            100 * ready / (ready + failed).max(1)
        }),
    ];
    for (name, help, amount) in rows {
        let nodes = nodes.clone();
        lookup(metrics, name, help, "zone", move || {
            let zones = zones::tell(&nodes.all()).into_iter();
            zones.map(|(zone, (ready, failed))| (zone, amount(ready, failed))).collect()
        });
    }
}

/// How many nodes are ready decides whether others lose their pods.
fn on_readiness(wiring: &mut Wiring<'_>, queue: &Queue<String>, nodes: Store<Node>) {
    let queue = queue.clone();
    wiring.on_change::<Node>(move |change| {
        let ready = |node: &Arc<Node>| is_ready(node);
        if change.old.map(ready) == change.new.map(ready) {
            return;
        }
        let waiting = nodes.all().into_iter().filter(|node| !is_ready(node));
        waiting.filter_map(|node| node.metadata.name.clone()).for_each(|name| queue.add(name));
    });
}

struct Keeper {
    client: Client,
    nodes: Store<Node>,
    pods: Store<Pod>,
    signs: Arc<Signs>,
    zones: Zones,
    config: NodeLifecycle,
    recorder: Recorder,
    /// By zone.
    evictions: Counts<1>,
}

impl Reconcile for Keeper {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(node) = self.nodes.get("", name) else {
            if let Some(node) = self.signs.forget(name) {
                self.tell(&node, "RemovingNode", format!("Removing Node {name} from Controller"));
            }
            return Ok(Outcome::Done);
        };
        if self.signs.is_new(name, &node) {
            self.tell(&node, "RegisteredNode", format!("Registered Node {name} in Controller"));
        }
        match self.keep(name, node).await {
            Err(error) if error.is_not_found() => Ok(Outcome::Done),
            ended => ended,
        }
    }
}

impl Keeper {
    async fn keep(&self, name: &str, node: Arc<Node>) -> Result<Outcome, ApiError> {
        let has_status = condition(&node, READY).is_some();
        let grace = if has_status { self.config.grace } else { self.config.startup_grace };
        let silence = self.signs.silence(name, &node);
        let node = if silence >= grace { self.give_up(name, node).await? } else { node };
        if self.signs.has_failed(name, &node) {
            let message = format!("Node {name} status is now: NodeNotReady");
            self.recorder.record(reference(&*node), EventType::Normal, "NodeNotReady", message);
            self.pods_not_ready(name).await?;
            self.signs.told_pods(name);
        }
        let look = grace.checked_sub(silence).filter(|left| !left.is_zero());
        let wait = self.mark(name, &node).await?;
        Ok(look.into_iter().chain(wait).min().map_or(Outcome::Done, Outcome::After))
    }

    fn tell(&self, node: &Node, reason: &str, event: String) {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let message = format!("Node {name} event: {event}");
        self.recorder.record(reference(node), EventType::Normal, reason, message);
    }

    /// Nothing is known of it any more.
    async fn give_up(&self, name: &str, node: Arc<Node>) -> Result<Arc<Node>, ApiError> {
        let unknown = plan::unknown(&node, supervise::clock::now());
        if unknown.is_empty() {
            return Ok(node);
        }
        let conditions = to_tree(&unknown).expect("conditions are JSON");
        let version = node.metadata.resource_version.clone();
        let patch =
            tree!({ "metadata": { "resourceVersion": version }, "status": { "conditions": conditions } });
        let nodes = self.client.cluster::<Node>();
        nodes.patch_status(name, &Patch::Strategic(patch)).await.map(Arc::new)
    }

    /// Sets labels and taints; how long until its pods may be sent away, if they are to be.
    async fn mark(&self, name: &str, node: &Node) -> Result<Option<Duration>, ApiError> {
        let permit = match plan::needs_permit(node) {
            true => self.zones.permit(node, || self.nodes.all()),
            false if !is_ready(node) && zones::is_whole_cluster_down(&self.nodes.all()) => {
                Permit::ClusterDown
            }
            false => Permit::Now,
        };
        let wait = if let Permit::After(wait) = permit { Some(wait) } else { None };
        let Some(change) = plan::change(node, &permit, supervise::clock::now()) else { return Ok(wait) };
        let nodes = self.client.cluster::<Node>();
        let written = nodes.patch(name, &Patch::Merge(change)).await?;
        self.nodes.reached(written.metadata.resource_version.as_deref().unwrap_or_default()).await;
        if permit == Permit::Now && plan::needs_permit(node) {
            self.evictions.add([zones::told_of(node).into()], 1);
        }
        Ok(wait)
    }

    /// Its pods serve nobody.
    async fn pods_not_ready(&self, node: &str) -> Result<(), ApiError> {
        let on_node = |pod: &Arc<Pod>| pod.spec.node_name.as_deref() == Some(node) && pod.is_ready();
        for pod in self.pods.all().into_iter().filter(on_node) {
            let now = objects::meta::rfc3339(supervise::clock::now());
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let unready = tree!({ "type": READY, "status": "False", "lastTransitionTime": now });
            let uid = pod.metadata.uid.clone();
            let patch = tree!({ "metadata": { "uid": uid }, "status": { "conditions": [unready] } });
            let pods = self.client.namespaced::<WholePod>(namespace).viewed::<Pod>();
            match pods.patch_status(name, &Patch::Strategic(patch)).await {
                Err(error) if error.is_not_found() || error.is_conflict() => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    let reason = "NodeNotReady";
                    self.recorder.record(
                        pod_reference(&pod),
                        EventType::Warning,
                        reason,
                        "Node is not ready",
                    );
                }
            }
        }
        Ok(())
    }
}

fn pod_reference(pod: &Pod) -> ObjectReference {
    ObjectReference { api_version: Some("v1".to_owned()), ..crate::service::pod_reference(pod) }
}
