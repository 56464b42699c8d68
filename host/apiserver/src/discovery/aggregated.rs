//! Aggregated discovery: all groups with all their resources in one document.

use objects::resource::Resource;
use objects::{Tree, tree};

use super::{Group, Offer, Root, Source, Version, groups, insert_texts, names};

/// An APIGroupDiscoveryList below a root, in a version of `apidiscovery.k8s.io`; the versions differ in name alone.
pub(crate) fn aggregated(offer: Offer<'_>, root: Root, version: &str) -> Tree {
    let groups = groups(offer);
    let items: Vec<Tree> = groups.iter().filter(|group| group.root() == root).map(group).collect();
    tree!({
        "kind": "APIGroupDiscoveryList", "apiVersion": (format!("apidiscovery.k8s.io/{version}")), "metadata": {},
        "items": items
    })
}

fn group(group: &Group<'_>) -> Tree {
    let mut metadata = Tree::object();
    if !group.name.is_empty() {
        metadata.insert("name", group.name);
    }
    let versions: Vec<Tree> = group.versions.iter().map(self::version).collect();
    tree!({ "metadata": metadata, "versions": versions })
}

fn version(version: &Version<'_>) -> Tree {
    let (resources, is_fresh) = match &version.source {
        Source::Here(rows) => (rows.iter().map(|row| resource(row)).collect(), true),
        Source::Elsewhere(neighbour) => (neighbour.told.resources.clone(), neighbour.is_fresh),
    };
    let mut tree = tree!({ "version": (version.name) });
    if !resources.is_empty() {
        tree.insert("resources", resources);
    }
    tree.insert("freshness", if is_fresh { "Current" } else { "Stale" });
    tree
}

fn resource(row: &Resource) -> Tree {
    let scope = if row.is_namespaced() { "Namespaced" } else { "Cluster" };
    let mut tree = tree!({
        "resource": (&*row.plural), "responseKind": (kind(&row.group, &row.version, &row.kind)), "scope": scope,
        "singularResource": (&*row.singular), "verbs": (names(row.verbs))
    });
    insert_texts(&mut tree, "shortNames", &row.short_names);
    insert_texts(&mut tree, "categories", &row.categories);
    let subresources = row.served_subresources().map(|subresource| {
        tree!({
            "subresource": (&*subresource.name),
            "responseKind": (kind(&subresource.group, &subresource.version, &subresource.kind)),
            "verbs": (names(subresource.verbs))
        })
    });
    let subresources: Vec<Tree> = subresources.collect();
    if !subresources.is_empty() {
        tree.insert("subresources", subresources);
    }
    tree
}

fn kind(group: &str, version: &str, kind: &str) -> Tree {
    tree!({ "group": group, "version": version, "kind": kind })
}
