//! Annotations that mean something to pods: mirrors, costs, and the profiles that fields have replaced.

use super::volume::local;
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path};

pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The annotations of a pod, or of a template, of this specification.
pub(in crate::kind) fn validate(annotations: &At<'_>, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in annotations.entries() {
        match key {
            MIRROR if spec.child("nodeName").is_empty() => {
                value.invalid(errors, "must set spec.nodeName if mirror pod annotation is set");
            }
            COST if !is_cost(value.text()) => value.invalid(errors, "must be a 32bit integer"),
            _ => {}
        }
        if key == SECCOMP_POD || key.starts_with(SECCOMP) {
            seccomp(&At { path: annotations.path.child(key), tree: value.tree }, errors);
        }
        if let Some(name) = key.strip_prefix(APP_ARMOR) {
            if !super::spec::containers(spec).any(|container| container.child("name").text() == name) {
                errors.push(FieldError::invalid(&value.path, name, "container not found"));
            }
            let profile = value.text();
            let known = ["", "runtime/default", "unconfined"].contains(&profile);
            if !known && !profile.starts_with("localhost/") {
                value.invalid(errors, format!("invalid AppArmor profile name: {profile:?}"));
            }
        }
    }
}

fn is_cost(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    plain && text != "-0" && text.parse::<i32>().is_ok()
}

fn seccomp(profile: &At<'_>, errors: &mut Vec<FieldError>) {
    match profile.text() {
        "runtime/default" | "docker/default" | "unconfined" => {}
        other => match other.strip_prefix("localhost/") {
            Some(path) => local(&At { path: profile.path.clone(), tree: &Tree::from(path) }, errors),
            None => profile.invalid(errors, "must be a valid seccomp profile"),
        },
    }
}

/// Where a profile is both a field and an annotation, they say the same.
pub(in crate::kind) fn agree(annotations: &At<'_>, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let annotation = |key: &str| annotations.tree.get(key).and_then(Tree::as_str);
    let mut compare = |key: &str, field: &At<'_>, what: &str, at: &Path| {
        let Some(said) = annotation(key) else { return };
        let kind = field.child("type").text();
        let (same_kind, same_profile) = match kind {
            "Unconfined" => (said == "unconfined", true),
            "RuntimeDefault" => {
                (said == "runtime/default" || (what == "seccomp" && said == "docker/default"), true)
            }
            "Localhost" => match said.strip_prefix("localhost/") {
                Some(profile) => (true, profile == field.child("localhostProfile").text()),
                None => (false, true),
            },
            _ => (true, true),
        };
        if !same_kind {
            let why = format!("{what} type in annotation and field must match");
            errors.push(FieldError::forbidden(&at.child("type"), why));
        } else if !same_profile {
            let why = format!("{what} profile in annotation and field must match");
            errors.push(FieldError::forbidden(&at.child("localhostProfile"), why));
        }
    };
    let context = spec.child("securityContext");
    let of_pod = context.child("seccompProfile");
    compare(SECCOMP_POD, &of_pod, "seccomp", &of_pod.path);
    for container in super::spec::containers(spec) {
        let name = container.child("name").text();
        let own = container.children(&["securityContext", "seccompProfile"]);
        compare(&format!("{SECCOMP}{name}"), &own, "seccomp", &own.path);
        let own = container.children(&["securityContext", "appArmorProfile"]);
        let effective = if own.exists() { own.clone() } else { context.child("appArmorProfile") };
        compare(&format!("{APP_ARMOR}{name}"), &effective, "apparmor", &own.path);
    }
}

/// What an update may not do to annotations.
pub(super) fn update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let path = Path::new("metadata").child("annotations");
    let watched = |key: &str| match key {
        MIRROR => Some("mirror pod annotation"),
        key if key.starts_with(APP_ARMOR) => Some("AppArmor annotations"),
        _ => None,
    };
    let map = |tree: &Tree| tree.at(&["metadata", "annotations"]).cloned().unwrap_or_default();
    let (after, before) = (map(new), map(old));
    for (key, _) in before.fields().filter(|(key, value)| after.get(key) != Some(*value)) {
        if let Some(what) = watched(key) {
            errors.push(FieldError::forbidden(&path.key(key), format!("may not remove or update {what}")));
        }
    }
    for (key, _) in after.fields().filter(|(key, _)| before.get(key).is_none()) {
        if let Some(what) = watched(key) {
            errors.push(FieldError::forbidden(&path.key(key), format!("may not add {what}")));
        }
    }
}
