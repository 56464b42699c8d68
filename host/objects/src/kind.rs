//! What truly differs between kinds: defaults, what a write may touch, and what is refused.
//!
//! The machinery is the same for every resource; [`of`] gives the row of a kind, and a kind without a row of its
//! own (a custom resource among them) behaves as [`Kind::GENERIC`]. A write goes `prepare_*`, then `stamp`, then
//! `validate*`.

mod admission_policy;
mod api_service;
mod apps;
mod autoscaler;
mod certificate;
mod class;
mod cron_job;
mod csi;
mod custom_resource;
mod data;
mod defaults;
mod device;
mod disruption;
mod endpoints;
mod event;
mod flow;
mod ingress;
mod job;
mod lease;
mod limit_range;
mod match_rules;
mod namespace;
mod network_policy;
mod node;
mod persistent_volume;
mod pod;
mod quota;
mod rbac;
mod replication;
mod rows;
pub mod scale;
mod secret;
mod service;
mod service_network;
mod storage_class;
mod template;
mod volume_attachment;
mod volume_claim;
mod volume_source;
mod webhook;

use jiff::Timestamp;

pub use certificate::{Requester, set_requester};
pub use class::system_priority_classes;

use crate::meta;
use crate::resource::Resource;
use crate::schema;
use crate::tree::Tree;
use crate::validate::{self, FieldError, NameRule};

/// What is particular to one kind. The functions see the whole object.
#[derive(Debug)]
pub struct Kind {
    pub name_rule: NameRule,
    /// Whether a PUT to a name that does not exist creates it.
    pub create_on_update: bool,
    /// Whether a PUT without a resourceVersion is written over whatever is there.
    pub unconditional_update: bool,
    generation: Generation,
    on_create: StatusOnCreate,
    /// Defaults that depend on other fields, after those of the table.
    defaults: fn(&mut Tree),
    create: fn(&mut Tree),
    update: fn(&mut Tree, &Tree),
    status: fn(&mut Tree, &Tree),
    validate: fn(&Tree, &mut Vec<FieldError>),
    /// What is refused of a new object alone.
    validate_new: fn(&Tree, &mut Vec<FieldError>),
    validate_update: fn(&Tree, &Tree, &mut Vec<FieldError>),
    validate_status: fn(&Tree, &Tree, &mut Vec<FieldError>),
    /// Sets the times that a write sets.
    stamp: fn(&mut Tree, Option<&Tree>, Timestamp),
    /// Sub-resources beside `status` that write a part of the object.
    parts: &'static [(&'static str, Part)],
    /// Seconds until a deleted object goes, of the object and of what the client asked for.
    grace: Option<fn(&Tree, Option<i64>) -> i64>,
}

/// Whether `metadata.generation` counts, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    /// The kind has none.
    None,
    /// 1 for good.
    Once,
    /// Changes of anything but metadata and status.
    Counts,
    /// The same, from the first change on: a new object has none.
    CountsChanges,
    /// Changes of labels too.
    CountsLabels,
    /// Changes of annotations too.
    CountsAnnotations,
}

/// A sub-resource whose body is the whole object, and which writes only a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    generation: Generation,
    prepare: fn(&mut Tree, &Tree),
    validate: fn(&Tree, &Tree, &mut Vec<FieldError>),
}

impl Part {
    /// The object that is written: the old one but for the part, with its generation counted.
    pub fn prepare(&self, kind: &Kind, resource: &Resource, new: &mut Tree, old: &Tree) {
        kind.apply_defaults(resource, new);
        (self.prepare)(new, old);
        keep_metadata(new, old, "generation");
        count_generation(self.generation, new, old);
    }

    /// What is wrong with the object and with the change.
    pub fn validate(&self, new: &Tree, old: &Tree) -> Vec<FieldError> {
        let mut errors = validate::metadata_update(new, old);
        (self.validate)(new, old, &mut errors);
        errors
    }
}

/// What becomes of the status that a client sends with a new object of a kind that has the sub-resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusOnCreate {
    Dropped,
    /// As a node's, which the kubelet registers with.
    Kept,
}

impl Kind {
    /// A kind with nothing particular: a row says only how it differs.
    pub const GENERIC: Self = Self {
        name_rule: NameRule::Subdomain,
        create_on_update: false,
        unconditional_update: true,
        generation: Generation::None,
        on_create: StatusOnCreate::Dropped,
        defaults: |_| {},
        create: |_| {},
        update: |_, _| {},
        status: |_, _| {},
        validate: |_, _| {},
        validate_new: |_, _| {},
        validate_update: |_, _, _| {},
        validate_status: |_, _, _| {},
        stamp: |_, _, _| {},
        parts: &[],
        grace: None,
    };

    /// Fills in what the object does not say. Part of every `prepare_*`; to be called by itself before mutating
    /// admission. Doing it again changes nothing.
    pub fn apply_defaults(&self, resource: &Resource, tree: &mut Tree) {
        if let Some(row) = schema::by_gvk(&resource.group, &resource.version, &resource.kind) {
            defaults::apply(tree, row);
        }
        (self.defaults)(tree);
    }

    /// A new object as it is stored, but for the metadata that the server gives (uid, creation, names).
    pub fn prepare_create(&self, resource: &Resource, tree: &mut Tree) {
        self.apply_defaults(resource, tree);
        if resource.has_status() && self.on_create == StatusOnCreate::Dropped {
            tree.remove("status");
        }
        tree.remove_at(&["metadata", "generation"]);
        if !matches!(self.generation, Generation::None | Generation::CountsChanges) {
            meta::set_generation(tree, 1);
        }
        (self.create)(tree);
        complete(resource, tree);
    }

    /// An object that is written over an old one: its status is the old one's, its generation counts on.
    pub fn prepare_update(&self, resource: &Resource, new: &mut Tree, old: &Tree) {
        self.apply_defaults(resource, new);
        if resource.has_status() {
            keep(new, old, "status");
        }
        keep_metadata(new, old, "generation");
        (self.update)(new, old);
        complete(resource, new);
        count_generation(self.generation, new, old);
    }

    /// An object that is written to the status sub-resource: all but status and metadata is the old one's.
    pub fn prepare_status(&self, resource: &Resource, new: &mut Tree, old: &Tree) {
        self.apply_defaults(resource, new);
        let kept = |key: &str| !["kind", "apiVersion", "metadata", "status"].contains(&key);
        new.object_mut().retain(|key, _| !kept(key));
        for (key, value) in old.fields().filter(|(key, _)| kept(key)) {
            new.insert(key, value.clone());
        }
        keep_metadata(new, old, "generation");
        complete(resource, new);
        (self.status)(new, old);
    }

    /// Sets the times that a write sets, in a prepared object that is new or is written over an old one.
    pub fn stamp(&self, new: &mut Tree, old: Option<&Tree>, now: Timestamp) {
        (self.stamp)(new, old, now);
    }

    /// What is wrong with a new object, metadata first.
    pub fn validate(&self, resource: &Resource, tree: &Tree) -> Vec<FieldError> {
        let mut errors = validate::metadata(tree, resource, self.name_rule);
        errors.extend(validate::known_finalizers(tree));
        (self.validate)(tree, &mut errors);
        errors
    }

    /// What is wrong with an object that is created: as [`Kind::validate`], and what only a new object must not have.
    pub fn validate_new(&self, resource: &Resource, tree: &Tree) -> Vec<FieldError> {
        let mut errors = self.validate(resource, tree);
        (self.validate_new)(tree, &mut errors);
        errors
    }

    /// What is wrong with an object that is written over an old one, with the object and with the change.
    pub fn validate_update(&self, new: &Tree, old: &Tree) -> Vec<FieldError> {
        let mut errors = validate::metadata_update(new, old);
        (self.validate_update)(new, old, &mut errors);
        errors
    }

    /// What is wrong with an object that is written to the status sub-resource.
    pub fn validate_status(&self, new: &Tree, old: &Tree) -> Vec<FieldError> {
        let mut errors = validate::metadata_update(new, old);
        (self.validate_status)(new, old, &mut errors);
        errors
    }

    /// The sub-resource that writes a part of the object: `approval`, `resize`.
    pub fn part(&self, subresource: &str) -> Option<&'static Part> {
        self.parts.iter().find(|(name, _)| *name == subresource).map(|(_, part)| part)
    }

    /// For how many seconds a deleted object stays with a deletionTimestamp; `None` where the kind knows no grace
    /// and goes at once.
    pub fn grace_period_seconds(&self, tree: &Tree, asked: Option<i64>) -> Option<i64> {
        self.grace.map(|grace| grace(tree, asked))
    }
}

/// Whether the deletion of an object is answered with what it was at last, and not with a Status.
pub fn is_shown_deleted(resource: &Resource) -> bool {
    rows::is_shown_deleted(&resource.group, &resource.kind)
}

/// The row of a resource's kind.
pub fn of(resource: &Resource) -> &'static Kind {
    rows::find(&resource.group, &resource.kind)
}

/// The generation of an object that is written over an old one, whose generation it has.
fn count_generation(generation: Generation, new: &mut Tree, old: &Tree) {
    let differs = |field: &str| {
        let of = |tree: &Tree| tree.at(&["metadata", field]).cloned().filter(|map| !map.is_empty_value());
        of(new) != of(old)
    };
    let counts = match generation {
        Generation::None | Generation::Once => false,
        Generation::Counts | Generation::CountsChanges => counted_differs(new, old),
        Generation::CountsLabels => counted_differs(new, old) || differs("labels"),
        Generation::CountsAnnotations => counted_differs(new, old) || differs("annotations"),
    };
    if counts {
        meta::set_generation(new, meta::generation(old) + 1);
    }
}

/// Whether anything that counts towards the generation differs.
fn counted_differs(new: &Tree, old: &Tree) -> bool {
    let counts = |key: &&str| !["kind", "apiVersion", "metadata", "status"].contains(key);
    let keys = |tree: &Tree| tree.fields().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    keys(new)
        .iter()
        .chain(&keys(old))
        .map(String::as_str)
        .filter(counts)
        .any(|key| new.get(key) != old.get(key))
}

/// Puts in what an object of the kind always has.
fn complete(resource: &Resource, tree: &mut Tree) {
    if let Some(row) = schema::by_gvk(&resource.group, &resource.version, &resource.kind) {
        defaults::complete(tree, row);
    }
}

/// A top-level field as the old object has it.
fn keep(new: &mut Tree, old: &Tree, key: &str) {
    match old.get(key) {
        Some(value) => drop(new.insert(key, value.clone())),
        None => drop(new.remove(key)),
    }
}

/// Metadata as the old object has them, as some kinds keep them on a write of their status.
fn keep_all_metadata(new: &mut Tree, old: &Tree) {
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        keep_metadata(new, old, field);
    }
}

/// A field of metadata as the old object has it.
fn keep_metadata(new: &mut Tree, old: &Tree, key: &str) {
    match old.at(&["metadata", key]) {
        Some(value) => new.set_at(&["metadata", key], value.clone()),
        None => drop(new.remove_at(&["metadata", key])),
    }
}

#[cfg(test)]
mod check;
#[cfg(test)]
mod defaulted;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod tests;
