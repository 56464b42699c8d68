//! [`Type`]: what the checker knows of an expression, and how it is written in messages.

pub(crate) mod unify;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::schema::{SchemaRef, Shape};

/// A type with more parts than this is treated as dynamic: nested macros could double it at each level.
const MAX_WEIGHT: u32 = 1000;

/// The type of an expression or a variable.
#[derive(Clone)]
pub enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    /// Of an expression that has an error already.
    Error,
    List(Params),
    Map(Params),
    /// An object of known fields, or, without a schema, a type of a library such as `kubernetes.Quantity`.
    Object(ObjectType),
    /// A type with parameters that is neither list nor map: `optional_type(int)`, `net.IP`.
    Opaque(&'static str, Params),
    /// The type of a type.
    Type(Params),
    /// A type variable: of a signature by name, of an expression by number.
    Param(Param),
}

/// The types that a type is made of.
#[derive(Clone)]
pub struct Params(Arc<[Type]>, u32);

#[derive(Clone)]
pub struct ObjectType {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Known,
}

/// What is known of the fields of an object.
#[derive(Clone)]
pub(crate) enum Known {
    /// None can be selected, or those that [`Declarations`](crate::Declarations) tell.
    Nothing,
    Schema(SchemaRef),
    Types(Arc<BTreeMap<Box<str>, Type>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    Named(char),
    Numbered(u32),
}

pub(crate) const OPTIONAL: &str = "optional_type";

impl Params {
    pub(crate) fn none() -> Self {
        Self(Arc::new([]), 1)
    }

    pub(crate) fn as_slice(&self) -> &[Type] {
        &self.0
    }

    /// None if the whole would be too large to work with.
    fn new(types: Vec<Type>) -> Option<Self> {
        let weight = types.iter().map(Type::weight).sum::<u32>() + 1;
        (weight <= MAX_WEIGHT).then(|| Self(types.into(), weight))
    }
}

impl Type {
    pub fn list(items: Self) -> Self {
        Self::with(Self::List, vec![items])
    }

    pub fn map(keys: Self, values: Self) -> Self {
        Self::with(Self::Map, vec![keys, values])
    }

    pub fn optional(value: Self) -> Self {
        Self::with(|params| Self::Opaque(OPTIONAL, params), vec![value])
    }

    pub(crate) fn type_of(value: Self) -> Self {
        Self::with(Self::Type, vec![value])
    }

    /// An object type without known fields, such as those of the libraries.
    pub(crate) fn object(name: &str) -> Self {
        Self::Object(ObjectType { name: name.into(), fields: Known::Nothing })
    }

    /// An object whose fields have these types, such as the `variables` of a policy.
    pub fn record<'n>(name: &str, fields: impl IntoIterator<Item = (&'n str, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, of)| (name.into(), of)).collect();
        Self::Object(ObjectType { name: name.into(), fields: Known::Types(Arc::new(fields)) })
    }

    pub(crate) fn with(make: impl FnOnce(Params) -> Self, params: Vec<Self>) -> Self {
        Params::new(params).map_or(Self::Dyn, make)
    }

    /// The type of values of a schema.
    pub fn of(schema: &SchemaRef) -> Self {
        match schema.shape() {
            Shape::Dyn | Shape::IntOrString => Self::Dyn,
            Shape::Bool => Self::Bool,
            Shape::Int => Self::Int,
            Shape::Double => Self::Double,
            Shape::String => Self::String,
            Shape::Bytes => Self::Bytes,
            Shape::Timestamp | Shape::Date => Self::Timestamp,
            Shape::Duration => Self::Duration,
            Shape::List { items, .. } => Self::list(Self::of(&items)),
            Shape::Map { values } => Self::map(Self::String, Self::of(&values)),
            Shape::Object { name } => {
                Self::Object(ObjectType { name, fields: Known::Schema(schema.clone()) })
            }
        }
    }

    fn weight(&self) -> u32 {
        match self {
            Self::List(params) | Self::Map(params) | Self::Opaque(_, params) | Self::Type(params) => params.1,
            _ => 1,
        }
    }

    pub(crate) fn params(&self) -> &[Type] {
        match self {
            Self::List(params) | Self::Map(params) | Self::Opaque(_, params) | Self::Type(params) => {
                params.as_slice()
            }
            _ => &[],
        }
    }

    /// The type with other parameters.
    pub(crate) fn rebuilt(&self, params: Vec<Type>) -> Self {
        match self {
            Self::List(_) => Self::with(Self::List, params),
            Self::Map(_) => Self::with(Self::Map, params),
            Self::Opaque(name, _) => Self::with(|params| Self::Opaque(name, params), params),
            Self::Type(_) => Self::with(Self::Type, params),
            other => other.clone(),
        }
    }

    pub(crate) fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// Whether they differ at most in their parameters.
    pub(crate) fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.name() == other.name()
    }

    /// What an optional holds.
    pub(crate) fn as_optional(&self) -> Option<&Type> {
        match self {
            Self::Opaque(OPTIONAL, params) => params.as_slice().first(),
            _ => None,
        }
    }

    /// How cel-go names it outside of type errors: `list(google.protobuf.Timestamp)`, `null_type`.
    pub fn declared_name(&self) -> String {
        match self.params() {
            [] => self.name().to_owned(),
            params => {
                let params: Vec<String> = params.iter().map(Self::declared_name).collect();
                format!("{}({})", self.name(), params.join(", "))
            }
        }
    }

    /// The name without parameters; what `type(x)` shows.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Dyn => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Error => "error",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Object(object) => &object.name,
            Self::Opaque(name, _) => name,
            Self::Type(_) => "type",
            Self::Param(_) => "",
        }
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Param(one), Self::Param(two)) => one == two,
            (Self::Param(_), _) | (_, Self::Param(_)) => false,
            _ => self.is_same_kind(other) && self.params() == other.params(),
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As type errors write it: `list(int)`, `timestamp`, `kubernetes.Quantity`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("!error!"),
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Param(Param::Named(name)) => write!(f, "{name}"),
            Self::Param(Param::Numbered(number)) => write!(f, "_var{number}"),
            other => {
                f.write_str(other.name())?;
                if let [params @ .., last] = other.params() {
                    f.write_str("(")?;
                    params.iter().try_for_each(|param| write!(f, "{param}, "))?;
                    write!(f, "{last})")?;
                }
                Ok(())
            }
        }
    }
}
