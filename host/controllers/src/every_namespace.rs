//! What every namespace has, as long as it is not going: the rules that its keepers share.

use std::num::NonZeroUsize;

use client::ApiError;
use k8s_openapi::api::core::v1::Namespace;
use reconcile::{Outcome, Store};

/// Each makes one object, in process: upstream's one worker of theirs is enough.
pub(crate) const KEEPERS: NonZeroUsize = NonZeroUsize::MIN;

/// Whether the namespace is there to stay.
pub(crate) fn is_active(namespaces: &Store<Namespace>, name: &str) -> bool {
    namespaces.get("", name).is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none())
}

/// An object that somebody else made meanwhile, or whose namespace is going, is as good as made.
pub(crate) fn created<T>(answer: Result<T, ApiError>) -> Result<Outcome, ApiError> {
    match answer {
        Err(error)
            if !error.is_already_exists() && !error.is_not_found() && !error.is_namespace_terminating() =>
        {
            Err(error)
        }
        _ => Ok(Outcome::Done),
    }
}
