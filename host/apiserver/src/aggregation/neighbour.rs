//! What other servers tell of their group versions, for the documents of discovery and OpenAPI.

use std::sync::Arc;

use arc_swap::ArcSwap;
use objects::resource::GroupVersion;
use objects::{Tree, tree};

use super::Remote;

/// A group version of another server, as discovery tells of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neighbour {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) group_priority: i64,
    pub(crate) version_priority: i64,
    pub(crate) told: Told,
    /// Whether that is what the server said when it was last asked.
    pub(crate) is_fresh: bool,
}

/// What a server told of a group version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// As the aggregated document has them.
    pub(crate) resources: Vec<Tree>,
    /// Where its OpenAPI is, as the index of version 3 says.
    pub(crate) openapi: Option<String>,
    /// What its document of version 2 has of it.
    pub(crate) openapi_2: Option<Arc<Tree>>,
}

/// Cheap to clone; every clone sees the newest list, which stays the same while nothing is news.
#[derive(Clone, Default)]
pub(crate) struct Neighbours(Arc<ArcSwap<Vec<Arc<Neighbour>>>>);

impl Neighbours {
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Neighbour>>> {
        self.0.load_full()
    }

    /// Takes what these remotes told, `None` where one could not be asked: then the last word counts.
    pub(super) fn replace(&self, news: Vec<(Arc<Remote>, Option<Told>)>) {
        let old = self.all();
        let next = news.into_iter().map(|(remote, told)| {
            let is = |known: &&Arc<Neighbour>| known.group == remote.group && known.version == remote.version;
            let last = || old.iter().find(is).map(|known| known.told.clone());
            let is_fresh = told.is_some();
            Arc::new(Neighbour {
                group: remote.group.clone(),
                version: remote.version.clone(),
                group_priority: remote.group_priority,
                version_priority: remote.version_priority,
                told: told.or_else(last).unwrap_or_default(),
                is_fresh,
            })
        });
        let next: Vec<Arc<Neighbour>> = next.collect();
        if next != *old {
            self.0.store(Arc::new(next));
        }
    }
}

/// The resources of a group version in an aggregated document; `None` where it is none.
pub(super) fn of_document(document: &Tree, of: &GroupVersion) -> Option<Vec<Tree>> {
    if document.str_at(&["kind"]) != Some("APIGroupDiscoveryList") {
        return None;
    }
    let mut groups = document.items_at(&["items"]).iter();
    let group = groups.find(|group| group.str_at(&["metadata", "name"]) == Some(&of.group));
    let mut versions = group.map(|group| group.items_at(&["versions"])).unwrap_or_default().iter();
    let version = versions.find(|version| version.str_at(&["version"]) == Some(&of.version));
    Some(version.map(|version| version.items_at(&["resources"]).to_vec()).unwrap_or_default())
}

/// The resources of a plain list, as an aggregated document has them; `None` where it is none.
pub(super) fn of_list(list: &Tree) -> Option<Vec<Tree>> {
    if list.str_at(&["kind"]) != Some("APIResourceList") {
        return None;
    }
    let (mut resources, mut subresources): (Vec<Tree>, Vec<(&str, Tree)>) = Default::default();
    for row in list.items_at(&["resources"]) {
        let name = row.str_at(&["name"]).unwrap_or_default();
        let text = |key: &str| row.str_at(&[key]).unwrap_or_default();
        let kind = tree!({ "group": (text("group")), "version": (text("version")), "kind": (text("kind")) });
        let (key, short) = match name.split_once('/') {
            Some((_, subresource)) => ("subresource", subresource),
            None => ("resource", name),
        };
        let mut told = Tree::object();
        told.insert(key, short);
        told.insert("responseKind", kind);
        if let Some((parent, _)) = name.split_once('/') {
            told.insert("verbs", row.items_at(&["verbs"]).to_vec());
            subresources.push((parent, told));
            continue;
        }
        let scope = if row.bool_at(&["namespaced"]) == Some(true) { "Namespaced" } else { "Cluster" };
        told.insert("scope", scope);
        told.insert("singularResource", text("singularName"));
        for key in ["verbs", "shortNames", "categories"] {
            if let Some(names) = row.get(key) {
                told.insert(key, names.clone());
            }
        }
        resources.push(told);
    }
    for (parent, told) in subresources {
        if let Some(resource) = resources.iter_mut().find(|row| row.str_at(&["resource"]) == Some(parent))
            && let Tree::Array(known) = resource.object_mut().entry("subresources", Tree::array)
        {
            known.push(told);
        }
    }
    Some(resources)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_plain_list_tells_what_the_aggregated_document_tells() {
        let rows = crate::registry::Registry::builtin().rows();
        let offer = crate::discovery::Offer { rows: &rows, neighbours: &[] };
        let of = GroupVersion::new("policy", "v1");
        let list = crate::discovery::resource_list(&rows, &of).unwrap();
        let document = crate::discovery::aggregated(offer, crate::discovery::Root::Apis, "v2");
        // A plain list leaves out the group and version of kinds that are of its own.
        let mut resources = of_document(&document, &of).unwrap();
        for resource in &mut resources {
            resource.set_at(&["responseKind", "group"], "");
            resource.set_at(&["responseKind", "version"], "");
            if let Some(Tree::Array(subresources)) = resource.get_mut("subresources") {
                for subresource in subresources {
                    subresource.set_at(&["responseKind", "group"], "");
                    subresource.set_at(&["responseKind", "version"], "");
                }
            }
        }
        let sorted = |resources: &[Tree]| {
            let keys = |tree: &Tree| {
                let mut tree = tree.clone();
                tree.object_mut().sort_keys();
                tree.to_json_string()
            };
            resources.iter().map(keys).collect::<Vec<_>>()
        };
        assert_eq!(sorted(&of_list(&list).unwrap()), sorted(&resources));
        assert_eq!(of_list(&document), None);
        assert_eq!(of_document(&list, &of), None);
    }

    #[test]
    fn a_subresource_goes_to_its_resource_and_without_one_nowhere() {
        let list = tree!({
            "kind": "APIResourceList",
            "resources": [
                { "name": "a/status", "kind": "A", "verbs": ["get"] },
                { "name": "a", "kind": "A", "namespaced": true, "verbs": ["list"], "shortNames": ["x"] },
                { "name": "b/scale", "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get"] }
            ]
        });
        expect![[r#"[{"resource":"a","responseKind":{"group":"","version":"","kind":"A"},"scope":"Namespaced","singularResource":"","verbs":["list"],"shortNames":["x"],"subresources":[{"subresource":"status","responseKind":{"group":"","version":"","kind":"A"},"verbs":["get"]}]}]"#]]
        .assert_eq(&Tree::Array(of_list(&list).unwrap()).to_json_string());
    }

    #[test]
    fn the_last_word_counts_while_a_server_cannot_be_asked() {
        let service = tree!({
            "metadata": { "name": "v1.example.org" },
            "spec": { "group": "example.org", "version": "v1", "service": { "namespace": "n", "name": "s" } }
        });
        let remotes = super::super::remote::read_all(vec![service]);
        let neighbours = Neighbours::default();
        let news =
            |told: Option<Told>| remotes.iter().map(|remote| (Arc::clone(remote), told.clone())).collect();
        let told = Told { resources: vec![tree!({ "resource": "a" })], ..Told::default() };
        let shown =
            || neighbours.all().iter().map(|n| (n.told.resources.len(), n.is_fresh)).collect::<Vec<_>>();
        neighbours.replace(news(None));
        assert_eq!(shown(), [(0, false)]);
        neighbours.replace(news(Some(told.clone())));
        assert_eq!(shown(), [(1, true)]);
        let same = neighbours.all();
        neighbours.replace(news(Some(told)));
        assert!(Arc::ptr_eq(&same, &neighbours.all()));
        neighbours.replace(news(None));
        assert_eq!(shown(), [(1, false)]);
        neighbours.replace(Vec::new());
        assert!(shown().is_empty());
    }
}
