//! The quality of service of a pod: what it is promised decides who goes first when a node is short.

use super::amounts::{POD_LEVEL, is_pod_level};
use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::amount::quantity;

/// The amounts of cpu and memory of a map, those that are anything.
fn amounts<'a>(resources: &'a Tree, field: &str) -> Vec<(&'a str, Quantity)> {
    let all = resources.get(field).into_iter().flat_map(Tree::fields);
    all.filter(|(name, _)| POD_LEVEL.contains(name))
        .filter_map(|(name, amount)| {
            Some((name, quantity(amount).filter(|amount| *amount > Quantity::ZERO)?))
        })
        .collect()
}

fn sum(parts: &[&Tree], field: &str) -> Vec<(&'static str, Quantity)> {
    let of = |name: &&'static str| {
        let amounts = parts.iter().flat_map(|part| amounts(part, field));
        let of_name: Vec<Quantity> =
            amounts.filter(|(own, _)| own == name).map(|(_, amount)| amount).collect();
        (!of_name.is_empty()).then(|| (*name, of_name.into_iter().sum()))
    };
    POD_LEVEL.iter().filter_map(of).collect()
}

/// `Guaranteed` where every container is limited in cpu and memory and asks for its limits, `BestEffort` where none
/// asks for anything, else `Burstable`. What the pod says as a whole counts in the place of its containers.
pub(super) fn class(pod: &Tree) -> &'static str {
    let whole = pod.at(&["spec", "resources"]);
    let supported = |field: &str| {
        whole
            .and_then(|whole| whole.get(field))
            .into_iter()
            .flat_map(Tree::fields)
            .any(|(name, _)| is_pod_level(name))
    };
    let parts: Vec<&Tree> = match whole.filter(|_| supported("requests") || supported("limits")) {
        Some(whole) => vec![whole],
        None => ["containers", "initContainers"]
            .iter()
            .flat_map(|list| pod.items_at(&["spec", list]))
            .map(|container| container.get("resources").unwrap_or(&Tree::Null))
            .collect(),
    };
    let (requests, limits) = (sum(&parts, "requests"), sum(&parts, "limits"));
    let all_limited = parts.iter().all(|part| amounts(part, "limits").len() == POD_LEVEL.len());
    match () {
        () if requests.is_empty() && limits.is_empty() => "BestEffort",
        () if all_limited && requests == limits => "Guaranteed",
        () => "Burstable",
    }
}
