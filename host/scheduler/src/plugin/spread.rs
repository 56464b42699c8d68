//! PodTopologySpread: how evenly pods lie over the domains of a topology.

use std::sync::Arc;

use objects::selector::LabelSelector;
use reconcile::ObjectKey;

use super::{BEST, Objection, Verdict, taints, views};
use crate::cycle::Cycle;
use crate::snapshot::{Domain, Domains, NodeId, NodeState};
use crate::view::{NodeView, PodView, Policy, SpreadTerm, WhenUnsatisfiable};

/// What counts for pods that say nothing of spreading themselves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Defaults {
    /// Upstream's: loosely over hosts, and zones where nodes have one.
    System(Vec<SpreadTerm>),
    List(Vec<SpreadTerm>),
}

#[derive(Clone, Default)]
pub(crate) struct SpreadState {
    terms: Vec<Counted>,
}

/// A constraint with the pods in each of its domains.
#[derive(Clone)]
struct Counted {
    term: Arc<SpreadTerm>,
    counts: Counts,
    least: i64,
    /// Whether the pod itself counts.
    is_own: bool,
}

impl Counted {
    fn find_least(&mut self) {
        let counts = || self.counts.pods.iter().flatten().copied();
        let enough = counts().count() as i64 >= self.term.min_domains;
        self.least = if enough { counts().min().unwrap_or(0) } else { 0 };
    }
}

/// The pods in each domain; `None` where no node of it counts.
#[derive(Clone)]
struct Counts {
    domains: Arc<Domains>,
    pods: Vec<Option<i64>>,
}

impl Counts {
    fn of(&self, domain: Domain) -> i64 {
        self.pods[domain.0].unwrap_or(0)
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

/// The domains of each constraint.
fn domains(cycle: &Cycle<'_>, terms: &[Arc<SpreadTerm>]) -> Vec<Arc<Domains>> {
    terms.iter().map(|term| cycle.snapshot.domains(&term.topology_key)).collect()
}

fn is_in_all(node: NodeId, domains: &[Arc<Domains>]) -> bool {
    domains.iter().all(|domains| domains.of(node).is_some())
}

/// Whether the pods of a node count for a constraint.
fn counts(pod: &PodView, term: &SpreadTerm, node: &NodeView) -> bool {
    (term.node_affinity == Policy::Ignore || pod.asks_for(node.name(), &node.labels))
        && (term.node_taints == Policy::Ignore || taints::are_stood(node, pod))
}

/// The pods that a constraint selects in each domain of the nodes that count, which are those in `all`.
fn count(cycle: &Cycle<'_>, term: &SpreadTerm, domains: &Arc<Domains>, all: &[Arc<Domains>]) -> Counts {
    let mut pods = vec![None; domains.count()];
    let mut is_counted = vec![false; domains.end()];
    for (state, node) in cycle.snapshot.nodes() {
        let Some(domain) = domains.of(state.id) else { continue };
        if is_in_all(state.id, all) && counts(cycle.pod, term, node) {
            pods[domain.0] = Some(0);
            is_counted[state.id.0] = true;
        }
    }
    for group in cycle.snapshot.groups.in_namespace(cycle.pod.namespace()) {
        if group.alike.is_deleting || !term.selects(&group.alike.labels) {
            continue;
        }
        for (node, count) in group.nodes() {
            if let Some(domain) = domains.of(node).filter(|_| is_counted[node.0]) {
                *pods[domain.0].get_or_insert(0) += count;
            }
        }
    }
    Counts { domains: domains.clone(), pods }
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let terms = terms(cycle, WhenUnsatisfiable::DoNotSchedule);
    let all = domains(cycle, &terms);
    let counted = terms.iter().zip(&all).map(|(term, domains)| {
        let counts = count(cycle, term, domains, &all);
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
    let is_in_all = cycle.spread.terms.iter().all(|one| one.counts.domains.of(node.id).is_some());
    if pod.namespace() != cycle.pod.namespace() || pod.is_deleting || !is_in_all {
        return;
    }
    for counted in &mut cycle.spread.terms {
        if !counted.term.selects(&pod.labels) || !counts(cycle.pod, &counted.term, view) {
            continue;
        }
        if let Some(domain) = counted.counts.domains.of(node.id) {
            *counted.counts.pods[domain.0].get_or_insert(0) += by;
            counted.find_least();
        }
    }
}

pub(super) fn filter(cycle: &Cycle<'_>, node: &NodeState, _: &NodeView) -> Verdict {
    for counted in &cycle.spread.terms {
        let Some(domain) = counted.counts.domains.of(node.id) else {
            return Err(Objection::lasting(
                "node(s) didn't match pod topology spread constraints (missing required label)",
            ));
        };
        let there = counted.counts.of(domain);
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
    let all = domains(cycle, &terms);
    let needed: &[Arc<Domains>] = if needs_all { &all } else { &[] };
    let is_ranked = |node: &NodeState| is_in_all(node.id, needed);
    let counted: Vec<_> = terms
        .iter()
        .zip(&all)
        .map(|(term, domains)| {
            let ranked = views(nodes).map(|(state, _)| state).filter(|state| is_ranked(state));
            let mut is_seen = vec![false; domains.count()];
            ranked.filter_map(|state| domains.of(state.id)).for_each(|domain| is_seen[domain.0] = true);
            let weight = ((is_seen.iter().filter(|seen| **seen).count() + 2) as f64).ln();
            (term, count(cycle, term, domains, needed), weight)
        })
        .collect();
    let raw = |node: &NodeState| -> i64 {
        let parts = counted.iter().filter_map(|(term, counts, weight)| {
            let pods = counts.of(counts.domains.of(node.id)?);
            Some(pods as f64 * weight + (term.max_skew - 1) as f64)
        });
        parts.sum::<f64>().round() as i64
    };
    let raws: Vec<Option<i64>> =
        views(nodes).map(|(state, _)| is_ranked(state).then(|| raw(state))).collect();
    let highest = raws.iter().flatten().copied().max().unwrap_or(0);
    let lowest = raws.iter().flatten().copied().min().unwrap_or(0);
    let share = |raw: Option<i64>| match raw {
        None => 0,
        Some(_) if highest == 0 => BEST,
        Some(raw) => BEST * (highest + lowest - raw) / highest,
    };
    raws.into_iter().map(share).collect()
}
