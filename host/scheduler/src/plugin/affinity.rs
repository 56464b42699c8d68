//! InterPodAffinity: pods that want to be beside others, or away from them.

use std::collections::HashMap;

use super::{BEST, Objection, Verdict, unless, views};
use crate::cycle::Cycle;
use crate::groups::{Group, Likeness};
use crate::snapshot::NodeState;
use crate::view::{Labels, NodeView, PodTerm, PodView, Weighted};

/// Pods, or weights, by key and value of a topology.
type Pairs<'a> = HashMap<(&'a str, &'a str), i64>;

#[derive(Clone, Default)]
pub(crate) struct AffinityState<'a> {
    /// Pods that want to be away from the pod.
    repelled: Pairs<'a>,
    /// Pods that the pod wants to be beside.
    wanted: Pairs<'a>,
    /// Pods that the pod wants to be away from.
    unwanted: Pairs<'a>,
}

fn add<'a>(pairs: &mut Pairs<'a>, term: &'a PodTerm, node: &'a NodeView, by: i64) {
    let Some(value) = node.labels.get(&term.topology_key) else { return };
    let pair = (&*term.topology_key, value);
    let count = pairs.entry(pair).or_default();
    *count += by;
    if *count == 0 {
        pairs.remove(&pair);
    }
}

/// A pod of a namespace as terms see it.
#[derive(Clone, Copy)]
struct Seen<'s> {
    namespace: &'s str,
    in_namespace: Option<&'s Labels>,
    labels: &'s Labels,
}

impl<'s> Seen<'s> {
    fn new(cycle: &Cycle<'s>, namespace: &'s str, labels: &'s Labels) -> Self {
        let namespaces = &cycle.snapshot.tables.namespaces;
        let in_namespace = namespaces.get(&reconcile::ObjectKey::new("", namespace));
        Self { namespace, in_namespace: in_namespace.map(|namespace| &namespace.labels), labels }
    }

    fn of(cycle: &Cycle<'s>, pod: &'s PodView) -> Self {
        Self::new(cycle, pod.namespace(), &pod.labels)
    }

    fn alike(cycle: &Cycle<'s>, alike: &'s Likeness) -> Self {
        Self::new(cycle, &alike.namespace, &alike.labels)
    }

    fn is_of(&self, term: &PodTerm) -> bool {
        term.matches(self.namespace, self.in_namespace, self.labels)
    }

    fn is_of_all(&self, terms: &[PodTerm]) -> bool {
        !terms.is_empty() && terms.iter().all(|term| self.is_of(term))
    }
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let (pod, snapshot) = (cycle.pod, cycle.snapshot);
    let mut state = AffinityState::default();
    let own = Seen::of(cycle, pod);
    for group in snapshot.groups.with_affinity() {
        for term in group.alike.affinity.anti_required.iter().filter(|term| own.is_of(term)) {
            each_node(cycle, group, |node, pods| add(&mut state.repelled, term, node, pods));
        }
    }
    let own = &pod.affinity;
    if !own.required.is_empty() || !own.anti_required.is_empty() {
        for group in snapshot.groups.all() {
            let seen = Seen::alike(cycle, &group.alike);
            if seen.is_of_all(&own.required) {
                for term in &own.required {
                    each_node(cycle, group, |node, pods| add(&mut state.wanted, term, node, pods));
                }
            }
            for term in own.anti_required.iter().filter(|term| seen.is_of(term)) {
                each_node(cycle, group, |node, pods| add(&mut state.unwanted, term, node, pods));
            }
        }
    }
    cycle.affinity = state;
    Ok(())
}

fn each_node<'a>(cycle: &Cycle<'a>, group: &Group, mut tell: impl FnMut(&'a NodeView, i64)) {
    for (node, pods) in group.nodes() {
        if let Some(view) = cycle.snapshot.node(node).view.as_deref() {
            tell(view, pods);
        }
    }
}

pub(super) fn shift<'a>(cycle: &mut Cycle<'a>, pod: &'a PodView, node: &'a NodeState, by: i64) {
    let Some(view) = node.view.as_deref() else { return };
    let (own, seen) = (Seen::of(cycle, cycle.pod), Seen::of(cycle, pod));
    let (terms, state) = (&cycle.pod.affinity, &mut cycle.affinity);
    for term in pod.affinity.anti_required.iter().filter(|term| own.is_of(term)) {
        add(&mut state.repelled, term, view, by);
    }
    if seen.is_of_all(&terms.required) {
        terms.required.iter().for_each(|term| add(&mut state.wanted, term, view, by));
    }
    for term in terms.anti_required.iter().filter(|term| seen.is_of(term)) {
        add(&mut state.unwanted, term, view, by);
    }
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    let (state, own) = (&cycle.affinity, &cycle.pod.affinity);
    let count = |pairs: &Pairs<'_>, term: &PodTerm| {
        let value = node.labels.get(&term.topology_key)?;
        Some(pairs.get(&(&*term.topology_key, value)).copied().unwrap_or(0))
    };
    let beside = own.required.iter().map(|term| count(&state.wanted, term));
    // The first of pods that want to be together needs no other.
    let is_first = || state.wanted.is_empty() && Seen::of(cycle, cycle.pod).is_of_all(&own.required);
    let is_beside = beside.clone().all(|count| count.is_some())
        && (beside.flatten().all(|count| count > 0) || is_first());
    unless(is_beside, Objection::lasting("node(s) didn't match pod affinity rules"))?;
    let is_away = own.anti_required.iter().all(|term| count(&state.unwanted, term).unwrap_or(0) <= 0);
    unless(is_away, Objection::resolvable("node(s) didn't match pod anti-affinity rules"))?;
    let is_repelled =
        state.repelled.iter().any(|((key, value), pods)| *pods > 0 && node.labels.get(key) == Some(value));
    unless(!is_repelled, Objection::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"))
}

/// How much the pod wants to be beside the pods around a node, and they beside it.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let weights = weights(cycle);
    if weights.is_empty() {
        return vec![0; nodes.len()];
    }
    let raw = |node: &NodeView| -> i64 {
        let around = weights.iter().filter(|((key, value), _)| node.labels.get(key) == Some(value));
        around.map(|(_, weight)| weight).sum()
    };
    let raws: Vec<i64> = if weights.len() > nodes.len() {
        let keys: std::collections::BTreeSet<&str> = weights.keys().map(|(key, _)| *key).collect();
        let looked_up =
            |node: &NodeView| keys.iter().filter_map(|key| weights.get(&(*key, node.labels.get(key)?))).sum();
        views(nodes).map(|(_, node)| looked_up(node)).collect()
    } else {
        views(nodes).map(|(_, node)| raw(node)).collect()
    };
    let highest = raws.iter().copied().max().unwrap_or(0);
    let lowest = raws.iter().copied().min().unwrap_or(0);
    let share = |raw: i64| match highest - lowest {
        0 => 0,
        range => (BEST as f64 * ((raw - lowest) as f64 / range as f64)) as i64,
    };
    raws.into_iter().map(share).collect()
}

fn weights<'a>(cycle: &Cycle<'a>) -> Pairs<'a> {
    let (pod, args) = (cycle.pod, &cycle.profile.args);
    let own = Seen::of(cycle, pod);
    let (wants, shuns) = (&pod.affinity.preferred, &pod.affinity.anti_preferred);
    let prefers = !wants.is_empty() || !shuns.is_empty();
    let mut weights = Pairs::new();
    if !prefers && args.ignores_preferred_of_others {
        return weights;
    }
    if prefers {
        for group in cycle.snapshot.groups.all() {
            let seen = Seen::alike(cycle, &group.alike);
            weigh(cycle, group, wants, seen, 1, &mut weights);
            weigh(cycle, group, shuns, seen, -1, &mut weights);
        }
    }
    for group in cycle.snapshot.groups.with_affinity() {
        let theirs = &group.alike.affinity;
        for term in theirs.required.iter().filter(|term| args.hard_affinity_weight > 0 && own.is_of(term)) {
            each_node(cycle, group, |node, pods| {
                add(&mut weights, term, node, pods * args.hard_affinity_weight);
            });
        }
        weigh(cycle, group, &theirs.preferred, own, 1, &mut weights);
        weigh(cycle, group, &theirs.anti_preferred, own, -1, &mut weights);
    }
    weights
}

fn weigh<'a>(
    cycle: &Cycle<'a>,
    group: &'a Group,
    terms: &'a [Weighted<PodTerm>],
    seen: Seen<'_>,
    sign: i64,
    weights: &mut Pairs<'a>,
) {
    for one in terms.iter().filter(|one| seen.is_of(&one.term)) {
        each_node(cycle, group, |node, pods| add(weights, &one.term, node, sign * one.weight * pods));
    }
}
