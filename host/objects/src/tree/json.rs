//! JSON text in and out.

use std::io;

use bytes::Bytes;

use super::Tree;

/// Why a text is no JSON value.
#[derive(Debug, thiserror::Error)]
#[error("read json: {0}")]
pub struct JsonError(#[from] serde_json::Error);

impl Tree {
    /// Reads one JSON value. Of a key that occurs twice the last value counts; `decode` reports such keys.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        Ok(serde_json::from_slice(text)?)
    }

    /// Appends this value as compact JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        if let Err(error) = self.write_json_to(&mut *out) {
            unreachable!("writing to memory does not fail: {error}");
        }
    }

    pub fn write_json_to(&self, out: impl io::Write) -> io::Result<()> {
        serde_json::to_writer(out, self).map_err(io::Error::from)
    }

    pub fn to_json(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        self.write_json(&mut out);
        // Bytes may be kept for long, and keep what they were made of.
        out.shrink_to_fit();
        out.into()
    }

    pub fn to_json_string(&self) -> String {
        String::from_utf8_lossy(&self.to_json()).into_owned()
    }

    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|_| self.to_json_string())
    }
}

impl std::fmt::Display for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json_string())
    }
}
