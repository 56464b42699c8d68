//! Messages into trees of the shape that their JSON would have.
//!
//! Upstream writes every scalar that is no pointer, so a zero of those says nothing and is left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::{self, Value};
use super::{ProtobufError, json};
use crate::meta::Moment;
use crate::schema::{Field, Shape, Type};
use crate::tree::{Key, Object, Tree};

/// How deep messages may nest.
const MAX_DEPTH: usize = 100;

/// The fields of a message in the order of its type.
pub(super) fn message(bytes: &[u8], row: &'static Type) -> Result<Object, ProtobufError> {
    fields(bytes, row, 0)
}

fn fields(bytes: &[u8], row: &'static Type, depth: usize) -> Result<Object, ProtobufError> {
    Ok(named(bytes, row, depth)?.map(|(field, value)| (Key::from(field.name), value)).collect())
}

/// The fields of a type that a message has.
fn named(
    bytes: &[u8],
    row: &'static Type,
    depth: usize,
) -> Result<impl Iterator<Item = (&'static Field, Tree)>, ProtobufError> {
    if depth == MAX_DEPTH {
        return Err(ProtobufError::Depth);
    }
    let mut values = vec![Tree::Null; row.fields().len()];
    fill(&mut values, bytes, row, &[], depth)?;
    Ok(row.fields().iter().zip(values).filter(|(_, value)| !value.is_null()))
}

/// Reads the values of a message, or of one that JSON inlines into it and that is at the numbers `outer`.
fn fill(
    values: &mut [Tree],
    bytes: &[u8],
    row: &'static Type,
    outer: &[u8],
    depth: usize,
) -> Result<(), ProtobufError> {
    for entry in wire::entries(bytes) {
        let (number, wire) = entry?;
        let known = row.fields().iter().zip(&mut *values).find_map(|(field, value)| {
            let (own, inner) = field.numbers().strip_prefix(outer)?.split_first()?;
            (u64::from(*own) == number).then_some((field, value, inner))
        });
        match known {
            None => {}
            Some((field, value, [])) => read(value, field, wire, depth)?,
            Some((field, _, _)) => {
                fill(values, wire.bytes(field.name)?, row, &field.numbers()[..=outer.len()], depth)?;
            }
        }
    }
    Ok(())
}

/// Reads a field, which may have had values before.
fn read(value: &mut Tree, field: &'static Field, wire: Value<'_>, depth: usize) -> Result<(), ProtobufError> {
    if let Some(shape) = field.shape.items() {
        if value.is_null() {
            *value = Tree::array();
        }
        let items = value.as_array_mut().expect("made an array above");
        return item(items, shape, field.name, wire, depth);
    }
    if let Some(shape) = field.shape.values() {
        let (key, item) = pair(wire.bytes(field.name)?, shape, field.name, depth)?;
        value.insert(key, item);
        return Ok(());
    }
    let read = single(field.shape, field.name, wire, depth)?;
    let says_nothing = !field.required && !field.pointer && field.shape.is_scalar() && read.is_empty_value();
    *value = if says_nothing { Tree::Null } else { read };
    Ok(())
}

/// Reads an item of a list, or all of them where numbers are packed.
fn item(
    items: &mut Vec<Tree>,
    shape: Shape,
    name: &'static str,
    wire: Value<'_>,
    depth: usize,
) -> Result<(), ProtobufError> {
    match (shape, wire) {
        (Shape::Bool | Shape::Int32 | Shape::Int64, Value::Bytes(bytes)) => {
            for number in wire::packed(bytes) {
                items.push(single(shape, name, Value::Varint(number?), depth)?);
            }
        }
        _ => items.push(single(shape, name, wire, depth)?),
    }
    Ok(())
}

/// An entry of a map; what it does not say is zero.
fn pair(bytes: &[u8], shape: Shape, name: &'static str, depth: usize) -> Result<(Key, Tree), ProtobufError> {
    let (mut key, mut value) = (String::new(), None);
    for entry in wire::entries(bytes) {
        match entry? {
            (1, wire) => key = wire.text(name)?,
            (2, wire) => value = Some(single(shape, name, wire, depth)?),
            _ => {}
        }
    }
    let value = match value {
        Some(value) => value,
        None if shape.is_scalar() && !matches!(shape, Shape::String | Shape::Bytes) => {
            single(shape, name, Value::Varint(0), depth)?
        }
        None => single(shape, name, Value::Bytes(&[]), depth)?,
    };
    Ok((Key::from(key), value))
}

fn single(shape: Shape, name: &'static str, wire: Value<'_>, depth: usize) -> Result<Tree, ProtobufError> {
    if let Shape::Struct(id) = shape
        && !shape.alternatives().is_empty()
    {
        let last = named(wire.bytes(name)?, id.get(), depth + 1)?.last();
        return Ok(last.map(|(_, value)| value).unwrap_or_default());
    }
    Ok(match (shape.resolve(), wire) {
        (Shape::String, _) => Tree::from(wire.text(name)?),
        (Shape::Bytes, Value::Bytes(bytes)) => Tree::from(STANDARD.encode(bytes)),
        (Shape::Bool, Value::Varint(number)) => Tree::Bool(number != 0),
        (Shape::Int32, Value::Varint(number)) => Tree::from(number as i32),
        (Shape::Int64, Value::Varint(number)) => Tree::from(number as i64),
        // As JSON has it: a whole number is written without a fraction.
        (Shape::Double, Value::Fixed64(bits)) => {
            let number = Tree::from(f64::from_bits(bits));
            number.as_i64().map_or(number, Tree::Int)
        }
        (Shape::Time, Value::Bytes(bytes)) => time(bytes, name)?.map(Moment::rfc3339).into(),
        (Shape::MicroTime, Value::Bytes(bytes)) => time(bytes, name)?.map(Moment::rfc3339_micro).into(),
        (Shape::Quantity, Value::Bytes(bytes)) => quantity(bytes, name)?,
        (Shape::IntOrString, Value::Bytes(bytes)) => int_or_string(bytes, name)?,
        (Shape::Object, Value::Bytes(_)) if shape.is_empty() => Tree::object(),
        (Shape::Any | Shape::Object, Value::Bytes(bytes)) => {
            match first(bytes)?.map_or(Ok(&[][..]), |raw| raw.bytes(name))? {
                [] => Tree::Null,
                raw => json(raw)?,
            }
        }
        (Shape::Struct(id), Value::Bytes(bytes)) => Tree::Object(fields(bytes, id.get(), depth + 1)?),
        (Shape::Array(_), Value::Bytes(bytes)) => {
            let shape = shape.items().unwrap_or(Shape::Any);
            let mut items = Vec::new();
            for entry in wire::entries(bytes) {
                if let (1, wire) = entry? {
                    item(&mut items, shape, name, wire, depth + 1)?;
                }
            }
            Tree::Array(items)
        }
        _ => return Err(wire.mismatch(name)),
    })
}

/// The field 1 of a message.
fn first(bytes: &[u8]) -> Result<Option<Value<'_>>, ProtobufError> {
    let mut found = None;
    for entry in wire::entries(bytes) {
        if let (1, value) = entry? {
            found = Some(value);
        }
    }
    Ok(found)
}

fn quantity(bytes: &[u8], name: &'static str) -> Result<Tree, ProtobufError> {
    let text = first(bytes)?.map_or(Ok(String::new()), |value| value.text(name))?;
    Ok(Tree::from(if text.is_empty() { "0".to_owned() } else { text }))
}

/// The time of seconds and nanos; both zero is none.
fn time(bytes: &[u8], name: &'static str) -> Result<Option<Moment>, ProtobufError> {
    let (mut seconds, mut nanos) = (0, 0);
    for entry in wire::entries(bytes) {
        match entry? {
            (1, value) => seconds = value.varint(name)? as i64,
            (2, value) => nanos = value.varint(name)? as i32,
            _ => {}
        }
    }
    if (seconds, nanos) == (0, 0) {
        return Ok(None);
    }
    Moment::of_unix(seconds, nanos).map(Some).ok_or(ProtobufError::Time(seconds))
}

fn int_or_string(bytes: &[u8], name: &'static str) -> Result<Tree, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for entry in wire::entries(bytes) {
        match entry? {
            (1, value) => is_text = value.varint(name)? != 0,
            (2, value) => number = value.varint(name)? as i32,
            (3, value) => text = value.text(name)?,
            _ => {}
        }
    }
    Ok(if is_text { Tree::from(text) } else { Tree::from(number) })
}
