//! What of a pod may still change.

use super::{SPEC, affinity, annotations};
use crate::schema;
use crate::tree::Tree;
use crate::validate::{At, FieldError, same};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

const ONLY_THESE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Whether two specifications say the same.
pub(super) fn same_spec(one: &Tree, two: &Tree) -> bool {
    let row = schema::by_name("core.v1.PodSpec").expect("the schema has pods");
    same(one, two, row)
}

pub(in crate::kind) fn validate(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    annotations::update(new, old, errors);
    let (spec, was) = (At::top(new, SPEC), At::top(old, SPEC));
    for list in ["containers", "initContainers"] {
        if spec.child(list).tree.items().len() != was.child(list).tree.items().len() {
            return spec.child(list).forbidden(errors, "pod updates may not add or remove containers");
        }
    }
    let before = errors.len();
    active_deadline(&spec.child("activeDeadlineSeconds"), &was.child("activeDeadlineSeconds"), errors);
    if errors.len() > before && spec.child("activeDeadlineSeconds").exists() {
        return;
    }
    tolerations(&spec.child("tolerations"), &was.child("tolerations"), errors);
    scheduling_gates(&spec.child("schedulingGates"), &was.child("schedulingGates"), errors);
    if !was.child("schedulingGates").is_empty() {
        node_selector(&spec.child("nodeSelector"), &was.child("nodeSelector"), errors);
        let path = ["affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms"];
        node_affinity(&spec.children(&path), &was.children(&path), errors);
    }
    if !same_spec(&with_changes_undone(spec.tree, was.tree), was.tree) {
        errors.push(FieldError::forbidden(&spec.path, ONLY_THESE));
    }
}

fn active_deadline(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    new.within(errors, 0, i64::from(i32::MAX));
    match (new.number(), old.number()) {
        (None, Some(_)) => new.invalid(errors, "must not update from a positive integer to nil value"),
        (Some(after), Some(before)) if after > before => {
            new.invalid(errors, "must be less than or equal to previous value");
        }
        _ => {}
    }
}

/// Each toleration that was there still is, but for its seconds.
fn tolerations(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    let fields = ["key", "operator", "value", "effect"];
    let kept = |old: &Tree| {
        let text = |toleration: &Tree, field| toleration.str_at(&[field]).unwrap_or_default().to_owned();
        let like = |new: &Tree| fields.iter().all(|field| text(new, field) == text(old, field));
        new.tree.items().iter().any(like)
    };
    if old.tree.items().iter().all(kept) {
        affinity::tolerations(new, errors);
    } else {
        new.forbidden(errors, "existing toleration can not be modified except its tolerationSeconds");
    }
}

fn scheduling_gates(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    for name in new.items().map(|gate| gate.child("name")) {
        if !old.items().any(|gate| gate.child("name").text() == name.text()) {
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            name.forbidden(errors, &why);
        }
    }
}

/// A pod that waits at a gate may only be held to fewer nodes.
fn node_selector(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    if old.tree.fields().any(|(key, value)| new.tree.get(key) != Some(value)) {
        new.invalid(errors, "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
    }
}

fn node_affinity(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    let (terms, before) = (new.tree.items(), old.tree.items());
    if before.is_empty() {
        return;
    }
    if terms.len() != before.len() {
        return new.invalid(errors, "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    }
    let grows = |term: &Tree, before: &Tree| {
        let lists = ["matchExpressions", "matchFields"];
        let was_empty = lists.iter().all(|list| before.items_at(&[list]).is_empty());
        if was_empty {
            return lists.iter().all(|list| term.items_at(&[list]).is_empty());
        }
        lists.iter().all(|list| term.items_at(&[list]).starts_with(before.items_at(&[list])))
    };
    for (term, _) in new.items().zip(before).filter(|(term, before)| !grows(term.tree, before)) {
        term.invalid(errors, "only additions are allowed (no mutations or deletions)");
    }
}

/// The new specification with what may change as it was.
fn with_changes_undone(spec: &Tree, was: &Tree) -> Tree {
    let mut undone = spec.clone();
    let mut restore = |path: &[&str]| match was.at(path) {
        Some(value) => undone.set_at(path, value.clone()),
        None => drop(undone.remove_at(path)),
    };
    restore(&["activeDeadlineSeconds"]);
    restore(&["tolerations"]);
    restore(&["schedulingGates"]);
    let grace = "terminationGracePeriodSeconds";
    if was.i64_at(&[grace]).is_some_and(|seconds| seconds < 0) && spec.i64_at(&[grace]) == Some(1) {
        restore(&[grace]);
    }
    if !was.items_at(&["schedulingGates"]).is_empty() {
        restore(&["nodeSelector"]);
        restore(&["affinity", "nodeAffinity"]);
        if was.get("affinity").is_none() && undone.get("affinity").is_some_and(Tree::is_empty_value) {
            undone.remove("affinity");
        }
    }
    for list in ["containers", "initContainers"] {
        let images = was.items_at(&[list]).iter().map(|container| container.get("image"));
        let containers = undone.get_mut(list).and_then(Tree::as_array_mut);
        for (container, image) in containers.into_iter().flatten().zip(images) {
            container.insert("image", image.cloned().unwrap_or_default());
        }
    }
    undone
}
