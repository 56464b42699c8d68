//! Discovery: what groups, versions and resources there are, in the plain documents and in the aggregated one.

mod aggregated;
mod priority;

use std::cmp::Reverse;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::resource::{GroupVersion, Resource, Subresource, Text, Verbs};
use objects::{Tree, tree};
use sha2::{Digest, Sha256};

pub(crate) use aggregated::aggregated;
pub(crate) use priority::{CUSTOM, Priority};

use crate::aggregation::Neighbour;
use crate::registry::{Served, share_storage};

/// What there is to tell of: what is served here, and what other servers answer for.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    pub(crate) rows: &'a [Arc<Served>],
    pub(crate) neighbours: &'a [Arc<Neighbour>],
}

/// One group with its versions, the preferred one first.
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
    pub(crate) priority: Priority,
    source: Source<'a>,
}

/// Who answers for a version.
enum Source<'a> {
    Here(Vec<&'a Resource>),
    Elsewhere(&'a Neighbour),
}

/// The groups in the order of their priorities and names, their versions by priorities and age.
pub(crate) fn groups(offer: Offer<'_>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for neighbour in offer.neighbours {
        let name = neighbour.group.as_str();
        let group = place(&mut groups, |group| group.name == name, || Group::new(name));
        group.versions.push(Version::elsewhere(neighbour));
    }
    for row in offer.rows {
        let group = place(&mut groups, |group| group.name == row.group, || Group::new(&row.group));
        let version =
            place(&mut group.versions, |version| version.name == row.version, || Version::here(row));
        // Where another server answers for the version, this one does not.
        if let Source::Here(rows) = &mut version.source {
            rows.push(row);
        }
    }
    for group in &mut groups {
        group.versions.sort_by(|one, two| {
            let age = || structural::compare_versions(two.name, one.name);
            two.priority.version.cmp(&one.priority.version).then_with(age)
        });
    }
    groups.sort_by_key(|group| (Reverse(group.priority()), group.name));
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

    /// The greatest of its versions'.
    fn priority(&self) -> i64 {
        self.versions.iter().map(|version| version.priority.group).max().unwrap_or_default()
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
    fn here(row: &'a Served) -> Self {
        let priority = match row.custom() {
            Some(_) => CUSTOM,
            None => Priority::builtin(&row.group, &row.version),
        };
        Self { name: &row.version, priority, source: Source::Here(Vec::new()) }
    }

    fn elsewhere(neighbour: &'a Neighbour) -> Self {
        let priority = Priority { group: neighbour.group_priority, version: neighbour.version_priority };
        Self { name: &neighbour.version, priority, source: Source::Elsewhere(neighbour) }
    }
}

/// `/api`
pub(crate) fn versions(offer: Offer<'_>, server_address: &str) -> Tree {
    let groups = groups(offer);
    let core = groups.iter().filter(|group| group.root() == Root::Api);
    let versions: Vec<&str> = core.flat_map(|group| &group.versions).map(|version| version.name).collect();
    tree!({
        "kind": "APIVersions", "versions": versions,
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": server_address }]
    })
}

/// `/apis`
pub(crate) fn group_list(offer: Offer<'_>) -> Tree {
    let groups = groups(offer);
    let named = groups.iter().filter(|group| group.root() == Root::Apis);
    let groups: Vec<Tree> = named.map(Group::to_tree).collect();
    tree!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/GROUP`
pub(crate) fn group(offer: Offer<'_>, name: &str) -> Option<Tree> {
    let mut tree = groups(offer).iter().find(|group| group.name == name)?.to_tree();
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

fn resource(row: &Served, rows: &[Arc<Served>]) -> Tree {
    let mut tree = tree!({
        "name": (&*row.plural), "singularName": (&*row.singular), "namespaced": (row.is_namespaced()),
        "kind": (&*row.kind), "verbs": (names(row.verbs))
    });
    insert_texts(&mut tree, "shortNames", &row.short_names);
    insert_texts(&mut tree, "categories", &row.categories);
    // The first of the built-in versions that share a store is the one they are stored in.
    let first = || rows.iter().find(|other| share_storage(other, row)).map(|row| row.row());
    if let Some(stored_as) = row.stored_as().or_else(first) {
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
