//! The annotations of ReplicaSets: which revisions of the Deployment they were, and how many pods it asked for.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};

use super::sets::annotation;
use super::wish::Wish;

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations of a Deployment that its sets do not take over.
const OWN: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// The revisions that a set was before, in so many bytes.
const HISTORY_LENGTH: usize = 2000;

pub(super) type Annotations = BTreeMap<String, String>;

pub(super) fn revision(set: &ReplicaSet) -> i64 {
    annotation(set, REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The annotations that a set of the Deployment's template, made by now or not, is to have and has not. `last` is the
/// highest revision of the others.
pub(super) fn of_new(deployment: &Deployment, set: Option<&ReplicaSet>, last: i64) -> Annotations {
    let own = |key: &str| set.and_then(|set| annotation(set, key));
    let given = deployment.metadata.annotations.iter().flatten();
    let given = given.filter(|(key, value)| !OWN.contains(&key.as_str()) && own(key) != Some(value));
    let mut annotations: Annotations = given.map(|(key, value)| (key.clone(), value.clone())).collect();
    let old = own(REVISION);
    // One that is no number is left alone.
    let number = old.map_or(Some(0), |old| old.parse::<i64>().ok());
    if number.is_some_and(|number| number <= last) {
        annotations.insert(REVISION.to_owned(), (last + 1).to_string());
        if let Some(history) = old.and_then(|old| history(own(HISTORY).unwrap_or_default(), old)) {
            annotations.insert(HISTORY.to_owned(), history);
        }
    }
    annotations
}

/// The history with one revision more and without the oldest that have no room any more; `None` where that one has none.
fn history(history: &str, revision: &str) -> Option<String> {
    let mut kept: Vec<&str> = history.split(',').filter(|one| !one.is_empty()).collect();
    kept.push(revision);
    while kept.join(",").len() > HISTORY_LENGTH {
        kept.remove(0);
    }
    (!kept.is_empty()).then(|| kept.join(","))
}

/// How many pods the Deployment asks for: what of that a set does not say yet.
pub(super) fn of_size(wish: &Wish, set: Option<&ReplicaSet>) -> Annotations {
    let sizes = [(DESIRED, wish.replicas), (MAX, wish.replicas + wish.surge())];
    let sizes = sizes.into_iter().map(|(key, size)| (key.to_owned(), size.to_string()));
    sizes.filter(|(key, size)| set.and_then(|set| annotation(set, key)) != Some(size)).collect()
}

/// A size that an annotation tells.
pub(super) fn size(set: &ReplicaSet, key: &str) -> Option<i32> {
    annotation(set, key)?.parse().ok()
}
