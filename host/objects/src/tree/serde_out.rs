//! Trees into any serde format, and Rust values into trees.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Key, Object, Tree};

/// Why a Rust value is no tree, or a tree no Rust value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConvertError(Box<str>);

impl serde::de::Error for ConvertError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}

impl ser::Error for ConvertError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}

/// The tree of a Rust value, as its type writes it as JSON.
pub fn to_tree<T: Serialize + ?Sized>(value: &T) -> Result<Tree, ConvertError> {
    value.serialize(ToTree)
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

struct ToTree;

impl Serializer for ToTree {
    type Ok = Tree;
    type Error = ConvertError;
    type SerializeSeq = ArrayOut;
    type SerializeTuple = ArrayOut;
    type SerializeTupleStruct = ArrayOut;
    type SerializeTupleVariant = ArrayOut;
    type SerializeMap = ObjectOut;
    type SerializeStruct = ObjectOut;
    type SerializeStructVariant = ObjectOut;

    fn serialize_bool(self, value: bool) -> Result<Tree, ConvertError> {
        Ok(Tree::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value))
    }

    fn serialize_u8(self, value: u8) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Tree, ConvertError> {
        Ok(Tree::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<Tree, ConvertError> {
        Ok(i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int))
    }

    fn serialize_f32(self, value: f32) -> Result<Tree, ConvertError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Tree, ConvertError> {
        Ok(if value.is_finite() { Tree::Float(value) } else { Tree::Null })
    }

    fn serialize_char(self, value: char) -> Result<Tree, ConvertError> {
        Ok(Tree::from(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, ConvertError> {
        Ok(Tree::from(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Tree, ConvertError> {
        Ok(Tree::Array(value.iter().map(|byte| Tree::Int((*byte).into())).collect()))
    }

    fn serialize_none(self) -> Result<Tree, ConvertError> {
        Ok(Tree::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Tree, ConvertError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Tree, ConvertError> {
        Ok(Tree::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Tree, ConvertError> {
        Ok(Tree::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Tree, ConvertError> {
        Ok(Tree::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Tree, ConvertError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Tree, ConvertError> {
        Ok(wrap(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ArrayOut, ConvertError> {
        Ok(ArrayOut { items: Vec::with_capacity(len.unwrap_or(0)), variant: None })
    }

    fn serialize_tuple(self, len: usize) -> Result<ArrayOut, ConvertError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<ArrayOut, ConvertError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ArrayOut, ConvertError> {
        Ok(ArrayOut { items: Vec::with_capacity(len), variant: Some(variant) })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<ObjectOut, ConvertError> {
        Ok(ObjectOut { fields: Object::with_capacity(len.unwrap_or(0)), key: None, variant: None })
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<ObjectOut, ConvertError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ObjectOut, ConvertError> {
        Ok(ObjectOut { fields: Object::with_capacity(len), key: None, variant: Some(variant) })
    }
}

/// A variant with a value is an object with one key, as serde_json writes it.
fn wrap(variant: Option<&'static str>, value: Tree) -> Tree {
    match variant {
        Some(name) => Tree::Object([(Key::from(name), value)].into_iter().collect()),
        None => value,
    }
}

struct ArrayOut {
    items: Vec<Tree>,
    variant: Option<&'static str>,
}

macro_rules! array_out {
    ($($which:ident $method:ident),*) => {
        $(impl $which for ArrayOut {
            type Ok = Tree;
            type Error = ConvertError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConvertError> {
                self.items.push(value.serialize(ToTree)?);
                Ok(())
            }

            fn end(self) -> Result<Tree, ConvertError> {
                Ok(wrap(self.variant, Tree::Array(self.items)))
            }
        })*
    };
}

array_out! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
}

struct ObjectOut {
    fields: Object,
    key: Option<Key>,
    variant: Option<&'static str>,
}

impl SerializeMap for ObjectOut {
    type Ok = Tree;
    type Error = ConvertError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConvertError> {
        let key = match key.serialize(ToTree)? {
            Tree::Str(text) => Key::from(text.into_string()),
            Tree::Int(number) => Key::from(number.to_string()),
            Tree::Bool(value) => Key::from(value.to_string()),
            other => return Err(ser::Error::custom(format_args!("a key is no {}", other.shape()))),
        };
        self.key = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConvertError> {
        match self.key.take() {
            Some(key) => {
                self.fields.insert(key, value.serialize(ToTree)?);
                Ok(())
            }
            None => Err(ser::Error::custom("a value came before its key")),
        }
    }

    fn end(self) -> Result<Tree, ConvertError> {
        Ok(wrap(self.variant, Tree::Object(self.fields)))
    }
}

macro_rules! object_out {
    ($($which:ident),*) => {
        $(impl $which for ObjectOut {
            type Ok = Tree;
            type Error = ConvertError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ConvertError> {
                self.fields.insert(key, value.serialize(ToTree)?);
                Ok(())
            }

            fn end(self) -> Result<Tree, ConvertError> {
                Ok(wrap(self.variant, Tree::Object(self.fields)))
            }
        })*
    };
}

object_out! { SerializeStruct, SerializeStructVariant }
