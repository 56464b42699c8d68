//! Discovery: what groups, versions and resources there are, in the plain documents and in the aggregated one.

mod aggregated;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::resource::{GroupVersion, Resource, Subresource, Text, Verbs};
use objects::{Tree, tree};
use sha2::{Digest, Sha256};

pub(crate) use aggregated::aggregated;

use crate::registry::{Served, share_storage};

/// One group with its rows by version, the preferred version first.
pub(crate) struct Group<'a> {
    pub(crate) name: &'a str,
    pub(crate) versions: Vec<Version<'a>>,
}

/// Below which path a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// The core group, whose name is empty.
    Api,
    Apis,
}

pub(crate) struct Version<'a> {
    pub(crate) name: &'a str,
    pub(crate) rows: Vec<&'a Resource>,
}

/// The groups in the order of their first rows.
pub(crate) fn groups(rows: &[Arc<Served>]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        let group = place(&mut groups, |group| group.name == row.group, || Group::new(&row.group));
        let version =
            place(&mut group.versions, |version| version.name == row.version, || Version::new(&row.version));
        version.rows.push(row);
    }
    groups
}

/// The item that `is` it, put at the end where there is none.
fn place<T>(items: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let position = items.iter().position(is).unwrap_or_else(|| {
        items.push(new());
        items.len() - 1
    });
    &mut items[position]
}

impl<'a> Group<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, versions: Vec::new() }
    }

    fn root(&self) -> Root {
        if self.name.is_empty() { Root::Api } else { Root::Apis }
    }

    fn to_tree(&self) -> Tree {
        let versions: Vec<Tree> = self.versions.iter().map(|version| self.version(version.name)).collect();
        let preferred = versions.first().cloned();
        tree!({ "name": (self.name), "versions": versions, "preferredVersion": preferred })
    }

    fn version(&self, version: &str) -> Tree {
        let group_version = GroupVersion::new(self.name.to_owned(), version.to_owned());
        tree!({ "groupVersion": (group_version.to_string()), "version": version })
    }
}

impl<'a> Version<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, rows: Vec::new() }
    }
}

/// `/api`
pub(crate) fn versions(rows: &[Arc<Served>], server_address: &str) -> Tree {
    let groups = groups(rows);
    let core = groups.iter().filter(|group| group.root() == Root::Api);
    let versions: Vec<&str> = core.flat_map(|group| &group.versions).map(|version| version.name).collect();
    tree!({
        "kind": "APIVersions", "versions": versions,
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": server_address }]
    })
}

/// `/apis`
pub(crate) fn group_list(rows: &[Arc<Served>]) -> Tree {
    let groups = groups(rows);
    let named = groups.iter().filter(|group| group.root() == Root::Apis);
    let groups: Vec<Tree> = named.map(Group::to_tree).collect();
    tree!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/GROUP`
pub(crate) fn group(rows: &[Arc<Served>], name: &str) -> Option<Tree> {
    let mut tree = groups(rows).iter().find(|group| group.name == name)?.to_tree();
    tree.object_mut().insert_first("apiVersion", "v1");
    tree.object_mut().insert_first("kind", "APIGroup");
    Some(tree)
}

/// `/api/VERSION` and `/apis/GROUP/VERSION`
pub(crate) fn resource_list(rows: &[Arc<Served>], of: &GroupVersion) -> Option<Tree> {
    let mut resources: Vec<Tree> = Vec::new();
    for row in rows.iter().filter(|row| row.group == of.group && row.version == of.version) {
        resources.push(resource(row, rows));
        resources.extend(row.served_subresources().map(|subresource| self::subresource(row, subresource)));
    }
    if resources.is_empty() {
        return None;
    }
    let mut tree = tree!({ "kind": "APIResourceList" });
    if !of.group.is_empty() {
        tree.insert("apiVersion", "v1");
    }
    tree.insert("groupVersion", of.to_string());
    tree.insert("resources", resources);
    Some(tree)
}

fn resource(row: &Resource, rows: &[Arc<Served>]) -> Tree {
    let mut tree = tree!({
        "name": (&*row.plural), "singularName": (&*row.singular), "namespaced": (row.is_namespaced()),
        "kind": (&*row.kind), "verbs": (names(row.verbs))
    });
    insert_texts(&mut tree, "shortNames", &row.short_names);
    insert_texts(&mut tree, "categories", &row.categories);
    if let Some(stored_as) = rows.iter().find(|other| share_storage(other, row)) {
        tree.insert("storageVersionHash", storage_version_hash(stored_as));
    }
    tree
}

fn subresource(row: &Resource, subresource: &Subresource) -> Tree {
    let mut tree = tree!({
        "name": (format!("{}/{}", row.plural, subresource.name)), "singularName": "",
        "namespaced": (row.is_namespaced())
    });
    if (&subresource.group, &subresource.version) != (&row.group, &row.version) {
        tree.insert("group", &*subresource.group);
        tree.insert("version", &*subresource.version);
    }
    tree.insert("kind", &*subresource.kind);
    tree.insert("verbs", names(subresource.verbs));
    tree
}

fn names(verbs: Verbs) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

fn insert_texts(tree: &mut Tree, key: &str, texts: &[Text]) {
    if !texts.is_empty() {
        tree.insert(key, texts.iter().map(|text| &**text).collect::<Vec<_>>());
    }
}

/// Tells whether two servers store a resource in one version: eight bytes of the hash of that version's kind.
fn storage_version_hash(row: &Resource) -> String {
    const BYTES: usize = 8;
    let hash = Sha256::digest(format!("{}/{}/{}", row.group, row.version, row.kind));
    STANDARD.encode(&hash[..BYTES])
}

#[cfg(test)]
mod tests;
