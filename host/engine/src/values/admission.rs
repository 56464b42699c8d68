//! Writes to the API as an addon is shown them, and what it says of them.

use bytes::Bytes;

use super::{Kind, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteOperation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A write that is about to be done.
#[derive(Clone, Debug)]
pub struct AdmissionRequest {
    pub operation: WriteOperation,
    pub resource: Kind,
    /// Empty for the object itself.
    pub subresource: String,
    /// `Deployment`.
    pub object_kind: String,
    pub namespace: String,
    pub name: String,
    pub user: User,
    /// As JSON; none for a deletion.
    pub object: Option<Bytes>,
    /// As JSON; none for a creation.
    pub old_object: Option<Bytes>,
    /// As JSON.
    pub options: Bytes,
    pub dry_run: bool,
}

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub message: String,
    pub code: u16,
    /// May be empty.
    pub reason: String,
}

/// What an addon says of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    pub denied: Option<Denial>,
    pub warnings: Vec<String>,
}

/// What an addon makes of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutation {
    pub review: Review,
    /// A JSON patch.
    pub patch: Option<Bytes>,
}
