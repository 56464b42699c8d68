//! NodeRestriction: a node writes its own Node, its own pods' status and what belongs to it, and labels nothing that others
//! rely on.

use objects::status::Status;
use objects::{Tree, meta};

use super::{Operation, Write, is};
use crate::authz::node::name_of;
use crate::tokens::core;

const MIRROR: &str = "kubernetes.io/config.mirror";
const LEASES: &str = "kube-node-lease";
/// Labels of Kubernetes' own that a kubelet may set.
const OWN_LABELS: &[&str] = &[
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/windows-build",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
const OWN_PREFIXES: &[&str] = &["kubelet.kubernetes.io", "node.kubernetes.io"];
const RESTRICTED: &str = "node-restriction.kubernetes.io";

pub(super) fn check(write: &mut Write<'_>) -> Result<(), Status> {
    let Some(node) = name_of(&write.call.user).map(str::to_owned) else { return Ok(()) };
    let (resource, subresource) = (&write.call.resource, write.call.subresource.as_str());
    if is(resource, "", "pods") {
        return pod(write, &node, subresource);
    }
    if is(resource, "", "nodes") {
        return own_node(write, &node);
    }
    if is(resource, "coordination.k8s.io", "leases") {
        return lease(write, &node);
    }
    if is(resource, "storage.k8s.io", "csinodes") && write.name() != node {
        return Err(write.forbidden(format!(
            "node {node:?} can only access CSINode with the same name as the requesting node"
        )));
    }
    if is(resource, "", "persistentvolumeclaims")
        && subresource == "status"
        && write.old.is_some_and(|old| old.get("spec") != write.object.get("spec"))
    {
        return Err(write.forbidden(format!(
            "node {node:?} is not allowed to update fields other than status.capacity and status.conditions"
        )));
    }
    Ok(())
}

fn pod(write: &Write<'_>, node: &str, subresource: &str) -> Result<(), Status> {
    let bound = |pod: &Tree| pod.str_at(&["spec", "nodeName"]) == Some(node);
    match (subresource, write.operation) {
        ("", Operation::Create) => mirror(write, node),
        ("", Operation::Delete) if write.old.is_some_and(|old| !bound(old)) => {
            Err(write
                .forbidden(format!("node {node:?} can only delete pods with spec.nodeName set to itself")))
        }
        ("", Operation::Delete) => Ok(()),
        ("status", _) => {
            let old = write.old.unwrap_or(&Tree::Null);
            if !bound(old) {
                return Err(write.forbidden(format!(
                    "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
                )));
            }
            if old.at(&["metadata", "labels"]) != write.object.at(&["metadata", "labels"]) {
                return Err(write.forbidden(format!("node {node:?} cannot update labels through pod status")));
            }
            Ok(())
        }
        ("eviction", _) => {
            let pod = core(write.rest.view(), "pods", &write.call.namespace, &write.call.name);
            match pod.is_some_and(|pod| !bound(&pod)) {
                true => Err(write.forbidden(format!(
                    "node {node:?} can only evict pods with spec.nodeName set to itself"
                ))),
                false => Ok(()),
            }
        }
        _ => Err(write.forbidden(format!(
            "unexpected operation {:?}, node {node:?} can only create and delete mirror pods",
            write.operation.as_str()
        ))),
    }
}

/// A pod of a file on the node: it shows what runs, and gets nothing of the cluster's.
fn mirror(write: &Write<'_>, node: &str) -> Result<(), Status> {
    let pod = &write.object;
    let forbid = |why: &str| Err(write.forbidden(format!("node {node:?} can not create pods that {why}")));
    if meta::annotation(pod, MIRROR).is_none() {
        return Err(write.forbidden(format!(
            "pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"
        )));
    }
    if pod.str_at(&["spec", "nodeName"]) != Some(node) {
        return Err(
            write.forbidden(format!("node {node:?} can only create pods with spec.nodeName set to itself"))
        );
    }
    let owned = meta::owner_references(pod).all(|owner| owner.kind == "Node" && owner.name == node);
    if !owned {
        return Err(write
            .forbidden(format!("node {node:?} can only create pods with an owner reference set to itself")));
    }
    if pod.str_at(&["spec", "serviceAccountName"]).is_some_and(|name| !name.is_empty()) {
        return forbid("reference a service account");
    }
    const FORBIDDEN: &[(&str, &str)] = &[
        ("secret", "reference secrets"),
        ("configMap", "reference configmaps"),
        ("persistentVolumeClaim", "reference persistentvolumeclaims"),
        ("projected", "reference secrets"),
    ];
    for volume in pod.items_at(&["spec", "volumes"]) {
        if let Some((_, why)) = FORBIDDEN.iter().find(|(kind, _)| volume.get(kind).is_some()) {
            return forbid(why);
        }
    }
    Ok(())
}

fn own_node(write: &Write<'_>, node: &str) -> Result<(), Status> {
    if write.name() != node {
        let why = format!("node {node:?} is not allowed to modify node {:?}", write.name());
        return Err(write.forbidden(why));
    }
    if write.operation == Operation::Delete {
        return Ok(());
    }
    let nothing = Tree::Null;
    let old = write.old.unwrap_or(&nothing);
    let changed: Vec<&str> = meta::labels(&write.object)
        .filter(|(key, value)| meta::label(old, key) != Some(value))
        .chain(meta::labels(old).filter(|(key, _)| meta::label(&write.object, key).is_none()))
        .map(|(key, _)| key)
        .filter(|key| !may_label(key))
        .collect();
    if !changed.is_empty() {
        let verb = if write.old.is_some() { "modify" } else { "set" };
        return Err(
            write.forbidden(format!("is not allowed to {verb} the following labels: {}", changed.join(", ")))
        );
    }
    if write.old.is_some() && old.at(&["spec", "taints"]) != write.object.at(&["spec", "taints"]) {
        return Err(write.forbidden(format!("node {node:?} is not allowed to modify taints")));
    }
    Ok(())
}

fn may_label(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let below = |parent: &str| domain == parent || domain.ends_with(&format!(".{parent}"));
    if below(RESTRICTED) {
        return false;
    }
    let of_kubernetes = below("kubernetes.io") || below("k8s.io");
    !of_kubernetes || OWN_LABELS.contains(&key) || OWN_PREFIXES.iter().any(|prefix| below(prefix))
}

fn lease(write: &Write<'_>, node: &str) -> Result<(), Status> {
    if write.call.namespace != LEASES {
        return Err(write.forbidden(format!("can only access leases in the {LEASES:?} system namespace")));
    }
    if write.name() != node {
        return Err(write.forbidden("can only access node lease with the same name as the requesting node"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::may_label;

    #[test]
    fn a_kubelet_labels_with_its_own_words_alone() {
        for (key, expected) in [
            ("kubernetes.io/hostname", true),
            ("node.kubernetes.io/exclude-from-external-load-balancers", true),
            ("example.org/rack", true),
            ("rack", true),
            ("node-role.kubernetes.io/control-plane", false),
            ("node-restriction.kubernetes.io/pci", false),
            ("team.k8s.io/a", false),
        ] {
            assert_eq!(may_label(key), expected, "{key}");
        }
    }
}
