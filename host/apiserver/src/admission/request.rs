//! The AdmissionRequest: what webhooks and expressions are told of a write, its objects left aside.

use objects::resource::{GroupVersionKind, Resource};
use objects::{Tree, tree};

use super::Write;
use crate::review::user_tree;

/// Tells of a write in the version of a resource.
pub(super) fn request(write: &Write<'_>, resource: &Resource) -> Tree {
    let call = write.call;
    let own = &call.resource;
    let mut request = tree!({
        "kind": (kind(&write.kind(resource))), "resource": (place(resource)),
        "requestKind": (kind(&write.kind(own))), "requestResource": (place(own))
    });
    if !call.subresource.is_empty() {
        request.insert("subResource", call.subresource.as_str());
        request.insert("requestSubResource", call.subresource.as_str());
    }
    if !write.name().is_empty() {
        request.insert("name", write.name());
    }
    if let Some(namespace) = write.namespace() {
        request.insert("namespace", namespace);
    }
    request.insert("operation", write.operation.as_str());
    request.insert("userInfo", user_tree(&call.user));
    request.insert("dryRun", write.is_dry());
    request.insert("options", write.options.clone());
    request
}

fn kind(gvk: &GroupVersionKind) -> Tree {
    tree!({ "group": (&*gvk.group), "version": (&*gvk.version), "kind": (&*gvk.kind) })
}

fn place(resource: &Resource) -> Tree {
    tree!({ "group": (&*resource.group), "version": (&*resource.version), "resource": (&*resource.plural) })
}
