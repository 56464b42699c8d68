//! Configurations that cannot be applied, in upstream's words.

use expect_test::{Expect, expect};

use super::super::apply;
use super::{OnConflict, Subject, parse};

fn check(text: &str, expected: Expect) {
    let status = parse(&Subject::deployment().refused("one", text));
    let (code, reason) = (status.i64_at(&["code"]).unwrap(), status.str_at(&["reason"]).unwrap_or("-"));
    expected.assert_eq(&format!("{code} {reason}: {}", status.str_at(&["message"]).unwrap()));
}

#[test]
fn fields_that_the_type_does_not_have() {
    check(
        r#"{"spec":{"bogus":1}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.bogus: field not declared in schema"
        ],
    );
    check(
        r#"{"metadata":{"namespace":"n"},"spec":{"template":{"spec":{"containers":[{"name":"c","nope":1}]}}},"x":{}}"#,
        expect![[r#"
            500 -: failed to create typed patch object (n/a; apps/v1, Kind=Deployment): errors:
              .spec.template.spec.containers[name="c"].nope: field not declared in schema
              .x: field not declared in schema"#]],
    );
}

#[test]
fn values_of_another_type() {
    check(
        r#"{"spec":{"replicas":"3"}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string"
        ],
    );
    check(
        r#"{"metadata":{"labels":{"a":1}}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}"
        ],
    );
    check(
        r#"{"spec":{"paused":"yes"}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.paused: expected boolean, got &{yes}"
        ],
    );
    check(
        r#"{"spec":[1000000,1.5,{"b":null,"a":true}]}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec: expected map, got &{[1e+06 1.5 map[a:true b:<nil>]]}"
        ],
    );
    check(
        r#"{"spec":{"template":{"spec":{"containers":{"name":"c"}}}}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.containers: expected list, got &{map[name:c]}"
        ],
    );
    check(
        r#"{"spec":{"template":{"spec":{"tolerations":[{"key":["a"]}]}}}}"#,
        expect![[
            r#"500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.tolerations[0].key: expected string, got &value.valueUnstructured{Value:[]interface {}{"a"}}"#
        ]],
    );
    check(
        r#"{"spec":{"template":{"spec":{"overhead":{"cpu":{}}}}}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.overhead.cpu: expected any scalar, got &{map[]}"
        ],
    );
}

#[test]
fn items_that_cannot_be_told_apart() {
    check(
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"c"},{"name":"c"}]}}}}"#,
        expect![[
            r#"500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="c"]"#
        ]],
    );
    check(
        r#"{"metadata":{"finalizers":["a","a"]}}"#,
        expect![[
            r#"500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .metadata.finalizers: duplicate entries for key [="a"]"#
        ]],
    );
    check(
        r#"{"metadata":{"finalizers":[{}]}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .metadata.finalizers: element 0: associative list without keys has an element that's a map type"
        ],
    );
    check(
        r#"{"metadata":{"finalizers":[[]]}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .metadata.finalizers: element 0: not supported: associative list with lists as elements"
        ],
    );
    check(
        r#"{"metadata":{"finalizers":["a",null]}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .metadata.finalizers: element 1: associative list without keys has an element that's an explicit null"
        ],
    );
    check(
        r#"{"spec":{"template":{"spec":{"containers":[null]}}}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: associative list with keys may not have a null element"
        ],
    );
    check(
        r#"{"spec":{"template":{"spec":{"containers":["c"]}}}}"#,
        expect![
            "500 -: failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: associative list with keys may not have non-map elements"
        ],
    );
    let status =
        parse(&Subject::new("", "v1", "ServiceAccount").refused("one", r#"{"secrets":[{"namespace":"x"}]}"#));
    expect![[r#"failed to create typed patch object (/a; /v1, Kind=ServiceAccount): .secrets: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)"#]]
        .assert_eq(status.str_at(&["message"]).unwrap());
}

#[test]
fn a_configuration_that_says_who_owns_it() {
    check(
        r#"{"metadata":{"managedFields":[]}}"#,
        expect!["400 BadRequest: metadata.managedFields must be nil"],
    );
    check(
        r#"{"metadata":{"managedFields":[{}]}}"#,
        expect!["400 BadRequest: metadata.managedFields must be nil"],
    );
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"metadata":{"managedFields":null},"spec":{"paused":true}}"#);
}

fn check_kind(text: &str, expected: Expect) {
    let subject = Subject::deployment();
    let error = apply(&subject.write("one"), None, &parse(text), OnConflict::Refuse).unwrap_err();
    expected.assert_eq(&format!("{}: {error}", error.to_status().code));
}

#[test]
fn a_configuration_of_another_kind() {
    check_kind(
        r#"{"apiVersion":"apps/v1","kind":"ReplicaSet"}"#,
        expect!["400: invalid object type: apps/v1, Kind=ReplicaSet"],
    );
    check_kind(
        r#"{"apiVersion":"v1","kind":"Deployment"}"#,
        expect!["400: invalid object type: /v1, Kind=Deployment"],
    );
    check_kind("{}", expect!["400: invalid object type: /, Kind="]);
}

#[test]
fn an_object_whose_managers_cannot_be_read() {
    let mut subject = Subject::deployment();
    subject.live = Some(subject.body(r#"{"metadata":{"managedFields":[{"operation":"x"}]}}"#));
    let status = parse(&subject.refused("one", "{}"));
    expect!["failed to decode managed fields: operation must be `Apply` or `Update`"]
        .assert_eq(status.str_at(&["message"]).unwrap());
}
