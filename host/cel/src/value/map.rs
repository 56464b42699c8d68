//! Maps: of values, of a tree's object, or of fields that are worked out when they are asked for.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use objects::{Object, Tree};

use super::{Evaluated, Text, Value};
use crate::error::EvalError;
use crate::schema::{SchemaRef, escape, unescape};

/// A map; cloning it copies no entry.
#[derive(Clone)]
pub enum Map<'a> {
    Entries(Arc<BTreeMap<Key<'a>, Value<'a>>>),
    Tree(TreeMap<'a>),
    Fields(&'a dyn Fields),
}

/// Fields whose values are worked out when an expression asks for them: the `variables` of a policy.
pub trait Fields: Send + Sync {
    /// The value of a field; none if there is no such field.
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>>;
}

/// An object of an object.
#[derive(Clone)]
pub struct TreeMap<'a> {
    pub(super) object: &'a Object,
    pub(super) values: Values,
}

/// What is known of the values of an object.
#[derive(Clone)]
pub(super) enum Values {
    Unknown,
    /// They are all alike.
    Alike(SchemaRef),
    /// The object has known fields, whose names are spelled as identifiers.
    Fields(SchemaRef),
}

impl<'a> TreeMap<'a> {
    /// The tree of a field by the name on the wire.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Tree> {
        self.object.get(name)
    }

    fn get(&self, name: &str) -> Option<Evaluated<'a>> {
        match &self.values {
            Values::Unknown => self.raw(name).map(|tree| Value::from_tree(tree, None)),
            Values::Alike(schema) => self.raw(name).map(|tree| Value::from_tree(tree, Some(schema))),
            Values::Fields(schema) => {
                let name = unescape(name)?;
                let tree = self.raw(&name).filter(|tree| !tree.is_null())?;
                Some(Value::from_tree(tree, Some(&schema.field(&name)?)))
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.object.len()
    }

    pub(crate) fn object(&self) -> &'a Object {
        self.object
    }

    /// Whether its keys are the names on the wire.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(self.values, Values::Fields(_))
    }

    /// The value that a tree among its values is.
    pub(crate) fn value(&self, tree: &'a Tree) -> Evaluated<'a> {
        match &self.values {
            Values::Alike(schema) => Value::from_tree(tree, Some(schema)),
            _ => Value::from_tree(tree, None),
        }
    }

    /// Whether the fields that are in both and that their schema does not know are the same.
    pub(super) fn has_equal_unknowns(&self, other: &Self) -> bool {
        let Values::Fields(schema) = &self.values else { return true };
        let unknown = self.object.iter().filter(|(name, _)| schema.field(name).is_none());
        unknown.into_iter().all(|(name, tree)| other.raw(name).is_none_or(|other| other == tree))
    }

    fn entry(&self, name: &'a str, tree: &'a Tree) -> Option<(Text<'a>, Evaluated<'a>)> {
        match &self.values {
            Values::Unknown => Some((Text::Borrowed(name), Value::from_tree(tree, None))),
            Values::Alike(schema) => Some((Text::Borrowed(name), Value::from_tree(tree, Some(schema)))),
            Values::Fields(schema) => {
                let field = schema.field(name)?;
                let spelled = escape(name).map_or(Text::Borrowed(name), Text::from);
                Some((spelled, Value::from_tree(tree, Some(&field))))
            }
        }
    }
}

impl<'a> Map<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Entries(entries) => entries.len(),
            Self::Tree(map) => map.object.len(),
            Self::Fields(_) => 0,
        }
    }

    pub(crate) fn get(&self, key: &Value<'_>) -> Result<Option<Value<'a>>, EvalError> {
        match (self, key) {
            (Self::Tree(map), Value::String(name)) => map.get(name).transpose(),
            (Self::Fields(fields), Value::String(name)) => fields.field(name).transpose(),
            (Self::Entries(entries), key) => Ok(Key::of(key).and_then(|key| entries.get(&key).cloned())),
            _ => Ok(None),
        }
    }

    /// Keys and values; a value that does not fit its schema is an error.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = (Value<'a>, Evaluated<'a>)> + '_> {
        match self {
            Self::Entries(entries) => {
                Box::new(entries.iter().map(|(key, value)| (key.to_value(), Ok(value.clone()))))
            }
            Self::Tree(map) => Box::new(map.object.iter().filter_map(|(name, tree)| {
                let (name, value) = map.entry(name, tree)?;
                Some((Value::String(name), value))
            })),
            Self::Fields(_) => Box::new(std::iter::empty()),
        }
    }

    /// Adds an entry, without a copy if nobody else holds the map.
    pub(crate) fn insert(&mut self, key: &Value<'a>, value: Value<'a>) -> Result<(), EvalError> {
        let of = key;
        let key = Key::of(of).ok_or_else(|| EvalError::failed("unsupported key type"))?;
        if let Self::Entries(entries) = self {
            if entries.contains_key(&key) {
                return Err(EvalError::failed(format!("insert failed: key {key} already exists")));
            }
            Arc::make_mut(entries).insert(key, value);
            return Ok(());
        }
        let mut entries = BTreeMap::new();
        for (key, value) in self.iter() {
            entries.extend(Key::of(&key).map(|key| value.map(|value| (key, value))).transpose()?);
        }
        *self = Self::Entries(Arc::new(entries));
        self.insert(of, value)
    }
}

/// A key of a map. Ints and uints of the same number are the same key.
#[derive(Clone)]
pub enum Key<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    String(Text<'a>),
}

impl<'a> Key<'a> {
    /// The key that a value is; a double that is whole is one too.
    pub(crate) fn of(value: &Value<'a>) -> Option<Self> {
        const LIMIT: f64 = 9_223_372_036_854_775_807.0;
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Int(value) => Some(Self::Int(*value)),
            Value::Uint(value) => Some(Self::Uint(*value)),
            Value::String(text) => Some(Self::String(text.clone())),
            Value::Double(value) if value.fract() == 0.0 && value.abs() < LIMIT => {
                Some(Self::Int(*value as i64))
            }
            _ => None,
        }
    }

    pub(crate) fn to_value(&self) -> Value<'a> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::String(text) => Value::String(text.clone()),
        }
    }

    fn number(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(i128::from(*value)),
            Self::Uint(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |key: &Key<'_>| match key {
            Key::Bool(_) => 0,
            Key::Int(_) | Key::Uint(_) => 1,
            Key::String(_) => 2,
        };
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::String(one), Self::String(two)) => (**one).cmp(two),
            _ => (rank(self), self.number()).cmp(&(rank(other), other.number())),
        }
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::String(text) => f.write_str(text),
        }
    }
}

/// One text for equal keys.
impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{:?}", &**text),
            other => fmt::Display::fmt(other, f),
        }
    }
}
