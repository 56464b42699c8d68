//! API services: who answers for a version of a group.

use super::webhook::service_port;
use super::{Kind, keep_all_metadata};
use crate::meta;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{At, FieldError, NameRule, Path, dns1035_label, dns1123_subdomain};

pub(super) const KIND: Kind = Kind {
    name_rule: NameRule::PathSegment,
    unconditional_update: false,
    create: |service| {
        if !is_remote(service) {
            service.set_at(&["status", "conditions"], Tree::Array(vec![local()]));
        }
    },
    stamp: |service, old, now| {
        if old.is_none()
            && let Some(condition) = service.at_mut(&["status", "conditions", "0"])
        {
            condition.insert("lastTransitionTime", meta::rfc3339(now));
        }
    },
    status: keep_all_metadata,
    validate,
    validate_status: |new, _, errors| {
        for condition in At::top(new, "status").child("conditions").items() {
            let status = condition.child("status");
            if !STATUSES.contains(&status.text()) {
                errors.push(FieldError::not_supported(&status.path, status.text(), STATUSES));
            }
        }
    },
    ..Kind::GENERIC
};

const STATUSES: &[&str] = &["True", "False", "Unknown"];
const GROUP_PRIORITY_MAX: i64 = 20_000;
const VERSION_PRIORITY_MAX: i64 = 1_000;

fn is_remote(service: &Tree) -> bool {
    service.at(&["spec", "service"]).is_some_and(|service| !service.is_null())
}

/// A version that this server answers itself is available at once.
fn local() -> Tree {
    tree!({
        "type": "Available",
        "status": "True",
        "reason": "Local",
        "message": "Local APIServices are always available",
    })
}

fn validate(service: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(service, "spec");
    let (group, version) = (spec.child("group"), spec.child("version"));
    let name = format!("{}.{}", version.text(), group.text());
    if meta::name(service) != name {
        let why = format!("must be `spec.version+\".\"+spec.group`: {name:?}");
        errors.push(FieldError::invalid(&Path::new("metadata").child("name"), meta::name(service), why));
    }
    if group.is_empty() && version.text() != "v1" {
        group.required(errors, "only v1 may have an empty group and it better be legacy kube");
    }
    group.follows(errors, dns1123_subdomain);
    let refuse = |why| FieldError::invalid(&version.path, version.text(), why);
    errors.extend(dns1035_label(version.text()).into_iter().map(refuse));
    for (field, max) in
        [("groupPriorityMinimum", GROUP_PRIORITY_MAX), ("versionPriority", VERSION_PRIORITY_MAX)]
    {
        let number = spec.child(field).number().unwrap_or(0);
        if number <= 0 || number > max {
            let why = format!("must be positive and less than {max}");
            errors.push(FieldError::invalid(&spec.path.child(field), number, why));
        }
    }
    let (bundle, insecure) = (spec.child("caBundle"), spec.child("insecureSkipTLSVerify"));
    if !is_remote(service) {
        if !bundle.is_empty() {
            let size = format!("{} bytes", bundle.text().trim_end_matches('=').len() * 3 / 4);
            errors.push(FieldError::invalid(&bundle.path, size, "local APIServices may not have a caBundle"));
        }
        if insecure.is_true() {
            insecure.invalid(errors, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    let remote = spec.child("service");
    remote.child("namespace").required(errors, "");
    remote.child("name").required(errors, "");
    service_port(&remote.child("port"), errors);
    if insecure.is_true() && !bundle.is_empty() {
        insecure.invalid(errors, "may not be true if caBundle is present");
    }
}
