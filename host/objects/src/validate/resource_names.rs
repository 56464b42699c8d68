//! The names of resources: `cpu`, `requests.storage`, `hugepages-2Mi`, `example.com/gpu`.

use super::at::At;
use super::field::{FieldError, Path};
use super::names::label_key;
use crate::quantity::Quantity;

const NATIVE: &str = "kubernetes.io/";
const REQUESTS: &str = "requests.";
const HUGE_PAGES: &str = "hugepages-";

const CONTAINER: &[&str] = &["cpu", "memory", "ephemeral-storage"];

/// What a quota can count, whole numbers all.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// What a quota can measure.
const MEASURED: &[&str] = &[
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

pub fn is_native_resource(name: &str) -> bool {
    !name.contains('/') || name.contains(NATIVE)
}

pub fn is_huge_pages(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

/// Of a device or the like: of a domain of its own, and not the request of a quota.
pub fn is_extended_resource(name: &str) -> bool {
    !is_native_resource(name)
        && !name.starts_with(REQUESTS)
        && label_key(&format!("{REQUESTS}{name}")).is_empty()
}

/// Whether more may be promised of it than there is.
pub fn is_overcommit_allowed(name: &str) -> bool {
    is_native_resource(name) && !is_huge_pages(name)
}

pub(crate) fn is_container_resource(name: &str) -> bool {
    CONTAINER.contains(&name) || is_huge_pages(name)
}

pub(crate) fn is_quota_resource(name: &str) -> bool {
    let is_huge_pages = is_huge_pages(name) || name.strip_prefix(REQUESTS).is_some_and(is_huge_pages);
    COUNTED.contains(&name) || MEASURED.contains(&name) || is_huge_pages
}

fn is_standard_resource(name: &str) -> bool {
    is_quota_resource(name) || name == "storage"
}

fn refuse(path: &Path, name: &str, why: &str) -> FieldError {
    FieldError::invalid(path, name, why)
}

/// Any resource; whether it is one.
pub(crate) fn resource_name(name: &str, path: &Path, errors: &mut Vec<FieldError>) -> bool {
    let before = errors.len();
    errors.extend(label_key(name).iter().map(|message| refuse(path, name, message)));
    if errors.len() == before && !name.contains('/') && !is_standard_resource(name) {
        errors.push(refuse(path, name, "must be a standard resource type or fully qualified"));
    }
    errors.len() == before
}

/// A resource that a container can ask for.
pub(crate) fn container_resource_name(name: &str, path: &Path, errors: &mut Vec<FieldError>) {
    resource_name(name, path, errors);
    if !name.contains('/') {
        if !is_container_resource(name) {
            errors.push(refuse(path, name, "must be a standard resource for containers"));
        }
    } else if !is_native_resource(name) && !is_extended_resource(name) {
        errors.push(refuse(path, name, "doesn't follow extended resource name standard"));
    }
}

/// A resource that a quota can bound.
pub(crate) fn quota_resource_name(name: &str, path: &Path, errors: &mut Vec<FieldError>) {
    resource_name(name, path, errors);
    if !name.contains('/') && !is_quota_resource(name) {
        errors.push(refuse(path, name, "must be a standard resource for quota"));
    }
}

/// An amount of a resource: not below zero, and whole where the resource is.
pub(crate) fn resource_quantity(name: &str, amount: &At<'_>, errors: &mut Vec<FieldError>) {
    amount.is_nonnegative_quantity(errors);
    let is_whole = COUNTED.contains(&name) || is_extended_resource(name);
    let milli = amount.quantity().as_ref().map_or(0, Quantity::milli_value);
    if is_whole && milli % 1000 != 0 {
        amount.invalid(errors, "must be an integer");
    }
}
