//! OpenAPI documents are whole: what they refer to is in them, and what is served is described.

use std::sync::Arc;

use expect_test::{Expect, expect};
use objects::resource::{GroupVersion, Verb};
use objects::{Tree, tree};
use structural::CustomResource;

use super::{gnostic, group_versions, index, rows_of, version_2_of, version_3};
use crate::discovery::Offer;
use crate::registry::{Registry, Served};

fn rows() -> Arc<Vec<Arc<Served>>> {
    Registry::builtin().rows()
}

/// With a definition beside what is built in.
fn rows_with_custom() -> Arc<Vec<Arc<Served>>> {
    let names =
        tree!({ "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" });
    let definition = tree!({
        "metadata": { "name": "widgets.example.org" },
        "spec": {
            "group": "example.org", "scope": "Cluster", "names": (names.clone()),
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "scale": {
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"
                } },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "pod": { "type": "object", "x-kubernetes-embedded-resource": true },
                    "size": { "type": "integer", "maximum": 3 }
                } } }
            }]
        },
        "status": { "acceptedNames": names }
    });
    let compiled = Arc::new(CustomResource::compile(&definition).unwrap());
    let registry = Registry::builtin();
    registry.replace_custom(Served::all_of(&compiled, definition, &Arc::default()));
    registry.rows()
}

fn core() -> Tree {
    version_3(&rows(), &GroupVersion::new("", "v1")).unwrap()
}

/// What is at a path, but for the words in it.
fn check(tree: &Tree, path: &[&str], expected: Expect) {
    let found = tree.at(path).cloned().map(without_descriptions);
    expected.assert_eq(&found.map_or_else(|| "nothing".to_owned(), |tree| tree.to_json_string()));
}

fn without_descriptions(mut tree: Tree) -> Tree {
    if let Some(fields) = tree.as_object_mut() {
        fields.retain(|key, value| key != "description" || value.as_str().is_none());
        fields.values_mut().for_each(|value| *value = without_descriptions(std::mem::take(value)));
    }
    if let Some(items) = tree.as_array_mut() {
        items.iter_mut().for_each(|item| *item = without_descriptions(std::mem::take(item)));
    }
    tree
}

/// Every reference in a tree.
fn references(tree: &Tree, found: &mut Vec<String>) {
    if let Some(reference) = tree.get("$ref").and_then(Tree::as_str) {
        found.push(reference.to_owned());
    }
    tree.items().iter().for_each(|item| references(item, found));
    tree.fields().for_each(|(_, value)| references(value, found));
}

#[test]
fn every_reference_leads_to_a_schema() {
    let rows = rows_with_custom();
    let documents = group_versions(&rows).into_iter().map(|of| version_3(&rows, &of).unwrap());
    for document in documents.chain([version_2_of(&rows)]) {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            let path: Vec<&str> = reference.strip_prefix("#/").unwrap().split('/').collect();
            assert!(document.at(&path).is_some(), "{reference}");
        }
    }
}

#[test]
fn every_served_kind_has_a_schema_and_a_path_that_say_so() {
    let rows = rows_with_custom();
    for of in group_versions(&rows) {
        let document = version_3(&rows, &of).unwrap();
        for row in rows_of(&rows, &of) {
            let kind = super::schema::gvk(&row.group, &row.version, &row.kind);
            let said = |tree: &Tree| tree.get("x-kubernetes-group-version-kind").cloned();
            let schemas = document.at(&["components", "schemas"]).unwrap();
            let mut named = schemas.fields().filter_map(|(_, schema)| said(schema));
            assert!(named.any(|kinds| kinds.items().contains(&kind)), "schema of {}", row.kind);
            let paths = document.get("paths").unwrap();
            let mut operations = paths.fields().flat_map(|(_, path)| path.fields());
            assert!(
                operations.any(|(_, operation)| said(operation).as_ref() == Some(&kind)),
                "path of {}",
                row.kind
            );
        }
    }
}

#[test]
fn what_can_be_patched_tells_of_field_validation_and_patch_types() {
    let rows = rows();
    for of in group_versions(&rows) {
        let document = version_3(&rows, &of).unwrap();
        for row in rows_of(&rows, &of).filter(|row| row.verbs.contains(Verb::Patch)) {
            let scope = if row.is_namespaced() { "namespaces/{namespace}/" } else { "" };
            let path = format!("/{}/{scope}{}/{{name}}", super::root(&of), row.plural);
            let patch = document.at(&["paths", &path, "patch"]).unwrap();
            let names = patch.get("parameters").unwrap().items().iter().filter_map(|p| p.str_at(&["name"]));
            assert_eq!(names.filter(|name| *name == "fieldValidation").count(), 1, "{path}");
            assert!(
                patch.at(&["requestBody", "content", "application/strategic-merge-patch+json"]).is_some()
            );
        }
    }
}

#[test]
fn a_field_says_how_it_merges() {
    let document = core();
    let field = |kind, name| ["components", "schemas", kind, "properties", name];
    check(
        &document,
        &field("io.k8s.api.core.v1.PodSpec", "containers"),
        expect![[
            r##"{"type":"array","items":{"$ref":"#/components/schemas/io.k8s.api.core.v1.Container"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}"##
        ]],
    );
    check(
        &document,
        &field("io.k8s.api.core.v1.Container", "ports"),
        expect![[
            r##"{"type":"array","items":{"$ref":"#/components/schemas/io.k8s.api.core.v1.ContainerPort"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["containerPort","protocol"],"x-kubernetes-patch-merge-key":"containerPort","x-kubernetes-patch-strategy":"merge"}"##
        ]],
    );
    check(
        &document,
        &field("io.k8s.api.core.v1.PodSpec", "nodeSelector"),
        expect![[
            r#"{"type":"object","additionalProperties":{"type":"string"},"x-kubernetes-map-type":"atomic"}"#
        ]],
    );
    check(
        &document,
        &field("io.k8s.api.core.v1.ContainerPort", "protocol"),
        expect![[r#"{"type":"string","default":"TCP"}"#]],
    );
    check(
        &document,
        &["components", "schemas", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"],
        expect![[r#"{"format":"int-or-string","oneOf":[{"type":"integer"},{"type":"string"}]}"#]],
    );
}

#[test]
fn what_is_granular_though_its_type_is_atomic_says_so() {
    check(
        &core(),
        &["components", "schemas", "io.k8s.api.core.v1.PersistentVolumeSpec", "properties", "claimRef"],
        expect![[
            r##"{"x-kubernetes-map-type":"granular","allOf":[{"$ref":"#/components/schemas/io.k8s.api.core.v1.ObjectReference"}]}"##
        ]],
    );
}

#[test]
fn an_operation_says_what_it_takes_and_gives() {
    let document = core();
    check(
        &document,
        &["paths", "/api/v1/namespaces/{namespace}/pods/{name}/status", "put"],
        expect![[
            r##"{"operationId":"replaceCoreV1NamespacedPodStatus","tags":["core_v1"],"requestBody":{"required":true,"content":{"*/*":{"schema":{"$ref":"#/components/schemas/io.k8s.api.core.v1.Pod"}}}},"parameters":[{"name":"dryRun","in":"query","schema":{"type":"string","uniqueItems":true}},{"name":"fieldManager","in":"query","schema":{"type":"string","uniqueItems":true}},{"name":"fieldValidation","in":"query","schema":{"type":"string","uniqueItems":true}}],"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.core.v1.Pod"}}}},"201":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/io.k8s.api.core.v1.Pod"}}}},"401":{}},"x-kubernetes-action":"put","x-kubernetes-group-version-kind":{"group":"","version":"v1","kind":"Pod"}}"##
        ]],
    );
    check(
        &document,
        &["paths", "/api/v1/namespaces/{namespace}/pods/{name}/exec", "get"],
        expect![[
            r#"{"operationId":"connectCoreV1GetNamespacedPodExec","tags":["core_v1"],"parameters":[{"name":"command","in":"query","schema":{"type":"string","uniqueItems":true}},{"name":"container","in":"query","schema":{"type":"string","uniqueItems":true}},{"name":"stderr","in":"query","schema":{"type":"boolean","uniqueItems":true}},{"name":"stdin","in":"query","schema":{"type":"boolean","uniqueItems":true}},{"name":"stdout","in":"query","schema":{"type":"boolean","uniqueItems":true}},{"name":"tty","in":"query","schema":{"type":"boolean","uniqueItems":true}}],"responses":{"200":{"content":{"text/plain":{"schema":{"type":"string"}},"*/*":{"schema":{"type":"string"}}}},"401":{}},"x-kubernetes-action":"connect","x-kubernetes-group-version-kind":{"group":"","version":"v1","kind":"PodExecOptions"}}"#
        ]],
    );
    check(
        &document,
        &["paths", "/api/v1/namespaces/{namespace}/pods/{name}/log", "get", "operationId"],
        expect![[r#""readCoreV1NamespacedPodLog""#]],
    );
    check(
        &document,
        &["paths", "/api/v1/pods", "get", "operationId"],
        expect![[r#""listCoreV1PodForAllNamespaces""#]],
    );
}

#[test]
fn version_2_refers_and_takes_bodies_in_its_own_way() {
    let document = version_2_of(&rows());
    check(
        &document,
        &["definitions", "io.k8s.api.core.v1.Pod"],
        expect![[
            r##"{"type":"object","properties":{"kind":{"type":"string"},"apiVersion":{"type":"string"},"metadata":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},"spec":{"$ref":"#/definitions/io.k8s.api.core.v1.PodSpec"},"status":{"$ref":"#/definitions/io.k8s.api.core.v1.PodStatus"}},"x-kubernetes-group-version-kind":[{"group":"","version":"v1","kind":"Pod"}]}"##
        ]],
    );
    check(
        &document,
        &["definitions", "io.k8s.apimachinery.pkg.api.resource.Quantity"],
        expect![[r#"{"type":"string"}"#]],
    );
    check(
        &document,
        &["paths", "/api/v1/namespaces", "post", "parameters", "3"],
        expect![[
            r##"{"name":"body","in":"body","required":true,"schema":{"$ref":"#/definitions/io.k8s.api.core.v1.Namespace"}}"##
        ]],
    );
}

#[test]
fn operations_have_names_of_their_own() {
    let rows = rows();
    let document = version_2_of(&rows);
    let paths = document.get("paths").unwrap();
    let operations = paths.fields().flat_map(|(_, path)| path.fields());
    let mut names: Vec<&str> =
        operations.filter_map(|(_, operation)| operation.str_at(&["operationId"])).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn the_index_has_an_address_with_a_hash_for_each_document() {
    let index = index(Offer { rows: &rows(), neighbours: &[] }, |of| Some(format!("hash-of-{}", of.version)));
    check(
        &index,
        &["paths", "api/v1"],
        expect![[r#"{"serverRelativeURL":"/openapi/v3/api/v1?hash=hash-of-v1"}"#]],
    );
    check(
        &index,
        &["paths", "apis/rbac.authorization.k8s.io/v1"],
        expect![[r#"{"serverRelativeURL":"/openapi/v3/apis/rbac.authorization.k8s.io/v1?hash=hash-of-v1"}"#]],
    );
}

#[test]
fn gnostic_messages_are_names_and_values_by_number() {
    let document = objects::tree!({
        "swagger": "2.0",
        "definitions": { "a": { "type": "object", "x-b": ["c"] } },
        "unknown": true
    });
    let expected: &[u8] = &[
        0x0a, 3, b'2', b'.', b'0', // swagger
        0x4a, 35, 0x0a, 33, // definitions, one named schema
        0x0a, 1, b'a', 0x12, 28, // its name, its value
        0xb2, 1, 8, 0x0a, 6, b'o', b'b', b'j', b'e', b'c', b't', // type
        0xfa, 1, 14, 0x0a, 3, b'x', b'-', b'b', 0x12, 7, 0x12, 5, // extension
    ];
    let bytes = gnostic(&document);
    assert_eq!(bytes[..expected.len()], *expected);
    assert_eq!(bytes[bytes.len() - 5..], *b"[\"c\"]");
}

#[test]
fn a_schema_has_its_bounds_as_fields() {
    let document = tree!({
        "swagger": "2.0",
        "definitions": { "a": { "maximum": 3, "maxLength": 300, "additionalProperties": true, "enum": ["b"] } }
    });
    let expected: &[u8] = &[
        0x0a, 3, b'2', b'.', b'0', // swagger
        0x4a, 32, 0x0a, 30, // definitions, one named schema
        0x0a, 1, b'a', 0x12, 25, // its name, its value
        0x39, 0, 0, 0, 0, 0, 0, 0x08, 0x40, // maximum, 3.0
        0x58, 0xac, 0x02, // maxLength
        0xa2, 1, 5, 0x12, 3, b'"', b'b', b'"', // enum
        0xaa, 1, 2, 0x10, 1, // additionalProperties
    ];
    assert_eq!(gnostic(&document), expected);
}
