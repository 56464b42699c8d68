//! Reads a schema, within bounds: how deep it nests, how many schemas it has, what its patterns cost.

use std::sync::{Arc, LazyLock};

use objects::{Key, Tree};

use super::pattern::{PatternError, Patterns};
use super::{Additional, Bound, Checks, Format, ListType, Members, Properties, Rule, Schema, Type};

/// How deep schemas may nest. Walks recurse as deep as the schema does, on the stack of whoever asks.
pub const MAX_DEPTH: usize = 100;
/// How many schemas a schema may have within.
pub const MAX_SCHEMAS: usize = 100_000;

/// Keywords that make a schema unreadable, in the order in which upstream looks for them.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("id", "id"),
    ("$schema", "schema"),
    ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"),
    ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
];

/// Keywords of value validation; a schema without any of them has no [`Checks`].
const CHECKS: [&str; 18] = [
    "format",
    "pattern",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "required",
    "enum",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// Why a tree is no schema. The texts of what upstream refuses too are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("OpenAPIV3Schema '{0}' is not supported")]
    Unsupported(&'static str),
    #[error("OpenAPIV3Schema 'items' must be a schema, but is an array")]
    ItemsArray,
    #[error("internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined")]
    PreserveFalse,
    #[error("unknown type {0:?}")]
    Type(Box<str>),
    #[error("must not nest more than {MAX_DEPTH} schemas")]
    Depth,
    #[error("must not have more than {MAX_SCHEMAS} schemas")]
    Size,
    #[error("pattern {pattern:?}: {error}")]
    Pattern { pattern: Box<str>, error: PatternError },
}

/// Nodes that say no more than a scalar type.
static PLAIN: LazyLock<Vec<Arc<Schema>>> = LazyLock::new(|| {
    Type::ALL.into_iter().map(|kind| Arc::new(Schema { kind: Some(kind), ..Schema::default() })).collect()
});

pub(super) fn parse(tree: &Tree) -> Result<Arc<Schema>, SchemaError> {
    Parser { depth: 0, schemas: 0, patterns: Patterns::default() }.schema(tree)
}

struct Parser {
    depth: usize,
    schemas: usize,
    patterns: Patterns,
}

impl Parser {
    fn schema(&mut self, tree: &Tree) -> Result<Arc<Schema>, SchemaError> {
        self.schemas += 1;
        if self.schemas > MAX_SCHEMAS {
            return Err(SchemaError::Size);
        }
        if self.depth == MAX_DEPTH {
            return Err(SchemaError::Depth);
        }
        if let Some(error) = SchemaError::unsupported(tree) {
            return Err(error);
        }
        self.depth += 1;
        let schema = self.node(tree)?;
        self.depth -= 1;
        Ok(match schema.kind {
            Some(kind) if schema.is_plain() => plain(kind),
            _ => Arc::new(schema),
        })
    }

    fn node(&mut self, tree: &Tree) -> Result<Schema, SchemaError> {
        let kind = match text(tree, "type") {
            "" => None,
            kind => Some(Type::parse(kind).ok_or_else(|| SchemaError::Type(kind.into()))?),
        };
        let int_or_string = flag(tree, "x-kubernetes-int-or-string");
        Ok(Schema {
            kind,
            nullable: flag(tree, "nullable"),
            int_or_string,
            embedded_resource: flag(tree, "x-kubernetes-embedded-resource"),
            preserve_unknown_fields: flag(tree, "x-kubernetes-preserve-unknown-fields"),
            atomic_map: text(tree, "x-kubernetes-map-type") == "atomic",
            list: match text(tree, "x-kubernetes-list-type") {
                "atomic" => ListType::Atomic,
                "set" => ListType::Set,
                "map" => ListType::Map(texts(tree, "x-kubernetes-list-map-keys")),
                _ => ListType::Unstated,
            },
            properties: self.properties(tree)?,
            additional: match tree.get("additionalProperties") {
                None | Some(Tree::Null) => Additional::Unstated,
                Some(Tree::Bool(true)) => Additional::Allowed,
                Some(schema @ Tree::Object(_)) => Additional::Values(self.schema(schema)?),
                Some(_) => Additional::Forbidden,
            },
            items: match tree.get("items") {
                Some(schema @ Tree::Object(_)) => Some(self.schema(schema)?),
                _ => None,
            },
            default: tree.get("default").filter(|value| !value.is_null()).cloned().map(Box::new),
            checks: self.checks(tree, kind.filter(|_| !int_or_string))?,
            rules: tree.items_at(&["x-kubernetes-validations"]).iter().map(rule).collect(),
        })
    }

    fn properties(&mut self, tree: &Tree) -> Result<Properties, SchemaError> {
        let mut properties = Vec::new();
        for (name, schema) in tree.get("properties").into_iter().flat_map(Tree::fields) {
            properties.push((Key::from(name), self.schema(schema)?));
        }
        properties.sort_by(|(one, _), (two, _)| one.as_str().cmp(two.as_str()));
        Ok(properties.into())
    }

    fn checks(&mut self, tree: &Tree, kind: Option<Type>) -> Result<Option<Box<Checks>>, SchemaError> {
        if !tree.fields().any(|(key, _)| CHECKS.contains(&key)) {
            return Ok(None);
        }
        let number = |key: &str| tree.get(key).and_then(Tree::as_f64);
        let count = |key: &str| tree.i64_at(&[key]);
        let bound = |key: &str, exclusive: &str| {
            number(key).map(|value| Bound { value, exclusive: flag(tree, exclusive) })
        };
        let checks = Checks {
            format: Format::parse(text(tree, "format"), kind),
            pattern: match text(tree, "pattern") {
                "" => None,
                pattern => Some(
                    self.patterns
                        .get(pattern)
                        .map_err(|error| SchemaError::Pattern { pattern: pattern.into(), error })?,
                ),
            },
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: number("multipleOf"),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            unique_items: flag(tree, "uniqueItems"),
            required: texts(tree, "required"),
            members: match tree.items_at(&["enum"]) {
                [] => None,
                values => Some(Members::new(values.to_vec())),
            },
            all_of: self.branches(tree, "allOf")?,
            any_of: self.branches(tree, "anyOf")?,
            one_of: self.branches(tree, "oneOf")?,
            not: match tree.get("not") {
                Some(schema @ Tree::Object(_)) => Some(self.schema(schema)?),
                _ => None,
            },
        };
        Ok(Some(Box::new(checks)))
    }

    fn branches(&mut self, tree: &Tree, key: &str) -> Result<Box<[Arc<Schema>]>, SchemaError> {
        tree.items_at(&[key]).iter().map(|branch| self.schema(branch)).collect()
    }
}

impl SchemaError {
    /// What makes this one schema unreadable, those within it left aside.
    pub(crate) fn unsupported(tree: &Tree) -> Option<Self> {
        if let Some((_, said)) = UNSUPPORTED.iter().find(|(key, _)| is_stated(tree, key)) {
            return Some(Self::Unsupported(said));
        }
        if tree.get("x-kubernetes-preserve-unknown-fields") == Some(&Tree::Bool(false)) {
            return Some(Self::PreserveFalse);
        }
        (!tree.items_at(&["items"]).is_empty()).then_some(Self::ItemsArray)
    }
}

impl Schema {
    fn is_plain(&self) -> bool {
        self.checks.is_none()
            && self.default.is_none()
            && self.rules.is_empty()
            && self.properties.is_empty()
            && self.items.is_none()
            && self.list == ListType::Unstated
            && !self.additional.is_stated()
            && ![
                self.nullable,
                self.int_or_string,
                self.embedded_resource,
                self.preserve_unknown_fields,
                self.atomic_map,
            ]
            .contains(&true)
    }
}

fn plain(kind: Type) -> Arc<Schema> {
    let position = Type::ALL.into_iter().position(|other| other == kind);
    PLAIN[position.expect("ALL has every type")].clone()
}

/// Whether a keyword says anything.
fn is_stated(tree: &Tree, key: &str) -> bool {
    tree.get(key).is_some_and(|value| match value {
        Tree::Null => false,
        Tree::Str(text) => !text.is_empty(),
        Tree::Object(fields) => !fields.is_empty() || key == "additionalItems",
        _ => true,
    })
}

fn text<'a>(tree: &'a Tree, key: &str) -> &'a str {
    tree.str_at(&[key]).unwrap_or_default()
}

fn flag(tree: &Tree, key: &str) -> bool {
    tree.bool_at(&[key]).unwrap_or(false)
}

fn texts(tree: &Tree, key: &str) -> Box<[Box<str>]> {
    tree.items_at(&[key]).iter().filter_map(Tree::as_str).map(Box::from).collect()
}

fn rule(tree: &Tree) -> Rule {
    Rule {
        rule: text(tree, "rule").into(),
        message: text(tree, "message").into(),
        message_expression: text(tree, "messageExpression").into(),
        reason: tree.str_at(&["reason"]).map(Box::from),
        field_path: text(tree, "fieldPath").into(),
        optional_old_self: tree.bool_at(&["optionalOldSelf"]),
    }
}
