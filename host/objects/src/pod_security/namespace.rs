//! A namespace whose policy changes, and the pods that it has already.

use std::collections::BTreeMap;

use super::PodView;
use super::checks::{evaluate, reasons};
use super::level::{Level, LevelVersion, Policy, policy};
use crate::meta;
use crate::tree::Tree;
use crate::validate::FieldError;

/// How many pods of a namespace are looked at when its policy changes.
const PODS_MAX: usize = 3000;

/// What a write of a namespace does to its pods.
#[derive(Clone, Debug, PartialEq)]
pub enum NamespaceChange {
    /// Its labels make no policy.
    Invalid(Vec<FieldError>),
    /// Nothing that the pods it has were not held to.
    Harmless,
    /// Its pods should be looked at, for [`warnings`].
    Stricter(LevelVersion),
}

/// What a namespace that is new or written over an old one does to its pods.
pub fn change(new: &Tree, old: Option<&Tree>, defaults: Policy) -> NamespaceChange {
    let (after, errors) = policy(new, defaults);
    let Some(old) = old else {
        return if errors.is_empty() { NamespaceChange::Harmless } else { NamespaceChange::Invalid(errors) };
    };
    let (before, old_errors) = policy(old, defaults);
    if !errors.is_empty() && errors != old_errors {
        return NamespaceChange::Invalid(errors);
    }
    let is_looser =
        after.enforce.version == before.enforce.version && after.enforce.level <= before.enforce.level;
    if after.enforce == before.enforce || after.enforce.level == Level::Privileged || is_looser {
        NamespaceChange::Harmless
    } else {
        NamespaceChange::Stricter(after.enforce)
    }
}

/// What the client is to be warned of: the pods of a namespace that are against its new standard. Of the pods of one
/// controller one is looked at first, since there can be more than are looked at.
pub fn warnings(namespace: &str, enforce: LevelVersion, pods: &[&Tree]) -> Vec<String> {
    let (mut first, mut rest, mut controllers) = (Vec::new(), Vec::new(), Vec::new());
    for pod in pods {
        match meta::controller_of(pod).map(|owner| owner.uid) {
            Some(uid) if controllers.contains(&uid) => rest.push(*pod),
            uid => {
                controllers.extend(uid);
                first.push(*pod);
            }
        }
    }
    first.extend(rest);
    let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for pod in first.iter().take(PODS_MAX) {
        let violations = evaluate(enforce, PodView::new(pod));
        if !violations.is_empty() {
            let name = meta::name(pod).to_owned();
            let (least, count) = found.entry(reasons(&violations)).or_insert_with(|| (name.clone(), 0));
            *least = std::mem::take(least).min(name);
            *count += 1;
        }
    }
    let mut warnings = Vec::new();
    if pods.len() > PODS_MAX {
        let all = pods.len();
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {PODS_MAX} of {all} existing pods"
        ));
    }
    if !found.is_empty() {
        warnings.push(format!(
            "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{enforce}\""
        ));
    }
    let mut lines: Vec<String> = found
        .into_iter()
        .map(|(why, (name, count))| match count {
            1 => format!("{name}: {why}"),
            2 => format!("{name} (and 1 other pod): {why}"),
            count => format!("{name} (and {} other pods): {why}", count - 1),
        })
        .collect();
    lines.sort();
    warnings.extend(lines);
    warnings
}
