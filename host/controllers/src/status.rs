//! The status of an object, written where it says something new.

use client::{ApiError, ApiResource, Client, Patch};
use objects::tree;
use objects::tree::to_tree;
use serde::Serialize;

use crate::dependents::{Namespaced, Owner};

/// A count as a status has it: none is not told.
pub(crate) fn counted(count: usize) -> Option<i32> {
    Some(i32::try_from(count).unwrap_or(i32::MAX)).filter(|count| *count != 0)
}

/// Writes a status that differs from the old one, as a whole: the old one may not be the newest. An object that is gone
/// needs none.
pub(crate) async fn write_status<K: Namespaced, S: Serialize>(
    client: &Client,
    object: &Owner,
    old: &S,
    new: &S,
) -> Result<(), ApiError> {
    let [old, new] = [old, new].map(|status| to_tree(status).expect("a status is JSON"));
    // Nulls where the old one has something that the new one lacks.
    let Some(mut status) = old.merge_diff(&new) else { return Ok(()) };
    new.fields().for_each(|(key, value)| drop(status.insert(key, value.clone())));
    let uid = object.uid.clone();
    let patch = Patch::Merge(tree!({ "metadata": { "uid": uid }, "status": status }));
    let objects = client.dynamic(&ApiResource::of::<K>(), Some(&object.namespace));
    match objects.patch_status(&object.name, &patch).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
