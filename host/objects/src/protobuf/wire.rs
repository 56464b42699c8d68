//! The wire format: numbered values one after another.

use super::ProtobufError;

/// One value, still in the form of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// Of no field of Kubernetes.
    Fixed32,
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self, field: &'static str) -> Result<&'a [u8], ProtobufError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.mismatch(field)),
        }
    }

    pub(super) fn varint(self, field: &'static str) -> Result<u64, ProtobufError> {
        match self {
            Self::Varint(value) => Ok(value),
            other => Err(other.mismatch(field)),
        }
    }

    /// Text, with what is no UTF-8 replaced as Go's JSON does it.
    pub(super) fn text(self, field: &'static str) -> Result<String, ProtobufError> {
        Ok(String::from_utf8_lossy(self.bytes(field)?).into_owned())
    }

    pub(super) fn mismatch(self, field: &'static str) -> ProtobufError {
        let wire_type = match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32 => 5,
        };
        ProtobufError::Mismatch { wire_type, field }
    }
}

/// The numbers and values of a message; nothing comes after an error.
pub(super) fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), ProtobufError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let entry = (!rest.is_empty()).then(|| entry(&mut rest))?;
        if entry.is_err() {
            rest = &[];
        }
        Some(entry)
    })
}

/// The numbers of a packed list.
pub(super) fn packed(bytes: &[u8]) -> impl Iterator<Item = Result<u64, ProtobufError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let number = (!rest.is_empty()).then(|| varint(&mut rest))?;
        if number.is_err() {
            rest = &[];
        }
        Some(number)
    })
}

fn entry<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), ProtobufError> {
    let tag = varint(rest)?;
    let (number, wire_type) = (tag >> 3, (tag & 7) as u8);
    if number == 0 {
        return Err(ProtobufError::Tag(number));
    }
    let value = match wire_type {
        0 => Value::Varint(varint(rest)?),
        1 => {
            let (bytes, after) = rest.split_first_chunk().ok_or(ProtobufError::End)?;
            *rest = after;
            Value::Fixed64(u64::from_le_bytes(*bytes))
        }
        2 => {
            let len = usize::try_from(varint(rest)?).map_err(|_| ProtobufError::End)?;
            let (bytes, after) = rest.split_at_checked(len).ok_or(ProtobufError::End)?;
            *rest = after;
            Value::Bytes(bytes)
        }
        5 => {
            *rest = rest.get(4..).ok_or(ProtobufError::End)?;
            Value::Fixed32
        }
        other => return Err(ProtobufError::WireType(other)),
    };
    Ok((number, value))
}

fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(ProtobufError::End)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ProtobufError::Overflow)
}
