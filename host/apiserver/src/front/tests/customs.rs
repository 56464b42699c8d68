//! Custom resources, from their definition to the end of their last object.

use expect_test::expect;
use http::StatusCode;
use objects::{Tree, tree};

use super::fixture::{Fixture, Read, With, ask};
use super::sockets::Authority;
use crate::front::Front;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRONTABS: &str = "/apis/stable.example.com/v1/namespaces/default/crontabs";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

struct World {
    front: Front,
    _fixture: Fixture,
}

/// The example of the documentation, with what its pages add to it.
fn definition() -> Tree {
    let schema = tree!({
        "type": "object",
        "properties": {
            "spec": { "type": "object", "properties": {
                "cronSpec": { "type": "string", "pattern": "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$" },
                "image": { "type": "string" },
                "replicas": { "type": "integer", "minimum": 1, "maximum": 10, "default": 1 }
            } },
            "status": { "type": "object", "properties": { "replicas": { "type": "integer" } } }
        }
    });
    tree!({
        "metadata": { "name": "crontabs.stable.example.com" },
        "spec": {
            "group": "stable.example.com", "scope": "Namespaced",
            "names": { "plural": "crontabs", "singular": "crontab", "kind": "CronTab", "shortNames": ["ct"] },
            "versions": [
                {
                    "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": (schema.clone()) },
                    "subresources": { "status": {}, "scale": {
                        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"
                    } },
                    "additionalPrinterColumns": [
                        { "name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec" },
                        { "name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas" }
                    ],
                    "selectableFields": [{ "jsonPath": ".spec.image" }]
                },
                { "name": "v1beta1", "served": true, "storage": false, "schema": { "openAPIV3Schema": schema } }
            ]
        }
    })
}

fn crontab(name: &str, spec: Tree) -> Tree {
    tree!({ "kind": "CronTab", "apiVersion": "stable.example.com/v1", "metadata": { "name": name }, "spec": spec })
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new(&Authority::new("ca").pem());
        let front = fixture.front().await;
        let world = Self { front, _fixture: fixture };
        let made = world.send("POST", DEFINITIONS, &definition()).await;
        assert_eq!(made.code(), StatusCode::CREATED, "{}", made.text);
        world.until("Established", "True").await;
        world
    }

    async fn send(&self, method: &str, path: &str, object: &Tree) -> Read {
        self.front.ask(ask(method, path).sending(object.to_json())).await
    }

    async fn get(&self, path: &str) -> Read {
        self.front.ask(ask("GET", path)).await
    }

    async fn until(&self, kind: &str, status: &str) {
        let path = format!("{DEFINITIONS}/crontabs.stable.example.com");
        let holds = |tree: Tree| {
            let conditions = tree.items_at(&["status", "conditions"]).to_vec();
            conditions
                .iter()
                .any(|c| c.str_at(&["type"]) == Some(kind) && c.str_at(&["status"]) == Some(status))
        };
        while !holds(self.get(&path).await.tree()) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_is_established_is_served_discovered_and_shown() {
    let world = World::new().await;
    let made =
        world.send("POST", CRONTABS, &crontab("a", tree!({ "cronSpec": "* * * * */5", "image": "i" }))).await;
    assert_eq!(made.code(), StatusCode::CREATED, "{}", made.text);
    expect![[r#"{"cronSpec":"* * * * */5","image":"i","replicas":1}"#]]
        .assert_eq(&made.tree().get("spec").unwrap().to_json_string());
    assert_eq!(made.tree().i64_at(&["metadata", "generation"]), Some(1));
    let list = world.get("/apis/stable.example.com/v1").await.tree();
    let names: Vec<&str> =
        list.items_at(&["resources"]).iter().filter_map(|row| row.str_at(&["name"])).collect();
    assert_eq!(names, ["crontabs", "crontabs/status", "crontabs/scale"]);
    let table = world.front.ask(ask("GET", CRONTABS).with("accept", TABLE)).await.tree();
    let columns: Vec<&str> =
        table.items_at(&["columnDefinitions"]).iter().filter_map(|row| row.str_at(&["name"])).collect();
    assert_eq!(columns, ["Name", "Spec", "Replicas"]);
    expect![[r#"["a","* * * * */5",1]"#]]
        .assert_eq(&table.at(&["rows", "0", "cells"]).unwrap().to_json_string());
    let beta = world.get(&format!("{}/a", CRONTABS.replace("/v1/", "/v1beta1/"))).await;
    assert_eq!(beta.str(&["apiVersion"]), "stable.example.com/v1beta1");
    let count = |list: Read| list.tree().items_at(&["items"]).len();
    assert_eq!(count(world.get(&format!("{CRONTABS}?fieldSelector=spec.image%3Di")).await), 1);
    assert_eq!(count(world.get(&format!("{CRONTABS}?fieldSelector=spec.image%3Dj")).await), 0);
}

#[tokio::test]
async fn what_the_schema_does_not_allow_is_refused_and_what_it_does_not_know_goes() {
    let world = World::new().await;
    let refused =
        world.send("POST", CRONTABS, &crontab("a", tree!({ "cronSpec": "x", "replicas": 11 }))).await;
    expect![[r#"
        CronTab.stable.example.com "a" is invalid: [spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$', spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10]"#]]
    .assert_eq(&refused.status().2);
    let odd = crontab("a", tree!({ "image": "i", "colour": "red" }));
    let strict = world.send("POST", &format!("{CRONTABS}?fieldValidation=Strict"), &odd).await;
    expect![[r#"CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.colour""#]]
        .assert_eq(&strict.status().2);
    let warned = world.send("POST", &format!("{CRONTABS}?fieldValidation=Warn"), &odd).await;
    assert_eq!(warned.header("warning"), r#"299 - "unknown field \"spec.colour\"""#);
    assert!(warned.tree().at(&["spec", "colour"]).is_none());
    let patch = ask("PATCH", &format!("{CRONTABS}/a")).sending(r#"{"spec":{"replicas":"many"}}"#);
    let patched = world.front.ask(patch.with("content-type", "application/merge-patch+json")).await;
    expect![[r#"CronTab.stable.example.com "a" is invalid: [spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string", .spec.replicas: Invalid value: 0: .spec.replicas accessor error: many is of the type string, expected int64]"#]]
        .assert_eq(&patched.status().2);
}

#[tokio::test]
async fn a_deleted_definition_takes_its_objects_with_it() {
    let world = World::new().await;
    world.send("POST", CRONTABS, &crontab("a", tree!({}))).await;
    let deleted = world.front.ask(ask("DELETE", &format!("{DEFINITIONS}/crontabs.stable.example.com"))).await;
    assert_eq!(deleted.code(), StatusCode::OK);
    while world.get(&format!("{DEFINITIONS}/crontabs.stable.example.com")).await.code()
        != StatusCode::NOT_FOUND
    {
        tokio::task::yield_now().await;
    }
    while world.get(CRONTABS).await.code() != StatusCode::NOT_FOUND {
        tokio::task::yield_now().await;
    }
    world.send("POST", DEFINITIONS, &definition()).await;
    world.until("Established", "True").await;
    assert_eq!(world.get(&format!("{CRONTABS}/a")).await.status().1, "NotFound");
}

/// The schema of the kind, the parameters and patch types of its PATCH, in the OpenAPI of a version.
#[tokio::test]
async fn a_definition_is_described_in_both_versions_of_openapi() {
    let world = World::new().await;
    let index = world.get("/openapi/v3").await.tree();
    let address = index.str_at(&["paths", "apis/stable.example.com/v1", "serverRelativeURL"]).unwrap();
    let document = world.get(address).await.tree();
    let schema = document.at(&["components", "schemas", "com.example.stable.v1.CronTab"]).unwrap();
    expect![[r#"{"type":"integer","minimum":1,"maximum":10,"default":1}"#]]
        .assert_eq(&schema.at(&["properties", "spec", "properties", "replicas"]).unwrap().to_json_string());
    let path = "/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}";
    let patch = document.at(&["paths", path, "patch"]).unwrap();
    let patch_types: Vec<&str> =
        patch.at(&["requestBody", "content"]).unwrap().fields().map(|(name, _)| name).collect();
    assert_eq!(
        patch_types,
        ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
    );
    let parameters: Vec<&str> =
        patch.items_at(&["parameters"]).iter().filter_map(|row| row.str_at(&["name"])).collect();
    assert_eq!(parameters, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    expect![[r#"{"group":"stable.example.com","version":"v1","kind":"CronTab"}"#]]
        .assert_eq(&patch.get("x-kubernetes-group-version-kind").unwrap().to_json_string());
    let scale = document.at(&["paths", &format!("{path}/scale"), "put", "requestBody"]).unwrap();
    expect![[r##"{"required":true,"content":{"*/*":{"schema":{"$ref":"#/components/schemas/io.k8s.api.autoscaling.v1.Scale"}}}}"##]]
        .assert_eq(&scale.to_json_string());
    let all = world.get("/openapi/v2").await.tree();
    let list = all.at(&["definitions", "com.example.stable.v1beta1.CronTabList", "properties", "items"]);
    assert_eq!(
        list.unwrap().str_at(&["items", "$ref"]),
        Some("#/definitions/com.example.stable.v1beta1.CronTab")
    );
    assert!(all.at(&["paths", &path.replace("/v1/", "/v1beta1/")]).is_some());
}

#[tokio::test]
async fn what_is_told_of_a_definition_changes_with_it_and_nothing_else_does() {
    let world = World::new().await;
    let before = world.get("/openapi/v3").await.tree();
    let mut changed = world.get(&format!("{DEFINITIONS}/crontabs.stable.example.com")).await.tree();
    let schema =
        changed.at_mut(&["spec", "versions", "0", "schema", "openAPIV3Schema", "properties", "spec"]);
    schema.unwrap().set_at(&["description"], "when, and what");
    let written = world.send("PUT", &format!("{DEFINITIONS}/crontabs.stable.example.com"), &changed).await;
    assert_eq!(written.code(), StatusCode::OK, "{}", written.text);
    let of = |tree: &Tree, path: &str| tree.str_at(&["paths", path, "serverRelativeURL"]).unwrap().to_owned();
    let after = loop {
        let now = world.get("/openapi/v3").await.tree();
        if now != before {
            break now;
        }
        tokio::task::yield_now().await;
    };
    assert_ne!(of(&before, "apis/stable.example.com/v1"), of(&after, "apis/stable.example.com/v1"));
    for path in ["api/v1", "apis/apps/v1", "apis/stable.example.com/v1beta1"] {
        assert_eq!(of(&before, path), of(&after, path));
    }
}

#[tokio::test]
async fn a_group_version_has_an_api_service_as_long_as_it_is_served() {
    const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
    let world = World::new().await;
    let path = format!("{SERVICES}/v1beta1.stable.example.com");
    while world.get(&path).await.code() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let service = world.get(&path).await.tree();
    expect![[r#"{"group":"stable.example.com","version":"v1beta1","groupPriorityMinimum":1000,"versionPriority":100}"#]]
        .assert_eq(&service.get("spec").unwrap().to_json_string());
    assert_eq!(
        service.str_at(&["metadata", "labels", "kube-aggregator.kubernetes.io/automanaged"]),
        Some("true")
    );
    world.front.ask(ask("DELETE", &path)).await;
    while world.get(&path).await.code() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let registered = world.get(&format!("{SERVICES}/v1.apps")).await.tree();
    assert_eq!(registered.i64_at(&["spec", "groupPriorityMinimum"]), Some(17_800));
    world.front.ask(ask("DELETE", &format!("{DEFINITIONS}/crontabs.stable.example.com"))).await;
    while world.get(&path).await.code() != StatusCode::NOT_FOUND {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn custom_groups_are_discovered_after_those_that_are_built_in() {
    let world = World::new().await;
    let groups = world.get("/apis").await.tree();
    let last = groups.items_at(&["groups"]).last().unwrap().clone();
    expect![[r#"{"name":"stable.example.com","versions":[{"groupVersion":"stable.example.com/v1","version":"v1"},{"groupVersion":"stable.example.com/v1beta1","version":"v1beta1"}],"preferredVersion":{"groupVersion":"stable.example.com/v1","version":"v1"}}"#]]
        .assert_eq(&last.to_json_string());
    let hash = |list: Tree| list.str_at(&["resources", "0", "storageVersionHash"]).unwrap().to_owned();
    let both = ["v1", "v1beta1"].map(|version| format!("/apis/stable.example.com/{version}"));
    assert_eq!(hash(world.get(&both[0]).await.tree()), hash(world.get(&both[1]).await.tree()));
    let index = world.get("/").await.tree();
    let paths: Vec<&str> = index.items_at(&["paths"]).iter().filter_map(Tree::as_str).collect();
    assert!(both.iter().all(|path| paths.contains(&path.as_str())), "{paths:?}");
}

#[tokio::test]
async fn metadata_alone_is_to_be_had_in_protobuf_of_custom_resources_too() {
    const METADATA: &str =
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let world = World::new().await;
    world.send("POST", CRONTABS, &crontab("a", tree!({}))).await;
    let list =
        world.front.stream(super::fixture::nobody(), ask("GET", CRONTABS).with("accept", METADATA)).await;
    assert_eq!(list.headers()["content-type"], "application/vnd.kubernetes.protobuf");
    let bytes = net::body::collect(list.into_body(), 1 << 16).await.unwrap();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(bytes.starts_with(b"k8s\0") && has(b"PartialObjectMetadataList") && !has(b"cronSpec"));
}
