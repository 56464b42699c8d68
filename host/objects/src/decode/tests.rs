//! Bodies are read, refused and reported as upstream does it.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{FieldValidation, Notation, object, value};
use crate::resource::GroupVersionKind;

fn check_as(notation: Notation, validation: FieldValidation, body: &str, expected: Expect) {
    let pod = GroupVersionKind::new("", "v1", "Pod");
    expected.assert_eq(&match object(body.as_bytes(), notation, &pod, validation) {
        Ok(decoded) => format!("{}\n{}", decoded.tree, decoded.warnings.join("\n")),
        Err(status) => status.message,
    });
}

fn strict(body: &str, expected: Expect) {
    check_as(Notation::Json, FieldValidation::Strict, body, expected);
}

#[test]
fn a_body_gets_the_kind_of_its_path() {
    strict(
        r#"{"metadata":{"name":"x"}}"#,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}
    "#]],
    );
}

#[test]
fn a_zero_stays_where_go_tells_it_from_nothing() {
    strict(
        r#"{"spec":{"hostNetwork":false,"terminationGracePeriodSeconds":0,"containers":[{"name":"","stdin":false,
            "securityContext":{"privileged":false,"runAsUser":0},"ports":[{"containerPort":0,"hostPort":0}]}]}}"#,
        expect![[r#"
            {"kind":"Pod","apiVersion":"v1","spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"","securityContext":{"privileged":false,"runAsUser":0},"ports":[{"containerPort":0}]}]}}
        "#]],
    );
}

#[test]
fn an_empty_list_of_managers_stays() {
    strict(
        r#"{"metadata":{"managedFields":[],"ownerReferences":[]}}"#,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{"managedFields":[]}}
    "#]],
    );
}

#[test]
fn null_unknown_and_empty_optional_fields_are_gone() {
    let body = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"creationTimestamp":null,"labels":{},"bogus":1},
        "spec":{"containers":[{"name":"a","args":[],"resources":{},"nope":[]}]},"spec2":{}}"#;
    check_as(
        Notation::Json,
        FieldValidation::Warn,
        body,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":[{"name":"a","resources":{}}]}}
        unknown field "metadata.bogus"
        unknown field "spec.containers[0].nope"
        unknown field "spec2""#]],
    );
    check_as(
        Notation::Json,
        FieldValidation::Ignore,
        body,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":[{"name":"a","resources":{}}]}}
    "#]],
    );
    strict(
        body,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "metadata.bogus", unknown field "spec.containers[0].nope", unknown field "spec2""#
        ]],
    );
}

#[test]
fn a_duplicate_field_is_named_by_its_path() {
    strict(
        r#"{"spec":{"nodeName":"a","nodeName":"b"},"metadata":{"labels":{"a":"1","a":"2"}}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: duplicate field "spec.nodeName", duplicate field "metadata.labels.a""#
        ]],
    );
}

#[test]
fn unknown_and_duplicate_fields_are_reported_in_the_order_of_the_body() {
    strict(
        r#"{"spec":{"bogus":1,"nodeName":"a","nodeName":"b","containers":[{"name":"a","nope":1,"name":"b"}]},"metadata":{"bogus":1}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.bogus", duplicate field "spec.nodeName", duplicate field "spec.containers[0].name", unknown field "spec.containers[0].nope", unknown field "metadata.bogus""#
        ]],
    );
}

#[test]
fn a_duplicate_key_of_yaml_is_named_with_its_line() {
    check_as(
        Notation::Yaml,
        FieldValidation::Strict,
        "metadata:\n  name: a\n  labels:\n    a: b\n    a: c\nspec:\n  bogus: 1\n",
        expect![[r#"
            Pod in version "v1" cannot be handled as a Pod: strict decoding error: yaml: unmarshal errors:
              line 5: key "a" already set in map, unknown field "spec.bogus""#]],
    );
}

#[test]
fn a_wrong_type_reads_as_gos() {
    strict(
        r#"{"spec":{"containers":[{"name":1}]}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string"#
        ]],
    );
    strict(
        r#"{"spec":{"containers":{}}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"#
        ]],
    );
    strict(
        r#"{"spec":{"priority":"x"}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32"#
        ]],
    );
    strict(
        r#"{"spec":{"priority":3000000000}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32"#
        ]],
    );
    strict(
        r#"{"metadata":[]}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal array into Go struct field Pod.metadata of type v1.ObjectMeta"#
        ]],
    );
    strict(
        r#"{"metadata":{"labels":{"a":1}}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"#
        ]],
    );
}

#[test]
fn quantities_and_times_become_canonical_or_say_why_not() {
    strict(
        r#"{"metadata":{"creationTimestamp":"2026-01-02T17:04:05+02:00"},"spec":{"overhead":{"cpu":0.5,"memory":"1024Mi"}}}"#,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{"creationTimestamp":"2026-01-02T15:04:05Z"},"spec":{"overhead":{"cpu":"500m","memory":"1Gi"}}}
    "#]],
    );
    strict(
        r#"{"spec":{"overhead":{"cpu":"x"}}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#
        ]],
    );
    strict(
        r#"{"metadata":{"creationTimestamp":"x"}}"#,
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006""#
        ]],
    );
}

#[test]
fn another_kind_is_refused() {
    strict(
        r#"{"kind":"Service","apiVersion":"v1"}"#,
        expect![[
            r#"Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion"#
        ]],
    );
    strict(
        r#"{"kind":"Pod","apiVersion":"apps/v1"}"#,
        expect!["the API version in the data (apps/v1) does not match the expected API version (v1)"],
    );
    strict(
        r#"{"kind":"Foo","apiVersion":"v1"}"#,
        expect![[
            r#"Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30""#
        ]],
    );
}

#[test]
fn what_is_no_json_reads_as_gos() {
    for (body, expected) in [
        ("", "unexpected end of JSON input"),
        ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("nul!", "invalid character '!' in literal null (expecting 'l')"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        ("\"a\nb\"", "invalid character '\\n' in string literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("{\"a\":", "unexpected end of JSON input"),
    ] {
        assert_eq!(value(body.as_bytes(), Notation::Json).unwrap_err().to_string(), expected, "{body}");
    }
    strict(
        "{\"a\":1,}",
        expect![[
            r#"the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: invalid character '}' looking for beginning of object key string ({"a":1,})"#
        ]],
    );
    assert!(value("[".repeat(100_000).as_bytes(), Notation::Json).is_err());
}

#[test]
fn yaml_is_read_as_json_would_be() {
    let body = "# a pod\nmetadata:\n  name: x\n  labels: {on: \"yes\", a: '1'}\nspec:\n  hostNetwork: yes\n  containers:\n  - name: a\n    command: [sh]\n    args:\n    - |\n      echo 1\n      echo 2\n  priority: 0x10\n";
    check_as(
        Notation::Yaml,
        FieldValidation::Strict,
        body,
        expect![[r#"
        {"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","labels":{"true":"yes","a":"1"}},"spec":{"hostNetwork":true,"containers":[{"name":"a","command":["sh"],"args":["echo 1\necho 2\n"]}],"priority":16}}
    "#]],
    );
}

#[test]
fn yaml_errors_name_the_line() {
    let error = value(b"a: b\n c: d\n- x", Notation::Yaml).unwrap_err().to_string();
    assert!(error.starts_with("yaml: line "), "{error}");
}

proptest! {
    #[test]
    fn the_decoder_agrees_with_serde_json(tree in crate::tree::tests::any_tree()) {
        let (read, duplicates) = value(&tree.to_json(), Notation::Json).unwrap();
        prop_assert_eq!(read, tree);
        prop_assert!(duplicates.is_empty());
    }

    #[test]
    fn no_text_makes_the_decoders_panic(text in "[\\[\\]{}:,\"a1.\\-\\\\ \n&*|#tn]{0,40}") {
        let json = value(text.as_bytes(), Notation::Json);
        prop_assert_eq!(json.is_ok(), crate::Tree::from_json(text.as_bytes()).is_ok());
        drop(value(text.as_bytes(), Notation::Yaml));
    }
}
