//! The decision: a table of filters, a score, and upstream's words for what is in the way.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use crate::demand::{CPU, Demand, MEMORY};
use crate::snapshot::{NodeState, Snapshot};
use crate::{node_affinity, taint};

/// Highest score, of a node of which nothing is taken.
const BEST: i128 = 100;
const SCORED: &[&str] = &[CPU, MEMORY];

const NO_NODES: &str = "no nodes available to schedule pods";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// To the node of this name.
    Bind(String),
    /// Nowhere now, as the message says.
    Unschedulable(String),
}

/// A pod on its way and one node that it may go to.
struct Candidate<'a> {
    spec: &'a PodSpec,
    demand: &'a Demand,
    node: &'a Node,
    state: &'a NodeState,
}

type Filter = fn(&Candidate<'_>) -> Vec<String>;

/// What keeps a pod off a node, in upstream's order; of the first filter that objects the reasons are told.
const FILTERS: &[Filter] = &[
    |it| unless(taint::stands_cordon(it.spec, it.node), "node(s) were unschedulable"),
    |it| unless(taint::tolerates_taints(it.spec, it.node), "node(s) had untolerated taint(s)"),
    |it| {
        unless(node_affinity::matches(it.spec, it.node), "node(s) didn't match Pod's node affinity/selector")
    },
    |it| unless(ports_are_free(it), "node(s) didn't have free ports for the requested pod ports"),
    lacking,
];

fn unless(fits: bool, reason: &str) -> Vec<String> {
    if fits { Vec::new() } else { vec![reason.to_owned()] }
}

fn ports_are_free(it: &Candidate<'_>) -> bool {
    it.demand.ports.iter().all(|port| it.state.ports.iter().all(|taken| !port.conflicts(taken)))
}

fn lacking(it: &Candidate<'_>) -> Vec<String> {
    let full = it.state.is_full().then(|| "Too many pods".to_owned());
    let short = it.demand.requests.iter().filter(|(name, amount)| {
        let free = it.state.allocatable.get(name) - it.state.requested.get(name);
        *amount > 0 && *amount > free
    });
    full.into_iter().chain(short.map(|(name, _)| format!("Insufficient {name}"))).collect()
}

/// The node with the most left of it, of equals the one with the fewest pods, then by name.
pub(crate) fn decide(pod: &Pod, demand: &Demand, snapshot: &Snapshot) -> Decision {
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut fitting = Vec::new();
    let mut count = 0;
    for (name, node, state) in snapshot.nodes() {
        count += 1;
        let candidate = Candidate { spec, demand, node, state };
        let objections = FILTERS.iter().map(|filter| filter(&candidate)).find(|reasons| !reasons.is_empty());
        match objections {
            None => fitting.push((score(&candidate), Reverse(state.pods), Reverse(name))),
            Some(objections) => {
                objections.into_iter().for_each(|reason| *reasons.entry(reason).or_default() += 1);
            }
        }
    }
    match fitting.into_iter().max() {
        Some((.., Reverse(name))) => Decision::Bind(name.to_owned()),
        None if count == 0 => Decision::Unschedulable(NO_NODES.to_owned()),
        None => Decision::Unschedulable(refusal(count, &reasons)),
    }
}

/// How much of the node would be left, in hundredths, averaged over processor and memory.
fn score(it: &Candidate<'_>) -> i128 {
    let left = |name: &&str| {
        let all = it.state.allocatable.get(name);
        let free = all - it.state.scored.get(name) - it.demand.scored.get(name);
        free.max(0) * BEST / all.max(1)
    };
    SCORED.iter().map(left).sum::<i128>() / SCORED.len() as i128
}

fn refusal(nodes: usize, reasons: &BTreeMap<String, usize>) -> String {
    let mut reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    reasons.sort();
    format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
}
