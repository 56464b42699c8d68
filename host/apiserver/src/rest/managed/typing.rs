//! The types of fields that appliers see: of the schema table, or of a custom resource's schema.

use std::sync::LazyLock;

use objects::Tree;
use objects::apply::{Builtin, MapType, Scalar, Typing, Untyped};
use objects::schema::{self, ListType, Type};
use structural::{Schema, Type as Kind, Version};

/// The type of a value in an object of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldTyping<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Builtin(Builtin),
    /// A custom resource: its metadata is that of every object.
    Root(&'a Schema),
    Custom(&'a Schema),
    Untyped(Untyped),
}

/// Of apiVersion and kind, which no schema has to name.
static TEXT: LazyLock<Schema> = LazyLock::new(|| Schema { kind: Some(Kind::String), ..Schema::default() });

impl<'a> FieldTyping<'a> {
    pub(super) const UNKNOWN: Self = Self(Repr::Untyped(Untyped::Deduced));

    pub(super) fn of_builtin(row: &'static Type) -> Self {
        Self(Repr::Builtin(Builtin::of(row)))
    }

    pub(super) fn of_custom(version: &'a Version) -> Self {
        match version.schema.as_deref() {
            Some(schema) if !version.preserve_unknown_fields => Self(Repr::Root(schema)),
            _ => Self::UNKNOWN,
        }
    }

    fn of_schema(schema: &'a Schema) -> Self {
        if schema.kind.is_none() && !schema.int_or_string {
            return Self::UNKNOWN;
        }
        Self(Repr::Custom(schema))
    }
}

impl Typing for FieldTyping<'_> {
    fn scalar(self) -> Option<Scalar> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.scalar(),
            Repr::Untyped(untyped) => untyped.scalar(),
            Repr::Root(_) => None,
            Repr::Custom(schema) if schema.int_or_string => Some(Scalar::Untyped),
            Repr::Custom(schema) => match schema.kind? {
                Kind::String => Some(Scalar::String),
                Kind::Integer | Kind::Number => Some(Scalar::Numeric),
                Kind::Boolean => Some(Scalar::Boolean),
                Kind::Object | Kind::Array => None,
            },
        }
    }

    fn list(self) -> Option<(ListType, Self)> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.list().map(|(list, items)| (list, Self(Repr::Builtin(items)))),
            Repr::Untyped(untyped) => untyped.list().map(|(list, items)| (list, Self(Repr::Untyped(items)))),
            Repr::Custom(schema) if schema.kind == Some(Kind::Array) => {
                let list = match schema.list {
                    structural::ListType::Unstated => ListType::Unstated,
                    structural::ListType::Atomic => ListType::Atomic,
                    structural::ListType::Set => ListType::Set,
                    structural::ListType::Map(_) => ListType::Map,
                };
                Some((list, schema.items.as_deref().map_or(Self::UNKNOWN, Self::of_schema)))
            }
            Repr::Root(_) | Repr::Custom(_) => None,
        }
    }

    fn keys(self) -> impl Iterator<Item: AsRef<str>> {
        let builtin = match self.0 {
            Repr::Builtin(builtin) => Some(builtin.keys()),
            _ => None,
        };
        let custom: &[Box<str>] = match self.0 {
            Repr::Custom(schema) => schema.list_keys(),
            _ => &[],
        };
        let named = builtin.into_iter().flatten().map(|key| key.as_ref().to_owned());
        named.chain(custom.iter().map(|key| key.to_string()))
    }

    fn key_default(self, name: &str) -> Option<Tree> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.key_default(name),
            Repr::Custom(schema) => schema.property(name)?.default.as_deref().cloned(),
            Repr::Root(_) | Repr::Untyped(_) => None,
        }
    }

    fn map(self) -> Option<MapType> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.map(),
            Repr::Untyped(untyped) => untyped.map(),
            Repr::Root(_) => Some(MapType::Granular),
            Repr::Custom(schema) if schema.kind == Some(Kind::Object) => {
                Some(if schema.atomic_map { MapType::Atomic } else { MapType::Granular })
            }
            Repr::Custom(_) => None,
        }
    }

    fn field(self, name: &str) -> Option<Self> {
        match (self.0, name) {
            (Repr::Builtin(builtin), _) => builtin.field(name).map(|field| Self(Repr::Builtin(field))),
            (Repr::Untyped(untyped), _) => untyped.field(name).map(|field| Self(Repr::Untyped(field))),
            (Repr::Root(_), "metadata") => schema::by_name("meta.v1.ObjectMeta").map(Self::of_builtin),
            (Repr::Root(_), "kind" | "apiVersion") => Some(Self(Repr::Custom(&TEXT))),
            (Repr::Root(schema) | Repr::Custom(schema), _) => {
                schema.property(name).map(|schema| Self::of_schema(schema))
            }
        }
    }

    fn values(self) -> Option<Self> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.values().map(|values| Self(Repr::Builtin(values))),
            Repr::Untyped(untyped) => untyped.values().map(|values| Self(Repr::Untyped(values))),
            Repr::Root(schema) | Repr::Custom(schema) => match schema.additional.schema() {
                Some(values) => Some(Self::of_schema(values)),
                None => schema.preserve_unknown_fields.then_some(Self::UNKNOWN),
            },
        }
    }

    fn absent(self) -> Option<&'static Tree> {
        match self.0 {
            Repr::Builtin(builtin) => builtin.absent(),
            _ => None,
        }
    }
}
