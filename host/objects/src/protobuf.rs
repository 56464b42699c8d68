//! Kubernetes' protobuf: the envelope, and messages read and written by the schema table.
//!
//! An envelope is a magic number and a `runtime.Unknown`, which says the kind and holds the message. Kinds that the
//! table has no field numbers of are not written and not read.

mod read;
mod wire;
mod write;

use bytes::Bytes;

use crate::decode::{self, Notation, SyntaxError};
use crate::schema::{self, Type};
use crate::tree::{Object, Tree};
use crate::{meta, tree};

/// What an envelope begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    #[error("empty data")]
    Empty,
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Magic,
    #[error("unexpected EOF")]
    End,
    #[error("proto: integer overflow")]
    Overflow,
    #[error("proto: illegal tag {0}")]
    Tag(u64),
    #[error("proto: illegal wireType {0}")]
    WireType(u8),
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    Mismatch { wire_type: u8, field: &'static str },
    #[error("proto: exceeded max depth")]
    Depth,
    #[error("proto: seconds {0} are no time")]
    Time(i64),
    #[error("proto: unknown content encoding {0:?}")]
    Encoding(String),
    #[error(
        "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\""
    )]
    Kind { kind: String, version: String },
    #[error(transparent)]
    Json(Box<SyntaxError>),
}

/// Why an object is not to be had as protobuf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("no protobuf of kind {0:?}")]
    Kind(String),
    #[error("no protobuf of what {0} holds")]
    Value(&'static str),
}

/// The envelope of an object, list or status that says its kind.
pub fn encode(tree: &Tree) -> Result<Bytes, EncodeError> {
    let unknown = || EncodeError::Kind(tree.str_at(&["kind"]).unwrap_or_default().to_owned());
    let gvk = meta::gvk(tree).ok_or_else(unknown)?;
    let row = schema::by_gvk(&gvk.group, &gvk.version, &gvk.kind).filter(|row| row.is_message());
    let row = row.ok_or_else(unknown)?;
    let mut out = MAGIC.to_vec();
    write::nested(1, &mut out, |out| {
        write::bytes(1, gvk.group_version().to_string().as_bytes(), out);
        write::bytes(2, gvk.kind.as_bytes(), out);
        Ok(())
    })?;
    write::nested(2, &mut out, |out| write::fields(tree, row, &[], out))?;
    write::bytes(3, b"", &mut out);
    write::bytes(4, b"", &mut out);
    Ok(out.into())
}

/// The frame of a watch event, which has a `type` and an `object`: its length, big-endian in four bytes, and a
/// `meta/v1 WatchEvent` without an envelope, whose object has one.
pub fn encode_event(event: &Tree) -> Result<Bytes, EncodeError> {
    let object = encode(event.get("object").ok_or(EncodeError::Value("object"))?)?;
    let mut out = vec![0; 4];
    write::bytes(1, event.str_at(&["type"]).unwrap_or_default().as_bytes(), &mut out);
    write::nested(2, &mut out, |out| {
        write::bytes(1, &object, out);
        Ok(())
    })?;
    let len = u32::try_from(out.len() - 4).map_err(|_| EncodeError::Value("object"))?;
    out[..4].copy_from_slice(&len.to_be_bytes());
    Ok(out.into())
}

/// An envelope whose message was not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    raw: &'a [u8],
    content_type: String,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, ProtobufError> {
        if body.is_empty() {
            return Err(ProtobufError::Empty);
        }
        let unknown = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
        let mut envelope = Self::default();
        for entry in wire::entries(unknown) {
            match entry? {
                (1, value) => envelope.type_meta(value.bytes("typeMeta")?)?,
                (2, value) => envelope.raw = value.bytes("raw")?,
                (3, value) => {
                    let encoding = value.text("contentEncoding")?;
                    if !encoding.is_empty() {
                        return Err(ProtobufError::Encoding(encoding));
                    }
                }
                (4, value) => envelope.content_type = value.text("contentType")?,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn type_meta(&mut self, bytes: &[u8]) -> Result<(), ProtobufError> {
        for entry in wire::entries(bytes) {
            match entry? {
                (1, value) => self.api_version = value.text("apiVersion")?,
                (2, value) => self.kind = value.text("kind")?,
                _ => {}
            }
        }
        Ok(())
    }

    /// An object of nothing but the kind.
    pub(crate) fn head(&self) -> Tree {
        tree!({ "kind": (self.kind.as_str()), "apiVersion": (self.api_version.as_str()) })
    }

    /// The fields of the message, which is of the given type.
    pub(crate) fn content(&self, row: &'static Type) -> Result<Object, ProtobufError> {
        if self.content_type != "application/json" {
            return read::message(self.raw, row);
        }
        let mut fields = match json(self.raw)? {
            Tree::Object(fields) => fields,
            _ => Object::new(),
        };
        fields.retain(|name, _| !["kind", "apiVersion"].contains(&name));
        Ok(fields)
    }
}

/// JSON in a message.
fn json(text: &[u8]) -> Result<Tree, ProtobufError> {
    match decode::value(text, Notation::Json) {
        Ok((tree, _)) => Ok(tree),
        Err(error) => Err(ProtobufError::Json(Box::new(error))),
    }
}

#[cfg(test)]
mod tests;
