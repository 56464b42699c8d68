//! Which nodes get a pod of a DaemonSet, which pods go, and what the status says. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};

use super::eligibility::Place;
use crate::int_or_percent::{Round, part_of};
use crate::pod::Pod;
use crate::revisions::REVISION_LABEL;
use crate::status::counted;

/// What is known of a DaemonSet.
pub(super) struct State<'a> {
    pub(super) set: &'a DaemonSet,
    /// By name.
    pub(super) nodes: BTreeMap<String, Place>,
    /// By the node that each is bound to; the oldest first.
    pub(super) pods: BTreeMap<String, Vec<Arc<Pod>>>,
    /// That of the present revision.
    pub(super) hash: &'a str,
    pub(super) now: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Nodes that get a pod.
    pub(super) create: Vec<String>,
    pub(super) delete: Vec<Arc<Pod>>,
    /// Pods that came to their end, to be deleted, each with its node. Not too soon one after another.
    pub(super) ended: Vec<(String, Arc<Pod>)>,
}

/// Groups pods by the node that each is bound to.
pub(super) fn by_node(pods: &[Arc<Pod>]) -> BTreeMap<String, Vec<Arc<Pod>>> {
    let mut nodes: BTreeMap<String, Vec<Arc<Pod>>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !(pod.has_ended() && pod.is_deleting())) {
        if let Some(node) = node_of(pod) {
            nodes.entry(node.to_owned()).or_default().push(pod.clone());
        }
    }
    for pods in nodes.values_mut() {
        pods.sort_by_cached_key(|pod| {
            let metadata = &pod.metadata;
            (!is_placed(pod), metadata.creation_timestamp.clone(), metadata.name.clone())
        });
    }
    nodes
}

fn is_placed(pod: &Pod) -> bool {
    pod.spec.node_name.as_ref().is_some_and(|name| !name.is_empty())
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.node_name.as_deref().filter(|name| !name.is_empty()).or(pod.spec.bound_to.as_deref())
}

/// How many pods may be too many and how many not available, of those of so many nodes.
struct Bounds {
    surge: usize,
    unavailable: usize,
}

impl Bounds {
    fn of(set: &DaemonSet, nodes: usize) -> Self {
        let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let total = i32::try_from(nodes).unwrap_or(i32::MAX);
        let number = |value| {
            let number = part_of(value, total, Round::Up);
            usize::try_from(number).unwrap_or(0)
        };
        let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).map_or(0, number);
        let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).map_or(0, number);
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        Self { surge, unavailable }
    }
}

impl State<'_> {
    fn min_ready_seconds(&self) -> i32 {
        self.set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    fn is_available(&self, pod: &Pod) -> bool {
        pod.is_available(self.min_ready_seconds(), self.now)
    }

    fn is_new(&self, pod: &Pod) -> bool {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(REVISION_LABEL)).is_some_and(|label| label == self.hash)
    }

    fn on(&self, node: &str) -> &[Arc<Pod>] {
        self.pods.get(node).map_or(&[], Vec::as_slice)
    }

    fn wanted(&self) -> usize {
        self.nodes.values().filter(|place| **place == Place::Runs).count()
    }

    fn rolls(&self) -> bool {
        let strategy = self.set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("RollingUpdate"))
    }
}

/// Puts a pod on every node that is to have one and has none, and takes off those that are too many.
pub(super) fn keep(state: &State<'_>) -> Plan {
    let mut plan = Plan::default();
    for (node, place) in &state.nodes {
        let pods = state.on(node);
        let alive = pods.iter().filter(|pod| !pod.is_deleting());
        match place {
            Place::Runs if pods.is_empty() => plan.create.push(node.clone()),
            Place::Runs | Place::Stays => {
                let (ended, running): (Vec<_>, Vec<_>) = alive.cloned().partition(|pod| pod.has_ended());
                plan.ended.extend(ended.into_iter().map(|pod| (node.clone(), pod)));
                plan.delete.extend(surplus(state, &running));
            }
            Place::No => plan.delete.extend(alive.cloned()),
        }
    }
    // A pod that waits for a node which is gone will never run.
    let lost = state.pods.iter().filter(|(node, _)| !state.nodes.contains_key(*node));
    let lost = lost.flat_map(|(_, pods)| pods).filter(|pod| !is_placed(pod) && !pod.is_deleting());
    plan.delete.extend(lost.cloned());
    plan
}

/// Of the pods that run on one node those that are too many.
fn surplus(state: &State<'_>, running: &[Arc<Pod>]) -> Vec<Arc<Pod>> {
    if !state.rolls() || Bounds::of(state.set, 1).surge == 0 {
        return running.iter().skip(1).cloned().collect();
    }
    let (new, old): (Vec<_>, Vec<_>) = running.iter().cloned().partition(|pod| state.is_new(pod));
    let mut surplus: Vec<_> = new.iter().skip(1).chain(old.iter().skip(1)).cloned().collect();
    // An old pod stays as long as it serves and the new one does not.
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && (!old.is_ready() || state.is_available(new))
    {
        surplus.push(old.clone());
    }
    surplus
}

/// The next step of a rolling update; where each node has what it is to have.
pub(super) fn roll(state: &State<'_>) -> Plan {
    if !state.rolls() {
        return Plan::default();
    }
    let bounds = Bounds::of(state.set, state.wanted());
    let nodes = state.nodes.iter().filter(|(_, place)| **place == Place::Runs).map(|(node, _)| node);
    let mut nodes: Vec<&String> = nodes.chain(state.pods.keys()).collect();
    nodes.sort();
    nodes.dedup();
    if bounds.surge == 0 { replaced(state, &nodes, &bounds) } else { surged(state, &nodes, &bounds) }
}

/// The new and the old pod of a node; `None` where there are several of one.
type Pair<'a> = Option<(Option<&'a Arc<Pod>>, Option<&'a Arc<Pod>>)>;

fn pair<'a>(state: &'a State<'_>, node: &str) -> Pair<'a> {
    let alive = state.on(node).iter().filter(|pod| !pod.is_deleting());
    let (new, old): (Vec<_>, Vec<_>) = alive.partition(|pod| state.is_new(pod));
    (new.len() <= 1 && old.len() <= 1).then(|| (new.first().copied(), old.first().copied()))
}

/// Old pods go so that no more than the bound are missing; new ones come in their place.
fn replaced(state: &State<'_>, nodes: &[&String], bounds: &Bounds) -> Plan {
    let (mut missing, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    for node in nodes {
        match pair(state, node) {
            Some((Some(new), None)) => missing += usize::from(!state.is_available(new)),
            Some((None, Some(old))) if state.is_available(old) => candidates.push(old.clone()),
            Some((None, Some(old))) => {
                missing += 1;
                broken.push(old.clone());
            }
            _ => missing += 1,
        }
    }
    candidates.truncate(bounds.unavailable.saturating_sub(missing));
    Plan { delete: broken.into_iter().chain(candidates).collect(), ..Plan::default() }
}

/// New pods come beside old ones, which go when these serve.
fn surged(state: &State<'_>, nodes: &[&String], bounds: &Bounds) -> Plan {
    let (mut surge, mut available) = (0, 0);
    let (mut create, mut candidates, mut delete, mut leaving) = (vec![], vec![], vec![], vec![]);
    for node in nodes {
        let Some((new, old)) = pair(state, node) else {
            surge += 1;
            continue;
        };
        available += usize::from(old.or(new).is_some_and(|pod| state.is_available(pod)));
        let runs = state.nodes.get(*node) == Some(&Place::Runs);
        match (new, old) {
            (_, None) => {}
            (None, Some(old)) => match (state.is_available(old), runs) {
                (false, false) => delete.push(old.clone()),
                (false, true) => create.push((*node).clone()),
                (true, false) => leaving.push(old.clone()),
                (true, true) => candidates.push((*node).clone()),
            },
            (Some(new), Some(_)) if !state.is_available(new) => surge += 1,
            (Some(_), Some(old)) => delete.push(old.clone()),
        }
    }
    // Of nodes that are to have none, pods go as others serve in their place.
    leaving.truncate(available.saturating_sub(state.wanted()));
    delete.extend(leaving);
    candidates.truncate(bounds.surge.saturating_sub(surge));
    create.extend(candidates);
    Plan { create, delete, ..Plan::default() }
}

/// `is_settled`: whether what is seen is what was done for the present generation.
pub(super) fn status(state: &State<'_>, is_settled: bool) -> DaemonSetStatus {
    let mut status = state.set.status.clone().unwrap_or_default();
    let (mut updated, mut available) = (0, 0);
    (status.desired_number_scheduled, status.current_number_scheduled) = (0, 0);
    (status.number_misscheduled, status.number_ready) = (0, 0);
    for (node, place) in &state.nodes {
        let first = state.on(node).first();
        if *place != Place::Runs {
            status.number_misscheduled += i32::from(first.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(first) = first else { continue };
        status.current_number_scheduled += 1;
        status.number_ready += i32::from(first.is_ready());
        available += usize::from(state.is_available(first));
        updated += usize::from(state.is_new(first));
    }
    status.updated_number_scheduled = counted(updated);
    status.number_available = counted(available);
    status.number_unavailable = counted(state.wanted().saturating_sub(available));
    if is_settled {
        status.observed_generation = state.set.metadata.generation;
    }
    status
}
