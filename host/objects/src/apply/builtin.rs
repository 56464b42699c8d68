//! The types of the schema table.

use super::typing::{MapType, Scalar, Typing, Untyped};
use crate::schema::{Field, ListType, Shape, Type};
use crate::tree::Tree;

/// The one leaf of the table that is an object which appliers replace whole.
const RAW: &str = "runtime.RawExtension";

static NOTHING: Tree = Tree::Null;
static EMPTY: Tree = Tree::object();

/// A type of the schema table, with what the field that holds it says.
#[derive(Clone, Copy, Debug)]
pub struct Builtin(Repr);

#[derive(Clone, Copy, Debug)]
enum Repr {
    Typed { shape: Shape, holder: Option<&'static Field> },
    Untyped(Untyped),
}

impl Builtin {
    pub fn of(row: &'static Type) -> Self {
        Self::new(row.shape, None)
    }

    fn new(shape: Shape, holder: Option<&'static Field>) -> Self {
        Self(match shape.resolve() {
            // OpenAPI gives IntOrString no type either.
            Shape::Any | Shape::Object | Shape::IntOrString => Repr::Untyped(match shape {
                Shape::Struct(id) if id.get().name == RAW => Untyped::Atomic,
                _ => Untyped::Deduced,
            }),
            resolved => Repr::Typed { shape: resolved, holder },
        })
    }

    const fn untyped(of: Untyped) -> Self {
        Self(Repr::Untyped(of))
    }
}

impl Typing for Builtin {
    fn scalar(self) -> Option<Scalar> {
        let shape = match self.0 {
            Repr::Typed { shape, .. } => shape,
            Repr::Untyped(untyped) => return untyped.scalar(),
        };
        match shape {
            Shape::String | Shape::Bytes => Some(Scalar::String),
            Shape::Bool => Some(Scalar::Boolean),
            Shape::Int32 | Shape::Int64 | Shape::Double => Some(Scalar::Numeric),
            Shape::Time | Shape::MicroTime | Shape::Quantity => Some(Scalar::Untyped),
            _ => None,
        }
    }

    fn list(self) -> Option<(ListType, Self)> {
        match self.0 {
            Repr::Typed { shape, holder } => {
                let list = holder.map_or(ListType::Unstated, |field| field.list);
                Some((list, Self::new(shape.items()?, None)))
            }
            Repr::Untyped(untyped) => untyped.list().map(|(list, items)| (list, Self::untyped(items))),
        }
    }

    fn keys(self) -> impl Iterator<Item: AsRef<str>> {
        let keys = match self.0 {
            Repr::Typed { holder: Some(field), .. } => field.list_keys,
            _ => &[],
        };
        keys.iter()
    }

    /// The default that the schema states, or the zero of a required scalar, which OpenAPI states as its default.
    fn key_default(self, name: &str) -> Option<Tree> {
        let Repr::Typed { shape: Shape::Struct(id), .. } = self.0 else {
            return None;
        };
        let field = id.get().field(name)?;
        match (field.default, field.shape) {
            (Some(json), _) => Tree::from_json(json.as_bytes()).ok(),
            (None, _) if !field.required || field.pointer => None,
            (None, Shape::String) => Some(Tree::from("")),
            (None, Shape::Int32 | Shape::Int64) => Some(Tree::Int(0)),
            (None, Shape::Bool) => Some(Tree::Bool(false)),
            (None, _) => None,
        }
    }

    fn map(self) -> Option<MapType> {
        let (shape, holder) = match self.0 {
            Repr::Typed { shape, holder } => (shape, holder),
            Repr::Untyped(untyped) => return untyped.map(),
        };
        let of_type = match shape {
            Shape::Struct(id) => id.get().atomic,
            Shape::Map(_) => false,
            _ => return None,
        };
        let atomic = holder.map_or(of_type, |field| field.atomic || (of_type && !field.granular));
        Some(if atomic { MapType::Atomic } else { MapType::Granular })
    }

    fn field(self, name: &str) -> Option<Self> {
        match self.0 {
            Repr::Typed { shape: Shape::Struct(id), .. } => {
                id.get().field(name).map(|field| Self::new(field.shape, Some(field)))
            }
            _ => None,
        }
    }

    fn values(self) -> Option<Self> {
        match self.0 {
            Repr::Typed { shape, .. } => Some(Self::new(shape.values()?, None)),
            Repr::Untyped(untyped) => untyped.values().map(Self::untyped),
        }
    }

    /// A struct that Go holds by value is there even when it is empty, a required list or map as null.
    fn absent(self) -> Option<&'static Tree> {
        match self.0 {
            Repr::Typed { holder: Some(field), .. } if field.by_value => Some(&EMPTY),
            Repr::Typed { shape: Shape::Array(_) | Shape::Map(_), holder: Some(field) } if field.required => {
                Some(&NOTHING)
            }
            _ => None,
        }
    }
}
