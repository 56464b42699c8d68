//! Checks that the tests of kinds share: an object as it comes before validation, and what is refused of it.

use expect_test::Expect;

use super::of;
use crate::resource::{Resource, served};
use crate::tree::Tree;
use crate::validate::FieldError;

/// The row of a kind, or of a kind and its group as `Event.events.k8s.io`.
pub(super) fn resource(kind: &str) -> &'static Resource {
    let (name, group) = kind.split_once('.').map_or((kind, None), |(name, group)| (name, Some(group)));
    let of_kind = |row: &Resource| {
        row.kind == name && !row.is_virtual() && group.is_none_or(|group| row.group == group)
    };
    served().find(|row| of_kind(row)).unwrap_or_else(|| panic!("{kind} is served"))
}

/// An object as it comes before validation.
pub(super) fn prepared(kind: &str, json: &str) -> Tree {
    let resource = resource(kind);
    let mut tree = Tree::from_json(json.as_bytes()).unwrap();
    for (field, value) in [("name", "x"), ("uid", "u")] {
        if tree.at(&["metadata", field]).is_none() {
            tree.set_at(&["metadata", field], value);
        }
    }
    tree.set_at(&["metadata", "resourceVersion"], "1");
    if resource.is_namespaced() {
        tree.set_at(&["metadata", "namespace"], "d");
    }
    of(resource).prepare_create(resource, &mut tree);
    tree
}

pub(super) fn lines(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

pub(super) fn why_refused(kind: &str, json: &str) -> String {
    let resource = resource(kind);
    lines(&of(resource).validate_new(resource, &prepared(kind, json)))
}

pub(super) fn refused(kind: &str, json: &str, expected: Expect) {
    expected.assert_eq(&why_refused(kind, json));
}

/// An object that is not refused, as it is stored.
pub(super) fn accepted(kind: &str, json: &str, expected: Expect) {
    let mut tree = prepared(kind, json);
    assert_eq!(why_refused(kind, json), "");
    for field in ["uid", "resourceVersion"] {
        tree.remove_at(&["metadata", field]);
    }
    expected.assert_eq(&format!("{}\n", tree.to_json_string()));
}

pub(super) fn change_refused(kind: &str, old: &str, new: &str, expected: Expect) {
    let resource = resource(kind);
    let (old, mut new) = (prepared(kind, old), prepared(kind, new));
    of(resource).prepare_update(resource, &mut new, &old);
    expected.assert_eq(&lines(&of(resource).validate_update(&new, &old)));
}

/// What is refused of a status that is written over an object, which may have one.
pub(super) fn status_refused(kind: &str, old: &str, new: &str, expected: Expect) {
    let resource = resource(kind);
    let status = |json: &str| Tree::from_json(json.as_bytes()).unwrap().remove("status");
    let mut before = prepared(kind, old);
    if let Some(status) = status(old) {
        before.insert("status", status);
    }
    let mut after = before.clone();
    if let Some(status) = status(new) {
        after.insert("status", status);
    }
    of(resource).prepare_status(resource, &mut after, &before);
    expected.assert_eq(&lines(&of(resource).validate_status(&after, &before)));
}

/// A pod with one container, which has these fields, and these fields of the specification.
pub(super) fn pod(container: &str, spec: &str) -> String {
    format!(r#"{{"spec":{{"containers":[{{"name":"a","image":"i"{container}}}]{spec}}}}}"#)
}
