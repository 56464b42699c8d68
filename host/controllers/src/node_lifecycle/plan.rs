//! What a node's conditions are when nothing is known of it, and which labels and taints it is to have.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use objects::tree::to_tree;
use objects::{Tree, tree};

use super::zones::Permit;
use crate::node::{NO_EXECUTE, READY, condition, taints};

const NO_SCHEDULE: &str = "NoSchedule";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The taint of a condition's status.
const TAINTS: &[(&str, &str, &str)] = &[
    (READY, "False", NOT_READY),
    (READY, "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

/// What the kubelet says, so that nobody else knows it.
const OF_KUBELET: &[&str] = &[READY, "MemoryPressure", "DiskPressure", "PIDPressure"];

/// Older labels that are to say what newer ones do.
const LABELS: &[(&str, &str)] =
    &[("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];

/// The conditions that are to change when nothing is known of a node.
pub(super) fn unknown(node: &Node, now: Timestamp) -> Vec<NodeCondition> {
    let unknown = |kind: &&str| {
        let old = condition(node, kind);
        let (reason, message) = match old {
            Some(old) if old.status == "Unknown" => return None,
            Some(_) => ("NodeStatusUnknown", "Kubelet stopped posting node status."),
            None => ("NodeStatusNeverUpdated", "Kubelet never posted node status."),
        };
        let heartbeat = old.map_or(&node.metadata.creation_timestamp, |old| &old.last_heartbeat_time);
        Some(NodeCondition {
            type_: (*kind).to_owned(),
            status: "Unknown".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: heartbeat.clone(),
            last_transition_time: Some(Time(now)),
        })
    };
    OF_KUBELET.iter().filter_map(unknown).collect()
}

/// The key of the taint that sends the pods of a node away; `None` if nothing is said of it.
enum Away {
    Nobody,
    All(&'static str),
    Unsaid,
}

fn away(node: &Node) -> Away {
    match condition(node, READY).map(|ready| ready.status.as_str()) {
        Some("True") => Away::Nobody,
        Some("False") => Away::All(NOT_READY),
        Some(_) => Away::All(UNREACHABLE),
        None => Away::Unsaid,
    }
}

fn sends_away(taint: &Taint) -> bool {
    taint.effect == NO_EXECUTE && (taint.key == NOT_READY || taint.key == UNREACHABLE)
}

/// Whether its pods are to be sent away and are not yet.
pub(super) fn needs_permit(node: &Node) -> bool {
    matches!(away(node), Away::All(_)) && !taints(node).iter().any(sends_away)
}

/// A merge patch of what is to change.
pub(super) fn change(node: &Node, permit: &Permit, now: Timestamp) -> Option<Tree> {
    let (labels, new) = (labels(node), new_taints(node, permit, now));
    if labels.is_none() && new.is_none() {
        return None;
    }
    let version = node.metadata.resource_version.clone().unwrap_or_default();
    let mut patch = tree!({ "metadata": { "resourceVersion": version } });
    if let Some(labels) = labels {
        patch.set_at(&["metadata", "labels"], labels);
    }
    if let Some(new) = new {
        patch.set_at(&["spec", "taints"], to_tree(&new).expect("taints are JSON"));
    }
    Some(patch)
}

fn labels(node: &Node) -> Option<Tree> {
    let labels = node.metadata.labels.as_ref()?;
    let mut changed = tree!({});
    for (key, older) in LABELS {
        if let Some(value) = labels.get(*key).filter(|value| labels.get(*older) != Some(value)) {
            changed.object_mut().insert(*older, value.clone());
        }
    }
    (changed != tree!({})).then_some(changed)
}

fn new_taints(node: &Node, permit: &Permit, now: Timestamp) -> Option<Vec<Taint>> {
    let old = taints(node);
    let unschedulable = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    let mut wanted: Vec<(&str, &str)> = TAINTS
        .iter()
        .filter(|(kind, status, _)| {
            condition(node, kind).is_some_and(|condition| condition.status == *status)
        })
        .map(|(_, _, key)| (*key, NO_SCHEDULE))
        .collect();
    wanted.extend(unschedulable.then_some((UNSCHEDULABLE, NO_SCHEDULE)));
    let mut keeps_away = false;
    match away(node) {
        Away::All(_) if *permit == Permit::ClusterDown => {}
        Away::All(key) if *permit == Permit::Now => wanted.push((key, NO_EXECUTE)),
        Away::All(_) | Away::Unsaid => keeps_away = true,
        Away::Nobody => {}
    }
    let is_ours = |taint: &Taint| {
        let by_condition = TAINTS.iter().any(|(.., key)| *key == taint.key) || taint.key == UNSCHEDULABLE;
        (taint.effect == NO_SCHEDULE && by_condition) || (sends_away(taint) && !keeps_away)
    };
    let is = |taint: &Taint, (key, effect): (&str, &str)| taint.key == key && taint.effect == effect;
    let stays = |taint: &&Taint| !is_ours(taint) || wanted.iter().any(|one| is(taint, *one));
    let mut new: Vec<Taint> = old.iter().filter(stays).cloned().collect();
    for one in wanted {
        if !new.iter().any(|taint| is(taint, one)) {
            new.push(Taint {
                key: one.0.to_owned(),
                effect: one.1.to_owned(),
                value: None,
                time_added: Some(Time(now)),
            });
        }
    }
    (new != old).then_some(new)
}

#[cfg(test)]
mod tests;
