//! The versions of the API in which managers own fields.

use std::borrow::Cow;

use super::check::TypeError;
use super::compare::{Changes, compare};
use super::typing::Typing;
use crate::tree::Tree;

/// What becomes of an object in another version of its kind.
pub enum Conversion<T> {
    /// Its fields are the same ones.
    Same,
    Converted(Tree, T),
    /// The version is not known any more: who owns fields in it loses them.
    Unknown,
}

/// Converts an object to an API version such as `apps/v1`.
pub type Convert<'a, T> = &'a dyn Fn(&Tree, &str) -> Conversion<T>;

/// The version of a write, its type, and the way to the other versions.
pub(super) struct Versions<'a, T> {
    written: String,
    typing: T,
    convert: Option<Convert<'a, T>>,
}

impl<'a, T: Typing> Versions<'a, T> {
    pub(super) fn new(written: String, typing: T, convert: Option<Convert<'a, T>>) -> Self {
        Self { written, typing, convert }
    }

    /// The version of the write.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Whether the paths of a version are those of the write.
    pub(super) fn is_written(&self, version: &str) -> bool {
        self.convert.is_none() || version == self.written
    }

    /// The object at a version, with its type there; `None` where the version is not known.
    pub(super) fn convert<'t>(&self, object: &'t Tree, version: &str) -> Option<(Cow<'t, Tree>, T)> {
        let at = object.get("apiVersion").and_then(Tree::as_str).unwrap_or(&self.written);
        let conversion = match self.convert {
            Some(convert) if at != version => convert(object, version),
            _ => Conversion::Same,
        };
        match conversion {
            Conversion::Same => Some((Cow::Borrowed(object), self.typing)),
            Conversion::Converted(object, typing) => Some((Cow::Owned(object), typing)),
            Conversion::Unknown => None,
        }
    }

    /// What changed between two objects, in the paths of a version.
    pub(super) fn compare(
        &self,
        old: &Tree,
        new: &Tree,
        version: &str,
    ) -> Result<Option<Changes>, TypeError> {
        match (self.convert(old, version), self.convert(new, version)) {
            (Some((old, typing)), Some((new, _))) => compare(&old, &new, typing).map(Some),
            _ => Ok(None),
        }
    }
}
