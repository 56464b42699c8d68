//! [`Schema`]: what a structural schema says of a value, read once and walked for every request.
//!
//! Documentation (descriptions, titles, examples) is not here: OpenAPI takes it from the definition, which is read
//! for that alone. A node is shared by `Arc`, and nodes that say no more than a scalar type are one and the same.

mod format;
mod parse;
mod pattern;
mod url;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use objects::{Key, Tree};

use crate::list_type::canonical;

pub use format::Format;
pub(crate) use format::Number;
pub use parse::{MAX_DEPTH, MAX_SCHEMAS, SchemaError};
pub(crate) use pattern::Patterns;
pub use pattern::{Pattern, PatternError};
pub(crate) use url::Url;

/// One node of a schema. Branches of `allOf`, `anyOf`, `oneOf` and `not` are nodes as well, in which only what
/// validates counts.
#[derive(Debug, Default)]
pub struct Schema {
    /// `None` where any type will do.
    pub kind: Option<Type>,
    pub nullable: bool,
    /// `x-kubernetes-int-or-string`
    pub int_or_string: bool,
    /// `x-kubernetes-embedded-resource`: an object with apiVersion, kind and metadata.
    pub embedded_resource: bool,
    /// `x-kubernetes-preserve-unknown-fields`
    pub preserve_unknown_fields: bool,
    /// `x-kubernetes-map-type: atomic`
    pub atomic_map: bool,
    pub list: ListType,
    pub properties: Properties,
    pub additional: Additional,
    pub items: Option<Arc<Schema>>,
    pub default: Option<Box<Tree>>,
    /// What a value must be beyond its type.
    pub checks: Option<Box<Checks>>,
    /// `x-kubernetes-validations`
    pub rules: Box<[Rule]>,
}

/// The named properties of an object, sorted by name.
pub type Properties = Box<[(Key, Arc<Schema>)]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    /// Sorted by name, as upstream lists them.
    pub const ALL: [Self; 6] =
        [Self::Array, Self::Boolean, Self::Integer, Self::Number, Self::Object, Self::String];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// `x-kubernetes-list-type`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// Not stated: appliers treat it as atomic.
    #[default]
    Unstated,
    Atomic,
    Set,
    /// With `x-kubernetes-list-map-keys`.
    Map(Box<[Box<str>]>),
}

/// `additionalProperties`
#[derive(Debug, Default)]
pub enum Additional {
    #[default]
    Unstated,
    /// `true`
    Allowed,
    /// `false`
    Forbidden,
    Values(Arc<Schema>),
}

/// Value validations.
#[derive(Debug, Default)]
pub struct Checks {
    pub format: Option<Format>,
    pub pattern: Option<Arc<Pattern>>,
    pub minimum: Option<Bound>,
    pub maximum: Option<Bound>,
    pub multiple_of: Option<f64>,
    pub min_length: Option<i64>,
    pub max_length: Option<i64>,
    pub min_items: Option<i64>,
    pub max_items: Option<i64>,
    pub min_properties: Option<i64>,
    pub max_properties: Option<i64>,
    pub unique_items: bool,
    pub required: Box<[Box<str>]>,
    pub members: Option<Members>,
    pub all_of: Box<[Arc<Schema>]>,
    pub any_of: Box<[Arc<Schema>]>,
    pub one_of: Box<[Arc<Schema>]>,
    pub not: Option<Arc<Schema>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub value: f64,
    pub exclusive: bool,
}

/// An `enum`, indexed: whether a value is one of them is no walk through a list of any length.
#[derive(Debug)]
pub struct Members {
    pub values: Box<[Tree]>,
    texts: HashSet<Box<str>>,
    wholes: HashSet<i64>,
    /// By their bits.
    floats: HashSet<u64>,
    /// All others, as canonical JSON.
    others: HashSet<String>,
}

impl Members {
    pub fn new(values: Vec<Tree>) -> Self {
        let (mut texts, mut wholes, mut floats, mut others) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        for value in &values {
            match value {
                Tree::Str(text) => drop(texts.insert(text.clone())),
                Tree::Int(whole) => drop(wholes.insert(*whole)),
                Tree::Float(float) => drop(floats.insert(float.to_bits())),
                // Null converts to nothing, not to itself.
                Tree::Null => {}
                other => drop(others.insert(canonical(other))),
            }
        }
        Self { values: values.into(), texts, wholes, floats, others }
    }

    /// Whether the value is one of them after Go's conversions, which cut a fraction off for a whole number.
    pub fn contains(&self, value: &Tree) -> bool {
        match value {
            Tree::Null => false,
            Tree::Str(text) => self.texts.contains(text),
            Tree::Int(whole) => {
                self.wholes.contains(whole) || self.floats.contains(&(*whole as f64).to_bits())
            }
            Tree::Float(float) => {
                self.floats.contains(&float.to_bits()) || self.wholes.contains(&(*float as i64))
            }
            other => self.others.contains(&canonical(other)),
        }
    }
}

/// A rule in CEL as the schema has it, uncompiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub rule: Box<str>,
    pub message: Box<str>,
    pub message_expression: Box<str>,
    pub reason: Option<Box<str>>,
    pub field_path: Box<str>,
    pub optional_old_self: Option<bool>,
}

impl Schema {
    /// Reads `openAPIV3Schema`.
    pub fn parse(tree: &Tree) -> Result<Arc<Self>, SchemaError> {
        parse::parse(tree)
    }

    /// The schema of a named property.
    pub fn property(&self, name: &str) -> Option<&Arc<Self>> {
        let position = self.properties.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
        Some(&self.properties[position].1)
    }

    /// The schema of a field: that of the property, or of additional properties.
    pub fn field(&self, name: &str) -> Option<&Arc<Self>> {
        self.property(name).or_else(|| self.additional.schema())
    }

    pub(crate) fn checks(&self) -> &Checks {
        static NONE: LazyLock<Checks> = LazyLock::new(Checks::default);
        self.checks.as_deref().unwrap_or(&NONE)
    }

    /// The keys of an associative list.
    pub fn list_keys(&self) -> &[Box<str>] {
        match &self.list {
            ListType::Map(keys) => keys,
            _ => &[],
        }
    }
}

impl Additional {
    pub fn schema(&self) -> Option<&Arc<Schema>> {
        match self {
            Self::Values(schema) => Some(schema),
            _ => None,
        }
    }

    pub const fn is_stated(&self) -> bool {
        !matches!(self, Self::Unstated)
    }
}

#[cfg(test)]
mod tests;
