//! The ReplicaSets of a Deployment: which is the new one, and what each has.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::TEMPLATE_HASH;

/// Oldest first.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    /// That of the Deployment's template.
    pub(super) new: Option<Arc<ReplicaSet>>,
    pub(super) old: Vec<Arc<ReplicaSet>>,
}

impl Sets {
    /// Where several have the template, the oldest is the new one.
    pub(super) fn of(deployment: &Deployment, mut sets: Vec<Arc<ReplicaSet>>) -> Self {
        sets.sort_by_cached_key(|set| age(set));
        let template = deployment.spec.as_ref().map(|spec| &spec.template);
        let is_new = |set: &Arc<ReplicaSet>| template.is_some_and(|template| has_template(set, template));
        let new = sets.iter().position(is_new).map(|index| sets.remove(index));
        Self { new, old: sets }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }

    /// Those that are to have pods.
    pub(super) fn active(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.all().filter(|set| wanted(set) > 0)
    }
}

/// When it was made; by the second, then by name.
fn age(set: &ReplicaSet) -> impl Ord + use<> {
    (set.metadata.creation_timestamp.clone(), set.metadata.name.clone())
}

/// Those of most replicas first; of the same the older ones.
pub(super) fn by_size_then_age(set: &ReplicaSet) -> impl Ord + use<> {
    (Reverse(wanted(set)), age(set))
}

/// Those of most replicas first; of the same the newer ones.
pub(super) fn by_size_then_youth(set: &ReplicaSet) -> impl Ord + use<> {
    (Reverse(wanted(set)), Reverse(age(set)))
}

/// Whether a set was made of the template.
pub(super) fn has_template(set: &ReplicaSet, template: &PodTemplateSpec) -> bool {
    let own = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    own.is_some_and(|own| unhashed(own) == unhashed(template))
}

fn unhashed(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

pub(super) fn name(set: &ReplicaSet) -> &str {
    set.metadata.name.as_deref().unwrap_or_default()
}

pub(super) fn annotation<'a>(set: &'a ReplicaSet, key: &str) -> Option<&'a str> {
    set.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

pub(super) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

pub(super) fn status<T: Default>(set: &ReplicaSet, field: impl Fn(&ReplicaSetStatus) -> T) -> T {
    set.status.as_ref().map(field).unwrap_or_default()
}

pub(super) fn available(set: &ReplicaSet) -> i32 {
    status(set, |status| status.available_replicas.unwrap_or(0))
}

pub(super) fn actual(set: &ReplicaSet) -> i32 {
    status(set, |status| status.replicas)
}

/// What some sets have together.
pub(super) fn sum<'a>(
    sets: impl IntoIterator<Item = &'a Arc<ReplicaSet>>,
    number: impl Fn(&ReplicaSet) -> i32,
) -> i32 {
    sets.into_iter().map(|set| number(set)).sum()
}
