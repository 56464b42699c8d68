//! The schema table: what is known of each type of the API, from `data/schema.txt`.
//!
//! It drives decoding, defaults, strategic merge, OpenAPI and whatever else asks what a field is. The table is
//! read once, at first use, into rows that point into its text.

mod names;
mod rows;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use names::openapi_name;

/// A type of the table: a struct, or a named leaf such as Quantity.
#[derive(Debug)]
pub struct Type {
    /// The short name: `core.v1.PodSpec`, `meta.v1.ObjectMeta`, `intstr.IntOrString`.
    pub name: &'static str,
    /// What a value looks like: [`Shape::Struct`] of itself, or a leaf.
    pub shape: Shape,
    /// Whether appliers replace it whole.
    pub atomic: bool,
    /// Whether its message has no fields.
    pub empty: bool,
    fields: (u16, u16),
    gvks: &'static str,
}

/// A field of a struct.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// Whether Go points to the scalar, so that it tells a zero from nothing.
    pub pointer: bool,
    /// Whether Go holds the struct by value, so that it is never absent.
    pub by_value: bool,
    pub list: ListType,
    /// Whether a map field, or the struct in it, is replaced whole.
    pub atomic: bool,
    /// Whether appliers share the struct in it although its type is atomic.
    pub granular: bool,
    /// The keys of an associative list.
    pub list_keys: &'static [&'static str],
    pub patch: PatchStrategy,
    /// The merge key of a strategic merge patch.
    pub patch_key: Option<&'static str>,
    /// The static default as JSON text, where the API states one.
    pub default: Option<&'static str>,
    numbers: [u8; 3],
}

/// What a value looks like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    String,
    /// Base64 text.
    Bytes,
    Bool,
    Int32,
    Int64,
    Double,
    /// RFC 3339, whole seconds.
    Time,
    /// RFC 3339, microseconds.
    MicroTime,
    Quantity,
    IntOrString,
    /// Any JSON value.
    Any,
    /// An object of any fields.
    Object,
    Array(ShapeId),
    /// An object whose values all have one shape.
    Map(ShapeId),
    /// A value of a named type; [`Shape::resolve`] tells whether that is a struct or a leaf.
    Struct(TypeId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Not stated: appliers treat it as atomic.
    Unstated,
    Atomic,
    Set,
    Map,
}

/// `patchStrategy` of a strategic merge patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchStrategy {
    Unstated,
    Replace,
    Merge,
    /// A struct whose patch names the keys that stay.
    RetainKeys,
    MergeRetainKeys,
}

impl PatchStrategy {
    pub const fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeRetainKeys)
    }

    pub const fn retains_keys(self) -> bool {
        matches!(self, Self::RetainKeys | Self::MergeRetainKeys)
    }
}

struct Table {
    types: Vec<Type>,
    fields: Vec<Field>,
    shapes: Vec<Shape>,
    by_name: HashMap<&'static str, TypeId>,
    by_gvk: HashMap<&'static str, TypeId>,
}

static TABLE: LazyLock<Table> = LazyLock::new(rows::read);

/// The type of a kind, lists and options included.
pub fn by_gvk(group: &str, version: &str, kind: &str) -> Option<&'static Type> {
    TABLE.by_gvk.get(format!("{group}/{version}/{kind}").as_str()).map(|id| id.get())
}

/// The type of a short name (`core.v1.Pod`) or of an OpenAPI name (`io.k8s.api.core.v1.Pod`).
pub fn by_name(name: &str) -> Option<&'static Type> {
    TABLE.by_name.get(name).or_else(|| TABLE.by_name.get(names::short(name)?.as_str())).map(|id| id.get())
}

/// Every type, sorted by its short name.
pub fn types() -> &'static [Type] {
    &TABLE.types
}

impl Field {
    /// The protobuf number, after those of the messages around it that JSON inlines; empty where there is none.
    pub fn numbers(&self) -> &[u8] {
        let len = self.numbers.iter().position(|number| *number == 0).unwrap_or(self.numbers.len());
        &self.numbers[..len]
    }
}

impl TypeId {
    pub fn get(self) -> &'static Type {
        &TABLE.types[usize::from(self.0)]
    }
}

impl Type {
    pub fn fields(&self) -> &'static [Field] {
        let (start, len) = (usize::from(self.fields.0), usize::from(self.fields.1));
        &TABLE.fields[start..start + len]
    }

    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The field at a path of names, through lists and maps (whose keys are passed over).
    pub fn field_at(&self, path: &[&str]) -> Option<&'static Field> {
        let (first, rest) = path.split_first()?;
        let field = self.field(first)?;
        if rest.is_empty() { Some(field) } else { field.shape.innermost_struct()?.field_at(rest) }
    }

    /// Its name in Go, as decoding errors say it: `PodSpec`.
    pub fn go_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// `io.k8s.api.core.v1.PodSpec`
    pub fn openapi_name(&self) -> String {
        openapi_name(self.name)
    }

    /// Group, version and kind of each kind that it is the type of.
    pub fn gvks(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        self.gvks.split(',').filter_map(|gvk| {
            let (group, rest) = gvk.split_once('/')?;
            let (version, kind) = rest.split_once('/')?;
            Some((group, version, kind))
        })
    }

    /// Whether values of it can be written as protobuf.
    pub fn is_message(&self) -> bool {
        self.fields().iter().any(|field| !field.numbers().is_empty())
    }

    /// Whether it has an ObjectMeta.
    pub fn is_object(&self) -> bool {
        self.field("metadata").is_some_and(
            |field| matches!(field.shape, Shape::Struct(id) if id.get().name == "meta.v1.ObjectMeta"),
        )
    }
}

impl Shape {
    /// A named leaf as the leaf that it is; everything else as it is.
    pub fn resolve(self) -> Self {
        match self {
            Self::Struct(id) => id.get().shape,
            other => other,
        }
    }

    /// Whether it is one value without parts, of which there is a zero.
    pub(crate) fn is_scalar(self) -> bool {
        let scalar = [Self::String, Self::Bytes, Self::Bool, Self::Int32, Self::Int64, Self::Double];
        scalar.contains(&self.resolve())
    }

    /// The struct that this is.
    pub fn as_struct(self) -> Option<&'static Type> {
        match self.resolve() {
            Self::Struct(id) => Some(id.get()),
            _ => None,
        }
    }

    /// The shape of the items of an array.
    pub fn items(self) -> Option<Self> {
        match self {
            Self::Array(id) => Some(TABLE.shapes[usize::from(id.0)]),
            _ => None,
        }
    }

    /// The shape of the values of a map.
    pub fn values(self) -> Option<Self> {
        match self {
            Self::Map(id) => Some(TABLE.shapes[usize::from(id.0)]),
            _ => None,
        }
    }

    /// What a value is one of, where protobuf has a field for each and JSON the value alone; the last one that a
    /// message has is the value.
    pub fn alternatives(self) -> &'static [Field] {
        match self {
            Self::Struct(id) if id.get().shape == Self::Any => id.get().fields(),
            _ => &[],
        }
    }

    /// Whether its message has no fields.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Struct(id) if id.get().empty)
    }

    /// The struct below any lists and maps.
    pub fn innermost_struct(self) -> Option<&'static Type> {
        match self.items().or_else(|| self.values()) {
            Some(inner) => inner.innermost_struct(),
            None => self.as_struct(),
        }
    }

    /// How Go names it: `[]v1.Container`, `map[string]string`, `int32`.
    pub fn go_type(self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Bytes => "[]uint8".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Double => "float64".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::MicroTime => "v1.MicroTime".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Any => "interface {}".to_owned(),
            Self::Object => "map[string]interface {}".to_owned(),
            Self::Array(_) => format!("[]{}", self.items().unwrap_or(Self::Any).go_type()),
            Self::Map(_) => format!("map[string]{}", self.values().unwrap_or(Self::Any).go_type()),
            Self::Struct(id) => {
                let mut parts = id.get().name.rsplit('.');
                let name = parts.next().unwrap_or_default();
                format!("{}.{name}", parts.next().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests;
