//! CronTab, served.

use expect_test::{Expect, expect};
use objects::resource::Scope;
use objects::validate::FieldError;
use objects::{Tree, meta, tree};

use super::{CompileError, CustomResource, Version, rules_blocked};
use crate::definition::tests::cron_tab;
use crate::embedded::Malformed;

fn compiled(change: impl FnOnce(&mut Tree)) -> CustomResource {
    let mut crd = cron_tab();
    let names = crd.at(&["spec", "names"]).unwrap().clone();
    crd.set_at(&["status", "acceptedNames"], names);
    change(&mut crd);
    CustomResource::compile(&crd).unwrap()
}

fn read(json: &str) -> Tree {
    Tree::from_json(json.as_bytes()).unwrap()
}

fn told(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn check(errors: &[FieldError], expected: Expect) {
    expected.assert_eq(&told(errors));
}

fn tab(spec: Tree) -> Tree {
    tree!({ "apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": { "name": "a", "namespace": "n", "resourceVersion": "1" }, "spec": spec })
}

fn v1(resource: &CustomResource) -> &Version {
    resource.version("v1").unwrap()
}

#[test]
fn a_definition_is_a_row_for_each_version() {
    let resource = compiled(|_| {});
    let row = &resource.storage_version().resource;
    assert_eq!(row.key(Some("n"), "a").unwrap(), "/registry/stable.example.com/crontabs/n/a");
    assert_eq!((row.scope, row.served, row.short_names.len()), (Scope::Namespaced, true, 1));
    assert_eq!(row.selectable[0].path, ["spec", "image"]);
    let subresources: Vec<String> = row
        .subresources
        .iter()
        .map(|sub| format!("{} {}/{} {}", sub.name, sub.group, sub.version, sub.kind))
        .collect();
    assert_eq!(subresources, ["status stable.example.com/v1 CronTab", "scale autoscaling/v1 Scale"]);
    let columns: Vec<&str> =
        v1(&resource).columns.headers().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["Name", "Spec", "Replicas"]);
}

#[test]
fn what_cannot_be_served_is_told() {
    assert_eq!(CustomResource::compile(&cron_tab()).unwrap_err(), CompileError::Name("plural"));
}

#[test]
fn what_was_decoded_is_brought_into_form() {
    let resource = compiled(|_| {});
    let mut object = read(
        r#"{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"a","foo":1,"creationTimestamp":null},"extra":1,"spec":{"cronSpec":null,"bar":{"x":1}}}"#,
    );
    let unknown = v1(&resource).coerce(&mut object, Malformed::Refuse).unwrap();
    v1(&resource).default(&mut object).unwrap();
    assert_eq!(
        unknown,
        [r#"unknown field "metadata.foo""#, r#"unknown field "extra""#, r#"unknown field "spec.bar""#]
    );
    expect![[r#"{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"a"},"spec":{"image":"busybox"}}"#]]
    .assert_eq(&object.to_json_string());
    let mut malformed = read(r#"{"metadata":{"labels":[]}}"#);
    expect!["json: cannot unmarshal array into Go struct field ObjectMeta.labels of type map[string]string"]
        .assert_eq(&v1(&resource).coerce(&mut malformed, Malformed::Refuse).unwrap_err().to_string());
}

#[test]
fn status_is_written_apart_and_the_generation_counts_the_rest() {
    let resource = compiled(|_| {});
    let version = v1(&resource);
    let mut old = tab(tree!({ "replicas": 1 }));
    old.set_at(&["status", "replicas"], 1);
    version.prepare_create(&mut old);
    assert_eq!((old.get("status"), meta::generation(&old)), (None, 1));
    let mut new = tab(tree!({ "replicas": 2 }));
    new.set_at(&["status", "replicas"], 7);
    version.prepare_update(&mut new, &old);
    assert_eq!((new.get("status"), meta::generation(&new)), (None, 2));
    let mut status = tab(tree!({ "replicas": 9 }));
    status.set_at(&["status", "replicas"], 7);
    version.prepare_status(&mut status, &old);
    assert_eq!(
        (status.i64_at(&["spec", "replicas"]), status.i64_at(&["status", "replicas"])),
        (Some(1), Some(7))
    );
    assert_eq!(meta::generation(&status), 1);
}

#[test]
fn objects_are_refused_for_all_that_is_wrong() {
    let resource = compiled(|_| {});
    let errors = v1(&resource).validate(&tab(tree!({ "replicas": (-1_i64), "cronSpec": 1 })));
    assert!(rules_blocked(&errors).is_some());
    check(
        &errors,
        expect![[r#"
            spec.cronSpec: Invalid value: "integer": spec.cronSpec in body must be of type string: "integer"
            .spec.replicas: Invalid value: -1: should be a non-negative integer
        "#]],
    );
    check(
        &v1(&resource).validate(&tree!({ "kind": "Other", "apiVersion": "v1" })),
        expect![[r#"
            kind: Invalid value: "Other": must be CronTab
            apiVersion: Invalid value: "v1": must be stable.example.com/v1
        "#]],
    );
}

#[test]
fn an_update_may_keep_what_was_wrong() {
    let resource = compiled(|_| {});
    let old = tab(tree!({ "cronSpec": 1, "image": "a" }));
    let mut new = tab(tree!({ "cronSpec": 1, "image": "b" }));
    check(&v1(&resource).validate_update(&new, &old), expect![""]);
    new.set_at(&["spec", "image"], 2);
    check(
        &v1(&resource).validate_update(&new, &old),
        expect![[r#"
            spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"
        "#]],
    );
    new.set_at(&["status", "replicas"], "x");
    check(
        &v1(&resource).validate_status(&new, &old),
        expect![[r#"
            status.replicas: Invalid value: "string": replicas in body must be of type integer: "string"
            .status.replicas: Invalid value: 0: .status.replicas accessor error: x is of the type string, expected int64
        "#]],
    );
}

#[test]
fn a_deprecated_version_names_the_one_to_use() {
    let with = |second: Tree| {
        compiled(|crd| {
            let first = tree!({ "name": "v1beta1", "served": true, "storage": true, "deprecated": true });
            crd.set_at(&["spec", "versions"], Tree::Array(vec![first, second]));
        })
    };
    let warning = |resource: &CustomResource| resource.storage_version().deprecation_warning.clone().unwrap();
    assert_eq!(
        warning(&with(tree!({ "name": "v1", "served": true }))),
        "stable.example.com/v1beta1 CronTab is deprecated; use stable.example.com/v1 CronTab"
    );
    assert_eq!(
        warning(&with(tree!({ "name": "v1", "served": false }))),
        "stable.example.com/v1beta1 CronTab is deprecated"
    );
}

#[test]
fn finalizers_that_may_clash_are_warned_of() {
    let resource = compiled(|_| {});
    let mut object = tab(Tree::object());
    object.set_at(&["metadata", "finalizers"], vec!["mine", "a.example.com", "example.com/a", "orphan"]);
    expect![[r#"
        metadata.finalizers: "a.example.com": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers
        metadata.finalizers: "mine": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"#]]
    .assert_eq(&v1(&resource).warnings(&object, None).join("\n"));
    assert!(v1(&resource).warnings(&object, Some(&object)).is_empty());
}
