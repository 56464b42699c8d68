use std::net::Ipv4Addr;
use std::sync::Arc;

use expect_test::expect;
use objects::resource::{Resource, Verb};
use objects::status::Reason;
use objects::{Tree, meta, tree};

use super::fixture::{Fixture, config_map, network};
use crate::bootstrap::{self, Endpoint};
use crate::call::Content;
use crate::config::ClientAuthorities;
use crate::registry::Served;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

fn pod(name: &str) -> Tree {
    tree!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "image": "i" }] } })
}

async fn with_account(fixture: &Fixture) {
    fixture.create("serviceaccounts", tree!({ "metadata": { "name": "default" } })).await.unwrap();
}

#[tokio::test]
async fn an_update_of_an_older_version_is_a_conflict() {
    let fixture = Fixture::new().await;
    let mut old = fixture.config_map("a", "1").await;
    let put = |tree: &Tree| fixture.call(Verb::Update, "configmaps", "a").body(tree);
    old.set_at(&["data", "k"], "2");
    let new = fixture.tree(put(&old)).await.unwrap();
    assert_ne!(meta::resource_version(&new), meta::resource_version(&old));
    let status = fixture.tree(put(&old)).await.unwrap_err();
    assert!(status.is(Reason::Conflict));
    expect![[r#"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again"#]]
        .assert_eq(&status.message);
    fixture.tree(put(&config_map("a", "3"))).await.unwrap();
}

#[tokio::test]
async fn a_write_that_changes_nothing_keeps_the_version() {
    let fixture = Fixture::new().await;
    let old = fixture.config_map("a", "1").await;
    let put = fixture.call(Verb::Update, "configmaps", "a").body(&old);
    assert_eq!(fixture.tree(put).await.unwrap(), old);
}

#[tokio::test]
async fn dry_run_answers_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.store.revision();
    let create = fixture.call(Verb::Create, "configmaps", "").body(&config_map("a", "1"));
    let created = fixture.tree(create.query_of(&[("dryRun", "All")])).await.unwrap();
    assert_eq!(meta::name(&created), "a");
    assert_eq!(fixture.store.revision(), before);
    fixture.config_map("a", "1").await;
    let before = fixture.store.revision();
    let delete = fixture.call(Verb::Delete, "configmaps", "a").query_of(&[("dryRun", "All")]);
    fixture.tree(delete).await.unwrap();
    assert_eq!(fixture.store.revision(), before);
}

#[tokio::test]
async fn a_body_in_protobuf_is_taken_where_the_kind_has_messages() {
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
    let fixture = Fixture::new().await;
    let create = |bytes: &'static [u8]| {
        let mut call = fixture.call(Verb::Create, "namespaces", "");
        call.body = Content { media_type: PROTOBUF.to_owned(), bytes: bytes.into() };
        fixture.tree(call)
    };
    let namespace = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x07\x0a\x05\x0a\x03one";
    assert_eq!(meta::name(&create(namespace).await.unwrap()), "one");
    let broken = create(&namespace[..20]).await.unwrap_err();
    assert!(broken.is(Reason::BadRequest), "{broken:?}");
    let mut call = fixture.call(Verb::Create, "namespaces", "");
    let row = Resource { kind: "Widget".into(), ..Resource::clone(&call.resource) };
    call.resource = Arc::new(Served::builtin(Arc::new(row)));
    call.body.media_type = PROTOBUF.to_owned();
    let status = fixture.tree(call).await.unwrap_err();
    expect!["the body of the request was in an unknown format - accepted media types include: application/json, application/yaml"]
        .assert_eq(&status.message);
    let mut call = fixture.call(Verb::Create, "namespaces", "");
    call.body.media_type = "text/plain".to_owned();
    let status = fixture.tree(call).await.unwrap_err();
    expect!["the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"]
        .assert_eq(&status.message);
}

#[tokio::test]
async fn the_three_patches_change_what_they_say() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    for (media_type, patch) in [
        (JSON_PATCH, tree!([{ "op": "replace", "path": "/data/k", "value": "2" }])),
        (MERGE, tree!({ "data": { "k": "2" } })),
        (STRATEGIC, tree!({ "data": { "k": "2" } })),
    ] {
        let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(media_type, &patch);
        let patched = fixture.tree(call).await.unwrap();
        assert_eq!(patched.str_at(&["data", "k"]), Some("2"), "{media_type}");
        let put = fixture.call(Verb::Update, "configmaps", "a").body(&config_map("a", "1"));
        fixture.tree(put).await.unwrap();
    }
    let other = fixture.call(Verb::Patch, "configmaps", "a");
    let other = other.patch_of("application/other-patch+json", &config_map("a", "1"));
    assert!(fixture.tree(other).await.unwrap_err().is(Reason::UnsupportedMediaType));
}

#[tokio::test]
async fn an_unknown_field_is_refused_or_warned_of() {
    let fixture = Fixture::new().await;
    let mut object = config_map("a", "1");
    object.insert("dota", "x");
    let create = |how: &str| {
        fixture.call(Verb::Create, "configmaps", "").body(&object).query_of(&[("fieldValidation", how)])
    };
    expect![[r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dota""#]]
        .assert_eq(&fixture.tree(create("Strict")).await.unwrap_err().message);
    let answer = fixture.rest.answer(create("Warn")).await.unwrap();
    assert_eq!(answer.warnings, [r#"unknown field "dota""#]);
}

#[tokio::test]
async fn a_generated_name_has_the_prefix() {
    let fixture = Fixture::new().await;
    let object = tree!({ "metadata": { "generateName": "a-" } });
    let created = fixture.create("configmaps", object).await.unwrap();
    assert!(meta::name(&created).starts_with("a-") && meta::name(&created).len() == 7);
}

#[tokio::test]
async fn an_object_with_a_finalizer_stays_until_it_has_none() {
    let fixture = Fixture::new().await;
    let mut object = config_map("a", "1");
    meta::add_finalizer(&mut object, "a.example/b");
    fixture.create("configmaps", object).await.unwrap();
    let marked = fixture.tree(fixture.call(Verb::Delete, "configmaps", "a")).await.unwrap();
    assert!(meta::is_deleting(&marked));
    assert!(fixture.get("configmaps", "a").await.is_ok());
    let patch = tree!({ "metadata": { "finalizers": null } });
    let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(MERGE, &patch);
    fixture.tree(call).await.unwrap();
    assert!(fixture.get("configmaps", "a").await.unwrap_err().is(Reason::NotFound));
}

#[tokio::test]
async fn a_deletion_with_another_uid_is_a_conflict() {
    let fixture = Fixture::new().await;
    fixture.config_map("a", "1").await;
    let options = tree!({ "preconditions": { "uid": "other" } });
    let status =
        fixture.tree(fixture.call(Verb::Delete, "configmaps", "a").body(&options)).await.unwrap_err();
    assert!(status.is(Reason::Conflict));
}

#[tokio::test]
async fn a_namespace_goes_when_it_is_finalized_and_takes_nothing_new_before() {
    let fixture = Fixture::new().await;
    fixture.create("namespaces", tree!({ "metadata": { "name": "n" } })).await.unwrap();
    let going = fixture.tree(fixture.call(Verb::Delete, "namespaces", "n")).await.unwrap();
    assert_eq!(going.str_at(&["status", "phase"]), Some("Terminating"));
    let mut create = fixture.call(Verb::Create, "configmaps", "").body(&config_map("a", "1"));
    create.namespace = "n".to_owned();
    expect![[r#"configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated"#]]
        .assert_eq(&fixture.tree(create).await.unwrap_err().message);
    let mut finalized = going.clone();
    finalized.remove_at(&["spec", "finalizers"]);
    let call = fixture.call(Verb::Update, "namespaces", "n").subresource_of("finalize").body(&finalized);
    fixture.tree(call).await.unwrap();
    assert!(fixture.get("namespaces", "n").await.unwrap_err().is(Reason::NotFound));
    let kept = fixture.tree(fixture.call(Verb::Delete, "namespaces", "default")).await.unwrap_err();
    expect![[r#"namespaces "default" is forbidden: this namespace may not be deleted"#]]
        .assert_eq(&kept.message);
}

#[tokio::test]
async fn a_pod_gets_an_account_and_is_bound_once() {
    let fixture = Fixture::new().await;
    with_account(&fixture).await;
    let created = fixture.create("pods", pod("p")).await.unwrap();
    assert_eq!(created.str_at(&["spec", "serviceAccountName"]), Some("default"));
    assert_eq!(created.items_at(&["spec", "tolerations"]).len(), 2);
    assert_eq!(created.items_at(&["spec", "containers", "0", "volumeMounts"]).len(), 1);
    let binding = tree!({ "metadata": { "name": "p" }, "target": { "kind": "Node", "name": "n" } });
    let bind = || fixture.call(Verb::Create, "pods", "p").subresource_of("binding").body(&binding);
    fixture.tree(bind()).await.unwrap();
    assert_eq!(fixture.get("pods", "p").await.unwrap().str_at(&["spec", "nodeName"]), Some("n"));
    assert!(fixture.tree(bind()).await.unwrap_err().is(Reason::Conflict));
}

#[tokio::test]
async fn a_cluster_starts_on_a_machine_that_has_loopback_alone() {
    let fixture = Fixture::new().await;
    let endpoint =
        Endpoint { service_cidrs: network().cidrs, address: "127.0.0.1".parse().unwrap(), port: 16443 };
    bootstrap::ensure(&fixture.rest, &endpoint, &ClientAuthorities::default()).await.unwrap();
    assert!(fixture.get("services", "kubernetes").await.is_ok());
    assert!(fixture.get("endpoints", "kubernetes").await.unwrap_err().is(Reason::NotFound));
}

#[tokio::test]
async fn the_cluster_starts_with_its_namespaces_and_its_own_service() {
    let fixture = Fixture::new().await;
    let endpoint =
        Endpoint { service_cidrs: network().cidrs, address: "192.0.2.1".parse().unwrap(), port: 16443 };
    bootstrap::ensure(&fixture.rest, &endpoint, &ClientAuthorities::default()).await.unwrap();
    let endpoints = fixture.get("endpoints", "kubernetes").await.unwrap();
    assert_eq!(endpoints.str_at(&["subsets", "0", "addresses", "0", "ip"]), Some("192.0.2.1"));
    let before = fixture.store.revision();
    bootstrap::ensure(&fixture.rest, &endpoint, &ClientAuthorities::default()).await.unwrap();
    assert_eq!(fixture.store.revision(), before);
    let service = fixture.get("services", "kubernetes").await.unwrap();
    assert_eq!(service.str_at(&["spec", "clusterIP"]), Some("10.152.183.1"));
    let ports =
        tree!({ "metadata": { "name": "s" }, "spec": { "type": "NodePort", "ports": [{ "port": 80 }] } });
    let other = fixture.create("services", ports).await.unwrap();
    // The first addresses and ports are for those who name one.
    let address: Ipv4Addr = other.str_at(&["spec", "clusterIP"]).unwrap().parse().unwrap();
    assert!(address.octets()[3] > 16, "{address}");
    assert!(other.i64_at(&["spec", "ports", "0", "nodePort"]).unwrap() >= 30086);
    // What it has it keeps, whatever another address would be good for.
    let patch = fixture
        .call(Verb::Patch, "services", "s")
        .patch_of(MERGE, &tree!({ "spec": { "clusterIP": "192.0.2.9" } }));
    let refused = fixture.tree(patch).await.unwrap_err();
    expect![[
        r#"Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["192.0.2.9"]: may not change once set"#
    ]]
    .assert_eq(&refused.message);
}

#[tokio::test]
async fn events_share_a_lease_that_each_write_renews_and_other_objects_have_none() {
    let fixture = Fixture::new().await;
    let event =
        |name: &str| tree!({ "metadata": { "name": name }, "involvedObject": { "namespace": "default" } });
    for name in ["a", "b"] {
        fixture.create("events", event(name)).await.unwrap();
    }
    fixture.config_map("c", "1").await;
    let leases = fixture.store.leases();
    let [lease] = leases[..] else { panic!("{leases:?}") };
    let held = fixture.store.lease(lease).unwrap();
    assert_eq!(held.keys, ["/registry/events/default/a", "/registry/events/default/b"]);
    assert!(held.granted >= 60 * 60, "{held:?}");

    let patch = fixture.call(Verb::Patch, "events", "a").patch_of(MERGE, &tree!({ "reason": "Again" }));
    fixture.tree(patch).await.unwrap();
    assert_eq!(fixture.store.lease(lease).unwrap().keys.len(), 2);
    fixture.store.revoke(lease).await.unwrap();
    let left = fixture.tree(fixture.call(Verb::List, "events", "")).await.unwrap();
    assert!(left.items_at(&["items"]).is_empty(), "{left:?}");
}
