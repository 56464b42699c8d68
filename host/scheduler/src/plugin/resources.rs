//! NodeResourcesFit and NodeResourcesBalancedAllocation.

use std::borrow::Cow;

use super::{BEST, Objection, Verdict, views};
use crate::amounts::{CPU, MEMORY};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{NodeView, PodView};

/// A resource that counts in a score, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub(crate) name: Box<str>,
    pub(crate) weight: i64,
}

/// Points of a line from utilization, in hundredths, to a score.
pub(crate) type Shape = Vec<(i64, i64)>;

/// Which nodes are better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    LeastAllocated,
    MostAllocated,
    RequestedToCapacityRatio(Shape),
}

pub(super) fn filter(cycle: &Cycle<'_>, node: &NodeState, view: &NodeView) -> Verdict {
    let mut reasons: Vec<Cow<'static, str>> = Vec::new();
    let mut is_resolvable = true;
    if node.pods.len() as i64 + 1 > view.room {
        reasons.push("Too many pods".into());
    }
    for (name, amount) in cycle.pod.requests.iter() {
        if amount <= 0 || cycle.profile.args.is_ignored(name) {
            continue;
        }
        let all = view.allocatable.get(name);
        if amount > all.saturating_sub(node.requested.get(name)) {
            reasons.push(format!("Insufficient {name}").into());
            is_resolvable &= amount <= all;
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Objection { is_resolvable, reasons }) }
}

/// Of a resource: what the node has, and what would be taken of it.
fn taken(pod: &PodView, node: &NodeState, view: &NodeView, name: &str) -> Option<(i64, i64)> {
    let all = view.allocatable.get(name);
    let (taken, more) = match name {
        CPU => (node.scored.0, pod.scored.0),
        MEMORY => (node.scored.1, pod.scored.1),
        name => (node.requested.get(name), pod.requests.get(name)),
    };
    let counts = all > 0 && (more > 0 || matches!(name, CPU | MEMORY));
    counts.then(|| (all, taken.saturating_add(more)))
}

/// How much of the node would be left, or taken, averaged over the resources that count.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let (strategy, resources) = &cycle.profile.args.fit;
    let one = |node: &NodeState, view: &NodeView| {
        let (mut sum, mut weights) = (0, 0);
        for resource in resources {
            let Some((all, taken)) = taken(cycle.pod, node, view, &resource.name) else { continue };
            let score = strategy.score(all, taken);
            // Upstream has what scores nothing by its shape not count at all.
            if score > 0 || !matches!(strategy, Strategy::RequestedToCapacityRatio(_)) {
                sum += score * resource.weight;
                weights += resource.weight;
            }
        }
        match (weights, strategy) {
            (0, _) => 0,
            (weights, Strategy::RequestedToCapacityRatio(_)) => (sum as f64 / weights as f64).round() as i64,
            (weights, _) => sum / weights,
        }
    };
    views(nodes).map(|(node, view)| one(node, view)).collect()
}

impl Strategy {
    fn score(&self, all: i64, taken: i64) -> i64 {
        let share = |amount: i64| (i128::from(amount) * i128::from(BEST) / i128::from(all)) as i64;
        match self {
            Self::LeastAllocated if taken > all => 0,
            Self::LeastAllocated => share(all - taken),
            Self::MostAllocated => share(taken.min(all)),
            Self::RequestedToCapacityRatio(shape) => on_line(shape, share(taken.min(all))),
        }
    }
}

fn on_line(shape: &[(i64, i64)], at: i64) -> i64 {
    let Some(next) = shape.iter().position(|(utilization, _)| at <= *utilization) else {
        return shape.last().map_or(0, |(_, score)| *score);
    };
    if next == 0 {
        return shape[0].1;
    }
    let ((from, low), (to, high)) = (shape[next - 1], shape[next]);
    low + (high - low) * (at - from) / (to - from)
}

/// How alike the shares are that would be taken of each resource. A pod that asks for nothing is not ranked.
pub(super) fn balance(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let resources = &cycle.profile.args.balanced;
    if resources.iter().all(|resource| cycle.pod.requests.get(&resource.name) == 0) {
        return vec![0; nodes.len()];
    }
    let share = |node: &NodeState, view: &NodeView, name: &str| {
        let (all, more) = (view.allocatable.get(name), cycle.pod.requests.get(name));
        let counts = all > 0 && (more > 0 || matches!(name, CPU | MEMORY));
        counts.then(|| ((node.requested.get(name).saturating_add(more)) as f64 / all as f64).min(1.0))
    };
    let one = |node: &NodeState, view: &NodeView| {
        let shares: Vec<f64> =
            resources.iter().filter_map(|resource| share(node, view, &resource.name)).collect();
        ((1.0 - deviation(&shares)) * BEST as f64) as i64
    };
    views(nodes).map(|(node, view)| one(node, view)).collect()
}

fn deviation(shares: &[f64]) -> f64 {
    match shares {
        [] | [_] => 0.0,
        [one, other] => ((one - other) / 2.0).abs(),
        shares => {
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            (shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64).sqrt()
        }
    }
}
