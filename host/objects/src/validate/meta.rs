//! The rules of metadata, which are the same for every kind.

use super::field::{FieldError, Path};
use super::names::{NameRule, dns1123_label, label_key, label_value};
use crate::meta;
use crate::resource::{GroupVersion, Resource, Scope};
use crate::tree::Tree;

/// What a change of an immutable field is refused with.
pub const IMMUTABLE: &str = "field is immutable";

/// How large all annotations of an object may be.
const ANNOTATIONS_MAX: usize = 256 * 1024;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// The metadata of a new object; its name is generated already.
pub fn metadata(tree: &Tree, resource: &Resource, rule: NameRule) -> Vec<FieldError> {
    metadata_at(&Path::new("metadata"), tree, resource.scope, rule)
}

/// The metadata of an object that is somewhere in another, by the path of its metadata.
pub fn metadata_at(path: &Path, tree: &Tree, scope: Scope, rule: NameRule) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let prefix = meta::generate_name_prefix(tree);
    if !prefix.is_empty() {
        refuse(&mut errors, &path.child("generateName"), prefix, rule.check_prefix(prefix));
    }
    match meta::name(tree) {
        "" => errors.push(FieldError::required(&path.child("name"), "name or generateName is required")),
        name => refuse(&mut errors, &path.child("name"), name, rule.check(name)),
    }
    let namespace = meta::namespace(tree);
    match (scope == Scope::Namespaced, namespace) {
        (true, "") => errors.push(FieldError::required(&path.child("namespace"), "")),
        (true, name) => refuse(&mut errors, &path.child("namespace"), name, dns1123_label(name)),
        (false, "") => {}
        (false, _) => {
            errors.push(FieldError::forbidden(&path.child("namespace"), "not allowed on this type"))
        }
    }
    maps(&mut errors, tree, path);
    finalizers(&mut errors, tree, &path.child("finalizers"));
    errors
}

/// The metadata of an object that is written over an old one.
pub fn metadata_update(new: &Tree, old: &Tree) -> Vec<FieldError> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    if meta::is_deleting(old) {
        let added: Vec<String> = meta::finalizers(new)
            .filter(|name| !meta::has_finalizer(old, name))
            .map(|name| format!("{name:?}"))
            .collect();
        if !added.is_empty() {
            errors.push(FieldError::forbidden(
                &path.child("finalizers"),
                format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added.join(", ")
                ),
            ));
        }
    }
    if meta::resource_version(new).is_empty() {
        errors.push(FieldError::invalid(
            &path.child("resourceVersion"),
            "",
            "must be specified for an update",
        ));
    }
    if meta::generation(new) < meta::generation(old) {
        errors.push(FieldError::invalid(
            &path.child("generation"),
            meta::generation(new),
            "must not be decremented",
        ));
    }
    for field in
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        errors.extend(immutable(new, old, &["metadata", field]));
    }
    maps(&mut errors, new, &path);
    errors
}

/// `field is immutable` where the values at a path differ.
pub fn immutable(new: &Tree, old: &Tree, path: &[&str]) -> Option<FieldError> {
    let (first, rest) = path.split_first()?;
    let (after, before) = (new.at(path), old.at(path));
    if after == before {
        return None;
    }
    let value = after.cloned().unwrap_or(Tree::Null);
    Some(FieldError::invalid(&Path::new(first).children(rest), value, IMMUTABLE))
}

fn refuse(errors: &mut Vec<FieldError>, path: &Path, value: &str, messages: Vec<String>) {
    errors.extend(messages.into_iter().map(|message| FieldError::invalid(path, value, message)));
}

/// Labels and annotations, by the path of the metadata.
pub fn metadata_maps(path: &Path, tree: &Tree) -> Vec<FieldError> {
    let mut errors = Vec::new();
    texts(&mut errors, tree, path);
    errors
}

/// Labels, annotations and owner references.
fn maps(errors: &mut Vec<FieldError>, tree: &Tree, path: &Path) {
    texts(errors, tree, path);
    owners(errors, tree, &path.child("ownerReferences"));
}

fn texts(errors: &mut Vec<FieldError>, tree: &Tree, path: &Path) {
    let labels = path.child("labels");
    for (key, value) in meta::labels(tree) {
        refuse(errors, &labels, key, label_key(key));
        refuse(errors, &labels, value, label_value(value));
    }
    let annotations = path.child("annotations");
    for (key, _) in meta::annotations(tree) {
        refuse(errors, &annotations, key, label_key(&key.to_ascii_lowercase()));
    }
    let size: usize = meta::annotations(tree).map(|(key, value)| key.len() + value.len()).sum();
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError::too_long(&annotations, ANNOTATIONS_MAX));
    }
}

fn owners(errors: &mut Vec<FieldError>, tree: &Tree, path: &Path) {
    for (index, owner) in meta::owner_references(tree).enumerate() {
        let path = path.index(index);
        let required = [
            ("apiVersion", owner.api_version),
            ("kind", owner.kind),
            ("name", owner.name),
            ("uid", owner.uid),
        ];
        for (field, value) in required {
            if value.is_empty() {
                errors.push(FieldError::required(&path.child(field), "must not be empty"));
            }
        }
        if GroupVersion::parse(owner.api_version).is_none() {
            errors.push(FieldError::invalid(
                &path.child("apiVersion"),
                owner.api_version,
                "must be <group>/<version> or <version>",
            ));
        }
    }
    let controllers: Vec<_> = meta::owner_references(tree).filter(|owner| owner.controller).collect();
    if let [first, second, ..] = controllers.as_slice() {
        let list = tree.at(&["metadata", "ownerReferences"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(
            path,
            list,
            format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
                first.kind, first.name, second.kind, second.name
            ),
        ));
    }
}

/// The finalizers of a built-in kind, which are qualified or standard; those of others may have any name.
pub(crate) fn known_finalizers(tree: &Tree) -> Vec<FieldError> {
    let path = Path::new("metadata").child("finalizers");
    let unknown = meta::finalizers(tree)
        .enumerate()
        .filter(|(_, name)| !name.contains('/') && ![ORPHAN, FOREGROUND, "kubernetes"].contains(name));
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    unknown.map(|(index, name)| FieldError::invalid(&path.index(index), name, detail)).collect()
}

fn finalizers(errors: &mut Vec<FieldError>, tree: &Tree, path: &Path) {
    for name in meta::finalizers(tree) {
        refuse(errors, path, name, label_key(name));
    }
    if meta::has_finalizer(tree, ORPHAN) && meta::has_finalizer(tree, FOREGROUND) {
        let list = tree.at(&["metadata", "finalizers"]).cloned().unwrap_or_default();
        errors.push(FieldError::invalid(
            path,
            list,
            format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{FieldError, NameRule, known_finalizers, metadata, metadata_update};
    use crate::resource::by_kind;
    use crate::tree;

    fn check(errors: &[FieldError], expected: Expect) {
        expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }

    #[test]
    fn a_new_object_needs_a_name_and_its_namespace() {
        let pods = by_kind("", "v1", "Pod").unwrap();
        check(
            &metadata(&tree!({ "metadata": {} }), pods, NameRule::Subdomain),
            expect![[r#"
            metadata.name: Required value: name or generateName is required
            metadata.namespace: Required value
        "#]],
        );
        let nodes = by_kind("", "v1", "Node").unwrap();
        let node = tree!({ "metadata": { "name": "n", "namespace": "x", "finalizers": ["mine"] } });
        check(
            &metadata(&node, nodes, NameRule::Subdomain),
            expect![[r#"
                metadata.namespace: Forbidden: not allowed on this type
            "#]],
        );
        check(
            &known_finalizers(&node),
            expect![[r#"
                metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified
            "#]],
        );
    }

    #[test]
    fn labels_and_annotations_are_checked() {
        let pods = by_kind("", "v1", "Pod").unwrap();
        let pod = tree!({ "metadata": { "name": "a", "namespace": "b",
            "labels": { "x": "a b" }, "annotations": { "Upper.io/Ok": "anything at all", "/": "" } } });
        check(
            &metadata(&pod, pods, NameRule::Subdomain),
            expect![[r#"
            metadata.labels: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            metadata.annotations: Invalid value: "/": prefix part must be non-empty
            metadata.annotations: Invalid value: "/": name part must be non-empty
            metadata.annotations: Invalid value: "/": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
        );
    }

    #[test]
    fn identity_does_not_change() {
        let old = tree!({ "metadata": { "name": "a", "uid": "1", "resourceVersion": "1", "deletionTimestamp": "x" } });
        let new = tree!({ "metadata": { "name": "b", "uid": "1", "deletionTimestamp": "x", "finalizers": ["a/b"] } });
        check(
            &metadata_update(&new, &old),
            expect![[r#"
            metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/b"}
            metadata.resourceVersion: Invalid value: "": must be specified for an update
            metadata.name: Invalid value: "b": field is immutable
        "#]],
        );
    }
}
