//! Namespaces: the label with the name, the finalizer of the content, and the phase that goes with deletion.

use crate::meta;
use crate::tree::Tree;
use crate::validate::{At, FieldError, label_key};

const NAME: &str = "kubernetes.io/metadata.name";
const CONTENT: &str = "kubernetes";
/// The finalizers that need no domain before them.
const STANDARD: &[&str] = &[CONTENT, "orphan", "foregroundDeletion"];

pub(super) fn defaults(namespace: &mut Tree) {
    let name = meta::name(namespace).to_owned();
    if !name.is_empty() {
        namespace.set_at(&["metadata", "labels", NAME], name);
    }
}

pub(super) fn create(namespace: &mut Tree) {
    let finalizers = namespace.make(&["spec", "finalizers"]);
    if !finalizers.items().iter().any(|item| item.as_str() == Some(CONTENT)) {
        match finalizers.as_array_mut() {
            Some(list) => list.push(Tree::from(CONTENT)),
            None => *finalizers = Tree::from(vec![CONTENT]),
        }
    }
    namespace.set_at(&["status", "phase"], "Active");
}

/// Its finalizers are written elsewhere.
pub(super) fn update(new: &mut Tree, old: &Tree) {
    super::keep(new, old, "spec");
}

pub(super) fn finalizer(at: &At<'_>, errors: &mut Vec<FieldError>) {
    at.refuse(errors, label_key(at.text()));
    if !at.text().contains('/') && !STANDARD.contains(&at.text()) {
        at.invalid(errors, "name is neither a standard finalizer name nor is it fully qualified");
    }
}

pub(super) fn validate(namespace: &Tree, errors: &mut Vec<FieldError>) {
    let finalizers = At::top(namespace, "spec").child("finalizers");
    for item in finalizers.items() {
        finalizer(&At { path: finalizers.path.clone(), ..item }, errors);
    }
}

pub(super) fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    let phase = At::top(new, "status").child("phase");
    let (expected, when) =
        if meta::is_deleting(new) { ("Terminating", "not empty") } else { ("Active", "empty") };
    if phase.text() != expected {
        let path = At::top(new, "status").path.child("Phase");
        let why = format!("may only be '{expected}' if `deletionTimestamp` is {when}");
        errors.push(FieldError::invalid(&path, phase.text(), why));
    }
}

/// All but the finalizers is as it was.
pub(super) fn prepare_finalize(new: &mut Tree, old: &Tree) {
    let finalizers = new.at(&["spec", "finalizers"]).cloned().filter(|list| !list.is_empty_value());
    let version = meta::resource_version(new).to_owned();
    *new = old.clone();
    meta::set_resource_version(new, &version);
    match finalizers {
        Some(list) => new.set_at(&["spec", "finalizers"], list),
        None => drop(new.remove_at(&["spec", "finalizers"])),
    }
}

pub(super) fn validate_finalize(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    for item in At::top(new, "spec").child("finalizers").items() {
        finalizer(&item, errors);
    }
}
