//! The sub-resources of a pod that write a part of its specification: ephemeral containers, and amounts of resources.

use super::{SPEC, amounts, annotations, quality, status, update};
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path};

/// What a resize may change of a container.
const RESIZED: &[&str] = &["resources", "resizePolicy"];
const MUTABLE: &[&str] = &["cpu", "memory"];
const METADATA_KEPT: &[&str] = &["labels", "annotations", "finalizers", "ownerReferences"];

/// The old object, with the new one's resourceVersion alone.
fn as_it_was(new: &mut Tree, old: &Tree) {
    for part in [SPEC, "status"] {
        match old.get(part) {
            Some(value) => drop(new.insert(part, value.clone())),
            None => drop(new.remove(part)),
        }
    }
    for field in METADATA_KEPT {
        match old.at(&["metadata", field]) {
            Some(value) => new.set_at(&["metadata", field], value.clone()),
            None => drop(new.remove_at(&["metadata", field])),
        }
    }
}

pub(in crate::kind) fn prepare_ephemeral(new: &mut Tree, old: &Tree) {
    let containers = new.at(&[SPEC, "ephemeralContainers"]).cloned();
    as_it_was(new, old);
    match containers.filter(|containers| !containers.is_empty_value()) {
        Some(containers) => new.set_at(&[SPEC, "ephemeralContainers"], containers),
        None => drop(new.remove_at(&[SPEC, "ephemeralContainers"])),
    }
}

pub(in crate::kind) fn validate_ephemeral(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    if crate::meta::annotation(old, annotations::MIRROR).is_some() {
        let why = "static pods do not support ephemeral containers";
        *errors = vec![FieldError::forbidden(&Path::none(), why)];
        return;
    }
    super::validate(new, errors);
    let containers = At::top(new, SPEC).child("ephemeralContainers");
    for container in old.items_at(&[SPEC, "ephemeralContainers"]) {
        let name = container.str_at(&["name"]).unwrap_or_default();
        let row = crate::schema::by_name("core.v1.EphemeralContainer").expect("the schema has pods");
        match containers.items().find(|new| new.child("name").text() == name) {
            None => containers
                .forbidden(errors, &format!("existing ephemeral containers {name:?} may not be removed\n")),
            Some(new) if !crate::validate::same(new.tree, container, row) => {
                containers.forbidden(
                    errors,
                    &format!("existing ephemeral containers {name:?} may not be changed\n"),
                );
            }
            Some(_) => {}
        }
    }
}

fn names<'a>(pod: &'a Tree, list: &str) -> Vec<&'a str> {
    pod.items_at(&[SPEC, list])
        .iter()
        .map(|container| container.str_at(&["name"]).unwrap_or_default())
        .collect()
}

/// Amounts and policies of containers, and amounts of the pod. Where the containers are not those that were, the
/// specification stays as it came, for validation to say so.
pub(in crate::kind) fn prepare_resize(new: &mut Tree, old: &Tree) {
    if ["containers", "initContainers"].iter().any(|list| names(new, list).len() != names(old, list).len()) {
        return;
    }
    let wanted = new.get(SPEC).cloned().unwrap_or_default();
    let renamed = |list: &&&str| names(new, list) != names(old, list);
    let kept: Vec<(&str, Tree)> = ["containers", "initContainers"]
        .iter()
        .filter(renamed)
        .map(|list| (*list, wanted.get(list).cloned().unwrap_or_default()))
        .collect();
    as_it_was(new, old);
    match wanted.get("resources") {
        Some(resources) => new.set_at(&[SPEC, "resources"], resources.clone()),
        None => drop(new.remove_at(&[SPEC, "resources"])),
    }
    for list in ["containers", "initContainers"] {
        let containers = new.at_mut(&[SPEC, list]).and_then(Tree::as_array_mut).into_iter().flatten();
        for (container, wanted) in containers.zip(wanted.items_at(&[list])) {
            for field in RESIZED {
                match wanted.get(field) {
                    Some(value) => drop(container.insert(*field, value.clone())),
                    None => drop(container.remove(field)),
                }
            }
        }
    }
    for (list, containers) in kept {
        new.set_at(&[SPEC, list], containers);
    }
}

pub(in crate::kind) fn validate_resize(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let cannot = if crate::meta::annotation(old, annotations::MIRROR).is_some() {
        Some("static pods cannot be resized")
    } else if old.str_at(&[SPEC, "os", "name"]) == Some("windows") {
        Some("windows pods cannot be resized")
    } else {
        None
    };
    if let Some(why) = cannot {
        *errors = vec![FieldError::forbidden(&Path::none(), why)];
        return;
    }
    super::validate(new, errors);
    let spec = At::top(new, SPEC);
    if !status::quality_stays(new, old) {
        let class = new.str_at(&["status", "qosClass"]).unwrap_or_else(|| quality::class(new));
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid(&spec.path, class, why));
    }
    if !node_resizes(old) {
        spec.forbidden(errors, "Pod running on node without support for resize");
    }
    if !containers_stay(&spec, old, errors) {
        return;
    }
    let before = errors.len();
    amounts_stay(&spec.child("resources"), old.at(&[SPEC, "resources"]), "pod-level resource", errors);
    let mut undone = spec.tree.clone();
    restore(undone.make(&["resources"]), old.at(&[SPEC, "resources"]));
    for list in ["containers", "initContainers"] {
        let containers = old.items_at(&[SPEC, list]);
        for (container, was) in spec.child(list).items().zip(containers) {
            amounts_stay(&container.child("resources"), was.get("resources"), "resource", errors);
            if list == "initContainers"
                && !amounts::is_sidecar(was)
                && container.child("resources").tree != was.get("resources").unwrap_or(&Tree::Null)
                && container
                    .child("resizePolicy")
                    .items()
                    .any(|policy| policy.child("restartPolicy").text() == "RestartContainer")
            {
                container.forbidden(
                    errors,
                    "non-sidecar init containers with a resize policy of RestartContainer cannot be resized",
                );
            }
        }
        let new = undone.get_mut(list).and_then(Tree::as_array_mut).into_iter().flatten();
        for (container, was) in new.zip(containers) {
            restore(container.make(&["resources"]), was.get("resources"));
        }
    }
    let same = update::same_spec(&undone, old.get(SPEC).unwrap_or(&Tree::Null));
    if errors.len() == before && !same {
        spec.forbidden(errors, "only cpu and memory resources are mutable");
    }
}

/// Whether the node of the pod reports what its containers have.
fn node_resizes(pod: &Tree) -> bool {
    let mut running = pod
        .items_at(&["status", "containerStatuses"])
        .iter()
        .filter(|status| status.at(&["state", "running"]).is_some());
    running.next().is_none_or(|status| status.get("resources").is_some())
}

fn containers_stay(spec: &At<'_>, old: &Tree, errors: &mut Vec<FieldError>) -> bool {
    let before = errors.len();
    for list in ["containers", "initContainers"] {
        let (containers, known) = (spec.child(list), names(old, list));
        if containers.tree.items().len() != known.len() {
            containers.forbidden(errors, &format!("{list} may not be added or removed on resize"));
            continue;
        }
        for (name, known) in containers.items().map(|container| container.child("name")).zip(known) {
            if name.text() != known {
                name.forbidden(errors, &format!("{list} may not be renamed or reordered on resize"));
            }
        }
    }
    errors.len() == before
}

/// What was asked for or limited still is.
fn amounts_stay(resources: &At<'_>, old: Option<&Tree>, what: &str, errors: &mut Vec<FieldError>) {
    for field in ["requests", "limits"] {
        let (now, was) = (resources.child(field), old.and_then(|old| old.get(field)));
        if was.into_iter().flat_map(Tree::fields).any(|(name, _)| now.tree.get(name).is_none()) {
            now.forbidden(errors, &format!("{what} {field} cannot be removed"));
        }
    }
}

/// Puts what may change of the amounts back.
fn restore(resources: &mut Tree, old: Option<&Tree>) {
    for field in ["requests", "limits"] {
        for name in MUTABLE {
            match old.and_then(|old| old.at(&[field, name])) {
                Some(amount) => resources.set_at(&[field, name], amount.clone()),
                None => drop(resources.remove_at(&[field, name])),
            }
        }
    }
}
