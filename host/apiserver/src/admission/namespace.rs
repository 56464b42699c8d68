//! NamespaceLifecycle: nothing is created in a namespace that is missing or going, and some namespaces stay.

use objects::meta;
use objects::resource::{GroupResource, Resource};
use objects::status::{Cause, Details, Status};

use super::{Operation, Write};

const TERMINATING: &str = "Terminating";
const IMMORTAL: &[&str] = &["default", "kube-system", "kube-public"];

fn is_namespace(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "namespaces"
}

pub(super) async fn admit(write: &mut Write<'_>) -> Result<(), Status> {
    let (rest, call) = (write.rest, write.call);
    if is_namespace(&call.resource) {
        let goes = write.operation == Operation::Delete && call.subresource.is_empty();
        let stays = goes && IMMORTAL.contains(&call.name.as_str());
        return if stays { Err(write.forbidden("this namespace may not be deleted")) } else { Ok(()) };
    }
    // What exists may be changed and deleted: its namespace exists too.
    if write.operation != Operation::Create || !call.resource.is_namespaced() || call.resource.is_virtual() {
        return Ok(());
    }
    let Some(namespaces) = rest.registry().find("", "v1", "namespaces") else { return Ok(()) };
    let known = rest.view().entry(&namespaces, "", &call.namespace);
    let is_terminating = match known {
        Some(namespace) => namespace.field(&namespaces, "status.phase") == TERMINATING,
        // The cache may be behind who else writes to the store.
        None => match rest.stored(&namespaces, "", &call.namespace).await? {
            Some(namespace) => namespace.str_at(&["status", "phase"]) == Some(TERMINATING),
            None => return Err(Status::not_found(&GroupResource::new("", "namespaces"), &call.namespace)),
        },
    };
    if is_terminating {
        return Err(terminating(&call.resource.group_resource(), meta::name(&write.object), &call.namespace));
    }
    Ok(())
}

fn terminating(resource: &GroupResource, name: &str, namespace: &str) -> Status {
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let cause = Cause {
        reason: "NamespaceTerminating".into(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".to_owned(),
    };
    let status = Status::forbidden(resource, name, why);
    let details = status.details.as_deref().cloned().unwrap_or_default();
    status.with_details(Details { causes: vec![cause], ..details })
}
