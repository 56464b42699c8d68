//! NodeUnschedulable and TaintToleration.

use objects::placement::{Effect, Taint};

use super::{Objection, Order, Verdict, normal, unless, views};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{NodeView, PodView};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Whether the node takes pods, or the pod stands that it does not.
pub(crate) fn is_open_to(node: &NodeView, pod: &PodView) -> bool {
    !node.is_unschedulable || tolerates(pod, &Taint::new(UNSCHEDULABLE, "", Effect::NoSchedule))
}

/// Whether the pod stands every taint of the node that keeps pods away.
pub(crate) fn are_stood(node: &NodeView, pod: &PodView) -> bool {
    node.taints.iter().filter(|taint| taint.effect.keeps_away()).all(|taint| tolerates(pod, taint))
}

fn tolerates(pod: &PodView, taint: &Taint) -> bool {
    pod.tolerations.iter().any(|toleration| toleration.stands(taint))
}

pub(super) fn stands_cordon(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    unless(is_open_to(node, cycle.pod), Objection::lasting("node(s) were unschedulable"))
}

pub(super) fn stands_taints(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    unless(are_stood(node, cycle.pod), Objection::lasting("node(s) had untolerated taint(s)"))
}

/// The fewer taints that are better avoided.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let tolerations: Vec<_> =
        cycle.pod.tolerations.iter().filter(|one| one.has_effect(Effect::PreferNoSchedule)).collect();
    let is_avoided = |taint: &&Taint| {
        taint.effect == Effect::PreferNoSchedule && !tolerations.iter().any(|one| one.stands(taint))
    };
    let avoided = |node: &NodeView| node.taints.iter().filter(is_avoided).count() as i64;
    normal(views(nodes).map(|(_, node)| avoided(node)).collect(), Order::LessIsBetter)
}
