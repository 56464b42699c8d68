//! Who owns whom: every object there is, as the watches last told, and who is to be looked at when one changes.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use reconcile::{ObjectKey, Reflected};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::discovery::Served;

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// Of an object, what the collector reads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Whole")]
pub(super) struct Head {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) is_deleting: bool,
    pub(super) finalizers: Vec<String>,
    pub(super) owners: Vec<OwnerReference>,
}

#[derive(Deserialize)]
struct Whole {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    deletion_timestamp: Option<IgnoredAny>,
    finalizers: Option<Vec<String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

impl From<Whole> for Head {
    fn from(Whole { metadata }: Whole) -> Self {
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            version: metadata.resource_version.unwrap_or_default(),
            is_deleting: metadata.deletion_timestamp.is_some(),
            finalizers: metadata.finalizers.unwrap_or_default(),
            owners: metadata.owner_references.unwrap_or_default(),
        }
    }
}

impl Reflected for Head {
    fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }

    fn resource_version(&self) -> &str {
        &self.version
    }
}

impl Head {
    pub(super) fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|one| one == finalizer)
    }

    /// It goes once those that block it are gone.
    pub(super) fn is_foreground(&self) -> bool {
        self.is_deleting && self.has_finalizer(FOREGROUND)
    }

    /// It goes once nobody refers to it.
    pub(super) fn is_orphaning(&self) -> bool {
        self.is_deleting && self.has_finalizer(ORPHAN)
    }

    /// Whether the owner cannot go before it.
    fn blocks(&self, owner: &str) -> bool {
        self.owners.iter().any(|one| one.uid == owner && one.block_owner_deletion == Some(true))
    }
}

/// An object and what it is one of.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) resource: Arc<Served>,
    pub(super) head: Arc<Head>,
}

impl Node {
    /// Whether a reference of `dependent` means this object, and not just one of the same uid.
    pub(super) fn is_meant(&self, dependent: &Head, reference: &OwnerReference) -> bool {
        let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
        let is_in_reach = !self.resource.namespaced || self.head.namespace == dependent.namespace;
        let is_of_kind = self.resource.resource.group == group && self.resource.kind == reference.kind;
        is_in_reach && is_of_kind && self.head.name == reference.name
    }
}

/// What is known of the dependents of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dependents {
    pub(super) any: bool,
    /// One that it cannot go before.
    pub(super) blocking: bool,
    /// One that waits for its own dependents.
    pub(super) foreground: bool,
}

/// An object with what is around it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) node: Node,
    /// Those that are known, in the order of the references.
    pub(super) owners: Vec<Option<Node>>,
    pub(super) dependents: Dependents,
}

/// By uid.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<String, Node>,
    /// Of every owner that is referred to, known or not.
    dependents: HashMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Takes a change in; gives who is to be looked at for it.
    pub(super) fn change(
        &mut self,
        resource: &Arc<Served>,
        old: Option<&Arc<Head>>,
        new: Option<&Arc<Head>>,
    ) -> BTreeSet<String> {
        let mut due = BTreeSet::new();
        // The name may be another object's by now.
        if let Some(old) = old.filter(|old| new.is_none_or(|new| new.uid != old.uid)) {
            self.forget(old, &mut due);
        }
        if let Some(new) = new {
            self.observe(Node { resource: resource.clone(), head: new.clone() }, &mut due);
        }
        due
    }

    fn observe(&mut self, node: Node, due: &mut BTreeSet<String>) {
        let new = node.head.clone();
        let old = self.nodes.insert(new.uid.clone(), node).map(|node| node.head);
        if let Some(old) = &old {
            self.unlink(old, due);
        }
        for owner in &new.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(new.uid.clone());
        }
        self.foreground_owners(&new, due);
        if new.is_foreground() && !old.is_some_and(|old| old.is_foreground()) {
            due.extend(self.dependents_of(&new.uid).cloned());
        }
        let is_held = |owner: &OwnerReference| {
            self.nodes
                .get(&owner.uid)
                .is_some_and(|known| !known.head.is_foreground() && known.is_meant(&new, owner))
        };
        if new.is_foreground() || new.is_orphaning() || (!new.is_deleting && !new.owners.iter().all(is_held))
        {
            due.insert(new.uid.clone());
        }
    }

    fn forget(&mut self, old: &Head, due: &mut BTreeSet<String>) {
        if self.nodes.remove(&old.uid).is_some() {
            self.unlink(old, due);
            due.extend(self.dependents_of(&old.uid).cloned());
        }
    }

    fn unlink(&mut self, dependent: &Head, due: &mut BTreeSet<String>) {
        for owner in &dependent.owners {
            if let Some(all) = self.dependents.get_mut(&owner.uid) {
                all.remove(&dependent.uid);
                if all.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        self.foreground_owners(dependent, due);
    }

    /// Owners that may have waited for just this.
    fn foreground_owners(&self, dependent: &Head, due: &mut BTreeSet<String>) {
        let owners = dependent.owners.iter().filter_map(|owner| self.nodes.get(&owner.uid));
        due.extend(owners.filter(|owner| owner.head.is_foreground()).map(|owner| owner.head.uid.clone()));
    }

    fn dependents_of(&self, uid: &str) -> impl Iterator<Item = &String> {
        self.dependents.get(uid).into_iter().flatten()
    }

    pub(super) fn scene(&self, uid: &str) -> Option<Scene> {
        let node = self.nodes.get(uid)?.clone();
        let owners = node.head.owners.iter().map(|owner| self.nodes.get(&owner.uid).cloned()).collect();
        let heads = || self.dependents_of(uid).filter_map(|uid| self.nodes.get(uid)).map(|node| &node.head);
        let dependents = Dependents {
            any: heads().next().is_some(),
            blocking: heads().any(|head| head.blocks(uid)),
            foreground: heads().any(|head| head.is_foreground()),
        };
        Some(Scene { node, owners, dependents })
    }

    pub(super) fn dependents(&self, uid: &str) -> Vec<Node> {
        self.dependents_of(uid).filter_map(|uid| self.nodes.get(uid)).cloned().collect()
    }
}
