//! Preemption: which pods of less priority would have to go for a pod to fit, on which node, with the least harm.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use super::diagnosis::{Diagnosis, histogram, tell};
use super::{Nomination, Rotation};
use crate::cycle::Cycle;
use crate::plugin::Objection;
use crate::snapshot::NodeState;
use crate::view::{BudgetView, PodView};

/// Shifts priorities so that none is negative: two pods are never less harm than one of them.
const LEAST_PRIORITY: i64 = 1 << 31;

/// A pod that is to go.
pub(crate) type Victim = Arc<PodView>;

/// A node that the pod fits on once its victims are gone.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) node: Box<str>,
    /// From the most important down; never none.
    pub(super) victims: Vec<Victim>,
    /// How many of them a disruption budget would rather keep.
    violations: usize,
}

/// Why nobody is made to go.
pub(super) struct InVain {
    pub(super) message: String,
    pub(super) nomination: Nomination,
}

impl InVain {
    fn waits(message: &str) -> Self {
        Self { message: message.to_owned(), nomination: Nomination::Keep }
    }
}

pub(super) fn preempt(
    cycle: &Cycle<'_>,
    diagnosis: &Diagnosis,
    rotation: &mut Rotation,
) -> Result<Candidate, InVain> {
    is_eligible(cycle, diagnosis)?;
    let resolvable: Vec<&NodeState> = cycle
        .snapshot
        .nodes()
        .map(|(node, _)| node)
        .filter(|node| diagnosis.objection(node.id).is_some_and(|objection| objection.is_resolvable))
        .collect();
    let (candidates, objections) = dry_run(cycle, &resolvable, rotation);
    let best = candidates.into_iter().min_by_key(harm);
    best.ok_or_else(|| {
        let total = cycle.snapshot.order().len();
        let rest = Objection::lasting("Preemption is not helpful for scheduling");
        let reasons = histogram(total, objections.iter(), objections.len(), Some(&rest));
        InVain { message: tell(total, &reasons, None), nomination: Nomination::Clear }
    })
}

fn may_preempt(pod: &PodView, victim: &PodView) -> bool {
    victim.priority < pod.priority
}

fn is_eligible(cycle: &Cycle<'_>, diagnosis: &Diagnosis) -> Result<(), InVain> {
    let (pod, snapshot) = (cycle.pod, cycle.snapshot);
    if !pod.preempts {
        return Err(InVain::waits("not eligible due to preemptionPolicy=Never."));
    }
    let nominated = snapshot.nomination(&pod.head.key).or(pod.nominated.as_deref());
    let Some((node, _)) = nominated.and_then(|name| snapshot.node_named(name)) else { return Ok(()) };
    if diagnosis.objection(node.id).is_some_and(|objection| !objection.is_resolvable) {
        return Ok(());
    }
    let goes = |other: &Arc<PodView>| may_preempt(pod, other) && other.is_deleting && other.is_preempted;
    match node.pods.iter().any(goes) {
        true => Err(InVain::waits("not eligible due to a terminating pod on the nominated node.")),
        false => Ok(()),
    }
}

/// Tries nodes, from any on, until enough would do.
fn dry_run(
    cycle: &Cycle<'_>,
    nodes: &[&NodeState],
    rotation: &mut Rotation,
) -> (Vec<Candidate>, Vec<Objection>) {
    let args = &cycle.profile.args;
    let share = nodes.len() as i64 * args.candidate_percentage / 100;
    let enough = usize::try_from(share.max(args.candidates)).unwrap_or(usize::MAX).min(nodes.len());
    let offset = rotation.draw(nodes.len());
    let (mut candidates, mut objections) = (Vec::<Candidate>::new(), Vec::new());
    for index in 0..nodes.len() {
        match victims_on(cycle, nodes[(offset + index) % nodes.len()]) {
            Ok(candidate) => candidates.push(candidate),
            Err(objection) => objections.push(objection),
        }
        if candidates.len() >= enough && candidates.iter().any(|candidate| candidate.violations == 0) {
            break;
        }
    }
    (candidates, objections)
}

/// The fewest pods that have to go from a node.
fn victims_on(cycle: &Cycle<'_>, original: &NodeState) -> Result<Candidate, Objection> {
    let mut cycle = cycle.clone();
    let cycle = &mut cycle;
    // Taken from the snapshot, which the copy of the cycle points into.
    let original = cycle.snapshot.node(original.id);
    let mut node = original.clone();
    let mut potential: Vec<&Victim> =
        original.pods.iter().filter(|victim| may_preempt(cycle.pod, victim)).collect();
    if potential.is_empty() {
        return Err(Objection::lasting("No preemption victims found for incoming pod"));
    }
    for victim in &potential {
        node.remove(victim);
        cycle.shift(victim, original, -1);
    }
    cycle.filter_beside_nominated(&node).map_err(|refused| refused.objection)?;
    potential.sort_by_key(|victim| importance(victim));
    let (violating, others) = by_budget(&potential, cycle.snapshot.tables.budgets.values());
    let (mut victims, mut violations) = (Vec::new(), 0);
    for (victim, violates) in
        violating.iter().map(|victim| (*victim, 1)).chain(others.iter().map(|victim| (*victim, 0)))
    {
        node.add(victim.clone());
        cycle.shift(victim, original, 1);
        if cycle.filter_beside_nominated(&node).is_err() {
            node.remove(victim);
            cycle.shift(victim, original, -1);
            victims.push(victim.clone());
            violations += violates;
        }
    }
    if victims.is_empty() {
        return Err(Objection::lasting("No preemption victims found for incoming pod"));
    }
    victims.sort_by_key(|victim| importance(victim));
    let node = original.view.as_ref().map(|view| view.name().into()).unwrap_or_default();
    Ok(Candidate { node, victims, violations })
}

/// The most important first: the highest priority, then the longest running.
fn importance(pod: &PodView) -> (Reverse<i32>, Timestamp) {
    (Reverse(pod.priority), pod.started.unwrap_or(Timestamp::MAX))
}

/// Those whose going a disruption budget does not allow, and the others, in their order.
fn by_budget<'v, 'b>(
    potential: &[&'v Victim],
    budgets: impl Iterator<Item = &'b Arc<BudgetView>>,
) -> (Vec<&'v Victim>, Vec<&'v Victim>) {
    let mut budgets: Vec<(&BudgetView, i64)> = budgets.map(|budget| (&**budget, budget.allowed)).collect();
    potential.iter().copied().partition(|pod| {
        let mut is_violated = false;
        for (budget, allowed) in &mut budgets {
            let is_counted = budget.disrupted.iter().any(|name| **name == *pod.head.key.name);
            if budget.selects(pod.namespace(), &pod.labels) && !is_counted {
                *allowed -= 1;
                is_violated |= *allowed < 0;
            }
        }
        is_violated
    })
}

/// What is compared, one after another: budgets violated, the most important victim, all their priorities, their
/// number, and how long the most important has been running.
fn harm(candidate: &Candidate) -> (usize, i32, i64, usize, Reverse<Timestamp>) {
    let victims = &candidate.victims;
    let highest = victims.first().map_or(i32::MIN, |victim| victim.priority);
    let sum = victims.iter().map(|victim| i64::from(victim.priority) + LEAST_PRIORITY).sum();
    let earliest = victims
        .iter()
        .filter(|victim| victim.priority == highest)
        .map(|victim| victim.started.unwrap_or(Timestamp::MAX))
        .min();
    (candidate.violations, highest, sum, victims.len(), Reverse(earliest.unwrap_or(Timestamp::MAX)))
}
