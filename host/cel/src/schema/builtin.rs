//! The types of built-in kinds, from the table of the API.

use std::sync::Arc;

use objects::schema::{Field, ListType, Shape as TableShape, Type};

use super::{ListKind, Schema, SchemaRef, Shape};

/// The type of a built-in kind as expressions see it.
pub fn builtin(of: &'static Type) -> SchemaRef {
    Arc::new(Place { shape: of.shape, field: None })
}

/// A value of a shape; the field that it is of tells the type of a list.
struct Place {
    shape: TableShape,
    field: Option<&'static Field>,
}

impl Place {
    fn inner(shape: Option<TableShape>) -> SchemaRef {
        Arc::new(Self { shape: shape.unwrap_or(TableShape::Any), field: None })
    }

    fn list_kind(&self) -> ListKind {
        match self.field.map(|field| (field.list, field.list_keys)) {
            Some((ListType::Set, _)) => ListKind::Set,
            Some((ListType::Map, keys)) => ListKind::Map(keys.iter().map(|key| Box::from(*key)).collect()),
            _ => ListKind::Atomic,
        }
    }
}

impl Schema for Place {
    fn shape(&self) -> Shape {
        match self.shape.resolve() {
            TableShape::String | TableShape::Quantity => Shape::String,
            TableShape::Bytes => Shape::Bytes,
            TableShape::Bool => Shape::Bool,
            TableShape::Int32 | TableShape::Int64 => Shape::Int,
            TableShape::Double => Shape::Double,
            TableShape::Time | TableShape::MicroTime => Shape::Timestamp,
            TableShape::IntOrString => Shape::IntOrString,
            TableShape::Any | TableShape::Object => Shape::Dyn,
            TableShape::Array(_) => {
                Shape::List { items: Self::inner(self.shape.items()), kind: self.list_kind() }
            }
            TableShape::Map(_) => Shape::Map { values: Self::inner(self.shape.values()) },
            TableShape::Struct(id) => Shape::Object { name: id.get().openapi_name().into() },
        }
    }

    fn field(&self, name: &str) -> Option<SchemaRef> {
        let field = self.shape.as_struct()?.field(name)?;
        Some(Arc::new(Self { shape: field.shape, field: Some(field) }))
    }
}
