//! Of nodes, what controllers ask.

use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};

pub(crate) const READY: &str = "Ready";
pub(crate) const NO_EXECUTE: &str = "NoExecute";

pub(crate) fn condition<'a>(node: &'a Node, kind: &str) -> Option<&'a NodeCondition> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().find(|condition| condition.type_ == kind)
}

/// Whether its condition `Ready` is `True`.
pub(crate) fn is_ready(node: &Node) -> bool {
    condition(node, READY).is_some_and(|condition| condition.status == "True")
}

pub(crate) fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default()
}
