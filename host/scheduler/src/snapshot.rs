//! [`Snapshot`]: the nodes and what is taken of each, kept up to date by changes. A pod that was just bound counts
//! before the API server tells of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use reconcile::ObjectKey;

use crate::demand::{Demand, HostPort, PODS, Resources};

#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    nodes: BTreeMap<String, NodeState>,
    pods: HashMap<ObjectKey, Placement>,
}

/// A node and what its pods take. Pods may be known before their node is.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeState {
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) allocatable: Resources,
    pub(crate) requested: Resources,
    pub(crate) scored: Resources,
    pub(crate) ports: Vec<HostPort>,
    pub(crate) pods: i128,
}

#[derive(Clone, Debug)]
struct Placement {
    node: String,
    demand: Demand,
    /// The API server did not tell of it yet.
    assumed: bool,
}

impl Snapshot {
    pub(crate) fn set_node(&mut self, name: &str, node: Node) {
        let state = self.nodes.entry(name.to_owned()).or_default();
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        state.allocatable = Resources::read(allocatable, 0);
        state.node = Some(Arc::new(node));
    }

    pub(crate) fn remove_node(&mut self, name: &str) {
        if let Some(state) = self.nodes.get_mut(name) {
            state.node = None;
            state.allocatable = Resources::default();
        }
        self.tidy(name);
    }

    /// A pod is on a node.
    pub(crate) fn place(&mut self, pod: &ObjectKey, node: &str, demand: Demand) {
        self.put(pod, Placement { node: node.to_owned(), demand, assumed: false });
    }

    /// A pod is about to be bound to a node.
    pub(crate) fn assume(&mut self, pod: &ObjectKey, node: &str, demand: Demand) {
        self.put(pod, Placement { node: node.to_owned(), demand, assumed: true });
    }

    /// A pod was not bound after all, unless the API server said that it was.
    pub(crate) fn forget(&mut self, pod: &ObjectKey) {
        if self.pods.get(pod).is_some_and(|placement| placement.assumed) {
            self.remove(pod);
        }
    }

    /// Whether the pod took anything of a node.
    pub(crate) fn remove(&mut self, pod: &ObjectKey) -> bool {
        let Some(Placement { node, demand, .. }) = self.pods.remove(pod) else { return false };
        if let Some(state) = self.nodes.get_mut(&node) {
            state.requested.subtract(&demand.requests);
            state.scored.subtract(&demand.scored);
            state.pods -= 1;
            for port in &demand.ports {
                if let Some(position) = state.ports.iter().position(|taken| taken == port) {
                    state.ports.swap_remove(position);
                }
            }
        }
        self.tidy(&node);
        true
    }

    /// Whether the pod has its node.
    pub(crate) fn is_placed(&self, pod: &ObjectKey) -> bool {
        self.pods.contains_key(pod)
    }

    /// The nodes that are known, by name.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, &Node, &NodeState)> {
        self.nodes.iter().filter_map(|(name, state)| Some((name.as_str(), state.node.as_deref()?, state)))
    }

    fn put(&mut self, pod: &ObjectKey, placement: Placement) {
        self.remove(pod);
        let state = self.nodes.entry(placement.node.clone()).or_default();
        state.requested.add(&placement.demand.requests);
        state.scored.add(&placement.demand.scored);
        state.ports.extend(placement.demand.ports.iter().cloned());
        state.pods += 1;
        self.pods.insert(pod.clone(), placement);
    }

    fn tidy(&mut self, node: &str) {
        if self.nodes.get(node).is_some_and(|state| state.node.is_none() && state.pods == 0) {
            self.nodes.remove(node);
        }
    }
}

impl NodeState {
    pub(crate) fn is_full(&self) -> bool {
        self.pods >= self.allocatable.get(PODS)
    }
}
