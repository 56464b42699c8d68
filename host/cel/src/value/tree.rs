//! Values from trees and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::{Key, Tree};

use super::list::{List, TreeList};
use super::map::{Map, TreeMap, Values};
use super::{Evaluated, Moment, Text, Value, parse_duration};
use crate::error::EvalError;
use crate::schema::{SchemaRef, Shape};

fn unexpected(tree: &Tree, expected: &str) -> EvalError {
    EvalError::failed(format!("invalid data, expected {expected}, got {}", tree.shape()))
}

impl<'a> Value<'a> {
    /// The value that a tree is; with a schema, dates and the like are read as what they are.
    pub fn from_tree(tree: &'a Tree, schema: Option<&SchemaRef>) -> Evaluated<'a> {
        let Some(schema) = schema else { return Ok(Self::untyped(tree)) };
        match (schema.shape(), tree) {
            (_, Tree::Null) if schema.nullable() => Ok(Self::Null),
            (_, Tree::Null) => {
                Err(EvalError::failed("invalid data, got null for schema with nullable=false"))
            }
            (Shape::Dyn, tree) => Ok(Self::untyped(tree)),
            (Shape::IntOrString, tree @ (Tree::Int(_) | Tree::Str(_))) => Ok(Self::untyped(tree)),
            (Shape::IntOrString, tree) => {
                Err(unexpected(tree, "XIntOrString value to be either a string or integer"))
            }
            (Shape::Bool, Tree::Bool(value)) => Ok(Self::Bool(*value)),
            (Shape::Bool, tree) => Err(unexpected(tree, "bool")),
            (Shape::Int, tree) => tree.as_i64().map(Self::Int).ok_or_else(|| unexpected(tree, "int")),
            (Shape::Double, tree) => {
                tree.as_f64().map(Self::Double).ok_or_else(|| unexpected(tree, "double"))
            }
            (Shape::List { .. }, Tree::Array(trees)) => {
                Ok(Self::List(List::Tree(TreeList { trees, schema: Some(schema.clone()) })))
            }
            (Shape::List { .. }, tree) => {
                Err(unexpected(tree, "an array for the provided schema with type=array"))
            }
            (Shape::Map { values }, Tree::Object(object)) => {
                Ok(Self::Map(Map::Tree(TreeMap { object, values: Values::Alike(values) })))
            }
            (Shape::Object { .. }, Tree::Object(object)) => {
                Ok(Self::Map(Map::Tree(TreeMap { object, values: Values::Fields(schema.clone()) })))
            }
            (Shape::Map { .. } | Shape::Object { .. }, tree) => {
                Err(unexpected(tree, "a map for the provided schema with type=object"))
            }
            (shape, tree) => {
                let text = tree.as_str().ok_or_else(|| unexpected(tree, "string"))?;
                Self::from_text(text, &shape)
            }
        }
    }

    fn from_text(text: &'a str, shape: &Shape) -> Evaluated<'a> {
        let invalid = |what: &str| EvalError::failed(format!("Invalid {what} {text}"));
        match shape {
            Shape::Timestamp => {
                Moment::parse(text).map(Self::Timestamp).ok_or_else(|| invalid("date-time formatted string"))
            }
            Shape::Date => Moment::parse(&format!("{text}T00:00:00Z"))
                .map(Self::Timestamp)
                .ok_or_else(|| invalid("date formatted string")),
            Shape::Duration => parse_duration(text).map(Self::Duration).ok_or_else(|| invalid("duration")),
            Shape::Bytes => STANDARD
                .decode(text)
                .map(|bytes| Self::Bytes(bytes.into()))
                .map_err(|_| invalid("byte formatted string")),
            _ => Ok(Self::String(Text::Borrowed(text))),
        }
    }

    fn untyped(tree: &'a Tree) -> Self {
        match tree {
            Tree::Null => Self::Null,
            Tree::Bool(value) => Self::Bool(*value),
            Tree::Int(value) => Self::Int(*value),
            Tree::Float(value) => Self::Double(*value),
            Tree::Str(text) => Self::String(Text::Borrowed(text)),
            Tree::Array(trees) => Self::List(List::Tree(TreeList { trees, schema: None })),
            Tree::Object(object) => Self::Map(Map::Tree(TreeMap { object, values: Values::Unknown })),
        }
    }

    /// The value as a tree; values of libraries have none.
    pub fn to_tree(&self) -> Result<Tree, EvalError> {
        match self {
            Self::Null => Ok(Tree::Null),
            Self::Bool(value) => Ok(Tree::Bool(*value)),
            Self::Int(value) => Ok(Tree::Int(*value)),
            Self::Uint(value) => {
                Ok(i64::try_from(*value).map_or_else(|_| Tree::Float(*value as f64), Tree::Int))
            }
            Self::Double(value) => Ok(Tree::Float(*value)),
            Self::String(text) => Ok(Tree::from(&**text)),
            Self::Bytes(bytes) => Ok(Tree::from(STANDARD.encode(bytes))),
            Self::Timestamp(time) => Ok(Tree::from(time.to_string())),
            Self::Duration(nanos) => Ok(Tree::from(super::duration_to_string(*nanos))),
            Self::List(List::Tree(list)) => Ok(Tree::Array(list.trees.to_vec())),
            Self::List(list) => {
                let items = list.iter().map(|item| item.and_then(|item| item.to_tree()));
                Ok(Tree::Array(items.collect::<Result<_, _>>()?))
            }
            Self::Map(Map::Tree(map)) => Ok(Tree::Object(map.object.clone())),
            Self::Map(map) => {
                let mut tree = Tree::object();
                for (key, value) in map.iter() {
                    let Value::String(name) = &key else {
                        let message = format!("map key is of type {}, not string", key.type_name());
                        return Err(EvalError::failed(message));
                    };
                    tree.insert(Key::from(&**name), value?.to_tree()?);
                }
                Ok(tree)
            }
            Self::Struct(object) => {
                let mut tree = Tree::object();
                for (name, value) in &object.fields {
                    tree.insert(Key::from(&**name), value.to_tree()?);
                }
                Ok(tree)
            }
            Self::Optional(Some(value)) => value.to_tree(),
            other => Err(EvalError::failed(format!("a value of type {} has no JSON", other.type_name()))),
        }
    }
}
