//! The annotation of client-side apply, which server-side apply by kubectl takes over.

use super::Write;
use super::check::{Duplicates, check};
use super::collect::field_set;
use super::compare::compare;
use super::fields::FieldSet;
use super::typing::Typing;
use super::value;
use crate::meta;
use crate::tree::Tree;

/// The manager that the annotation belongs to.
pub(super) const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const PATH: [&str; 3] = ["metadata", "annotations", ANNOTATION];
/// How large the keys and values of annotations may be together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// What client-side apply put into the object and nobody changed since: no conflict is about that.
pub(super) fn owned<T: Typing>(write: &Write<'_, T>, live: &Tree) -> Option<FieldSet> {
    let text = live.str_at(&PATH).filter(|text| !text.is_empty())?;
    let applied = Tree::from_json(text.as_bytes()).ok()?;
    if applied.str_at(&["apiVersion"]) != Some(write.gvk.group_version().to_string().as_str()) {
        return None;
    }
    check(&applied, write.typing, Duplicates::Refused).ok()?;
    let mut changes = compare(&applied, live, write.typing).ok()?;
    let mut set = field_set(&applied, write.typing);
    for changed in changes.sets() {
        set.subtract(changed);
    }
    Some(set)
}

/// Keeps the annotation of an object that has it up to date with what is applied.
pub(super) fn sync(object: &mut Tree, applied: &Tree) {
    if object.str_at(&PATH).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = applied.clone();
    applied.remove_at(&PATH);
    object.set_at(&PATH, format!("{}\n", value::go_json(&applied)));
    if meta::annotations(object).map(|(key, text)| key.len() + text.len()).sum::<usize>() > MAX_ANNOTATIONS {
        object.remove_at(&PATH);
    }
}
