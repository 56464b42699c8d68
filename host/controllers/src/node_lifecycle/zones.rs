//! How fast pods are sent away from the nodes of a zone: the more nodes fail, the more it looks as if the network did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use tokio::time::Instant;

use super::NodeLifecycle;
use crate::node::is_ready;

const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
/// Nodes with this label are not counted.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";
/// So few nodes of a zone may always fail.
const FEW: usize = 2;

/// Whether the pods of a node may be sent away.
#[derive(Debug, PartialEq)]
pub(super) enum Permit {
    Now,
    After(Duration),
    /// Not as long as so many nodes of the zone are not ready, or not at all.
    ZoneDown,
    /// No node of the cluster is ready: whoever cannot be reached is us.
    ClusterDown,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Normal,
    Partial,
    Full,
}

type ZoneName = (String, String);

/// When a zone may lose its next node.
pub(super) struct Zones {
    config: NodeLifecycle,
    next: Mutex<HashMap<ZoneName, Instant>>,
}

fn zone(node: &Node) -> ZoneName {
    let labels = node.metadata.labels.as_ref();
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).cloned().unwrap_or_default();
    (label(REGION), label(ZONE))
}

/// As metrics call a zone; upstream's.
fn told(zone: &ZoneName) -> String {
    match zone {
        (region, zone) if region.is_empty() && zone.is_empty() => String::new(),
        (region, zone) => format!("{region}:\0:{zone}"),
    }
}

/// As metrics call the zone of a node.
pub(super) fn told_of(node: &Node) -> String {
    told(&zone(node))
}

/// Of each zone, as metrics call it, how many nodes are ready, and how many are not.
pub(super) fn tell(nodes: &[Arc<Node>]) -> Vec<(String, (usize, usize))> {
    let mut zones: Vec<_> = count(nodes).iter().map(|(zone, counts)| (told(zone), *counts)).collect();
    zones.sort();
    zones
}

/// Of each zone how many nodes are ready, and how many are not.
fn count(nodes: &[Arc<Node>]) -> HashMap<ZoneName, (usize, usize)> {
    let counts =
        |node: &&Arc<Node>| node.metadata.labels.as_ref().is_none_or(|labels| !labels.contains_key(EXCLUDED));
    let mut zones: HashMap<ZoneName, (usize, usize)> = HashMap::new();
    for node in nodes.iter().filter(counts) {
        let (ready, failed) = zones.entry(zone(node)).or_default();
        if is_ready(node) {
            *ready += 1;
        } else {
            *failed += 1;
        }
    }
    zones
}

fn state((ready, failed): (usize, usize), unhealthy_percent: usize) -> State {
    match (ready, failed) {
        (0, 1..) => State::Full,
        _ if failed > FEW && failed * 100 >= unhealthy_percent * (failed + ready) => State::Partial,
        _ => State::Normal,
    }
}

/// Whether no node that counts is ready.
pub(super) fn is_whole_cluster_down(nodes: &[Arc<Node>]) -> bool {
    let zones = count(nodes);
    !zones.is_empty() && zones.values().all(|(ready, _)| *ready == 0)
}

impl Zones {
    pub(super) fn new(config: NodeLifecycle) -> Self {
        Self { config, next: Mutex::default() }
    }

    /// Whether a node's pods may be sent away; a permit that is given is used up.
    pub(super) fn permit(&self, node: &Node, nodes: impl FnOnce() -> Vec<Arc<Node>>) -> Permit {
        let nodes = nodes();
        if is_whole_cluster_down(&nodes) {
            return Permit::ClusterDown;
        }
        let zone = zone(node);
        let counts = count(&nodes).get(&zone).copied().unwrap_or_default();
        let interval = match state(counts, self.config.unhealthy_percent) {
            State::Normal | State::Full => self.config.eviction_interval,
            State::Partial if counts.0 + counts.1 > self.config.large_zone => {
                self.config.secondary_eviction_interval
            }
            State::Partial => None,
        };
        let Some(interval) = interval else { return Permit::ZoneDown };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, due) = (Instant::now(), next.get(&zone));
        match due.map(|due| due.saturating_duration_since(now)).filter(|wait| !wait.is_zero()) {
            Some(wait) => Permit::After(wait),
            None => {
                next.insert(zone, now + interval);
                Permit::Now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::from_tree;

    use super::*;

    fn node(zone: &str, ready: bool) -> Arc<Node> {
        let status = if ready { "True" } else { "False" };
        let node = tree!({
            "metadata": { "labels": { "topology.kubernetes.io/zone": zone } },
            "status": { "conditions": [{ "type": "Ready", "status": status }] }
        });
        Arc::new(from_tree(&node).unwrap())
    }

    fn nodes(zone: &str, ready: usize, failed: usize) -> Vec<Arc<Node>> {
        let failed = (0..failed).map(|_| node(zone, false));
        failed.chain((0..ready).map(|_| node(zone, true))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_of_a_zone_go_one_after_another_and_those_of_others_meanwhile() {
        let zones = Zones::new(NodeLifecycle::default());
        let all = [nodes("a", 3, 2), nodes("b", 1, 1)].concat();
        let permit = |zone| zones.permit(&node(zone, false), || all.clone());
        assert_eq!(permit("a"), Permit::Now);
        assert_eq!(permit("a"), Permit::After(NodeLifecycle::EVICTION_INTERVAL));
        assert_eq!(permit("b"), Permit::Now);
        tokio::time::advance(NodeLifecycle::EVICTION_INTERVAL).await;
        assert_eq!(permit("a"), Permit::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_zone_that_fails_in_part_keeps_its_pods_and_a_large_one_loses_them_slowly() {
        let zones = Zones::new(NodeLifecycle::default());
        let permit = |ready, failed| zones.permit(&node("a", false), || nodes("a", ready, failed));
        assert_eq!(permit(2, 3), Permit::ZoneDown);
        assert_eq!(permit(20, 40), Permit::Now);
        assert_eq!(permit(20, 40), Permit::After(NodeLifecycle::SECONDARY_EVICTION_INTERVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn no_node_loses_its_pods_at_a_rate_of_zero() {
        let zones = Zones::new(NodeLifecycle { eviction_interval: None, ..NodeLifecycle::default() });
        assert_eq!(zones.permit(&node("a", false), || nodes("a", 3, 1)), Permit::ZoneDown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_zone_that_fails_as_a_whole_loses_its_pods_unless_every_zone_does() {
        let zones = Zones::new(NodeLifecycle::default());
        let permit = |others: usize| {
            zones.permit(&node("a", false), || [nodes("a", 0, 3), nodes("b", others, 1)].concat())
        };
        assert_eq!(permit(0), Permit::ClusterDown);
        assert_eq!(permit(1), Permit::Now);
    }
}
