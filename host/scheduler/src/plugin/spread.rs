//! PodTopologySpread: how evenly pods lie over the domains of a topology.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use objects::selector::LabelSelector;
use reconcile::ObjectKey;

use super::{BEST, Objection, Verdict, taints, views};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{NodeView, PodView, Policy, SpreadTerm, WhenUnsatisfiable};

/// What counts for pods that say nothing of spreading themselves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Defaults {
    /// Upstream's: loosely over hosts, and zones where nodes have one.
    System(Vec<SpreadTerm>),
    List(Vec<SpreadTerm>),
}

#[derive(Clone, Default)]
pub(crate) struct SpreadState<'a> {
    terms: Vec<Counted<'a>>,
}

/// A constraint with the pods in each of its domains.
#[derive(Clone)]
struct Counted<'a> {
    term: Arc<SpreadTerm>,
    counts: HashMap<&'a str, i64>,
    least: i64,
    /// Whether the pod itself counts.
    is_own: bool,
}

impl Counted<'_> {
    fn find_least(&mut self) {
        let enough = self.counts.len() as i64 >= self.term.min_domains;
        self.least = if enough { self.counts.values().copied().min().unwrap_or(0) } else { 0 };
    }
}

/// The constraints of the pod of one sort, or the profile's.
fn terms(cycle: &Cycle<'_>, when: WhenUnsatisfiable) -> Vec<Arc<SpreadTerm>> {
    let of_sort = |term: &&Arc<SpreadTerm>| term.when == when;
    if !cycle.pod.spread.is_empty() {
        return cycle.pod.spread.iter().filter(of_sort).cloned().collect();
    }
    let (Defaults::System(defaults) | Defaults::List(defaults)) = &cycle.profile.args.spread;
    let mut defaults = defaults.iter().filter(|term| term.when == when).peekable();
    if defaults.peek().is_none() {
        return Vec::new();
    }
    let Some(selector) = siblings(cycle) else { return Vec::new() };
    defaults.map(|term| Arc::new(SpreadTerm { selector: Some(selector.clone()), ..term.clone() })).collect()
}

/// Selects the pods of the same services and workload; `None` where the pod is of none.
fn siblings(cycle: &Cycle<'_>) -> Option<LabelSelector> {
    let (pod, tables) = (cycle.pod, &cycle.snapshot.tables);
    let mut all = LabelSelector::default();
    for service in tables.services.values() {
        let selector = service.selector.as_ref().filter(|_| service.head.key.namespace == pod.namespace());
        if let Some(selector) = selector.filter(|selector| selector.matches(|key| pod.labels.get(key))) {
            all = all.and(selector.clone());
        }
    }
    let workload = pod.owner.as_ref().and_then(|owner| {
        tables.workloads.get(&*owner.kind)?.get(&ObjectKey::new(pod.namespace(), &*owner.name))
    });
    if let Some(selector) = workload.and_then(|workload| workload.selector.as_ref()) {
        all = all.and(selector.clone());
    }
    (!all.is_everything()).then_some(all)
}

fn has_keys(node: &NodeView, terms: &[Arc<SpreadTerm>]) -> bool {
    terms.iter().all(|term| node.labels.get(&term.topology_key).is_some())
}

/// Whether the pods of a node count for a constraint.
fn counts(pod: &PodView, term: &SpreadTerm, node: &NodeView) -> bool {
    (term.node_affinity == Policy::Ignore || pod.asks_for(node.name(), &node.labels))
        && (term.node_taints == Policy::Ignore || taints::are_stood(node, pod))
}

/// The pods that a constraint selects in each domain of the nodes that count; a node without the label lies in none.
fn count<'a>(cycle: &Cycle<'a>, term: &SpreadTerm, all: Option<&[Arc<SpreadTerm>]>) -> HashMap<&'a str, i64> {
    let mut counts_of = HashMap::new();
    let mut domains: HashMap<_, &'a str> = HashMap::new();
    for (state, node) in cycle.snapshot.nodes() {
        let Some(domain) = node.labels.get(&term.topology_key) else { continue };
        if all.is_none_or(|all| has_keys(node, all)) && counts(cycle.pod, term, node) {
            counts_of.entry(domain).or_insert(0);
            domains.insert(state.id, domain);
        }
    }
    for group in cycle.snapshot.groups.in_namespace(cycle.pod.namespace()) {
        if group.alike.is_deleting || !term.selects(&group.alike.labels) {
            continue;
        }
        for (node, pods) in group.nodes() {
            if let Some(count) = domains.get(&node).and_then(|domain| counts_of.get_mut(domain)) {
                *count += pods;
            }
        }
    }
    counts_of
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let terms = terms(cycle, WhenUnsatisfiable::DoNotSchedule);
    let counted = terms.iter().map(|term| {
        let counts = count(cycle, term, Some(&terms));
        let is_own = term.selects(&cycle.pod.labels);
        let mut counted = Counted { term: term.clone(), counts, least: 0, is_own };
        counted.find_least();
        counted
    });
    cycle.spread.terms = counted.collect();
    Ok(())
}

pub(super) fn shift<'a>(cycle: &mut Cycle<'a>, pod: &'a PodView, node: &'a NodeState, by: i64) {
    let Some(view) = node.view.as_deref() else { return };
    let has_keys = cycle.spread.terms.iter().all(|one| view.labels.get(&one.term.topology_key).is_some());
    if pod.namespace() != cycle.pod.namespace() || pod.is_deleting || !has_keys {
        return;
    }
    for counted in &mut cycle.spread.terms {
        if !counted.term.selects(&pod.labels) || !counts(cycle.pod, &counted.term, view) {
            continue;
        }
        if let Some(domain) = view.labels.get(&counted.term.topology_key) {
            *counted.counts.entry(domain).or_default() += by;
            counted.find_least();
        }
    }
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    for counted in &cycle.spread.terms {
        let Some(domain) = node.labels.get(&counted.term.topology_key) else {
            return Err(Objection::lasting(
                "node(s) didn't match pod topology spread constraints (missing required label)",
            ));
        };
        let there = counted.counts.get(domain).copied().unwrap_or(0);
        if there + i64::from(counted.is_own) - counted.least > counted.term.max_skew {
            return Err(Objection::resolvable("node(s) didn't match pod topology spread constraints"));
        }
    }
    Ok(())
}

/// The fewer pods are in a node's domains already; a domain of many is worth more than one of few.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let terms = terms(cycle, WhenUnsatisfiable::ScheduleAnyway);
    if terms.is_empty() {
        return vec![0; nodes.len()];
    }
    let is_own = !cycle.pod.spread.is_empty();
    let needs_all = is_own || matches!(cycle.profile.args.spread, Defaults::List(_));
    let is_ranked = |node: &NodeView| !needs_all || has_keys(node, &terms);
    let counted: Vec<_> = terms
        .iter()
        .map(|term| {
            let ranked = views(nodes).filter(|(_, node)| is_ranked(node));
            let domains: HashSet<&str> =
                ranked.filter_map(|(_, node)| node.labels.get(&term.topology_key)).collect();
            let weight = ((domains.len() + 2) as f64).ln();
            (term, count(cycle, term, needs_all.then_some(&*terms)), weight)
        })
        .collect();
    let raw = |node: &NodeView| -> i64 {
        let parts = counted.iter().filter_map(|(term, counts, weight)| {
            let pods = counts.get(node.labels.get(&term.topology_key)?).copied().unwrap_or(0);
            Some(pods as f64 * weight + (term.max_skew - 1) as f64)
        });
        parts.sum::<f64>().round() as i64
    };
    let raws: Vec<Option<i64>> = views(nodes).map(|(_, node)| is_ranked(node).then(|| raw(node))).collect();
    let highest = raws.iter().flatten().copied().max().unwrap_or(0);
    let lowest = raws.iter().flatten().copied().min().unwrap_or(0);
    let share = |raw: Option<i64>| match raw {
        None => 0,
        Some(_) if highest == 0 => BEST,
        Some(raw) => BEST * (highest + lowest - raw) / highest,
    };
    raws.into_iter().map(share).collect()
}
