//! ControllerRevisions: the templates that an object had, each under a number; so that pods of an older one are known,
//! and one can go back to it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use client::{ApiError, ApiResource, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use objects::tree::to_tree;
use objects::{Tree, tree};
use serde::Deserialize;

use crate::dependents::Owner;
use crate::pod_template::hash;

/// The label of pods that tells their revision.
pub(crate) const REVISION_LABEL: &str = "controller-revision-hash";

/// As a name of an object has room for that of a revision.
const LONGEST_PREFIX: usize = 223;

/// A view of a ControllerRevision.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Revision {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) data: Tree,
    pub(crate) revision: i64,
}

impl Resource for Revision {
    const API_VERSION: &'static str = "apps/v1";
    const GROUP: &'static str = "apps";
    const KIND: &'static str = "ControllerRevision";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "controllerrevisions";
    type Scope = NamespaceResourceScope;
}

impl Metadata for Revision {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Revision {
    pub(crate) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }
}

/// What a revision remembers: a patch that goes back to the template.
pub(crate) fn data_of(template: &PodTemplateSpec) -> Tree {
    let mut replacing = tree!({ "$patch": "replace" });
    replacing.merge(&to_tree(template).expect("a template is JSON"));
    tree!({ "spec": { "template": replacing } })
}

/// A revision of an owner as it is to be.
pub(crate) struct Wanted<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) data: Tree,
    pub(crate) labels: &'a ObjectMeta,
    /// The label that is to have the hash in the name.
    pub(crate) hash_label: &'static str,
    pub(crate) collisions: i32,
}

/// What is to be done for the present template to have a revision, which is the highest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Nothing(Arc<Revision>),
    /// One that the object went back to.
    Renumber(Arc<Revision>, i64),
    Create(i64),
}

/// `all` are those of the owner.
pub(crate) fn step(all: &[Arc<Revision>], data: &Tree) -> Step {
    let is_present = |revision: &&Arc<Revision>| revision.data == *data;
    let present = all.iter().filter(is_present).max_by_key(|revision| revision.revision);
    let others = all.iter().filter(|revision| !is_present(revision));
    let next = others.map(|revision| revision.revision).max().unwrap_or(0) + 1;
    match present {
        Some(present) if present.revision >= next => Step::Nothing(present.clone()),
        Some(present) => Step::Renumber(present.clone(), next),
        None => Step::Create(next),
    }
}

/// The revision of a present template, or that the name is taken and another collision is to be counted.
#[derive(Debug)]
pub(crate) enum Present {
    Is(Arc<Revision>),
    Collides,
}

/// Makes the present template the highest revision.
pub(crate) async fn present(
    client: &Client,
    wanted: &Wanted<'_>,
    all: &[Arc<Revision>],
) -> Result<Present, ApiError> {
    let namespace = &wanted.owner.namespace;
    let revisions = client.namespaced::<Revision>(namespace);
    let revision = match step(all, &wanted.data) {
        Step::Nothing(revision) => revision,
        Step::Renumber(revision, number) => {
            let version = revision.metadata.resource_version.clone();
            let patch = tree!({ "metadata": { "resourceVersion": version }, "revision": number });
            Arc::new(revisions.patch(revision.name(), &Patch::Merge(patch)).await?)
        }
        Step::Create(number) => {
            let made = made(wanted, number);
            let creation =
                client.dynamic(&ApiResource::of::<Revision>(), Some(namespace)).create(&made).await;
            match creation {
                Ok(_) => {}
                Err(error) if error.is_already_exists() => {}
                Err(error) => return Err(error),
            }
            let found = revisions.get(objects::meta::name(&made)).await?;
            if found.data != wanted.data {
                return Ok(Present::Collides);
            }
            Arc::new(found)
        }
    };
    Ok(Present::Is(revision))
}

fn made(wanted: &Wanted<'_>, number: i64) -> Tree {
    let text = wanted.data.to_json_string();
    let collisions = Some(wanted.collisions).filter(|collisions| *collisions > 0);
    let hash = hash(text.bytes().chain(collisions.into_iter().flat_map(i32::to_le_bytes)));
    let prefix: String = wanted.owner.name.chars().take(LONGEST_PREFIX).collect();
    let owner = to_tree(&wanted.owner.reference()).expect("an owner reference is JSON");
    let metadata = ObjectMeta {
        name: Some(format!("{prefix}-{hash}")),
        namespace: Some(wanted.owner.namespace.clone()),
        labels: wanted.labels.labels.clone(),
        annotations: wanted.labels.annotations.clone(),
        ..ObjectMeta::default()
    };
    let mut metadata = to_tree(&metadata).expect("metadata are JSON");
    metadata.set_at(&["labels", wanted.hash_label], hash);
    metadata.insert("ownerReferences", Tree::Array(vec![owner]));
    tree!({
        "apiVersion": (Revision::API_VERSION), "kind": (Revision::KIND),
        "metadata": metadata, "data": (wanted.data.clone()), "revision": number
    })
}

/// Deletes so many revisions that nothing needs, the oldest first.
pub(crate) async fn forget(
    client: &Client,
    owner: &Owner,
    mut unused: Vec<Arc<Revision>>,
    count: usize,
) -> Result<(), ApiError> {
    unused.sort_by_key(|revision| revision.revision);
    let revisions = client.namespaced::<Revision>(&owner.namespace);
    for revision in unused.iter().take(count) {
        let options = DeleteOptions::default().of_uid(revision.metadata.uid.as_deref().unwrap_or_default());
        match revisions.delete(revision.name(), &options).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
