//! What is not structural, in upstream's words.

use expect_test::{Expect, expect};
use objects::Tree;
use objects::validate::Path;

use super::validate_structural;
use crate::props::Props;

fn check(schema: &str, expected: Expect) {
    let tree = Tree::from_json(schema.as_bytes()).unwrap();
    let errors = validate_structural(Props(&tree), &Path::new("schema"));
    expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
}

#[test]
fn every_place_has_a_type() {
    check(
        r#"{"type":"object","properties":{
            "a":{},"list":{"type":"array","items":{}},"bare":{"type":"array"},
            "any":{"x-kubernetes-preserve-unknown-fields":true},"port":{"x-kubernetes-int-or-string":true},
            "map":{"type":"object","additionalProperties":{}}}}"#,
        expect![[r#"
            schema.properties[a].type: Required value: must not be empty for specified object fields
            schema.properties[bare].items: Required value: must be specified
            schema.properties[list].items.type: Required value: must not be empty for specified array items
            schema.properties[map].additionalProperties.type: Required value: must not be empty for specified object fields
        "#]],
    );
    check(
        r#"{"additionalProperties":{"type":"string"}}"#,
        expect![[r#"
            schema.additionalProperties: Forbidden: must not be used at the root
            schema.type: Required value: must not be empty at the root
        "#]],
    );
    check(
        r#"{"type":"array","items":{"type":"string"}}"#,
        expect![[r#"
            schema.type: Invalid value: "array": must be object at the root
        "#]],
    );
}

#[test]
fn branches_say_no_structure() {
    check(
        r#"{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[
            {"type":"object","description":"x","properties":{"a":{"type":"string","default":"x","pattern":"("},"b":{},"metadata":{}}},
            {"additionalProperties":true,"x-kubernetes-list-type":"set","nullable":true,"x-kubernetes-validations":[{"rule":"a"}]}],
            "not":{"items":{"minimum":1}}}"#,
        expect![[r#"
            schema.anyOf[0].description: Forbidden: must be empty to be structural
            schema.anyOf[0].properties[a].default: Forbidden: must be undefined to be structural
            schema.anyOf[0].properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: unclosed group
            schema.anyOf[0].properties[a].type: Forbidden: must be empty to be structural
            schema.anyOf[0].properties[metadata]: Forbidden: must not be specified in a nested context
            schema.anyOf[0].type: Forbidden: must be empty to be structural
            schema.anyOf[1].additionalProperties: Forbidden: must be undefined to be structural
            schema.anyOf[1].nullable: Forbidden: must be false to be structural
            schema.anyOf[1].x-kubernetes-list-type: Forbidden: must be undefined to be structural
            schema.anyOf[1].x-kubernetes-validations: Forbidden: must be empty to be structural
            schema.items: Required value: because it is defined in schema.not.items
            schema.properties[b]: Required value: because it is defined in schema.anyOf[0].properties[b]
            schema.properties[metadata]: Required value: because it is defined in schema.anyOf[0].properties[metadata]
        "#]],
    );
}

#[test]
fn an_int_or_string_may_say_its_types() {
    check(
        r#"{"type":"object","properties":{
            "a":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]},
            "b":{"x-kubernetes-int-or-string":true,"allOf":[{"anyOf":[{"type":"integer"},{"type":"string"}]},{"minimum":1}]},
            "c":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"string"},{"type":"integer"}]},
            "d":{"x-kubernetes-int-or-string":true,"x-kubernetes-preserve-unknown-fields":true}}}"#,
        expect![[r#"
            schema.properties[c].anyOf[0].type: Forbidden: must be empty to be structural
            schema.properties[c].anyOf[1].type: Forbidden: must be empty to be structural
            schema.properties[d].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true
        "#]],
    );
}

#[test]
fn metadata_may_be_narrowed_by_name_alone() {
    check(
        r#"{"type":"object","properties":{"kind":{"type":"integer"},"metadata":{"type":"object","properties":{"name":{"type":"string","maxLength":5}}}}}"#,
        expect![[r#"
            schema.properties[kind].type: Invalid value: "integer": must be string
        "#]],
    );
    check(
        r#"{"type":"object","properties":{"metadata":{"type":"array","items":{"type":"string"},"properties":{"labels":{"type":"object"}}},
            "pod":{"type":"object","x-kubernetes-embedded-resource":true,"additionalProperties":{"type":"string"}}}}"#,
        expect![[r#"
            schema.properties[metadata].type: Invalid value: "array": must be object
            schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified
            schema.properties[pod].additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set
            schema.properties[pod].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields
        "#]],
    );
}
