//! Whatever a definition or an object says, nothing panics, nothing runs out of stack, and a definition that was
//! accepted can be served.

use jiff::Timestamp;
use objects::{Object, Tree, tree};
use proptest::prelude::*;
use structural::{
    CustomResource, Descriptions, Dialect, JsonPath, Malformed, Schema, definition_schemas, openapi, rules,
};

const NAMES: [&str; 9] = ["spec", "status", "metadata", "kind", "apiVersion", "name", "a", "b", ""];
const TEXTS: [&str; 18] = [
    "object",
    "array",
    "string",
    "integer",
    "number",
    "boolean",
    "null",
    "set",
    "map",
    "atomic",
    "date-time",
    "int32",
    "^[a-z]+(é|\\d)*$",
    "(",
    ".spec.a",
    "v1",
    "Foo",
    "é",
];
const KEYWORDS: [&str; 36] = [
    "type",
    "type",
    "type",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "multipleOf",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "enum",
    "required",
    "nullable",
    "default",
    "$ref",
    "x-kubernetes-int-or-string",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "properties",
    "properties",
    "items",
    "additionalProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "dependencies",
    "title",
];

fn object(pairs: Vec<(&'static str, Tree)>) -> Tree {
    Tree::Object(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect::<Object>())
}

fn scalar() -> impl Strategy<Value = Tree> {
    prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        prop_oneof![any::<i64>(), -2..3_i64].prop_map(Tree::Int),
        prop_oneof![any::<f64>().prop_filter("JSON has none", |value| value.is_finite()), Just(0.5)]
            .prop_map(Tree::Float),
        proptest::sample::select(&TEXTS[..]).prop_map(Tree::from),
    ]
}

/// Any value.
fn value() -> impl Strategy<Value = Tree> {
    scalar().prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Tree::Array),
            proptest::collection::vec((proptest::sample::select(&NAMES[..]), inner), 0..4).prop_map(object),
        ]
    })
}

/// A schema, or what looks like one.
fn schema() -> impl Strategy<Value = Tree> {
    Just(tree!({ "type": "object" })).prop_recursive(5, 60, 5, |inner| {
        let part = prop_oneof![
            2 => proptest::collection::vec((proptest::sample::select(&NAMES[..]), inner.clone()), 0..4).prop_map(object),
            1 => proptest::collection::vec(inner.clone(), 0..3).prop_map(Tree::Array),
            2 => inner,
            3 => proptest::sample::select(&TEXTS[..]).prop_map(Tree::from),
            1 => value(),
        ];
        proptest::collection::vec((proptest::sample::select(&KEYWORDS[..]), part), 0..7).prop_map(object)
    })
}

fn definition(schema: &Tree, other: &Tree) -> Tree {
    let names = tree!({ "plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList" });
    let mut crd = tree!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "foos.example.com", "resourceVersion": "1" },
        "spec": { "group": "example.com", "scope": "Cluster", "names": (names.clone()), "versions": [{
            "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": (schema.clone()) },
            "subresources": { "status": {} }
        }] },
        "status": { "acceptedNames": names }
    });
    crd.set_at(&["spec", "conversion"], other.clone());
    structural::default_definition(&mut crd);
    crd
}

const WORDS: Descriptions<'static> =
    Descriptions { api_version: "", kind: "", metadata: "", list_metadata: "" };

/// All that is done with a definition and with objects of it.
fn serve(crd: &Tree, objects: &[Tree]) {
    let _warnings = structural::definition_warnings(crd, None);
    let accepted = structural::validate_definition(crd).is_empty();
    structural::validate_definition_update(crd, crd);
    structural::non_structural_schema(crd);
    for dialect in [Dialect::V2, Dialect::V3] {
        openapi(crd, "v1", dialect, WORDS);
    }
    for found in definition_schemas(crd).into_iter().flatten() {
        rules(&found.schema, &found.path);
    }
    let resource = match CustomResource::compile(crd) {
        Ok(resource) => resource,
        Err(error) => {
            assert!(!accepted, "{error}");
            return;
        }
    };
    let version = resource.storage_version();
    for object in objects {
        let mut new = object.clone();
        for (name, value) in [("apiVersion", "example.com/v1"), ("kind", "Foo")] {
            new.insert(name, value);
        }
        if version.coerce(&mut new, Malformed::Drop).is_err() {
            continue;
        }
        assert_eq!(version.default(&mut new), Ok(()));
        let errors = version.validate(&new);
        structural::rules_blocked(&errors);
        for old in objects {
            version.validate_update(&new, old);
            version.validate_status(&new, old);
        }
        version.columns.cells(&new, Timestamp::UNIX_EPOCH);
        // What is in form stays as it is.
        let formed = new.clone();
        if let (true, Ok(unknown)) = (accepted, version.coerce(&mut new, Malformed::Refuse)) {
            assert!(unknown.is_empty() && new == formed, "{formed} became {new}: {unknown:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(schema in schema(), other in value(), objects in proptest::collection::vec(value(), 0..4)) {
        serve(&definition(&schema, &other), &objects);
        serve(&definition(&schema, &tree!({ "strategy": "None" })), &objects);
    }

    #[test]
    fn any_text_is_an_expression_or_none(text in "[a-z.\\[\\]*?(@='\":,0-9){}é-]{0,24}", object in value()) {
        if let Ok(path) = JsonPath::parse(&text) {
            path.first(&object);
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_none(text in "[a-z\\[\\]{}()&~^$.*+?|\\\\dDwWsSbBQE,0-9é-]{0,24}", value in "[a-z0-9é]{0,8}") {
        if let Ok(schema) = Schema::parse(&tree!({ "pattern": (text.as_str()) })) {
            structural::validate_value(&Tree::from(value), &schema, None);
        }
    }
}

#[test]
fn depth_is_walked_on_the_stack_of_a_worker() {
    let deep = |depth: usize, wrap: fn(Tree) -> Tree| {
        (0..depth).fold(tree!({ "type": "object" }), |below, _| wrap(below))
    };
    let worker = std::thread::Builder::new().stack_size(2 << 20);
    let done = worker.spawn(move || {
        let wraps: [fn(Tree) -> Tree; 3] = [
            |below| tree!({ "type": "object", "properties": { "a": below } }),
            |below| tree!({ "type": "object", "anyOf": [below] }),
            |below| tree!({ "type": "array", "items": below }),
        ];
        let objects = [deep(400, |below| tree!({ "a": below })), deep(400, |below| tree!({ "a": [below] }))];
        for wrap in wraps {
            for depth in [structural::MAX_DEPTH - 1, 240] {
                serve(&definition(&deep(depth, wrap), &Tree::Null), &objects);
            }
        }
    });
    assert!(done.unwrap().join().is_ok());
}
