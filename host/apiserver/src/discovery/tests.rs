//! Discovery says what upstream's says of the same resources.

use expect_test::{Expect, expect};
use objects::Tree;
use objects::resource::GroupVersion;

use super::{Root, aggregated, group, group_list, resource_list, versions};
use crate::registry::Registry;

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
        Some(&versions(&rows, "192.0.2.1:16443")),
        expect![[
            r#"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"192.0.2.1:16443"}]}"#
        ]],
    );
    let groups = group_list(&rows);
    let names = groups.get("groups").unwrap().items().iter().filter_map(|g| g.str_at(&["name"]));
    expect!["apiregistration.k8s.io apps events.k8s.io authentication.k8s.io authorization.k8s.io autoscaling batch certificates.k8s.io networking.k8s.io policy rbac.authorization.k8s.io storage.k8s.io admissionregistration.k8s.io apiextensions.k8s.io scheduling.k8s.io coordination.k8s.io node.k8s.io discovery.k8s.io resource.k8s.io flowcontrol.apiserver.k8s.io"].assert_eq(&names.collect::<Vec<_>>().join(" "));
    check(
        group(&rows, "events.k8s.io").as_ref(),
        expect![[
            r#"{"kind":"APIGroup","apiVersion":"v1","name":"events.k8s.io","versions":[{"groupVersion":"events.k8s.io/v1","version":"v1"}],"preferredVersion":{"groupVersion":"events.k8s.io/v1","version":"v1"}}"#
        ]],
    );
    check(group(&rows, "example.org").as_ref(), expect!["nothing"]);
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
    let (core, named) = (aggregated(&rows, Root::Api, "v2"), aggregated(&rows, Root::Apis, "v2beta1"));
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
