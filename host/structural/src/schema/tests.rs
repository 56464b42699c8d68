//! What is read of a schema, and what is not.

use std::sync::Arc;

use objects::Tree;

use super::{ListType, MAX_DEPTH, MAX_SCHEMAS, Schema, SchemaError, Type};

fn parse(json: &str) -> Result<Arc<Schema>, SchemaError> {
    Schema::parse(&Tree::from_json(json.as_bytes()).unwrap())
}

#[test]
fn a_schema_is_read_with_its_extensions() {
    let schema = parse(
        r#"{"type":"object","properties":{
            "list":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
                    "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}},
            "any":{"x-kubernetes-preserve-unknown-fields":true},
            "port":{"x-kubernetes-int-or-string":true},
            "labels":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
    )
    .unwrap();
    let list = schema.property("list").unwrap();
    assert_eq!(list.list, ListType::Map(["name".into()].into()));
    assert_eq!(list.list_keys(), ["name".into()]);
    assert_eq!(*list.items.as_ref().unwrap().checks().required, ["name".into()]);
    assert!(schema.property("any").unwrap().preserve_unknown_fields);
    assert!(schema.property("port").unwrap().int_or_string);
    assert_eq!(schema.property("labels").unwrap().field("x").unwrap().kind, Some(Type::String));
    assert!(schema.property("other").is_none());
}

#[test]
fn nodes_that_are_a_scalar_type_are_shared() {
    let schema = parse(
        r#"{"properties":{"a":{"type":"string","description":"x"},"b":{"type":"string"},"c":{"type":"string","format":"date"}}}"#,
    )
    .unwrap();
    let of = |name: &str| schema.property(name).unwrap();
    assert!(Arc::ptr_eq(of("a"), of("b")) && !Arc::ptr_eq(of("a"), of("c")));
}

#[test]
fn unsupported_keywords_are_told_as_upstream_tells_them() {
    let refused = |json: &str| parse(json).unwrap_err().to_string();
    assert_eq!(refused(r##"{"$ref":"#/a"}"##), "OpenAPIV3Schema '$ref' is not supported");
    assert_eq!(refused(r#"{"items":[{}]}"#), "OpenAPIV3Schema 'items' must be a schema, but is an array");
    assert_eq!(refused(r#"{"type":"text"}"#), "unknown type \"text\"");
    assert_eq!(
        refused(r#"{"x-kubernetes-preserve-unknown-fields":false}"#),
        "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    );
}

#[test]
fn depth_and_size_are_bounded() {
    let mut tree = Tree::object();
    for _ in 1..MAX_DEPTH {
        tree = objects::tree!({ "items": tree });
    }
    assert!(Schema::parse(&tree).is_ok());
    assert_eq!(Schema::parse(&objects::tree!({ "items": tree })).unwrap_err(), SchemaError::Depth);
    let many = Tree::Array(vec![Tree::object(); MAX_SCHEMAS]);
    assert_eq!(Schema::parse(&objects::tree!({ "anyOf": many })).unwrap_err(), SchemaError::Size);
}
