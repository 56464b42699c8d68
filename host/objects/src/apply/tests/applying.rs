//! Applying: ownership, sharing, conflicts, removal, versions.

use expect_test::expect;

use super::super::{Conversion, Reset, Untyped, Write, apply, update};
use super::{OnConflict, Subject, owners, parse};
use crate::resource::GroupVersionKind;
use crate::tree::Tree;

#[test]
fn an_applier_owns_what_it_names() {
    let mut subject = Subject::config_map();
    subject.apply("one", r#"{"metadata":{"labels":{"l":"x"}},"data":{"a":"1"}}"#);
    expect![[r#"
        {"metadata":{"labels":{"l":"x"}},"data":{"a":"1"}}
        one Apply 01: .data.a .metadata.labels.l
    "#]]
    .assert_eq(&subject.shown());
    let list = subject.live().at(&["metadata", "managedFields"]).unwrap();
    expect![[r#"[{"manager":"one","operation":"Apply","apiVersion":"v1","time":"2026-01-02T15:01:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}},"f:metadata":{"f:labels":{"f:l":{}}}}}]"#]]
    .assert_eq(&list.to_json_string());
}

#[test]
fn what_is_applied_no_more_is_removed_if_nobody_else_owns_it() {
    let mut subject = Subject::config_map();
    subject.apply("one", r#"{"metadata":{"labels":{"l":"x"}},"data":{"a":"1","b":"1","c":"1"}}"#);
    subject.apply("two", r#"{"data":{"b":"1"}}"#);
    subject.update("three", r#"{"metadata":{"labels":{"l":"x"}},"data":{"a":"1","b":"1","c":"3","d":"3"}}"#);
    subject.apply("one", r#"{"data":{}}"#);
    expect![[r#"
        {"data":{"b":"1","c":"3","d":"3"}}
        two Apply -: .data.b
        one Apply 04: .data
        three Update 03: .data.c .data.d
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn two_appliers_of_one_value_share_it_and_the_last_one_takes_it_along() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":3}}"#).apply("two", r#"{"spec":{"replicas":3}}"#);
    // The second one wrote nothing, so that it has no time.
    expect![[r#"
        {"spec":{"replicas":3}}
        two Apply -: .spec.replicas
        one Apply 01: .spec.replicas
    "#]]
    .assert_eq(&subject.shown());
    subject.apply("one", r#"{"spec":{"paused":true}}"#);
    assert_eq!(subject.live().i64_at(&["spec", "replicas"]), Some(3));
    subject.apply("two", r#"{"spec":{"minReadySeconds":1}}"#);
    expect![[r#"
        {"spec":{"paused":true,"minReadySeconds":1}}
        one Apply 03: .spec.paused
        two Apply 04: .spec.minReadySeconds
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn a_conflict_is_refused_and_force_takes_the_field() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":3,"paused":true}}"#);
    expect![[r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict: conflict with \"one\": .spec.replicas","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"one\"","field":".spec.replicas"}]},"code":409}"#]]
    .assert_eq(&subject.refused("two", r#"{"spec":{"replicas":4,"paused":true}}"#));
    subject.force("two", r#"{"spec":{"replicas":4}}"#);
    expect![[r#"
        {"spec":{"replicas":4,"paused":true}}
        one Apply 01: .spec.paused
        two Apply 03: .spec.replicas
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn giving_a_field_up_leaves_it_to_the_updater_that_set_it() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":3,"paused":true}}"#);
    subject.update("autoscaler", r#"{"spec":{"replicas":5,"paused":true}}"#);
    subject.apply("one", r#"{"spec":{"paused":true}}"#);
    expect![[r#"
        {"spec":{"replicas":5,"paused":true}}
        one Apply 01: .spec.paused
        autoscaler Update 02: .spec.replicas
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let mut subject = Subject::new("", "v1", "Service");
    subject.apply("two", r#"{"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":30000}]}}"#);
    subject.update(
        "one",
        r#"{"spec":{"type":"NodePort","sessionAffinity":"None","ports":[{"port":80,"nodePort":30000}]}}"#,
    );
    subject.update_with(
        "lb",
        |write| {
            write.subresource = "status";
            write.reset = Reset::These(&[&["spec"]]);
        },
        r#"{"spec":{"type":"NodePort","sessionAffinity":"None","ports":[{"port":80,"nodePort":30000}]},
            "status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}}"#,
    );
    let status = subject.refused(
        "three",
        r#"{"spec":{"type":"ClusterIP","sessionAffinity":"ClientIP","ports":[{"port":80,"nodePort":30001}]},
            "status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.5"}]}}}"#,
    );
    let status = parse(&status);
    expect![[r#"
        Apply failed with 4 conflicts: conflicts with "lb" with subresource "status" using v1:
        - .status.loadBalancer.ingress
        conflicts with "one" using v1:
        - .spec.sessionAffinity
        conflicts with "two":
        - .spec.type
        - .spec.ports[port=80,protocol="TCP"].nodePort"#]]
    .assert_eq(status.str_at(&["message"]).unwrap());
    let fields: Vec<_> = status
        .items_at(&["details", "causes"])
        .iter()
        .filter_map(|cause| cause.str_at(&["message"]))
        .collect();
    expect![[r#"
        conflict with "lb" with subresource "status" using v1
        conflict with "one" using v1
        conflict with "two"
        conflict with "two""#]]
    .assert_eq(&fields.join("\n"));
}

#[test]
fn items_of_a_list_map_have_owners_of_their_own() {
    let mut subject = Subject::deployment();
    let spec =
        |containers: &str| format!(r#"{{"spec":{{"template":{{"spec":{{"containers":[{containers}]}}}}}}}}"#);
    subject.apply("one", &spec(r#"{"name":"a","image":"x"},{"name":"b","image":"x"}"#));
    subject.apply("two", &spec(r#"{"name":"c"},{"name":"a","tty":true}"#));
    subject.apply("one", &spec(r#"{"name":"d"}"#));
    expect![[r#"
        {"spec":{"template":{"spec":{"containers":[{"name":"c"},{"name":"a","tty":true},{"name":"d"}]}}}}
        two Apply 02: .spec.template.spec.containers[name="a"] .spec.template.spec.containers[name="c"] .spec.template.spec.containers[name="a"].name .spec.template.spec.containers[name="a"].tty .spec.template.spec.containers[name="c"].name
        one Apply 03: .spec.template.spec.containers[name="d"] .spec.template.spec.containers[name="d"].name
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn a_key_with_a_default_need_not_be_said() {
    let mut subject = Subject::new("", "v1", "Service");
    subject.apply("one", r#"{"spec":{"ports":[{"port":80,"name":"a"}]}}"#);
    subject.apply("two", r#"{"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":80,"protocol":"UDP"}]}}"#);
    expect![[r#"{"ports":[{"port":80,"name":"a","protocol":"TCP"},{"port":80,"protocol":"UDP"}]}"#]]
        .assert_eq(&subject.live().get("spec").unwrap().to_json_string());
}

#[test]
fn items_of_a_set_are_owned_one_by_one_and_an_atomic_list_as_a_whole() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.apply("one", r#"{"metadata":{"finalizers":["a/a","b/b"]},"spec":{"tolerations":[{"key":"x"}]}}"#);
    subject.apply("two", r#"{"metadata":{"finalizers":["b/b","c/c"]}}"#);
    subject.force("two", r#"{"metadata":{"finalizers":["c/c"]},"spec":{"tolerations":[{"key":"y"}]}}"#);
    subject.apply("one", r#"{"metadata":{"finalizers":["b/b"]}}"#);
    expect![[r#"
        {"metadata":{"finalizers":["b/b","c/c"]},"spec":{"tolerations":[{"key":"y"}]}}
        two Apply 03: .metadata.finalizers[="c/c"] .spec.tolerations
        one Apply 04: .metadata.finalizers[="b/b"]
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn a_struct_that_loses_its_last_field_goes_with_it() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":1,"strategy":{"rollingUpdate":{"maxSurge":1}}}}"#);
    subject.apply("one", r#"{"spec":{"replicas":1}}"#);
    expect![[r#"
        {"spec":{"replicas":1}}
        one Apply 02: .spec.replicas
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn what_was_there_before_the_first_apply_has_a_manager() {
    let mut subject = Subject::deployment();
    subject.live = Some(subject.body(r#"{"metadata":{"uid":"u","labels":{"a":"b"}},"spec":{"replicas":3}}"#));
    let status = parse(&subject.refused("one", r#"{"spec":{"replicas":4,"paused":true}}"#));
    expect![[
        r#"Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas"#
    ]]
    .assert_eq(status.str_at(&["message"]).unwrap());
    subject.force("one", r#"{"spec":{"replicas":4}}"#);
    expect![[r#"
        one Apply 02: .spec.replicas
        before-first-apply Update 02: .metadata.labels .metadata.labels.a
    "#]]
    .assert_eq(&owners(subject.live()));
}

#[test]
fn an_apply_that_changes_nothing_keeps_its_time() {
    let mut subject = Subject::deployment();
    let text = r#"{"spec":{"replicas":3}}"#;
    subject.apply("one", text);
    let before = subject.live().clone();
    subject.apply("one", text);
    assert_eq!(*subject.live(), before);
}

#[test]
fn null_takes_the_value_and_the_ownership_of_a_leaf() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":3,"paused":true}}"#);
    subject.apply("one", r#"{"spec":{"replicas":null,"paused":true}}"#);
    expect![[r#"
        {"spec":{"paused":true}}
        one Apply 02: .spec.paused .spec.replicas
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn identity_in_a_configuration_is_not_owned() {
    let mut subject = Subject::config_map();
    subject.apply(
        "one",
        r#"{"metadata":{"namespace":"default","uid":"u","resourceVersion":"7","generation":2,"selfLink":"/x",
            "creationTimestamp":"2026-01-02T15:00:00Z","generateName":"g"}}"#,
    );
    assert_eq!(owners(subject.live()), "one Apply 01: .metadata.generateName\n");
}

#[test]
fn what_an_endpoint_resets_is_merged_but_not_owned() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":1}}"#);
    let body = subject.body(r#"{"spec":{"replicas":1},"status":{"replicas":2}}"#);
    let write = Write { reset: Reset::These(&[&["status"]]), ..subject.write("two") };
    let merged = apply(&write, subject.live.as_ref(), &body, OnConflict::Refuse).unwrap();
    assert_eq!(merged.i64_at(&["status", "replicas"]), Some(2));
    expect![[r#"
        one Apply 01: .spec.replicas
        two Apply 01: .spec.replicas
    "#]]
    .assert_eq(&owners(&merged));
}

/// A kind with two versions: `size` of v1 is `scale` of v2, v0 is served no more.
fn convert(tree: &Tree, version: &str) -> Conversion<Untyped> {
    let (from, to) = match version {
        "example.com/v1" => ("scale", "size"),
        "example.com/v2" => ("size", "scale"),
        _ => return Conversion::Unknown,
    };
    let mut tree = tree.clone();
    tree.set_at(&["apiVersion"], version);
    if let Some(value) = tree.remove_at(&["spec", from]) {
        tree.set_at(&["spec", to], value);
    }
    Conversion::Converted(tree, Untyped::Deduced)
}

fn thing(version: &str, text: &str) -> Tree {
    let mut tree = parse(text);
    tree.insert("apiVersion", format!("example.com/{version}"));
    tree.insert("kind", "Thing");
    tree
}

fn gvk(version: &'static str) -> GroupVersionKind {
    GroupVersionKind::new("example.com", version, "Thing")
}

fn in_version<'a>(gvk: &'a GroupVersionKind, manager: &'a str) -> Write<'a, Untyped> {
    Write {
        gvk,
        typing: Untyped::Deduced,
        manager,
        subresource: "",
        time: "2026-01-02T15:00:00Z".parse().unwrap(),
        reset: Reset::Nothing,
        convert: Some(&convert),
    }
}

#[test]
fn owners_in_another_version_own_the_same_field() {
    let (v1, v2) = (gvk("v1"), gvk("v2"));
    let live = apply(
        &in_version(&v1, "one"),
        None,
        &thing("v1", r#"{"spec":{"size":1,"color":"red"}}"#),
        OnConflict::Refuse,
    )
    .unwrap();
    let Conversion::Converted(live, _) = convert(&live, "example.com/v2") else { panic!() };
    let applied = thing("v2", r#"{"spec":{"scale":2}}"#);
    let error = apply(&in_version(&v2, "two"), Some(&live), &applied, OnConflict::Refuse).unwrap_err();
    expect![[r#"Apply failed with 1 conflict: conflict with "one": .spec.size"#]]
        .assert_eq(&error.to_string());

    // The applier's own fields of the other version go too when it names them no more.
    let applied = thing("v2", r#"{"spec":{"color":"red"}}"#);
    let merged = apply(&in_version(&v2, "one"), Some(&live), &applied, OnConflict::Refuse).unwrap();
    expect![[r#"
        {"color":"red"}
        one Apply 00: .spec .spec.color
    "#]]
    .assert_eq(&format!("{}\n{}", merged.get("spec").unwrap(), owners(&merged)));
}

#[test]
fn owners_in_a_version_that_is_served_no_more_are_gone() {
    let v1 = gvk("v1");
    let live = thing(
        "v1",
        r#"{"metadata":{"uid":"u","managedFields":[
            {"manager":"x","operation":"Update","apiVersion":"example.com/v0","fieldsType":"FieldsV1",
             "fieldsV1":{"f:spec":{"f:a":{}}}},
            {"manager":"y","operation":"Update","apiVersion":"example.com/v2","fieldsType":"FieldsV1",
             "fieldsV1":{"f:spec":{"f:scale":{}}}}]},"spec":{"size":1,"a":1}}"#,
    );
    let mut new = live.clone();
    new.set_at(&["spec", "b"], 1);
    let new = update(&in_version(&v1, "z"), Some(&live), new);
    expect![[r#"
        y Update -: .spec.scale
        z Update 00: .spec.b
    "#]]
    .assert_eq(&owners(&new));
}
