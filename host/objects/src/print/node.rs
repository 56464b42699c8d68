//! Nodes.

use super::{AGE, NAME, NONE, Printer, UNKNOWN, age_cell, name_cell, text, text_or, wide};
use crate::meta;
use crate::tree::Tree;

const ROLE_LABEL_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE_LABEL: &str = "kubernetes.io/role";

pub(super) const NODE: Printer = Printer {
    columns: &[
        NAME,
        text("Status", "Whether the node is ready, and whether it takes pods."),
        text("Roles", "The roles that its labels give it."),
        AGE,
        text("Version", "The version of its kubelet."),
        wide(text("Internal-IP", "Its address within the cluster.")),
        wide(text("External-IP", "Its address for the world.")),
        wide(text("OS-Image", "The operating system that it runs.")),
        wide(text("Kernel-Version", "The kernel that it runs.")),
        wide(text("Container-Runtime", "The container runtime and its version.")),
    ],
    cells: |node, now| {
        let info = |field: &str| text_or(node, &["status", "nodeInfo", field], UNKNOWN);
        vec![
            name_cell(node),
            status(node).into(),
            roles(node).into(),
            age_cell(node, now),
            text_or(node, &["status", "nodeInfo", "kubeletVersion"], "").into(),
            address(node, "InternalIP").into(),
            address(node, "ExternalIP").into(),
            info("osImage").into(),
            info("kernelVersion").into(),
            info("containerRuntimeVersion").into(),
        ]
    },
};

fn status(node: &Tree) -> String {
    let ready = node
        .items_at(&["status", "conditions"])
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some("Ready"));
    let state = match ready.map(|condition| condition.str_at(&["status"])) {
        Some(Some("True")) => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = node.bool_at(&["spec", "unschedulable"]) == Some(true);
    format!("{state}{}", if cordoned { ",SchedulingDisabled" } else { "" })
}

fn roles(node: &Tree) -> String {
    let role = |(key, value): (&str, &str)| match key.strip_prefix(ROLE_LABEL_PREFIX) {
        Some(role) if !role.is_empty() => Some(role.to_owned()),
        _ => (key == ROLE_LABEL && !value.is_empty()).then(|| value.to_owned()),
    };
    let mut roles: Vec<String> = meta::labels(node).filter_map(role).collect();
    roles.sort();
    roles.dedup();
    super::or_none(roles.join(","))
}

fn address<'a>(node: &'a Tree, kind: &str) -> &'a str {
    node.items_at(&["status", "addresses"])
        .iter()
        .find(|address| address.str_at(&["type"]) == Some(kind))
        .and_then(|address| address.str_at(&["address"]))
        .unwrap_or(NONE)
}
