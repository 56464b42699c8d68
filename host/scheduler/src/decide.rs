//! The decision: the node that fits a pod and is ranked highest, or upstream's words for what is in the way.

mod advised;
mod diagnosis;
mod preempt;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use tokio::time::Instant;

use crate::allocate::Allocated;
use crate::cycle::Cycle;
use crate::plugin::{Plugin, Plugins, VolumePlan, plan_devices, plan_volumes};
use crate::profile::Profile;
use crate::snapshot::{NodeId, NodeState, Snapshot};
use crate::trace::{Ending, Point, Trace};
use crate::view::PodView;

pub(crate) use advised::{candidates, decide_advised};
use diagnosis::Diagnosis;
pub(crate) use preempt::Victim;

pub(crate) const NO_NODES: &str = "no nodes available to schedule pods";

/// Fewer nodes than that are all ranked, as upstream.
const FEW: usize = 100;
/// Of very many nodes, at least that share is looked for.
const LEAST_PERCENTAGE: usize = 5;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// To the node of this name, once its volumes are there and its claims have these devices.
    Bind {
        node: Box<str>,
        volumes: VolumePlan,
        devices: Vec<Allocated>,
    },
    Refuse(Refusal),
}

/// Nowhere now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    /// The plugins that objected; a change that helps none of them helps nobody.
    pub(crate) plugins: Plugins,
    pub(crate) nomination: Nomination,
    /// Pods that are to go, to make room.
    pub(crate) victims: Vec<Victim>,
}

/// Which node the pod waits for from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Nomination {
    #[default]
    Keep,
    Clear,
    Set(Box<str>),
}

/// What goes on from one decision to the next, so that nodes get their turn and of equals not always the same wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotation {
    start: usize,
    draws: u64,
    pub(crate) trace: Trace,
}

impl Rotation {
    /// Some number, other ones in a row; the same after the same decisions.
    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.draws;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }
}

/// How many nodes that fit are enough to rank.
pub(crate) fn enough(percentage: i64, nodes: usize) -> usize {
    if nodes < FEW {
        return nodes;
    }
    let percentage = match usize::try_from(percentage) {
        Ok(percentage @ 1..) => percentage,
        _ => 50_usize.saturating_sub(nodes / 125).max(LEAST_PERCENTAGE),
    };
    (nodes * percentage / 100).max(FEW)
}

/// `percentage` holds where the profile has none of its own.
pub(crate) fn decide(
    pod: &PodView,
    profile: &Profile,
    percentage: i64,
    snapshot: &Snapshot,
    rotation: &mut Rotation,
) -> Decision {
    let decided = fitting(pod, profile, percentage, snapshot, rotation).map(|(cycle, nodes)| {
        let node = best(&cycle, &nodes, &HashMap::new(), rotation).expect("some fit");
        bind(&cycle, node)
    });
    decided.unwrap_or_else(Decision::Refuse)
}

/// The nodes that fit, one at least.
///
/// # Errors
/// What is in the way, where none does.
fn fitting<'a>(
    pod: &'a PodView,
    profile: &'a Profile,
    percentage: i64,
    snapshot: &'a Snapshot,
    rotation: &mut Rotation,
) -> Result<(Cycle<'a>, Vec<&'a NodeState>), Refusal> {
    if snapshot.order().is_empty() {
        let message = NO_NODES.to_owned();
        return Err(Refusal { message, nomination: Nomination::Clear, ..Refusal::default() });
    }
    let (cycle, mut diagnosis) = begin(pod, profile, snapshot, rotation)?;
    let nodes = match fits_nominated(&cycle) {
        Some(node) => vec![node],
        None => find(&cycle, profile.percentage.unwrap_or(percentage), rotation, &mut diagnosis),
    };
    if nodes.is_empty() {
        return Err(refuse(&cycle, diagnosis, rotation));
    }
    Ok((cycle, nodes))
}

/// Looks at the cluster for the pod; what keeps it off every node is a refusal.
fn begin<'a>(
    pod: &'a PodView,
    profile: &'a Profile,
    snapshot: &'a Snapshot,
    rotation: &mut Rotation,
) -> Result<(Cycle<'a>, Diagnosis), Refusal> {
    let mut diagnosis = Diagnosis::new(snapshot.order().len());
    let begun = Instant::now();
    rotation.trace.decide();
    match Cycle::begin(pod, profile, snapshot, &mut rotation.trace) {
        Ok(cycle) => {
            rotation.trace.passed(Point::PreFilter, begun, Ending::Success);
            Ok((cycle, diagnosis))
        }
        Err((cycle, refused)) => {
            rotation.trace.passed(Point::PreFilter, begun, Ending::of(Some(&refused.objection)));
            diagnosis.refuse_all(refused);
            Err(refuse(&cycle, diagnosis, rotation))
        }
    }
}

fn bind(cycle: &Cycle<'_>, node: &NodeState) -> Decision {
    let view = node.view.as_deref().expect("a node that fits is there");
    let volumes = plan_volumes(cycle, view).unwrap_or_default();
    let devices = plan_devices(cycle, view);
    Decision::Bind { node: view.name().into(), volumes, devices }
}

/// The node that the pod waits for, if it fits there.
fn fits_nominated<'a>(cycle: &Cycle<'a>) -> Option<&'a NodeState> {
    let (pod, snapshot) = (cycle.pod, cycle.snapshot);
    let name = snapshot.nomination(&pod.head.key).or(pod.nominated.as_deref())?;
    let (node, _) = snapshot.node_named(name)?;
    cycle.filter_beside_nominated(node).is_ok().then_some(node)
}

/// Enough nodes that fit.
fn find<'a>(
    cycle: &Cycle<'a>,
    percentage: i64,
    rotation: &mut Rotation,
    diagnosis: &mut Diagnosis,
) -> Vec<&'a NodeState> {
    let snapshot = cycle.snapshot;
    let named = cycle.nodes.names.as_ref().map(|names| {
        let nodes = names.iter().filter_map(|name| Some(snapshot.node_named(name)?.0.id));
        nodes.collect::<Vec<NodeId>>()
    });
    if named.is_some() {
        diagnosis.skip_rest(cycle.narrowed);
    }
    let nodes = named.as_deref().unwrap_or(snapshot.order());
    let enough = enough(percentage, nodes.len());
    if let Some(node) = nodes.get(rotation.start % nodes.len().max(1)) {
        cycle.time_filters(snapshot.node(*node), &mut rotation.trace);
    }
    let begun = Instant::now();
    let mut fitting = Vec::new();
    let mut looked_at = 0;
    for offset in 0..nodes.len() {
        let node = snapshot.node(nodes[(rotation.start + offset) % nodes.len()]);
        looked_at += 1;
        match cycle.filter_beside_nominated(node) {
            Ok(()) => fitting.push(node),
            Err(refused) => diagnosis.refuse(node.id, refused),
        }
        if fitting.len() == enough {
            break;
        }
    }
    rotation.start = (rotation.start + looked_at) % snapshot.order().len();
    let ending = if fitting.is_empty() { Ending::Unschedulable } else { Ending::Success };
    rotation.trace.passed(Point::Filter, begun, ending);
    fitting
}

/// The node of the highest score, with what others add to that; of equals any.
fn best<'a>(
    cycle: &Cycle<'a>,
    nodes: &[&'a NodeState],
    more: &HashMap<String, i64>,
    rotation: &mut Rotation,
) -> Option<&'a NodeState> {
    if let [] | [_] = nodes {
        return nodes.first().copied();
    }
    let begun = Instant::now();
    let mut scores = cycle.score(nodes, &mut rotation.trace);
    rotation.trace.passed(Point::Score, begun, Ending::Success);
    for (score, node) in scores.iter_mut().zip(nodes).filter(|_| !more.is_empty()) {
        *score += node.view.as_ref().and_then(|view| more.get(view.name())).copied().unwrap_or(0);
    }
    let highest = scores.iter().copied().max()?;
    let winners: Vec<_> = nodes.iter().zip(&scores).filter(|(_, score)| **score == highest).collect();
    Some(winners[rotation.draw(winners.len())].0)
}

/// Says what is in the way, and whose going would clear it.
fn refuse(cycle: &Cycle<'_>, diagnosis: Diagnosis, rotation: &mut Rotation) -> Refusal {
    let plugins = diagnosis.plugins();
    if !cycle.profile.enabled.contains(Plugin::DefaultPreemption) {
        let (message, nomination) = (diagnosis.message(None), Nomination::Clear);
        return Refusal { message, plugins, nomination, victims: Vec::new() };
    }
    let begun = Instant::now();
    let found = preempt::preempt(cycle, &diagnosis, rotation);
    let ending = if found.is_ok() { Ending::Success } else { Ending::Unschedulable };
    rotation.trace.passed(Point::PostFilter, begun, ending);
    match found {
        Ok(candidate) => Refusal {
            message: diagnosis.message(None),
            plugins,
            nomination: Nomination::Set(candidate.node),
            victims: candidate.victims,
        },
        Err(in_vain) => {
            let more = format!("{}preemption: {}", claims_note(cycle), in_vain.message);
            let message = diagnosis.message(Some(&more));
            Refusal { message, plugins, nomination: in_vain.nomination, victims: Vec::new() }
        }
    }
}

/// What upstream's DynamicResources says before preemption has its say.
fn claims_note(cycle: &Cycle<'_>) -> &'static str {
    match cycle.profile.enabled.contains(Plugin::DynamicResources) {
        true if cycle.pod.devices.is_empty() => "no new claims to deallocate, ",
        true => "still not schedulable, ",
        false => "",
    }
}
