//! The structural schema of a CRD as expressions see it, with the sizes that it allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use objects::Tree;

use super::{ListKind, Schema, SchemaRef, Shape};

/// The most bytes of a request.
const MAX_REQUEST: u64 = 3 << 20;

/// The least bytes of JSON that a value of a type takes.
const MIN_STRING: u64 = 2;
const MIN_BOOL: u64 = 4;
const MIN_NUMBER: u64 = 1;
const MIN_AGGREGATE: u64 = 2;
const MIN_DURATION: u64 = 3;
const MIN_TIMESTAMP: u64 = 21;
const DATE: u64 = 12;
/// The most bytes of a timestamp or a duration.
const MAX_TIME: u64 = 32;

/// A node of a structural schema.
struct Node {
    shape: Shape,
    fields: BTreeMap<Box<str>, SchemaRef>,
    max_elements: Option<u64>,
    min_bytes: u64,
    nullable: bool,
}

impl Schema for Node {
    fn shape(&self) -> Shape {
        self.shape.clone()
    }

    fn field(&self, name: &str) -> Option<SchemaRef> {
        self.fields.get(name).cloned()
    }

    fn nullable(&self) -> bool {
        self.nullable
    }

    fn max_elements(&self) -> Option<u64> {
        self.max_elements
    }

    fn min_bytes(&self) -> u64 {
        self.min_bytes
    }
}

/// Reads the schema of a resource, or of a part of one. None where expressions may not look: without a type, or
/// with items of which nothing is known.
pub fn structural(schema: &Tree, is_resource: bool) -> Option<SchemaRef> {
    read(schema, is_resource, "selfType").map(|(node, _)| node)
}

/// The node and the least bytes that its values take.
fn read(schema: &Tree, is_resource: bool, path: &str) -> Option<(SchemaRef, u64)> {
    let (node, least) = read_node(schema, is_resource, path)?;
    let nullable = schema.bool_at(&["nullable"]) == Some(true);
    Some((Arc::new(Node { nullable, min_bytes: least, ..node }), least))
}

fn read_node(schema: &Tree, is_resource: bool, path: &str) -> Option<(Node, u64)> {
    if schema.bool_at(&["x-kubernetes-int-or-string"]) == Some(true) {
        let max = limit(schema, "maxLength").map_or(MAX_REQUEST - 2, |max| max.saturating_mul(4));
        return Some((leaf(Shape::IntOrString, Some(max)), MIN_NUMBER));
    }
    match schema.str_at(&["type"])? {
        "array" => array(schema, path),
        "object" => object(schema, is_resource, path),
        "string" => Some(string(schema)),
        "boolean" => Some((leaf(Shape::Bool, None), MIN_BOOL)),
        "number" => Some((leaf(Shape::Double, None), MIN_NUMBER)),
        "integer" => Some((leaf(Shape::Int, None), MIN_NUMBER)),
        _ => None,
    }
}

fn leaf(shape: Shape, max_elements: Option<u64>) -> Node {
    Node { shape, fields: BTreeMap::new(), max_elements, min_bytes: 0, nullable: false }
}

fn limit(schema: &Tree, name: &str) -> Option<u64> {
    schema.i64_at(&[name]).map(|limit| u64::try_from(limit).unwrap_or(0))
}

fn is_embedded(schema: &Tree) -> bool {
    schema.bool_at(&["x-kubernetes-embedded-resource"]) == Some(true)
}

fn array(schema: &Tree, path: &str) -> Option<(Node, u64)> {
    let items = schema.get("items")?;
    let (items, least) = read(items, is_embedded(items), &format!("{path}.@idx"))?;
    let max = limit(schema, "maxItems").unwrap_or((MAX_REQUEST - 2) / (least + 1));
    let kind = match schema.str_at(&["x-kubernetes-list-type"]) {
        Some("set") => ListKind::Set,
        Some("map") => {
            let keys = schema.items_at(&["x-kubernetes-list-map-keys"]);
            ListKind::Map(keys.iter().filter_map(Tree::as_str).map(Box::from).collect())
        }
        _ => ListKind::Atomic,
    };
    Some((leaf(Shape::List { items, kind }, Some(max)), MIN_AGGREGATE))
}

fn object(schema: &Tree, is_resource: bool, path: &str) -> Option<(Node, u64)> {
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.as_object().is_some()) {
        let (values, least) = read(values, is_embedded(values), &format!("{path}.@elem"))?;
        // Each entry has quotes, a colon and a comma, and at least one letter on the average.
        let max = limit(schema, "maxProperties").unwrap_or((MAX_REQUEST - 2) / (least + 6));
        return Some((leaf(Shape::Map { values }, Some(max)), MIN_AGGREGATE));
    }
    let required: Vec<&str> = schema.items_at(&["required"]).iter().filter_map(Tree::as_str).collect();
    let mut fields = BTreeMap::new();
    let mut least = MIN_AGGREGATE;
    let properties = schema.get("properties");
    for (name, property) in properties.into_iter().flat_map(Tree::fields) {
        let Some((field, size)) = read(property, is_embedded(property), &format!("{path}.{name}")) else {
            continue;
        };
        fields.insert(name.into(), field);
        if required.contains(&name) && property.get("default").is_none() {
            least += name.len() as u64 + size + 4;
        }
    }
    if is_resource {
        add_type_and_name(&mut fields, path);
    }
    let shape = Shape::Object { name: path.into() };
    Some((Node { shape, fields, max_elements: None, min_bytes: 0, nullable: false }, least))
}

/// Every resource has a type and a name, whether its schema says so or not; of the metadata nothing else is seen.
fn add_type_and_name(fields: &mut BTreeMap<Box<str>, SchemaRef>, path: &str) {
    let text = || -> SchemaRef { Arc::new(leaf(Shape::String, Some(MAX_REQUEST - 2))) };
    let is_string =
        |schema: Option<&SchemaRef>| schema.is_some_and(|schema| matches!(schema.shape(), Shape::String));
    let metadata = fields.get("metadata");
    let has_names = metadata.is_some_and(|metadata| {
        is_string(metadata.field("name").as_ref()) && is_string(metadata.field("generateName").as_ref())
    });
    if has_names && is_string(fields.get("kind")) && is_string(fields.get("apiVersion")) {
        return;
    }
    let names = ["name", "generateName"].map(|name| (Box::from(name), text()));
    let shape = Shape::Object { name: format!("{path}.metadata").into() };
    let metadata = Node {
        shape,
        fields: names.into_iter().collect(),
        max_elements: None,
        min_bytes: 0,
        nullable: false,
    };
    fields.insert("metadata".into(), Arc::new(metadata));
    fields.insert("kind".into(), text());
    fields.insert("apiVersion".into(), text());
}

fn string(schema: &Tree) -> (Node, u64) {
    let of = |shape, max, least| (leaf(shape, Some(max)), least);
    match schema.str_at(&["format"]) {
        Some("byte") => of(Shape::Bytes, limit(schema, "maxLength").unwrap_or(MAX_REQUEST - 2), MIN_STRING),
        Some("duration") => of(Shape::Duration, MAX_TIME, MIN_DURATION),
        Some("date") => of(Shape::Date, DATE, DATE),
        Some("date-time") => of(Shape::Timestamp, MAX_TIME, MIN_TIMESTAMP),
        _ => {
            let longest = schema.items_at(&["enum"]).iter().filter_map(Tree::as_str).map(str::len).max();
            let max = match (limit(schema, "maxLength"), longest) {
                (Some(max), _) => max.saturating_mul(4),
                (None, Some(longest)) => longest as u64,
                (None, None) => MAX_REQUEST - 2,
            };
            of(Shape::String, max, MIN_STRING)
        }
    }
}
