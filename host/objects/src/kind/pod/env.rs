//! The environment of a container: variables, where their values come from, and maps of them.

use super::volume::no_backsteps;
use crate::quantity::Quantity;
use crate::validate::amount::quantity;
use crate::validate::{
    At, FieldError, config_map_key, dns1123_label, dns1123_subdomain, env_var_name, label_key,
};

/// What of the pod a variable can show.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// What the API of the field path knows beside.
const KNOWN: &[&str] =
    &["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];

const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const HUGE_PAGES: &[&str] = &["limits.hugepages-", "requests.hugepages-"];
const BYTES: &[&str] = &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// Whether a reference to resources of a container has to name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Own,
    Named,
}

pub(super) fn variables(variables: &At<'_>, errors: &mut Vec<FieldError>) {
    for variable in variables.items() {
        variable.child("name").name(errors, env_var_name);
        let from = variable.child("valueFrom");
        if from.exists() {
            value_from(&from, &variable.child("value"), errors);
        }
    }
}

fn value_from(from: &At<'_>, value: &At<'_>, errors: &mut Vec<FieldError>) {
    let field = from.child("fieldRef");
    if field.exists() {
        object_field(&field, FIELDS, errors);
    }
    let resource = from.child("resourceFieldRef");
    if resource.exists() {
        container_resource(&resource, Container::Own, errors);
    }
    for key in
        ["configMapKeyRef", "secretKeyRef"].map(|name| from.child(name)).iter().filter(|at| at.exists())
    {
        let name = key.child("name");
        let refused = dns1123_subdomain(name.text());
        errors
            .extend(refused.into_iter().map(|message| FieldError::invalid(&name.path, name.text(), message)));
        key.child("key").name(errors, config_map_key);
    }
    let file = from.child("fileKeyRef");
    if file.exists() {
        file.child("key").name(errors, env_var_name);
        file.child("volumeName").name(errors, dns1123_label);
        if file.child("path").required(errors, "") {
            no_backsteps(&file.child("path"), errors);
        }
    }
    let refuse = |why: &str| FieldError::invalid(&from.path, "", why);
    match from.tree.fields().filter(|(_, source)| !source.is_null()).count() {
        0 => errors.push(refuse("must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")),
        _ if !value.is_empty() => errors.push(refuse("may not be specified when `value` is not empty")),
        1 => {}
        _ => errors.push(refuse("may not have more than one field specified at a time")),
    }
}

/// A field of the pod, one of those or an annotation or label of it.
pub(super) fn object_field(at: &At<'_>, fields: &[&str], errors: &mut Vec<FieldError>) {
    let (version, path) = (at.child("apiVersion"), at.child("fieldPath"));
    if !version.required(errors, "") || !path.required(errors, "") {
        return;
    }
    let converting = |why: String| {
        FieldError::invalid(&path.path, path.text(), format!("error converting fieldPath: {why}"))
    };
    if version.text() != "v1" {
        errors.push(converting(format!("unsupported pod version: {}", version.text())));
        return;
    }
    let subscripted = path.text().strip_suffix("']").and_then(|rest| rest.split_once("['"));
    let name = match subscripted.map_or(path.text(), |(name, _)| name) {
        "spec.host" => "spec.nodeName",
        name => name,
    };
    if !FIELDS.contains(&name) && !KNOWN.contains(&name) {
        errors.push(converting(format!("field label not supported: {}", path.text())));
        return;
    }
    let qualified = |key: &str| -> Vec<FieldError> {
        label_key(key).into_iter().map(|message| FieldError::invalid(&at.path, key, message)).collect()
    };
    match (name, subscripted) {
        ("metadata.annotations", Some((_, key))) => errors.extend(qualified(&key.to_ascii_lowercase())),
        ("metadata.labels", Some((_, key))) => errors.extend(qualified(key)),
        (name, Some(_)) => errors.push(FieldError::invalid(&at.path, name, "does not support subscript")),
        (name, None) if !fields.contains(&name) => {
            errors.push(FieldError::not_supported(&path.path, name, fields));
        }
        _ => {}
    }
}

/// A limit or request of a container, in units of a divisor.
pub(super) fn container_resource(at: &At<'_>, container: Container, errors: &mut Vec<FieldError>) {
    let (name, resource) = (at.child("containerName"), at.child("resource"));
    let known = || {
        RESOURCES.contains(&resource.text())
            || HUGE_PAGES.iter().any(|prefix| resource.text().starts_with(prefix))
    };
    if container == Container::Named && name.is_empty() {
        errors.push(FieldError::required(&name.path, ""));
    } else if resource.required(errors, "") && !known() {
        errors.push(FieldError::not_supported(&resource.path, resource.text(), RESOURCES));
    }
    let divisor = at.child("divisor");
    let (units, shown, of): (&[&str], &str, &str) = match resource.text() {
        "limits.cpu" | "requests.cpu" => (&["1m", "1"], "1m and 1", "cpu"),
        "limits.memory" | "requests.memory" => (BYTES, "", "memory"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => (BYTES, "", "local ephemeral storage"),
        other if HUGE_PAGES.iter().any(|prefix| other.starts_with(prefix)) => (BYTES, "", "hugepages"),
        _ => return,
    };
    let is_set = quantity(divisor.tree).is_some_and(|divisor| divisor != Quantity::ZERO);
    if is_set && !units.contains(&divisor.text()) {
        let all = BYTES.join(", ");
        let shown = if shown.is_empty() { &all } else { shown };
        let why = format!("only divisor's values {shown} are supported with the {of} resource");
        errors.push(FieldError::invalid(&divisor.path, resource.text(), why));
    }
}

/// Upstream names the list alone where an item has no source or several.
pub(super) fn sources(sources: &At<'_>, errors: &mut Vec<FieldError>) {
    for source in sources.items() {
        source.child("prefix").follows(errors, env_var_name);
        let references = ["configMapRef", "secretRef"].map(|name| source.child(name));
        let set: Vec<_> = references.iter().filter(|at| at.exists()).collect();
        for reference in &set {
            reference.child("name").name(errors, dns1123_subdomain);
        }
        let refuse = |why: &str| FieldError::invalid(&sources.path, "", why);
        match set.len() {
            0 => errors.push(refuse("must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(refuse("may not have more than one field specified at a time")),
        }
    }
}
