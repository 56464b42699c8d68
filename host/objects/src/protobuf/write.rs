//! Trees into messages. What is null, or no field of its type, is not written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::EncodeError;
use crate::meta::Moment;
use crate::schema::{Field, Shape, Type};
use crate::tree::Tree;

type Written = Result<(), EncodeError>;

/// The fields of a message, or of one that JSON inlines into it and that is at the numbers `outer`.
pub(super) fn fields(tree: &Tree, row: &'static Type, outer: &[u8], out: &mut Vec<u8>) -> Written {
    for (index, field) in row.fields().iter().enumerate() {
        match field.numbers().strip_prefix(outer) {
            None | Some([]) => {}
            Some([number]) => match tree.get(field.name) {
                None | Some(Tree::Null) => {}
                Some(value) => write(value, field, *number, out)?,
            },
            Some([number, ..]) => {
                let inner = &field.numbers()[..=outer.len()];
                let is_written = row.fields()[..index].iter().any(|other| other.numbers().starts_with(inner));
                if !is_written {
                    nested(*number, out, |out| fields(tree, row, inner, out))?;
                }
            }
        }
    }
    Ok(())
}

fn write(value: &Tree, field: &'static Field, number: u8, out: &mut Vec<u8>) -> Written {
    let name = field.name;
    if let (Some(shape), Tree::Array(items)) = (field.shape.items(), value) {
        return items.iter().try_for_each(|item| single(item, shape, name, number, out));
    }
    if let (Some(shape), Tree::Object(entries)) = (field.shape.values(), value) {
        return entries.iter().try_for_each(|(key, value)| {
            nested(number, out, |out| {
                bytes(1, key.as_bytes(), out);
                single(value, shape, name, 2, out)
            })
        });
    }
    single(value, field.shape, name, number, out)
}

fn single(value: &Tree, shape: Shape, name: &'static str, number: u8, out: &mut Vec<u8>) -> Written {
    match (shape.resolve(), value) {
        (Shape::String, Tree::Str(text)) => bytes(number, text.as_bytes(), out),
        (Shape::Bytes, Tree::Str(text)) => {
            let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
            let content = STANDARD.decode(digits).map_err(|_| EncodeError::Value(name))?;
            bytes(number, &content, out);
        }
        (Shape::Bool, Tree::Bool(value)) => varint(number, u64::from(*value), out),
        (Shape::Int32 | Shape::Int64, Tree::Int(value)) => varint(number, *value as u64, out),
        (Shape::Double, Tree::Int(_) | Tree::Float(_)) => {
            let value = value.as_f64().ok_or(EncodeError::Value(name))?;
            tag(number, 1, out);
            out.extend_from_slice(&value.to_le_bytes());
        }
        (Shape::Time | Shape::MicroTime, Tree::Str(text)) => {
            let (seconds, nanos) = Moment::parse(text).ok_or(EncodeError::Value(name))?.unix();
            nested(number, out, |out| {
                varint(1, seconds as u64, out);
                varint(2, i64::from(nanos) as u64, out);
                Ok(())
            })?;
        }
        (Shape::Quantity, Tree::Str(text)) => nested(number, out, |out| {
            bytes(1, text.as_bytes(), out);
            Ok(())
        })?,
        (Shape::IntOrString, Tree::Int(_) | Tree::Str(_)) => nested(number, out, |out| {
            match value {
                Tree::Int(value) => varint(2, *value as u64, out),
                text => {
                    varint(1, 1, out);
                    bytes(3, text.as_str().unwrap_or_default().as_bytes(), out);
                }
            }
            Ok(())
        })?,
        (Shape::Object, _) if shape.is_empty() => bytes(number, b"", out),
        (Shape::Any, value) if !shape.alternatives().is_empty() => {
            nested(number, out, |out| alternative(value, shape.alternatives(), out))?;
        }
        (Shape::Any | Shape::Object, value) => nested(number, out, |out| {
            bytes(1, &value.to_json(), out);
            Ok(())
        })?,
        (Shape::Struct(id), Tree::Object(_)) => nested(number, out, |out| fields(value, id.get(), &[], out))?,
        (Shape::Array(_), Tree::Array(items)) => {
            let shape = shape.items().unwrap_or(Shape::Any);
            nested(number, out, |out| items.iter().try_for_each(|item| single(item, shape, name, 1, out)))?;
        }
        _ => return Err(EncodeError::Value(name)),
    }
    Ok(())
}

/// The value of the field that it fits.
fn alternative(value: &Tree, fields: &'static [Field], out: &mut Vec<u8>) -> Written {
    for field in fields {
        let number = field.numbers().first().copied().unwrap_or_default();
        match (field.shape.resolve(), value) {
            (Shape::Bool, Tree::Bool(_))
            | (Shape::Array(_), Tree::Array(_))
            | (Shape::Struct(_), Tree::Object(_)) => write(value, field, number, out)?,
            // What has a schema is allowed.
            (Shape::Bool, Tree::Object(_)) => varint(number, 1, out),
            _ => {}
        }
    }
    Ok(())
}

/// A message in a message.
pub(super) fn nested(number: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    let mut inner = Vec::new();
    write(&mut inner)?;
    bytes(number, &inner, out);
    Ok(())
}

pub(super) fn bytes(number: u8, content: &[u8], out: &mut Vec<u8>) {
    tag(number, 2, out);
    plain(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(number: u8, value: u64, out: &mut Vec<u8>) {
    tag(number, 0, out);
    plain(value, out);
}

fn tag(number: u8, wire_type: u8, out: &mut Vec<u8>) {
    plain(u64::from(number) << 3 | u64::from(wire_type), out);
}

fn plain(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
