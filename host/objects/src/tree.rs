//! [`Tree`]: the one dynamic value of the house, compact and order-preserving.
//!
//! Keys keep the order they came in, so what a client sent is what it reads back. A key that is the name of a
//! field of the schema table is two bytes long; see [`Key`].

mod access;
mod json;
mod key;
mod merge;
mod object;
mod serde_in;
mod serde_out;
mod yaml;

pub use json::JsonError;
pub use key::Key;
pub use object::Object;
pub use serde_in::from_tree;
pub use serde_out::{ConvertError, to_tree};

/// A JSON value. Whole numbers within `i64` are [`Tree::Int`], every other number is [`Tree::Float`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Tree {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Box<str>),
    Array(Vec<Tree>),
    Object(Object),
}

impl Tree {
    /// An empty object.
    pub const fn object() -> Self {
        Self::Object(Object::new())
    }

    /// An empty array.
    pub const fn array() -> Self {
        Self::Array(Vec::new())
    }

    /// What Go's JSON decoder calls a value of this shape in its messages.
    pub fn shape(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Null, false, zero, the empty string, the empty array or the empty object: what `omitempty` leaves out.
    pub fn is_empty_value(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::Str(value) => value.is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Object(fields) => fields.is_empty(),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $build:expr),* $(,)?) => {
        $(impl From<$from> for Tree {
            fn from($value: $from) -> Self {
                $build
            }
        })*
    };
}

from! {
    bool => |value| Self::Bool(value),
    i32 => |value| Self::Int(i64::from(value)),
    u16 => |value| Self::Int(i64::from(value)),
    u32 => |value| Self::Int(i64::from(value)),
    i64 => |value| Self::Int(value),
    f64 => |value| Self::Float(value),
    &str => |value| Self::Str(value.into()),
    &String => |value| Self::Str(value.as_str().into()),
    String => |value| Self::Str(value.into_boxed_str()),
    Box<str> => |value| Self::Str(value),
    Object => |value| Self::Object(value),
}

impl<T: Into<Tree>> From<Vec<T>> for Tree {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Tree>> From<Option<T>> for Tree {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Writes an object: `tree!({ "kind": "Pod", "metadata": { "name": name }, "items": [] })`.
#[macro_export]
macro_rules! tree {
    (null) => { $crate::Tree::Null };
    ([ $($item:tt),* $(,)? ]) => { $crate::Tree::Array(vec![ $( $crate::tree!($item) ),* ]) };
    ({ $($key:literal : $value:tt),* $(,)? }) => {
        $crate::Tree::Object([ $( ($crate::Key::from($key), $crate::tree!($value)) ),* ].into_iter().collect())
    };
    ($value:expr) => { $crate::Tree::from($value) };
}

#[cfg(test)]
pub(crate) mod tests;
