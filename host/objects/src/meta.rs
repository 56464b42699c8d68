//! TypeMeta and ObjectMeta: what every object has, read and written in place; times and generated names.
//!
//! `managedFields` are not looked after here.

mod name;
mod time;

use jiff::Timestamp;

use crate::resource::{GroupVersion, GroupVersionKind};
use crate::tree::Tree;

pub use name::{GENERATED_ALPHABET, GENERATED_LEN, generate_name};
pub use time::{Moment, parse_rfc3339, rfc3339, rfc3339_micro};

/// An owner reference, borrowed from its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerReference<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    pub controller: bool,
    pub block_owner_deletion: bool,
}

macro_rules! text_accessors {
    ($($get:ident $set:ident $key:literal),* $(,)?) => {
        $(
            #[doc = concat!("`metadata.", $key, "`, empty where there is none.")]
            pub fn $get(tree: &Tree) -> &str {
                tree.str_at(&["metadata", $key]).unwrap_or_default()
            }

            #[doc = concat!("Sets `metadata.", $key, "`; empty removes it.")]
            pub fn $set(tree: &mut Tree, text: &str) {
                set_or_remove(tree, $key, (!text.is_empty()).then(|| Tree::from(text)));
            }
        )*
    };
}

text_accessors! {
    name set_name "name",
    generate_name_prefix set_generate_name_prefix "generateName",
    namespace set_namespace "namespace",
    uid set_uid "uid",
    resource_version set_resource_version "resourceVersion",
}

fn set_or_remove(tree: &mut Tree, key: &str, value: Option<Tree>) {
    match value {
        Some(value) => tree.set_at(&["metadata", key], value),
        None => drop(tree.remove_at(&["metadata", key])),
    }
}

/// The kind that the object says it is.
pub fn gvk(tree: &Tree) -> Option<GroupVersionKind> {
    let group_version = GroupVersion::parse(tree.str_at(&["apiVersion"])?)?;
    Some(group_version.kind(tree.str_at(&["kind"])?.to_owned()))
}

/// Puts kind and apiVersion at the front.
pub fn set_gvk(tree: &mut Tree, gvk: &GroupVersionKind) {
    let fields = tree.object_mut();
    fields.insert_first("apiVersion", gvk.group_version().to_string());
    fields.insert_first("kind", gvk.kind.as_ref());
}

pub fn generation(tree: &Tree) -> i64 {
    tree.i64_at(&["metadata", "generation"]).unwrap_or(0)
}

pub fn set_generation(tree: &mut Tree, generation: i64) {
    tree.set_at(&["metadata", "generation"], generation);
}

pub fn creation_timestamp(tree: &Tree) -> Option<Timestamp> {
    parse_rfc3339(tree.str_at(&["metadata", "creationTimestamp"])?)
}

pub fn set_creation_timestamp(tree: &mut Tree, time: Timestamp) {
    tree.set_at(&["metadata", "creationTimestamp"], rfc3339(time));
}

/// When the object is, or was, to be gone.
pub fn deletion_timestamp(tree: &Tree) -> Option<Timestamp> {
    parse_rfc3339(tree.str_at(&["metadata", "deletionTimestamp"])?)
}

pub fn is_deleting(tree: &Tree) -> bool {
    tree.str_at(&["metadata", "deletionTimestamp"]).is_some()
}

pub fn set_deletion(tree: &mut Tree, time: Option<Timestamp>, grace_period_seconds: Option<i64>) {
    set_or_remove(tree, "deletionTimestamp", time.map(|time| Tree::from(rfc3339(time))));
    set_or_remove(tree, "deletionGracePeriodSeconds", grace_period_seconds.map(Tree::from));
}

pub fn labels(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    text_map(tree, "labels")
}

pub fn annotations(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    text_map(tree, "annotations")
}

pub fn label<'a>(tree: &'a Tree, key: &str) -> Option<&'a str> {
    tree.str_at(&["metadata", "labels", key])
}

pub fn annotation<'a>(tree: &'a Tree, key: &str) -> Option<&'a str> {
    tree.str_at(&["metadata", "annotations", key])
}

fn text_map<'a>(tree: &'a Tree, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    tree.at(&["metadata", field])
        .into_iter()
        .flat_map(Tree::fields)
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
}

pub fn finalizers(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.items_at(&["metadata", "finalizers"]).iter().filter_map(Tree::as_str)
}

pub fn has_finalizer(tree: &Tree, name: &str) -> bool {
    finalizers(tree).any(|finalizer| finalizer == name)
}

/// Adds a finalizer that is not there yet.
pub fn add_finalizer(tree: &mut Tree, name: &str) {
    if has_finalizer(tree, name) {
        return;
    }
    let list = tree.make(&["metadata", "finalizers"]);
    match list.as_array_mut() {
        Some(items) => items.push(Tree::from(name)),
        None => *list = Tree::from(vec![name]),
    }
}

pub fn remove_finalizer(tree: &mut Tree, name: &str) {
    let path = ["metadata", "finalizers"];
    if let Some(items) = tree.at_mut(&path).and_then(Tree::as_array_mut) {
        items.retain(|item| item.as_str() != Some(name));
        if items.is_empty() {
            tree.remove_at(&path);
        }
    }
}

pub fn owner_references(tree: &Tree) -> impl Iterator<Item = OwnerReference<'_>> {
    tree.items_at(&["metadata", "ownerReferences"]).iter().map(|item| {
        let text = |key: &str| item.str_at(&[key]).unwrap_or_default();
        OwnerReference {
            api_version: text("apiVersion"),
            kind: text("kind"),
            name: text("name"),
            uid: text("uid"),
            controller: item.bool_at(&["controller"]).unwrap_or(false),
            block_owner_deletion: item.bool_at(&["blockOwnerDeletion"]).unwrap_or(false),
        }
    })
}

/// The owner that manages the object.
pub fn controller_of(tree: &Tree) -> Option<OwnerReference<'_>> {
    owner_references(tree).find(|owner| owner.controller)
}

#[cfg(test)]
mod tests;
