//! [`NodeState`]: a node, its pods and what they take of it.

use std::sync::Arc;

use super::NodeId;
use crate::amounts::Amounts;
use crate::view::{NodeView, PodView};

/// Pods may be known before their node is, and after.
#[derive(Clone, Debug)]
pub(crate) struct NodeState {
    pub(crate) id: NodeId,
    pub(crate) view: Option<Arc<NodeView>>,
    pub(crate) pods: Vec<Arc<PodView>>,
    pub(crate) requested: Amounts,
    /// Processor and memory as scores count them.
    pub(crate) scored: (i64, i64),
}

impl NodeState {
    pub(super) fn new(id: NodeId) -> Self {
        Self { id, view: None, pods: Vec::new(), requested: Amounts::default(), scored: (0, 0) }
    }

    pub(crate) fn add(&mut self, pod: Arc<PodView>) {
        self.requested.add(&pod.requests);
        self.scored.0 = self.scored.0.saturating_add(pod.scored.0);
        self.scored.1 = self.scored.1.saturating_add(pod.scored.1);
        self.pods.push(pod);
    }

    pub(crate) fn remove(&mut self, pod: &PodView) {
        let Some(found) = self.pods.iter().position(|one| one.head.key == pod.head.key) else { return };
        let pod = self.pods.swap_remove(found);
        self.requested.subtract(&pod.requests);
        self.scored.0 = self.scored.0.saturating_sub(pod.scored.0);
        self.scored.1 = self.scored.1.saturating_sub(pod.scored.1);
    }
}
