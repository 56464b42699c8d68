//! [`Value`]: what expressions compute with. Objects are borrowed from their trees, never copied.

mod convert;
mod equal;
mod list;
mod map;
mod moment;
mod text;
mod tree;

use std::net::IpAddr;
use std::sync::Arc;

use objects::quantity::Quantity;

use crate::authorizer::Check;
use crate::error::EvalError;
use crate::functions::cidr::Cidr;
use crate::functions::format::Format;
use crate::functions::semver::Semver;
use crate::functions::url::Url;

pub(crate) use convert::{double_to_string, duration_to_string, parse_duration};
pub(crate) use equal::{compare, equal};
pub(crate) use list::List;
pub use map::Fields;
pub(crate) use map::{Key, Map};
pub use moment::Moment;
pub(crate) use text::Text;

/// A value. The lifetime is that of the objects that an expression is evaluated on.
#[derive(Clone)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text<'a>),
    Bytes(Arc<[u8]>),
    Timestamp(Moment),
    /// In nanoseconds, as Go's.
    Duration(i64),
    List(List<'a>),
    Map(Map<'a>),
    Optional(Option<Arc<Value<'a>>>),
    /// The name of a type: what `type(x)` gives.
    Type(Arc<str>),
    /// `Object.spec{…}` or `JSONPatch{…}`.
    Struct(Arc<Struct<'a>>),
    Quantity(Quantity),
    Url(Arc<Url>),
    Ip(IpAddr),
    Cidr(Cidr),
    Semver(Arc<Semver>),
    Format(&'static Format),
    /// The authorizer, a request that is being put together for it, or its decision.
    Authorizer(Arc<Check<'a>>),
}

/// An object that an expression made, with its type's name.
#[derive(Clone, Debug)]
pub struct Struct<'a> {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Vec<(Arc<str>, Value<'a>)>,
}

pub(crate) type Evaluated<'a> = Result<Value<'a>, EvalError>;

impl Struct<'_> {
    /// The name of its type: `Object.spec`, `JSONPatch`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields in the order in which they were written.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value<'_>)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }
}

impl<'a> Value<'a> {
    /// A value that may be absent, such as the former value of an object.
    pub fn optional(value: Option<Value<'a>>) -> Self {
        Self::Optional(value.map(Arc::new))
    }

    /// A semantic version; none where the text is no such.
    pub fn semver(text: &str) -> Option<Self> {
        Semver::parse(text).ok().map(|version| Self::Semver(Arc::new(version)))
    }

    /// A map whose values are worked out when they are asked for.
    pub fn fields(fields: &'a dyn Fields) -> Self {
        Self::Map(Map::Fields(fields))
    }

    pub(crate) fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::from(items))
    }

    /// The name of its type.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Struct(object) => &object.name,
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Url(_) => "kubernetes.URL",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Authorizer(check) => check.type_name(),
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Its size as `size()` gives it and costs are counted; one where it has none.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::String(text) => text.chars().count() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::List(list) => list.len() as u64,
            Self::Map(map) => map.len() as u64,
            Self::Optional(Some(value)) => value.size(),
            Self::Ip(ip) => {
                if ip.is_ipv4() {
                    4
                } else {
                    16
                }
            }
            Self::Cidr(cidr) => u64::from(cidr.prefix()).div_ceil(8),
            _ => 1,
        }
    }

    /// Whether it is what an absent field is taken for: empty, zero or false.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Uint(value) => *value == 0,
            Self::Double(value) => *value == 0.0,
            Self::Duration(value) => *value == 0,
            Self::String(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(list) => list.len() == 0,
            Self::Map(map) => map.len() == 0,
            Self::Optional(value) => value.is_none(),
            Self::Struct(object) => object.fields.is_empty(),
            Self::Timestamp(time) => time.is_first(),
            _ => false,
        }
    }

    /// The object that it is.
    pub fn as_struct(&self) -> Option<&Struct<'a>> {
        match self {
            Self::Struct(object) => Some(object),
            _ => None,
        }
    }

    /// The items of a list, the value of an optional as one or none.
    pub fn items(&self) -> Result<Vec<Value<'a>>, EvalError> {
        match self {
            Self::List(list) => list.iter().collect(),
            Self::Optional(value) => Ok(value.iter().map(|value| (**value).clone()).collect()),
            _ => Ok(Vec::new()),
        }
    }
}

impl From<&str> for Value<'_> {
    fn from(text: &str) -> Self {
        Self::String(Text::from(text.to_owned()))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::String(Text::from(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::Int(value as i64)
    }
}
