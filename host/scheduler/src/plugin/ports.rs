//! NodePorts: ports of the host.

use super::{Objection, Verdict, unless};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{NodeView, PodView};

/// Whether two pods cannot be on one node for their ports.
pub(crate) fn conflict(one: &PodView, other: &PodView) -> bool {
    one.ports.iter().any(|port| other.ports.iter().any(|taken| port.conflicts(taken)))
}

pub(super) fn filter(cycle: &Cycle<'_>, node: &NodeState, _: &NodeView) -> Verdict {
    let is_free = cycle.pod.ports.is_empty() || !node.pods.iter().any(|pod| conflict(cycle.pod, pod));
    unless(is_free, Objection::resolvable("node(s) didn't have free ports for the requested pod ports"))
}
