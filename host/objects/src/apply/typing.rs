//! [`Typing`]: what appliers need to know of the type of a value.

use super::element::Element;
use crate::schema::ListType;
use crate::tree::{Key, Object, Tree};

/// The type of a value, as cheap to copy as a reference. It may allow values of several kinds.
///
/// The built-in kinds have [`Builtin`](super::Builtin); a custom resource's schema is to implement it for a
/// reference into itself, with [`Untyped`] where it says nothing.
pub trait Typing: Copy {
    fn scalar(self) -> Option<Scalar>;

    /// How the items of a list relate, and their type.
    fn list(self) -> Option<(ListType, Self)>;

    /// The names of the fields that tell the items of a list of type map apart.
    fn keys(self) -> impl Iterator<Item: AsRef<str>>;

    /// What a key field of an item counts as where the item does not have it; `self` is the type of the item.
    fn key_default(self, name: &str) -> Option<Tree>;

    /// How the fields of an object relate.
    fn map(self) -> Option<MapType>;

    /// The type of a field that the type names.
    fn field(self, name: &str) -> Option<Self>;

    /// The type of the fields that the type does not name; `None` where there may be none.
    fn values(self) -> Option<Self>;

    /// What a field of an object counts as where the object does not have it, when two versions of the object
    /// are compared; `self` is the type of the field.
    fn absent(self) -> Option<&'static Tree> {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Numeric,
    String,
    Boolean,
    /// Any of them.
    Untyped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// Each field has its own owners.
    Granular,
    Atomic,
}

/// The type of values of which no schema tells: lists are atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untyped {
    /// Objects are granular, at any depth of objects.
    Deduced,
    /// Objects are atomic.
    Atomic,
}

impl Typing for Untyped {
    fn scalar(self) -> Option<Scalar> {
        Some(Scalar::Untyped)
    }

    fn list(self) -> Option<(ListType, Self)> {
        Some((ListType::Atomic, Self::Atomic))
    }

    fn keys(self) -> impl Iterator<Item: AsRef<str>> {
        std::iter::empty::<&str>()
    }

    fn key_default(self, _name: &str) -> Option<Tree> {
        None
    }

    fn map(self) -> Option<MapType> {
        Some(match self {
            Self::Deduced => MapType::Granular,
            Self::Atomic => MapType::Atomic,
        })
    }

    fn field(self, _name: &str) -> Option<Self> {
        None
    }

    fn values(self) -> Option<Self> {
        Some(self)
    }
}

/// What a value is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<T> {
    Map(MapType),
    Scalar(Scalar),
    List(ListType, T),
}

/// What a value of a type is taken for: null, and what the type does not allow, for the first thing that it allows.
pub(super) fn kind<T: Typing>(typing: T, value: &Tree) -> Option<Kind<T>> {
    let map = || typing.map().map(Kind::Map);
    let scalar = || typing.scalar().map(Kind::Scalar);
    let list = || typing.list().map(|(list, items)| Kind::List(list, items));
    let own = match value {
        Tree::Null => None,
        Tree::Object(_) => map(),
        Tree::Array(_) => list(),
        Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) | Tree::Str(_) => scalar(),
    };
    own.or_else(map).or_else(scalar).or_else(list)
}

/// The type of a field, named or not.
pub(super) fn field<T: Typing>(typing: T, name: &str) -> Option<T> {
    typing.field(name).or_else(|| typing.values())
}

/// The step to an item of an associative list.
pub(super) fn item<T: Typing>(list: T, of: ListType, items: T, item: &Tree) -> Result<Element, String> {
    match (of, item) {
        (ListType::Map, Tree::Object(fields)) => keyed(list, items, fields),
        (ListType::Map, Tree::Null) => {
            Err("associative list with keys may not have a null element".to_owned())
        }
        (ListType::Map, _) => Err("associative list with keys may not have non-map elements".to_owned()),
        (_, Tree::Object(_)) => {
            Err("associative list without keys has an element that's a map type".to_owned())
        }
        (_, Tree::Array(_)) => Err("not supported: associative list with lists as elements".to_owned()),
        (_, Tree::Null) => {
            Err("associative list without keys has an element that's an explicit null".to_owned())
        }
        (_, scalar) => Ok(Element::Value(scalar.clone())),
    }
}

fn keyed<T: Typing>(list: T, items: T, fields: &Object) -> Result<Element, String> {
    let of_item = |name: &str| fields.get(name).cloned().or_else(|| items.key_default(name));
    let keys = list.keys().filter_map(|name| Some((Key::from(name.as_ref()), of_item(name.as_ref())?)));
    match Element::keys(keys) {
        Element::Keys(keys) if keys.is_empty() => {
            let names: Vec<_> = list.keys().map(|name| format!("{:?}", name.as_ref())).collect();
            Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                names.join(" ")
            ))
        }
        element => Ok(element),
    }
}
