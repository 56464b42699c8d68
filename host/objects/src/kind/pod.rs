//! Pods: what of a specification is refused, and which of its fields may still change.

use super::container;
use crate::schema;
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, label_key, label_value, same};

const SPEC: &str = "spec";
const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
const DNS_POLICIES: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];

/// What a volume of a type cannot be without.
const SOURCES: &[(&str, &str)] = &[
    ("hostPath", "path"),
    ("configMap", "name"),
    ("secret", "secretName"),
    ("persistentVolumeClaim", "claimName"),
    ("nfs", "server"),
];

const ONLY_THESE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// A volume of no type is an empty directory.
pub(super) fn defaults(pod: &mut Tree) {
    let volumes = pod.at_mut(&[SPEC, "volumes"]).and_then(Tree::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        if sources(volume).next().is_none() {
            volume.insert("emptyDir", Tree::object());
        }
    }
}

fn sources(volume: &Tree) -> impl Iterator<Item = &str> {
    volume.fields().filter(|(key, value)| *key != "name" && !value.is_null()).map(|(key, _)| key)
}

pub(super) fn validate(pod: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(pod, SPEC);
    let mut volumes = Vec::new();
    for volume in spec.child("volumes").items() {
        self::volume(&volume, &mut volumes, errors);
    }
    container::all(&spec, &volumes, errors);
    spec.child("restartPolicy").one_of(errors, RESTART_POLICIES);
    spec.child("dnsPolicy").one_of(errors, DNS_POLICIES);
    let node_selector = spec.child("nodeSelector");
    for (key, value) in node_selector.tree.fields() {
        let refuse = |text: &str, message| FieldError::invalid(&node_selector.path, text, message);
        errors.extend(label_key(key).into_iter().map(|message| refuse(key, message)));
        let value = value.as_str().unwrap_or_default();
        errors.extend(label_value(value).into_iter().map(|message| refuse(value, message)));
    }
    for (field, rule) in [
        ("serviceAccountName", dns1123_subdomain as fn(&str) -> Vec<String>),
        ("nodeName", dns1123_subdomain),
        ("hostname", dns1123_label),
        ("subdomain", dns1123_label),
        ("priorityClassName", dns1123_subdomain),
    ] {
        spec.child(field).follows(errors, rule);
    }
    spec.child("activeDeadlineSeconds").counts(errors, deadline);
}

fn deadline(seconds: i64) -> Vec<String> {
    let most = i64::from(i32::MAX);
    let refused = !(1..=most).contains(&seconds);
    refused.then(|| format!("must be between 1 and {most}, inclusive")).into_iter().collect()
}

fn volume<'a>(volume: &At<'a>, names: &mut Vec<&'a str>, errors: &mut Vec<FieldError>) {
    let name = volume.child("name");
    name.name(errors, dns1123_label);
    name.unique(errors, names);
    for second in sources(volume.tree).skip(1) {
        let path = volume.path.child(second);
        errors.push(FieldError::forbidden(&path, "may not specify more than 1 volume type"));
    }
    for (source, field) in SOURCES {
        let source = volume.child(source);
        if !source.tree.is_null() {
            source.child(field).required(errors, "");
        }
    }
    let path = volume.child("hostPath").child("path");
    if path.text().split('/').any(|part| part == "..") {
        path.refuse(errors, vec!["must not contain '..'".to_owned()]);
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let (spec, was) = (At::top(new, SPEC), At::top(old, SPEC));
    let before = errors.len();
    for list in ["containers", "initContainers"] {
        if spec.child(list).tree.items().len() != was.child(list).tree.items().len() {
            let detail = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(&spec.child(list).path, detail));
        }
    }
    if errors.len() > before {
        return;
    }
    active_deadline(&spec.child("activeDeadlineSeconds"), &was.child("activeDeadlineSeconds"), errors);
    tolerations(&spec.child("tolerations"), &was.child("tolerations"), errors);
    let row = schema::by_name("core.v1.PodSpec").expect("the schema has pods");
    if !same(&with_changes_undone(spec.tree, was.tree), was.tree, row) {
        errors.push(FieldError::forbidden(&spec.path, ONLY_THESE));
    }
}

fn active_deadline(new: &At<'_>, old: &At<'_>, errors: &mut Vec<FieldError>) {
    match (new.number(), old.number()) {
        (None, Some(_)) => {
            new.refuse(errors, vec!["must not update from a positive integer to nil value".to_owned()]);
        }
        (Some(after), Some(before)) if after > before => {
            new.refuse(errors, vec!["must be less than or equal to previous value".to_owned()]);
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
    if !old.tree.items().iter().all(kept) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden(&new.path, detail));
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
    let grace = "terminationGracePeriodSeconds";
    if was.i64_at(&[grace]).is_some_and(|seconds| seconds < 0) && spec.i64_at(&[grace]) == Some(1) {
        restore(&[grace]);
    }
    let gates = was.items_at(&["schedulingGates"]);
    if !gates.is_empty() {
        restore(&["nodeSelector"]);
        restore(&["affinity"]);
        if spec.items_at(&["schedulingGates"]).iter().all(|gate| gates.contains(gate)) {
            restore(&["schedulingGates"]);
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
