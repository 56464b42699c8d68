//! What is known of the shape of objects: the trait by which a caller tells it, and how field names are spelled.

mod builtin;
mod names;
mod records;
mod structural;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::parse::RESERVED;

pub use builtin::builtin;
pub use names::{escape, unescape};
pub use records::{admission_request, namespace};
pub use structural::structural;

/// A place in an object: a node of a structural schema, or a row of the table of built-in types.
///
/// Children are asked for when they are needed, so that types which contain themselves are no problem.
pub trait Schema: Send + Sync {
    fn shape(&self) -> Shape;

    /// The field of an object, by its name on the wire.
    fn field(&self, name: &str) -> Option<SchemaRef>;

    /// Whether a value may be null where it is an element of a list or a map.
    fn nullable(&self) -> bool {
        true
    }

    /// The most elements of a list or a map, or the most bytes of a string, that a request can carry; none where
    /// that is one or unknown. The cost of a rule is estimated with it.
    fn max_elements(&self) -> Option<u64> {
        None
    }

    /// The least bytes that a value takes in a request, which bounds how many there are of it.
    fn min_bytes(&self) -> u64 {
        0
    }
}

/// The field that an identifier stands for; a reserved word may be written as it is.
pub(crate) fn field_of(schema: &SchemaRef, identifier: &str) -> Option<SchemaRef> {
    let name = unescape(identifier)?;
    let is_known = RESERVED.contains(&identifier) || escape(&name).as_deref() == Some(identifier);
    if is_known { schema.field(&name) } else { None }
}

pub type SchemaRef = Arc<dyn Schema>;

/// What a value looks like.
#[derive(Clone)]
pub enum Shape {
    /// Anything; its fields are not checked.
    Dyn,
    Bool,
    Int,
    Double,
    String,
    /// Base64 text.
    Bytes,
    /// RFC 3339 text.
    Timestamp,
    /// `2006-01-02`
    Date,
    /// Go's notation: `1h30m`.
    Duration,
    IntOrString,
    List {
        items: SchemaRef,
        kind: ListKind,
    },
    Map {
        values: SchemaRef,
    },
    /// An object of known fields; the name is that of its type in messages, and tells types apart.
    Object {
        name: Arc<str>,
    },
}

/// `x-kubernetes-list-type`: how lists are compared and added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    Atomic,
    /// Without order; adding is a union.
    Set,
    /// Without order, by these keys; adding replaces in place.
    Map(Arc<[Box<str>]>),
}
