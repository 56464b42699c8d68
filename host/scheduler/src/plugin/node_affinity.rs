//! NodeAffinity: the nodes that a pod asks for, and those that the profile has it ask for.

use super::{Objection, Order, Plugin, Verdict, normal, unless, views};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::NodeView;

/// The names of the only nodes that can do; `None` where it may be any.
#[derive(Clone, Default)]
pub(crate) struct NodeAffinityState<'a> {
    pub(crate) names: Option<Vec<&'a str>>,
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let names = cycle.pod.node_affinity.as_ref().and_then(|wanted| wanted.names());
    if names.as_ref().is_some_and(Vec::is_empty) {
        return Err(Objection::lasting("pod affinity terms conflict"));
    }
    if names.is_some() {
        cycle.narrowed.insert(Plugin::NodeAffinity);
    }
    cycle.nodes.names = names;
    Ok(())
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    let enforced = cycle.profile.args.added_affinity.as_ref();
    let is_enforced = enforced.is_none_or(|wanted| wanted.matches(node.name(), |key| node.labels.get(key)));
    unless(is_enforced, Objection::lasting("node(s) didn't match scheduler-enforced node affinity"))?;
    let asked = cycle.pod.asks_for(node.name(), &node.labels);
    unless(asked, Objection::lasting("node(s) didn't match Pod's node affinity/selector"))
}

/// The weights of the preferences that a node meets.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let preferences = || cycle.profile.args.added_preferences.iter().chain(&cycle.pod.preferred_nodes);
    let met = |node: &NodeView| {
        let label = |key: &str| node.labels.get(key);
        preferences().filter(|one| one.term.matches(node.name(), &label)).map(|one| one.weight).sum()
    };
    normal(views(nodes).map(|(_, node)| met(node)).collect(), Order::MoreIsBetter)
}
