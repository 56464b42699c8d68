//! Objects, as events and other objects name them.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};

/// The object, whichever of its versions.
pub(crate) fn reference<K: Resource + Metadata<Ty = ObjectMeta>>(object: &K) -> ObjectReference {
    let metadata = object.metadata();
    ObjectReference {
        api_version: Some(K::API_VERSION.to_owned()),
        kind: Some(K::KIND.to_owned()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The object in this one of its versions.
pub(crate) fn versioned_reference<K: Resource + Metadata<Ty = ObjectMeta>>(object: &K) -> ObjectReference {
    ObjectReference { resource_version: object.metadata().resource_version.clone(), ..reference(object) }
}
