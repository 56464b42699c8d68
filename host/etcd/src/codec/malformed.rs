//! Why bytes are no message, in the words of the library that etcd reads them with: clients in other languages are
//! tested with these.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::wire::DESCRIPTORS;

const END: &str = "unexpected EOF";
const OVERFLOW: &str = "proto: integer overflow";
const NEGATIVE: &str = "proto: negative length found during unmarshaling";
const END_OF_GROUP: &str = "proto: unexpected end of group";

/// Wire types.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const GROUP: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED_32: u64 = 5;

/// The messages of the API by their full names, each by the numbers of its fields.
static MESSAGES: LazyLock<HashMap<String, HashMap<i32, FieldDescriptorProto>>> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
    let fields = |message: &DescriptorProto| {
        message.field.iter().map(|field| (field.number(), field.clone())).collect()
    };
    let messages = files.iter().flat_map(|file| file.message_type.iter().map(move |message| (file, message)));
    messages
        .map(|(file, message)| (format!("{}.{}", file.package(), message.name()), fields(message)))
        .collect()
});

/// `None` where that library would find nothing wrong. `name` is the full name of the message.
pub(super) fn explain(name: &str, bytes: &[u8]) -> Option<String> {
    read(name, &mut Bytes(bytes)).err()
}

fn read(name: &str, bytes: &mut Bytes<'_>) -> Result<(), String> {
    let Some(fields) = MESSAGES.get(name) else { return Ok(()) };
    let short = name.rsplit('.').next().unwrap_or(name);
    while !bytes.0.is_empty() {
        let before = bytes.0;
        let tag = bytes.varint()?;
        let wire = tag & 7;
        // The library keeps 32 bits of the number.
        let number = (tag >> 3) as u32;
        let number = number.cast_signed();
        if wire == GROUP_END {
            return Err(format!("proto: {short}: wiretype end group for non-group"));
        }
        if number <= 0 {
            return Err(format!("proto: {short}: illegal tag {number} (wire type {tag})"));
        }
        match fields.get(&number) {
            Some(field) => read_field(field, wire, bytes)?,
            None => {
                bytes.0 = before;
                bytes.skip()?;
            }
        }
    }
    Ok(())
}

fn read_field(field: &FieldDescriptorProto, wire: u64, bytes: &mut Bytes<'_>) -> Result<(), String> {
    let packed = field.label() == Label::Repeated && wire == BYTES;
    match (field.r#type(), wire) {
        (Type::Message, BYTES) => {
            let inner = bytes.take_counted()?;
            return read(field.type_name().trim_start_matches('.'), &mut Bytes(inner));
        }
        (Type::Bytes | Type::String, BYTES) => {
            bytes.take_counted()?;
        }
        (Type::Message | Type::Bytes | Type::String, _) => return Err(wrong_type(field, wire)),
        (_, VARINT) => {
            bytes.varint()?;
        }
        (_, BYTES) if packed => {
            let mut inner = Bytes(bytes.take_counted()?);
            while !inner.0.is_empty() {
                inner.varint()?;
            }
        }
        _ => return Err(wrong_type(field, wire)),
    }
    Ok(())
}

fn wrong_type(field: &FieldDescriptorProto, wire: u64) -> String {
    format!("proto: wrong wireType = {wire} for field {}", name_in_go(field.name()))
}

/// As `range_end` is `RangeEnd`.
fn name_in_go(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect()
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(END)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(OVERFLOW)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], &'static str> {
        if len.cast_signed() < 0 {
            return Err(NEGATIVE);
        }
        let len = usize::try_from(len).map_err(|_| END)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(END)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_counted(&mut self) -> Result<&'a [u8], &'static str> {
        let len = self.varint()?;
        self.take(len)
    }

    /// Passes over a field that is not known.
    fn skip(&mut self) -> Result<(), String> {
        let mut depth = 0_u32;
        loop {
            let wire = self.varint()? & 7;
            match wire {
                VARINT => {
                    self.varint()?;
                }
                FIXED_64 => {
                    self.take(8)?;
                }
                BYTES => {
                    self.take_counted()?;
                }
                GROUP => depth += 1,
                GROUP_END => depth = depth.checked_sub(1).ok_or(END_OF_GROUP)?,
                FIXED_32 => {
                    self.take(4)?;
                }
                other => return Err(format!("proto: illegal wireType {other}")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_says_why_bytes_are_no_put_request() {
        let explain = |bytes: &[u8]| explain("etcdserverpb.PutRequest", bytes);
        let table: &[(&[u8], Option<&str>)] = &[
            (&[0x0a, 0x01, b'a'], None),
            (&[0x0a], Some(END)),
            (&[0x0a, 0x05, b'a'], Some(END)),
            (&[0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, b'a'], Some(NEGATIVE)),
            (&[0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Some(OVERFLOW)),
            (&[0x08, 0x01], Some("proto: wrong wireType = 0 for field Key")),
            (&[0x22, 0x01, b'a'], Some("proto: wrong wireType = 2 for field PrevKv")),
            (&[0x0c], Some("proto: PutRequest: wiretype end group for non-group")),
            (&[0x02, 0x01, b'a'], Some("proto: PutRequest: illegal tag 0 (wire type 2)")),
            (&[0xfb, 0x07, 0xfc, 0x07], None),
        ];
        for (bytes, expected) in table {
            assert_eq!(explain(bytes).as_deref(), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_message_within_is_read_too() {
        let explained = explain("etcdserverpb.TxnRequest", &[0x12, 0x05, 0x0a, 0x03, 0x0a, 0x05, b'a']);
        assert_eq!(explained.as_deref(), Some(END));
    }
}
