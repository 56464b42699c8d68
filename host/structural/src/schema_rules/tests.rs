//! Schemas that definitions may not have.

use expect_test::{Expect, expect};
use objects::Tree;
use objects::validate::Path;

use super::{Asked, validate_rules};
use crate::props::Props;

fn check(schema: &str, expected: Expect) {
    let tree = Tree::from_json(schema.as_bytes()).unwrap();
    let errors = validate_rules(Props(&tree), &Path::new("schema"), Asked::ALL);
    expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
}

#[test]
fn unsupported_keywords_are_forbidden() {
    check(
        r##"{"type":"object","properties":{
            "a":{"type":"null"},"b":{"$ref":"#/x"},"c":{"id":"x","uniqueItems":true},"d":{"items":[{"type":"string"}]},
            "e":{"patternProperties":{"a":{}}},"f":{"properties":{"a":{}},"additionalProperties":false},
            "g":{"x-kubernetes-preserve-unknown-fields":false}}}"##,
        expect![[r#"
            schema.properties[a].type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", "object", "string"
            schema.properties[a].type: Forbidden: type cannot be set to null, use nullable as an alternative
            schema.properties[b].$ref: Forbidden: $ref is not supported
            schema.properties[c].id: Forbidden: id is not supported
            schema.properties[c].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic
            schema.properties[d].items: Forbidden: items must be a schema object and not an array
            schema.properties[e].patternProperties: Forbidden: patternProperties is not supported
            schema.properties[f].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive
            schema.properties[g].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined
        "#]],
    );
}

#[test]
fn metadata_has_no_defaults() {
    check(
        r#"{"properties":{"kind":{"type":"string","default":"K"},"pod":{"x-kubernetes-embedded-resource":true,"properties":{
            "metadata":{"x-kubernetes-embedded-resource":true,"properties":{"labels":{"additionalProperties":{"type":"string","default":"x"}}}}}}}}"#,
        expect![[r#"
            schema.properties[kind].default: Forbidden: must not be set in top-level kind
            schema.properties[pod].properties[metadata].x-kubernetes-embedded-resource: Forbidden: must not be used inside of resource meta
            schema.properties[pod].properties[metadata].properties[labels].additionalProperties.default: Forbidden: must not be set inside additionalProperties applying to object metadata
        "#]],
    );
}

#[test]
fn lists_and_maps_have_types_that_fit() {
    check(
        r#"{"properties":{
            "a":{"type":"string","x-kubernetes-map-type":"loose"},
            "b":{"x-kubernetes-list-type":"bag"},
            "c":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"object"}},
            "d":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"array","nullable":true,"x-kubernetes-list-type":"set"}},
            "e":{"type":"array","x-kubernetes-list-map-keys":["a"]},
            "f":{"type":"array","x-kubernetes-list-type":"map"},
            "g":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a"],"items":{"type":"string"}},
            "h":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a","a","b","c"],
                "items":{"type":"object","required":["b"],"properties":{"a":{"type":"string","nullable":true},"b":{"type":"object"}}}}}}"#,
        expect![[r#"
            schema.properties[a].type: Invalid value: "string": must be object if x-kubernetes-map-type is specified
            schema.properties[a].x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"
            schema.properties[b].type: Required value: must be array if x-kubernetes-list-type is specified
            schema.properties[b].x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"
            schema.properties[c].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set
            schema.properties[d].items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set
            schema.properties[d].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set
            schema.properties[e].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty
            schema.properties[f].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map
            schema.properties[f].items: Required value: must have a schema if x-kubernetes-list-type is map
            schema.properties[g].items.type: Invalid value: "string": must be object if parent array's x-kubernetes-list-type is map
            schema.properties[h].x-kubernetes-list-map-keys: Invalid value: ["a","a","b","c"]: must not contain duplicate entries
            schema.properties[h].items.properties[b].type: Invalid value: "object": must be a scalar type if parent array's x-kubernetes-list-type is map
            schema.properties[h].x-kubernetes-list-map-keys: Invalid value: ["a","a","b","c"]: entries must all be names of item properties
            schema.properties[h].items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property
            schema.properties[h].items.properties[a].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable
            schema.properties[h].items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property
            schema.properties[h].items.properties[a].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable
        "#]],
    );
}

#[test]
fn rules_are_well_formed() {
    check(
        r#"{"type":"object","properties":{"a":{"type":"string"}},"x-kubernetes-validations":[
            {"rule":" "},{"rule":"a","message":" "},{"rule":"a","message":"b\nc"},{"rule":"a\nb"},
            {"rule":"a","messageExpression":" ","reason":"Bad","fieldPath":".b"},
            {"rule":"self.a == 'x'","message":"no","reason":"FieldValueInvalid","fieldPath":".a"}]}"#,
        expect![[r#"
            schema.x-kubernetes-validations[0].rule: Required value: rule is not specified
            schema.x-kubernetes-validations[1].message: Invalid value: " ": must be non-empty if specified
            schema.x-kubernetes-validations[2].message: Invalid value: "b\nc": must not contain line breaks
            schema.x-kubernetes-validations[3].message: Required value: message must be specified if rule contains line breaks
            schema.x-kubernetes-validations[4].messageExpression: Required value: messageExpression must be non-empty if specified
            schema.x-kubernetes-validations[4].reason: Unsupported value: "Bad": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"
            schema.x-kubernetes-validations[4].fieldPath: Invalid value: ".b": must be a valid path
        "#]],
    );
}
