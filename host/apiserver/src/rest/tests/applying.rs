use expect_test::expect;
use objects::resource::Verb;
use objects::status::{Reason, Status};
use objects::{Tree, meta, tree};

use super::fixture::Fixture;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

async fn apply(fixture: &Fixture, manager: &str, data: Tree) -> Result<Tree, Status> {
    apply_with(fixture, &[("fieldManager", manager)], data).await
}

async fn apply_with(fixture: &Fixture, query: &[(&str, &str)], data: Tree) -> Result<Tree, Status> {
    let applied =
        tree!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "a" }, "data": data });
    let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(APPLY, &applied).query_of(query);
    fixture.tree(call).await
}

/// Each manager with the operation and what it owns.
fn owners(object: &Tree) -> String {
    let line = |entry: &Tree| {
        let text = |key: &str| entry.str_at(&[key]).unwrap_or_default().to_owned();
        format!("{} {} {}\n", text("manager"), text("operation"), entry.get("fieldsV1").unwrap())
    };
    object.items_at(&["metadata", "managedFields"]).iter().map(line).collect()
}

#[tokio::test]
async fn an_applied_configuration_makes_the_object_and_later_takes_out_what_it_leaves_out() {
    let fixture = Fixture::new().await;
    let made = apply(&fixture, "one", tree!({ "k": "1", "l": "1" })).await.unwrap();
    let again = apply(&fixture, "one", tree!({ "k": "1", "l": "1" })).await.unwrap();
    assert_eq!(meta::resource_version(&made), meta::resource_version(&again));
    let shared = apply(&fixture, "two", tree!({ "l": "1", "m": "1" })).await.unwrap();
    expect![[r#"
        one Apply {"f:data":{"f:k":{},"f:l":{}}}
        two Apply {"f:data":{"f:l":{},"f:m":{}}}
    "#]]
    .assert_eq(&owners(&shared));
    let less = apply(&fixture, "one", tree!({})).await.unwrap();
    expect![[r#"{"l":"1","m":"1"}"#]].assert_eq(&less.get("data").unwrap().to_json_string());
}

#[tokio::test]
async fn what_another_manager_owns_is_changed_by_force_alone() {
    let fixture = Fixture::new().await;
    apply(&fixture, "one", tree!({ "k": "1" })).await.unwrap();
    let patch = tree!({ "data": { "k": "2" } });
    fixture.tree(fixture.call(Verb::Patch, "configmaps", "a").patch_of(MERGE, &patch)).await.unwrap();
    let conflict = apply(&fixture, "one", tree!({ "k": "3" })).await.unwrap_err();
    assert!(conflict.is(Reason::Conflict));
    expect![[r#"Apply failed with 1 conflict: conflict with "test" using v1: .data.k"#]]
        .assert_eq(&conflict.message);
    let query = [("fieldManager", "one"), ("force", "true")];
    let forced = apply_with(&fixture, &query, tree!({ "k": "3" })).await.unwrap();
    expect![[r#"
        one Apply {"f:data":{"f:k":{}}}
    "#]]
    .assert_eq(&owners(&forced));
}

#[tokio::test]
async fn an_update_owns_what_it_sets() {
    let fixture = Fixture::new().await;
    let made = fixture.config_map("a", "1").await;
    expect![[r#"
        test Update {"f:data":{".":{},"f:k":{}}}
    "#]]
    .assert_eq(&owners(&made));
    let query = [("fieldManager", "other")];
    let patch = tree!({ "data": { "l": "1" } });
    let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(MERGE, &patch).query_of(&query);
    expect![[r#"
        other Update {"f:data":{"f:l":{}}}
        test Update {"f:data":{".":{},"f:k":{}}}
    "#]]
    .assert_eq(&owners(&fixture.tree(call).await.unwrap()));
}

#[tokio::test]
async fn an_apply_says_who_applies_and_nothing_else_takes_force() {
    let fixture = Fixture::new().await;
    let nobody = apply_with(&fixture, &[], tree!({})).await.unwrap_err();
    expect![[
        r#"PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#
    ]]
    .assert_eq(&nobody.message);
    let long = "x".repeat(129);
    let name = apply(&fixture, &long, tree!({})).await.unwrap_err();
    assert!(name.message.ends_with("may not be more than 128 bytes"), "{name}");
    let patch = tree!({ "data": {} });
    let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(MERGE, &patch);
    let forced = fixture.tree(call.query_of(&[("force", "true")])).await.unwrap_err();
    expect![[r#"PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch"#]]
        .assert_eq(&forced.message);
    let odd =
        tree!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "a" }, "colour": "red" });
    let call = fixture.call(Verb::Patch, "configmaps", "a").patch_of(APPLY, &odd);
    let unknown = fixture.tree(call.query_of(&[("fieldManager", "one")])).await.unwrap_err();
    expect!["500 failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .colour: field not declared in schema"].assert_eq(&format!("{} {}", unknown.code, unknown.message));
}
