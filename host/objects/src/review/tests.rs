//! Reviews that are refused, and the words.

use expect_test::{Expect, expect};

use super::validate;
use crate::tree::Tree;

fn refused(kind: &str, json: &str, expected: Expect) {
    let errors = validate(kind, &Tree::from_json(json.as_bytes()).unwrap());
    expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
}

#[test]
fn a_review_asks_one_thing_of_somebody() {
    refused(
        "SubjectAccessReview",
        r#"{"spec":{}}"#,
        expect![[r#"
        spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified
        spec.user: Invalid value: "": at least one of user or group must be specified
    "#]],
    );
    refused(
        "SelfSubjectAccessReview",
        r#"{"spec":{}}"#,
        expect![[r#"
        spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified
    "#]],
    );
    refused(
        "SubjectAccessReview",
        r#"{"metadata":{"name":"a","managedFields":[]},
            "spec":{"groups":["g"],"resourceAttributes":{"verb":"get"},"nonResourceAttributes":{"path":"/"}}}"#,
        expect![[r#"
            spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in combination with resourceAttributes
            metadata: Invalid value: {"name":"a","managedFields":[]}: must be empty
        "#]],
    );
    refused(
        "SelfSubjectAccessReview",
        r#"{"metadata":{"managedFields":[{"manager":"a"}]},"spec":{"resourceAttributes":{"verb":"get"}}}"#,
        expect![[""]],
    );
}

#[test]
fn a_local_review_stays_in_its_namespace() {
    refused(
        "LocalSubjectAccessReview",
        r#"{"metadata":{"namespace":"a"},"spec":{"user":"u","resourceAttributes":{"namespace":"a"}}}"#,
        expect![[""]],
    );
    refused(
        "LocalSubjectAccessReview",
        r#"{"metadata":{"namespace":"a","labels":{"b":"c"}},
            "spec":{"user":"u","resourceAttributes":{"namespace":"b"}}}"#,
        expect![[r#"
            metadata: Invalid value: {"namespace":"a","labels":{"b":"c"}}: must be empty except for namespace
            spec.resourceAttributes.namespace: Invalid value: "b": must match metadata.namespace
        "#]],
    );
    refused(
        "LocalSubjectAccessReview",
        r#"{"metadata":{"namespace":"a"},"spec":{"user":"u","nonResourceAttributes":{"path":"/"}}}"#,
        expect![[r#"
            spec.nonResourceAttributes: Invalid value: {"path":"/"}: disallowed on this kind of request
        "#]],
    );
}

#[test]
fn the_selectors_of_a_question_have_their_rules() {
    refused(
        "SelfSubjectAccessReview",
        r#"{"spec":{"resourceAttributes":{"fieldSelector":{},"labelSelector":{"rawSelector":"a=b","requirements":[
            {"key":"a","operator":"In"},{"key":"-","operator":"Exists","values":["b"]},
            {"key":"a","operator":"NewerThanThis","values":["b"]}]}}}}"#,
        expect![[r#"
            spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required
            spec.resourceAttributes.labelSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements
            spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.resourceAttributes.labelSelector.requirements[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
            spec.resourceAttributes.labelSelector.requirements[1].key: Invalid value: "-": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
    refused(
        "SelfSubjectAccessReview",
        r#"{"spec":{"resourceAttributes":{"fieldSelector":{"requirements":[
            {"operator":"NotIn"},{"key":"spec.nodeName","operator":"DoesNotExist","values":["b"]}]}}}}"#,
        expect![[r#"
            spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified
            spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.resourceAttributes.fieldSelector.requirements[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
        "#]],
    );
}

#[test]
fn a_token_lives_from_ten_minutes_on() {
    refused("TokenRequest", r#"{"spec":{"expirationSeconds":600}}"#, expect![[""]]);
    refused(
        "TokenRequest",
        r#"{"spec":{"expirationSeconds":599}}"#,
        expect![[r#"
        spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes
    "#]],
    );
    refused("TokenRequest", r#"{"spec":{"expirationSeconds":4294967296}}"#, expect![[""]]);
    refused(
        "TokenRequest",
        r#"{"spec":{"expirationSeconds":4294967297}}"#,
        expect![[r#"
        spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds
    "#]],
    );
}
