//! Values that are refused, in upstream's words.

use std::sync::Arc;

use expect_test::{Expect, expect};
use objects::Tree;
use objects::validate::{FieldError, Path};

use super::{MAX_STEPS, Walk, validate_value, validate_value_update};
use crate::schema::Schema;
use crate::trail::Trail;

const CRON_TAB: &str = r#"{"type":"object","properties":{
    "spec":{"type":"object","required":["cronSpec"],"properties":{
        "cronSpec":{"type":"string","pattern":"^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$"},
        "image":{"type":"string","minLength":2,"maxLength":5},
        "replicas":{"type":"integer","minimum":1,"maximum":10},
        "policy":{"type":"string","enum":["Always","Never"]},
        "started":{"type":"string","format":"date-time"},
        "port":{"x-kubernetes-int-or-string":true},
        "share":{"type":"number","exclusiveMinimum":true,"minimum":0,"multipleOf":0.5},
        "list":{"type":"array","minItems":1,"maxItems":2,"items":{"type":"integer","format":"int32"}},
        "map":{"type":"object","maxProperties":1,"additionalProperties":{"type":"boolean"}},
        "maybe":{"type":"string","nullable":true}}}}}"#;

fn schema(json: &str) -> Arc<Schema> {
    Schema::parse(&read(json)).unwrap()
}

fn read(json: &str) -> Tree {
    Tree::from_json(json.as_bytes()).unwrap()
}

fn told(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn check(schema_json: &str, value: &str, expected: Expect) {
    expected.assert_eq(&told(&validate_value(&read(value), &schema(schema_json), None)));
}

#[test]
fn what_is_right_is_accepted() {
    check(
        CRON_TAB,
        r#"{"spec":{"cronSpec":"* * * * */5","image":"äöü","replicas":10,"policy":"Never","started":"2026-01-02T03:04:05Z",
            "port":"http","share":1.5,"list":[1,2],"map":{"a":true},"maybe":null}}"#,
        expect![""],
    );
    check(CRON_TAB, r#"{"spec":{"cronSpec":"1 2 3 4 5","port":80,"replicas":2.0}}"#, expect![""]);
}

#[test]
fn types_are_told_by_name() {
    check(
        CRON_TAB,
        r#"{"spec":{"replicas":"three","cronSpec":5,"port":true,"maybe":1,"image":null,"started":5,"list":{},"map":[]}}"#,
        expect![[r#"
            spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"
            spec.cronSpec: Invalid value: "integer": spec.cronSpec in body must be of type string: "integer"
            spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"
            spec.maybe: Invalid value: "integer": spec.maybe in body must be of type string: "integer"
            spec.image: Invalid value: "null": spec.image in body must be of type string: "null"
            spec.started: Invalid value: "int64": spec.started in body must be of type date-time: "int64"
            spec.list: Invalid value: "object": spec.list in body must be of type array: "object"
            spec.map: Invalid value: "array": spec.map in body must be of type object: "array"
        "#]],
    );
}

#[test]
fn bounds_patterns_formats_and_members_are_told() {
    check(
        CRON_TAB,
        r#"{"spec":{"cronSpec":"no","image":"toolong","replicas":0,"policy":"Maybe","started":"today","share":0.25,"list":[1,2,3000000000],"map":{"a":true,"b":1}}}"#,
        expect![[r#"
            spec.cronSpec: Invalid value: "no": spec.cronSpec in body should match '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$'
            spec.image: Too long: may not be more than 5 bytes
            spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1
            spec.policy: Unsupported value: "Maybe": supported values: "Always", "Never"
            spec.started: Invalid value: "today": spec.started in body must be of type date-time: "today"
            spec.share: Invalid value: 0.25: spec.share in body should be a multiple of 0.5
            <nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.list[2]
            spec.list: Too many: 3: must have at most 2 items
            spec.map: Too many: 2: must have at most 1 item
            spec.map.b: Invalid value: "integer": spec.map.b in body must be of type boolean: "integer"
        "#]],
    );
    check(
        CRON_TAB,
        r#"{"spec":{"image":"a","replicas":1.5,"share":-1.5,"list":[]}}"#,
        expect![[r#"
            spec.image: Invalid value: "a": spec.image in body should be at least 2 chars long
            spec.replicas: Invalid value: "number": spec.replicas in body must be of type integer: "number"
            <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.replicas
            spec.share: Invalid value: -1.5: spec.share in body should be greater than 0
            spec.list: Invalid value: 0: spec.list in body should have at least 1 items
            spec.cronSpec: Required value
        "#]],
    );
}

#[test]
fn a_part_of_an_object_is_told_with_its_path() {
    let status = schema(r#"{"type":"object","required":["phase"],"additionalProperties":{"type":"string"}}"#);
    let errors = validate_value(&read(r#"{"a":1}"#), &status, Some(&Path::new("status")));
    expect![[r#"
        status.a: Invalid value: "integer": .a in body must be of type string: "integer"
        status.phase: Required value
    "#]]
    .assert_eq(&told(&errors));
}

#[test]
fn junctors_tell_the_branch_that_passed_most() {
    let one_of = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},
        "oneOf":[{"required":["a"]},{"required":["b"]}]}"#;
    check(one_of, r#"{"a":"1"}"#, expect![""]);
    check(
        one_of,
        "{}",
        expect![[r#"
            <nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found none valid
            a: Required value
        "#]],
    );
    check(
        one_of,
        r#"{"a":"1","b":"2"}"#,
        expect![[r#"
            <nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives
        "#]],
    );
    check(
        r#"{"type":"object","properties":{"x":{"type":"integer","anyOf":[{"maximum":1},{"minimum":10}],"not":{"enum":[5]},"allOf":[{"maximum":3},{"minimum":0}]}}}"#,
        r#"{"x":5}"#,
        expect![[r#"
            <nil>: Invalid value: "": "x" must validate at least one schema (anyOf)
            x: Invalid value: 5: x in body should be less than or equal to 1
            x: Invalid value: 5: x in body should be less than or equal to 3
            <nil>: Invalid value: "": "x" must validate all the schemas (allOf)
            <nil>: Invalid value: "": "x" must not validate the schema (not)
        "#]],
    );
}

#[test]
fn forbidden_fields_are_told() {
    check(
        r#"{"properties":{"x":{"type":"object","additionalProperties":false}}}"#,
        r#"{"x":{"y":1}}"#,
        expect![[r#"
            x: Invalid value: "y": x.y in body is a forbidden property
        "#]],
    );
}

const LISTS: &str = r#"{"type":"object","properties":{
    "name":{"type":"string","maxLength":1},
    "atomic":{"type":"array","items":{"type":"string","maxLength":1}},
    "map":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],
        "items":{"type":"object","properties":{"k":{"type":"string"},"v":{"type":"string","maxLength":1}}}}}}"#;

fn update(old: &str, new: &str, expected: Expect) {
    let errors = validate_value_update(&read(new), &read(old), &schema(LISTS), None);
    expected.assert_eq(&told(&errors));
}

#[test]
fn an_update_is_not_refused_for_what_it_leaves_alone() {
    let old = r#"{"name":"long","atomic":["long"],"map":[{"k":"a","v":"long"},{"k":"b","v":"x"}]}"#;
    update(
        old,
        r#"{"name":"long","map":[{"k":"b","v":"y"},{"k":"a","v":"long"}],"atomic":["long"]}"#,
        expect![""],
    );
    update(
        old,
        r#"{"name":"longer","atomic":["long","x"],"map":[{"k":"c","v":"long"},{"k":"a","v":"longer"}]}"#,
        expect![[r#"
            name: Too long: may not be more than 1 byte
            atomic[0]: Too long: may not be more than 1 byte
            map[0].v: Too long: may not be more than 1 byte
            map[1].v: Too long: may not be more than 1 byte
        "#]],
    );
}

#[test]
fn errors_are_bounded() {
    let long = format!("[{}]", vec!["1"; 10_000].join(","));
    let errors = validate_value(&read(&long), &schema(r#"{"type":"array","items":{"type":"string"}}"#), None);
    assert_eq!(errors.len(), super::MAX_ERRORS);
}

#[test]
fn what_takes_too_long_is_refused() {
    let schema = schema(r#"{"items":{"not":{"anyOf":[{"minimum":5},{"minimum":6}]}}}"#);
    let run = |left: usize| {
        let walk = Walk { trail: Trail::default(), base: None, steps: MAX_STEPS - left };
        told(&walk.run(&read("[1,2,3]"), None, &schema))
    };
    assert_eq!(run(13), "");
    expect![[r#"
        <nil>: Invalid value: "": takes more than 10000000 steps to validate
    "#]]
    .assert_eq(&run(12));
}
