//! Server-side apply: who owns which field of an object, and merging what is applied into it.
//!
//! Ownership is in `metadata.managedFields`, a list of managers with sets of field paths. An [`update`] makes its
//! manager the owner of what it changes; an [`apply`] makes it the owner of all that it names, refuses to change
//! what others own unless it is told to, and takes out what its manager owned and names no more. What a field is
//! comes from a [`Typing`]. As upstream's structured-merge-diff, v6, and its `managedfields`.
//!
//! Converting, defaulting and validating the objects is not done here.

mod builtin;
mod check;
mod collect;
mod compare;
mod configure;
mod element;
mod error;
mod fields;
mod fields_v1;
mod last_applied;
mod managers;
mod merge;
mod overlay;
mod prune;
mod reset;
mod scale;
mod track;
mod typing;
mod value;
mod versions;

use jiff::Timestamp;

pub use builtin::Builtin;
pub use check::TypeErrors;
pub use configure::{OnConflict, apply};
pub use error::{ApplyError, Conflict, Conflicts};
pub use overlay::{OverlayError, overlay};
pub use reset::Reset;
pub use scale::{ReplicasPaths, managers_from_scale, managers_to_scale};
pub use track::{keep_timestamps, update};
pub use typing::{MapType, Scalar, Typing, Untyped};
pub use versions::{Conversion, Convert};

use crate::meta;
use crate::resource::GroupVersionKind;
use crate::tree::Tree;
use managers::{ManagerId, Operation};
use versions::Versions;

/// The manager of a write that names none.
const UNKNOWN: &str = "unknown";
/// How many bytes of a user agent make a manager.
const MAX_MANAGER: usize = 128;

/// What is there before a create.
static NO_OBJECT: Tree = Tree::object();

/// Who writes an object of which kind, and when.
pub struct Write<'a, T> {
    /// The kind of the endpoint, in the version that the objects are in.
    pub gvk: &'a GroupVersionKind,
    pub typing: T,
    /// The `fieldManager` of the request, or what [`manager_of`] makes of its user agent.
    pub manager: &'a str,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: &'a str,
    pub time: Timestamp,
    /// What the endpoint does not write.
    pub reset: Reset<'a>,
    /// How to come to the other versions of the kind; `None` where their fields are the same.
    pub convert: Option<Convert<'a, T>>,
}

impl<'a, T: Typing> Write<'a, T> {
    fn versions(&self) -> Versions<'a, T> {
        Versions::new(self.gvk.group_version().to_string(), self.typing, self.convert)
    }

    fn manager(&self, name: &str, operation: Operation) -> ManagerId {
        let name = if name.is_empty() { UNKNOWN } else { name };
        ManagerId::new(name, operation, &self.gvk.group_version().to_string(), self.subresource)
    }

    fn now(&self) -> Option<Box<str>> {
        Some(meta::rfc3339(self.time).into())
    }
}

/// The manager of a request that names none: the product of its user agent.
pub fn manager_of(user_agent: &str) -> String {
    let product = user_agent.split('/').next().unwrap_or_default();
    let mut manager = String::new();
    for letter in product.chars().filter(|letter| !letter.is_control()) {
        if manager.len() + letter.len_utf8() > MAX_MANAGER {
            break;
        }
        manager.push(letter);
    }
    manager
}

#[cfg(test)]
mod tests;
