//! What a disruption budget's status says, by its pods and by how many there are to be. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::int_or_percent::{Round, part_of};
use crate::pod::Pod;

/// An eviction that was let through is to have deleted its pod by then; upstream's.
const DELETION: Duration = Duration::from_secs(120);
const ALLOWED: &str = "DisruptionAllowed";

/// How many pods are counted on, and how many of them are to be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) pods: i32,
    pub(super) healthy: i32,
}

/// Whether the scales of the pods' controllers matter: only a plain number that is to be healthy does without.
pub(super) fn needs_scales(budget: &PodDisruptionBudget) -> bool {
    let spec = budget.spec.clone().unwrap_or_default();
    spec.max_unavailable.is_some() || matches!(spec.min_available, Some(IntOrString::String(_)))
}

/// By the number of pods there are, and the sum of the scales of their controllers.
pub(super) fn expected(budget: &PodDisruptionBudget, pods: usize, scale: i32) -> Expected {
    let spec = budget.spec.clone().unwrap_or_default();
    let pods = i32::try_from(pods).unwrap_or(i32::MAX);
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(unavailable), _) => {
            let healthy = scale.saturating_sub(part_of(unavailable, scale, Round::Up)).max(0);
            Expected { pods: scale, healthy }
        }
        (None, Some(IntOrString::Int(healthy))) => Expected { pods, healthy: *healthy },
        (None, Some(share)) => Expected { pods: scale, healthy: part_of(share, scale, Round::Up) },
        (None, None) => Expected { pods: 0, healthy: 0 },
    }
}

/// Evictions that were let through and whose pods are still to go; when the first of them is overdue, and the pods that
/// are overdue by now.
pub(super) struct Disrupted {
    pub(super) pods: BTreeMap<String, Time>,
    pub(super) again: Option<Duration>,
    pub(super) overdue: Vec<String>,
}

pub(super) fn disrupted(budget: &PodDisruptionBudget, pods: &[Arc<Pod>], now: Timestamp) -> Disrupted {
    let told = budget.status.as_ref().and_then(|status| status.disrupted_pods.clone()).unwrap_or_default();
    let by_name: HashMap<&str, &Arc<Pod>> =
        pods.iter().filter_map(|pod| Some((pod.metadata.name.as_deref()?, pod))).collect();
    let mut disrupted = Disrupted { pods: BTreeMap::new(), again: None, overdue: Vec::new() };
    for (name, since) in told {
        if by_name.get(name.as_str()).is_none_or(|pod| pod.is_deleting()) {
            continue;
        }
        let passed = Duration::try_from(now.duration_since(since.0)).unwrap_or(Duration::ZERO);
        let left = DELETION.saturating_sub(passed);
        if left.is_zero() {
            disrupted.overdue.push(name);
        } else {
            disrupted.again = Some(disrupted.again.map_or(left, |again| again.min(left)));
            disrupted.pods.insert(name, since);
        }
    }
    disrupted
}

pub(super) fn status(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    expected: Expected,
    disrupted: BTreeMap<String, Time>,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let is_healthy = |pod: &&Arc<Pod>| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        !pod.is_deleting() && !disrupted.contains_key(name) && pod.is_ready()
    };
    let healthy = i32::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let allowed = if expected.pods > 0 { healthy.saturating_sub(expected.healthy).max(0) } else { 0 };
    let (truth, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    PodDisruptionBudgetStatus {
        conditions: Some(conditions(budget, truth, reason, String::new(), now)),
        current_healthy: Some(healthy),
        desired_healthy: Some(expected.healthy),
        disrupted_pods: Some(disrupted).filter(|pods| !pods.is_empty()),
        disruptions_allowed: Some(allowed),
        expected_pods: Some(expected.pods),
        observed_generation: budget.metadata.generation,
    }
}

/// That of a budget which cannot be reckoned: nothing is let through.
pub(super) fn unknown(
    budget: &PodDisruptionBudget,
    why: String,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let old = budget.status.clone().unwrap_or_default();
    PodDisruptionBudgetStatus {
        conditions: Some(conditions(budget, "False", "SyncFailed", why, now)),
        disruptions_allowed: Some(0),
        observed_generation: budget.metadata.generation,
        ..old
    }
}

fn conditions(
    budget: &PodDisruptionBudget,
    status: &str,
    reason: &str,
    message: String,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions =
        budget.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    let old = conditions.iter().position(|condition| condition.type_ == ALLOWED);
    let old = old.map(|position| conditions.remove(position));
    let since = old.filter(|old| old.status == status).map_or(Time(now), |old| old.last_transition_time);
    conditions.push(Condition {
        type_: ALLOWED.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: since,
        observed_generation: budget.metadata.generation,
    });
    conditions
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    fn budget(spec: Tree, status: Tree) -> PodDisruptionBudget {
        let mut budget = tree!({
            "metadata": { "name": "b", "generation": 3 }, "spec": spec,
            "status": { "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0 }
        });
        budget.merge(&tree!({ "status": status }));
        from_tree(&budget).unwrap()
    }

    fn pods(count: usize) -> Vec<Arc<Pod>> {
        let pod = |number: usize| {
            let condition = tree!({ "type": "Ready", "status": "True" });
            let name = format!("p{number}");
            let pod = tree!({ "metadata": { "name": name }, "status": { "conditions": [condition] } });
            Arc::new(from_tree(&pod).unwrap())
        };
        (0..count).map(pod).collect()
    }

    #[test]
    fn numbers_and_shares_are_of_what_is_expected() {
        let check = |spec: Tree, pods: usize, scale: i32, expected_pods: i32, healthy: i32| {
            let found = expected(&budget(spec, tree!({})), pods, scale);
            assert_eq!(found, Expected { pods: expected_pods, healthy });
        };
        check(tree!({ "minAvailable": 2 }), 3, 0, 3, 2);
        check(tree!({ "minAvailable": "50%" }), 3, 5, 5, 3);
        check(tree!({ "maxUnavailable": 1 }), 3, 5, 5, 4);
        check(tree!({ "maxUnavailable": "30%" }), 3, 5, 5, 3);
        check(tree!({ "maxUnavailable": 9 }), 3, 5, 5, 0);
    }

    #[test]
    fn what_is_healthy_beyond_what_is_needed_may_go() {
        let now = Timestamp::UNIX_EPOCH;
        let check = |count: usize, healthy: i32, allowed: i32, reason: &str| {
            let (budget, pods) = (budget(tree!({}), tree!({})), pods(count));
            let found = status(&budget, &pods, Expected { pods: 3, healthy }, BTreeMap::new(), now);
            let condition = &found.conditions.unwrap()[0];
            assert_eq!((found.disruptions_allowed.unwrap(), condition.reason.as_str()), (allowed, reason));
        };
        check(3, 2, 1, "SufficientPods");
        check(2, 2, 0, "InsufficientPods");
        check(1, 2, 0, "InsufficientPods");
    }

    #[test]
    fn an_eviction_that_deletes_nothing_is_forgotten_after_two_minutes() {
        let disruptions = tree!({
            "p0": "1970-01-01T00:00:00Z", "p1": "1970-01-01T00:01:40Z", "gone": "1970-01-01T00:01:40Z"
        });
        let budget = budget(tree!({}), tree!({ "disruptedPods": disruptions }));
        let pods = pods(2);
        let found = disrupted(&budget, &pods, Timestamp::from_second(125).unwrap());
        assert_eq!(found.overdue, ["p0"]);
        assert_eq!(found.pods.keys().collect::<Vec<_>>(), ["p1"]);
        assert_eq!(found.again, Some(Duration::from_secs(95)));
        let now = Timestamp::from_second(125).unwrap();
        let status = status(&budget, &pods, Expected { pods: 2, healthy: 0 }, found.pods, now);
        assert_eq!(status.current_healthy, Some(1));
    }
}
