//! Discovery says what upstream's says of the same resources.

use std::sync::Arc;

use expect_test::{Expect, expect};
use objects::resource::GroupVersion;
use objects::{Tree, tree};

use super::{Offer, Root, aggregated, group, group_list, resource_list, versions};
use crate::aggregation::{Neighbour, Told};
use crate::registry::{Registry, Served};

/// What is built in, and nothing else.
fn builtin(rows: &[Arc<Served>]) -> Offer<'_> {
    Offer { rows, neighbours: &[] }
}

fn check(tree: Option<&Tree>, expected: Expect) {
    expected.assert_eq(&tree.map_or_else(|| "nothing".to_owned(), Tree::to_json_string));
}

/// The entry of a name in a list of a document.
fn entry<'a>(tree: &'a Tree, list: &str, key: &str, name: &str) -> Option<&'a Tree> {
    tree.get(list)?.items().iter().find(|item| item.str_at(&[key]) == Some(name))
}

#[test]
fn the_roots_list_versions_and_groups_in_upstreams_order() {
    let rows = Registry::builtin().rows();
    check(
        Some(&versions(builtin(&rows), "192.0.2.1:16443")),
        expect![[
            r#"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"192.0.2.1:16443"}]}"#
        ]],
    );
    let groups = group_list(builtin(&rows));
    let names = groups.get("groups").unwrap().items().iter().filter_map(|g| g.str_at(&["name"]));
    expect!["apiregistration.k8s.io apps events.k8s.io authentication.k8s.io authorization.k8s.io autoscaling batch certificates.k8s.io networking.k8s.io policy rbac.authorization.k8s.io storage.k8s.io admissionregistration.k8s.io apiextensions.k8s.io scheduling.k8s.io coordination.k8s.io node.k8s.io discovery.k8s.io resource.k8s.io flowcontrol.apiserver.k8s.io"].assert_eq(&names.collect::<Vec<_>>().join(" "));
    check(
        group(builtin(&rows), "events.k8s.io").as_ref(),
        expect![[
            r#"{"kind":"APIGroup","apiVersion":"v1","name":"events.k8s.io","versions":[{"groupVersion":"events.k8s.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"events.k8s.io/v1","version":"v1"}}"#
        ]],
    );
    check(group(builtin(&rows), "example.org").as_ref(), expect!["nothing"]);
}

#[test]
fn a_resource_has_its_names_verbs_and_storage_version() {
    let rows = Registry::builtin().rows();
    let core = resource_list(&rows, &GroupVersion::new("", "v1")).unwrap();
    check(
        entry(&core, "resources", "name", "pods"),
        expect![[
            r#"{"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"shortNames":["po"],"categories":["all"],"storageVersionHash":"xPOwRZ+Yhw8="}"#
        ]],
    );
    check(
        entry(&core, "resources", "name", "pods/eviction"),
        expect![[
            r#"{"name":"pods/eviction","singularName":"","namespaced":true,"group":"policy","version":"v1","kind":"Eviction","verbs":["create"]}"#
        ]],
    );
    check(
        entry(&core, "resources", "name", "bindings"),
        expect![[
            r#"{"name":"bindings","singularName":"binding","namespaced":true,"kind":"Binding","verbs":["create"]}"#
        ]],
    );
    assert_eq!(core.get("apiVersion"), None);
    check(resource_list(&rows, &GroupVersion::new("", "v2")).as_ref(), expect!["nothing"]);
}

#[test]
fn two_versions_of_one_store_have_one_storage_version() {
    let rows = Registry::builtin().rows();
    let hash = |group: &'static str| {
        let list = resource_list(&rows, &GroupVersion::new(group, "v1")).unwrap();
        entry(&list, "resources", "name", "events")
            .unwrap()
            .str_at(&["storageVersionHash"])
            .unwrap()
            .to_owned()
    };
    assert_eq!(hash(""), hash("events.k8s.io"));
}

#[test]
fn aggregated_discovery_holds_what_the_plain_lists_hold() {
    let rows = Registry::builtin().rows();
    let (core, named) =
        (aggregated(builtin(&rows), Root::Api, "v2"), aggregated(builtin(&rows), Root::Apis, "v2beta1"));
    assert_eq!(core.str_at(&["apiVersion"]), Some("apidiscovery.k8s.io/v2"));
    assert_eq!(named.str_at(&["apiVersion"]), Some("apidiscovery.k8s.io/v2beta1"));
    let resources = core.at(&["items", "0", "versions", "0"]).unwrap();
    check(
        entry(resources, "resources", "resource", "serviceaccounts"),
        expect![[
            r#"{"resource":"serviceaccounts","responseKind":{"group":"","version":"v1","kind":"ServiceAccount"},"scope":"Namespaced","singularResource":"serviceaccount","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"shortNames":["sa"],"subresources":[{"subresource":"token","responseKind":{"group":"authentication.k8s.io","version":"v1","kind":"TokenRequest"},"verbs":["create"]}]}"#
        ]],
    );
    let count = |tree: &Tree| -> usize {
        let versions =
            tree.get("items").unwrap().items().iter().flat_map(|item| item.get("versions").unwrap().items());
        versions.map(|version| version.get("resources").unwrap().items().len()).sum()
    };
    assert_eq!(count(&core) + count(&named), rows.len());
}

fn neighbour(group: &str, version: &str, priorities: (i64, i64)) -> Arc<Neighbour> {
    let resources = vec![tree!({ "resource": "things" })];
    Arc::new(Neighbour {
        group: group.to_owned(),
        version: version.to_owned(),
        group_priority: priorities.0,
        version_priority: priorities.1,
        told: Told { resources, ..Told::default() },
        is_fresh: version != "v1alpha1",
    })
}

#[test]
fn groups_of_other_servers_are_where_their_priorities_put_them() {
    let rows = Registry::builtin().rows();
    let neighbours = [
        neighbour("last.example.org", "v1", (100, 1)),
        neighbour("first.example.org", "v1", (17_790, 1)),
        neighbour("a.example.org", "v1alpha1", (100, 20)),
        neighbour("a.example.org", "v1beta1", (50, 10)),
        neighbour("a.example.org", "v1", (50, 10)),
    ];
    let offer = Offer { rows: &rows, neighbours: &neighbours };
    let list = group_list(offer);
    let names: Vec<&str> =
        list.items_at(&["groups"]).iter().filter_map(|group| group.str_at(&["name"])).collect();
    assert_eq!(names[1..4], ["apps", "first.example.org", "events.k8s.io"]);
    assert_eq!(names[names.len() - 2..], ["a.example.org", "last.example.org"]);
    let document = aggregated(offer, Root::Apis, "v2");
    let found = document
        .items_at(&["items"])
        .iter()
        .find(|item| item.str_at(&["metadata", "name"]) == Some("a.example.org"));
    check(
        found,
        expect![[
            r#"{"metadata":{"name":"a.example.org"},"versions":[{"version":"v1alpha1","resources":[{"resource":"things"}],"freshness":"Stale"},{"version":"v1","resources":[{"resource":"things"}],"freshness":"Current"},{"version":"v1beta1","resources":[{"resource":"things"}],"freshness":"Current"}]}"#
        ]],
    );
}

#[test]
fn a_version_that_another_server_answers_for_is_told_as_that_server_tells_it() {
    let rows = Registry::builtin().rows();
    let neighbours = [neighbour("policy", "v1", (17_100, 15))];
    let document = aggregated(Offer { rows: &rows, neighbours: &neighbours }, Root::Apis, "v2");
    let policy = document
        .items_at(&["items"])
        .iter()
        .find(|item| item.str_at(&["metadata", "name"]) == Some("policy"));
    check(
        policy,
        expect![[
            r#"{"metadata":{"name":"policy"},"versions":[{"version":"v1","resources":[{"resource":"things"}],"freshness":"Current"}]}"#
        ]],
    );
}
