//! [`Snapshot`]: the cluster as decisions see it, kept up to date by changes. A pod that was just decided on counts
//! before the API server tells of it.

mod domains;
mod node_state;
mod order;

use std::collections::HashMap;
use std::sync::Arc;

use reconcile::ObjectKey;

use crate::groups::{GroupId, Groups};
use crate::view::{
    BudgetView, CapacityView, ClaimView, ClassView, CsiNodeView, DeviceClaimView, DriverView, NamespaceView,
    NodeView, PodView, Selecting, VolumeView,
};

use domains::DomainsByKey;

pub(crate) use domains::{Domain, Domains};
pub(crate) use node_state::NodeState;

/// A node in this process; used again after the node is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) usize);

pub(crate) type Table<V> = HashMap<ObjectKey, Arc<V>>;

/// Objects that are looked up by their key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) namespaces: Table<NamespaceView>,
    pub(crate) claims: Table<ClaimView>,
    pub(crate) volumes: Table<VolumeView>,
    pub(crate) classes: Table<ClassView>,
    pub(crate) csi_nodes: Table<CsiNodeView>,
    pub(crate) csi_drivers: Table<DriverView>,
    pub(crate) capacities: Table<CapacityView>,
    pub(crate) device_claims: Table<DeviceClaimView>,
    pub(crate) budgets: Table<BudgetView>,
    pub(crate) services: Table<Selecting>,
    /// Workloads by the name of their kind.
    pub(crate) workloads: HashMap<&'static str, Table<Selecting>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    slots: Vec<NodeState>,
    free: Vec<NodeId>,
    by_name: HashMap<Box<str>, NodeId>,
    /// The nodes that exist, zones taking turns.
    order: Vec<NodeId>,
    pods: HashMap<ObjectKey, Placement>,
    assumed: usize,
    domains: DomainsByKey,
    pub(crate) groups: Groups,
    pub(crate) tables: Tables,
    /// How many pods that have nodes use a claim.
    claim_uses: HashMap<ObjectKey, i64>,
    /// How many nodes have an image.
    images: HashMap<Box<str>, i64>,
    /// Volumes that claims were promised, by name, until the API server tells of it.
    pub(crate) promised: HashMap<Box<str>, ObjectKey>,
    /// Pods that wait for room on a node, by its name.
    nominated: HashMap<Box<str>, Vec<Arc<PodView>>>,
}

/// How much is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) nodes: usize,
    /// That have a node.
    pub(crate) pods: usize,
    /// Of those.
    pub(crate) assumed: usize,
}

#[derive(Clone, Debug)]
struct Placement {
    pod: Arc<PodView>,
    node: NodeId,
    group: GroupId,
    /// The API server did not tell of it yet.
    assumed: bool,
}

impl Snapshot {
    pub(crate) fn set_node(&mut self, view: Arc<NodeView>) {
        let id = self.slot(view.name());
        let old = self.slots[id.0].view.replace(view.clone());
        self.count_images(old.as_deref(), -1);
        self.count_images(Some(&view), 1);
        if old.as_ref().is_none_or(|old| old.labels != view.labels) {
            self.domains.forget();
        }
        if old.is_none_or(|old| old.zone() != view.zone()) {
            self.arrange();
        }
    }

    pub(crate) fn remove_node(&mut self, name: &str) {
        let Some(id) = self.by_name.get(name).copied() else { return };
        let old = self.slots[id.0].view.take();
        self.count_images(old.as_deref(), -1);
        self.domains.forget();
        self.arrange();
        self.tidy(id);
    }

    /// A pod is on a node; gives what was known of it there before.
    pub(crate) fn place(&mut self, pod: Arc<PodView>, node: &str) -> Option<Arc<PodView>> {
        self.put(pod, node, false)
    }

    /// A pod is about to be bound to a node.
    pub(crate) fn assume(&mut self, pod: Arc<PodView>, node: &str) {
        self.put(pod, node, true);
    }

    /// A pod was not bound after all, unless the API server said that it was.
    pub(crate) fn forget(&mut self, pod: &ObjectKey) -> bool {
        self.is_assumed(pod) && self.remove(pod).is_some()
    }

    /// Takes a pod off its node.
    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<PodView>> {
        let Placement { pod, node, group, assumed } = self.pods.remove(key)?;
        self.assumed -= usize::from(assumed);
        self.groups.remove(group, node);
        self.slots[node.0].remove(&pod);
        self.count_claims(&pod, -1);
        self.tidy(node);
        Some(pod)
    }

    /// What is known of a pod that has a node.
    pub(crate) fn placed(&self, key: &ObjectKey) -> Option<&Arc<PodView>> {
        self.pods.get(key).map(|placement| &placement.pod)
    }

    pub(crate) fn is_assumed(&self, key: &ObjectKey) -> bool {
        self.pods.get(key).is_some_and(|placement| placement.assumed)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { nodes: self.order.len(), pods: self.pods.len(), assumed: self.assumed }
    }

    pub(crate) fn node(&self, id: NodeId) -> &NodeState {
        &self.slots[id.0]
    }

    pub(crate) fn node_named(&self, name: &str) -> Option<(&NodeState, &NodeView)> {
        let state = &self.slots[self.by_name.get(name)?.0];
        Some((state, state.view.as_deref()?))
    }

    pub(crate) fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The nodes that exist, zones taking turns.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&NodeState, &NodeView)> {
        self.order.iter().filter_map(|id| {
            let state = self.node(*id);
            Some((state, state.view.as_deref()?))
        })
    }

    /// The domains that the nodes which exist are in by a label.
    pub(crate) fn domains(&self, key: &str) -> Arc<Domains> {
        self.domains.get(key, self.nodes().map(|(state, view)| (state.id, view)))
    }

    pub(crate) fn claim_uses(&self, claim: &ObjectKey) -> i64 {
        self.claim_uses.get(claim).copied().unwrap_or(0)
    }

    /// How many nodes have an image.
    pub(crate) fn nodes_with(&self, image: &str) -> i64 {
        self.images.get(image).copied().unwrap_or(0)
    }

    /// Pods that wait for room on a node.
    pub(crate) fn nominated_to(&self, node: &str) -> &[Arc<PodView>] {
        self.nominated.get(node).map_or(&[], Vec::as_slice)
    }

    /// A pod waits for room on a node now, and on no other.
    pub(crate) fn nominate(&mut self, pod: Arc<PodView>, node: &str) {
        self.unnominate(&pod.head.key);
        self.nominated.entry(node.into()).or_default().push(pod);
    }

    /// The node that a pod waits for.
    pub(crate) fn nomination(&self, pod: &ObjectKey) -> Option<&str> {
        let mut nominated = self.nominated.iter();
        nominated.find(|(_, pods)| pods.iter().any(|one| one.head.key == *pod)).map(|(node, _)| &**node)
    }

    pub(crate) fn unnominate(&mut self, pod: &ObjectKey) {
        self.nominated.retain(|_, pods| {
            pods.retain(|one| one.head.key != *pod);
            !pods.is_empty()
        });
    }

    fn slot(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = self.free.pop().unwrap_or(NodeId(self.slots.len()));
        let state = NodeState::new(id);
        match self.slots.get_mut(id.0) {
            Some(slot) => *slot = state,
            None => self.slots.push(state),
        }
        self.by_name.insert(name.into(), id);
        id
    }

    fn put(&mut self, pod: Arc<PodView>, node: &str, assumed: bool) -> Option<Arc<PodView>> {
        let before = self.remove(&pod.head.key);
        let node = self.slot(node);
        self.slots[node.0].add(pod.clone());
        self.count_claims(&pod, 1);
        let group = self.groups.add(&pod, node);
        self.assumed += usize::from(assumed);
        self.pods.insert(pod.head.key.clone(), Placement { pod, node, group, assumed });
        before
    }

    fn count_claims(&mut self, pod: &PodView, by: i64) {
        for claim in pod.claims() {
            let key = ObjectKey::new(pod.namespace(), claim);
            let uses = self.claim_uses.entry(key.clone()).or_default();
            *uses += by;
            if *uses == 0 {
                self.claim_uses.remove(&key);
            }
        }
    }

    fn count_images(&mut self, node: Option<&NodeView>, by: i64) {
        for (image, _) in node.into_iter().flat_map(|node| &node.images) {
            let nodes = self.images.entry(image.clone()).or_default();
            *nodes += by;
            if *nodes == 0 {
                self.images.remove(image);
            }
        }
    }

    fn arrange(&mut self) {
        let mut named: Vec<(&str, NodeId)> = self.by_name.iter().map(|(name, id)| (&**name, *id)).collect();
        named.sort_unstable();
        let zoned = named.into_iter().filter_map(|(_, id)| {
            let zone = self.slots[id.0].view.as_ref()?.zone();
            Some((zone, id))
        });
        self.order = order::interleave(zoned);
    }

    /// Forgets a node that neither exists nor has pods.
    fn tidy(&mut self, id: NodeId) {
        let state = &self.slots[id.0];
        if state.view.is_none() && state.pods.is_empty() {
            self.by_name.retain(|_, known| *known != id);
            self.free.push(id);
        }
    }
}
