//! Containers of a pod: names, images, ports, environment, mounts, probes and resources.

use crate::quantity::Quantity;
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_label, env_var_name, port_name, port_number};

const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
pub(super) const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const PROBES: &[&str] = &["livenessProbe", "readinessProbe", "startupProbe"];
const HANDLERS: &[&str] = &["exec", "httpGet", "tcpSocket", "grpc"];

/// The containers of a specification, whose volumes have these names.
pub(super) fn all(spec: &At<'_>, volumes: &[&str], errors: &mut Vec<FieldError>) {
    let host_network = spec.child("hostNetwork").tree.as_bool() == Some(true);
    spec.child("containers").required(errors, "");
    let mut names = Vec::new();
    for list in ["containers", "initContainers"] {
        let mut host_ports = Vec::new();
        for container in spec.child(list).items() {
            let name = container.child("name");
            name.name(errors, dns1123_label);
            name.unique(errors, &mut names);
            one(&container, volumes, errors);
            ports(&container.child("ports"), host_network, errors);
            if list == "containers" {
                host_ports_are_free(&container.child("ports"), &mut host_ports, errors);
            }
        }
    }
}

fn one(container: &At<'_>, volumes: &[&str], errors: &mut Vec<FieldError>) {
    let image = container.child("image");
    if image.required(errors, "") && image.text().trim() != image.text() {
        image.refuse(errors, vec!["must not have leading or trailing whitespace".to_owned()]);
    }
    for probe in PROBES.iter().map(|name| container.child(name)).filter(|probe| !probe.tree.is_null()) {
        if HANDLERS.iter().all(|handler| probe.child(handler).tree.is_null()) {
            errors.push(FieldError::required(&probe.path, "must specify a handler type"));
        }
    }
    for variable in container.child("env").items() {
        environment(&variable, errors);
    }
    mounts(&container.child("volumeMounts"), volumes, errors);
    container.child("imagePullPolicy").one_of(errors, PULL_POLICIES);
    resources(&container.child("resources"), errors);
}

fn ports(ports: &At<'_>, host_network: bool, errors: &mut Vec<FieldError>) {
    let mut names = Vec::new();
    for port in ports.items() {
        let name = port.child("name");
        name.follows(errors, port_name);
        name.unique(errors, &mut names);
        let (own, host) = (port.child("containerPort"), port.child("hostPort"));
        if own.required(errors, "") {
            own.counts(errors, port_number);
        }
        if !host.is_empty() {
            host.counts(errors, port_number);
            if host_network && host.number() != own.number() {
                own.refuse(errors, vec!["must match `hostPort` when `hostNetwork` is true".to_owned()]);
            }
        }
        port.child("protocol").one_of(errors, PROTOCOLS);
    }
}

fn host_ports_are_free(ports: &At<'_>, taken: &mut Vec<String>, errors: &mut Vec<FieldError>) {
    for port in ports.items().filter(|port| !port.child("hostPort").is_empty()) {
        let host = port.child("hostPort");
        let claim = format!(
            "{}/{}/{}",
            port.child("protocol").text(),
            port.child("hostIP").text(),
            host.number().unwrap_or_default()
        );
        if taken.contains(&claim) {
            errors.push(FieldError::duplicate(&host.path, claim));
        } else {
            taken.push(claim);
        }
    }
}

fn environment(variable: &At<'_>, errors: &mut Vec<FieldError>) {
    variable.child("name").name(errors, env_var_name);
    let from = variable.child("valueFrom");
    if from.is_empty() {
        return;
    }
    let refuse = |why: &str| FieldError::invalid(&from.path, "", why);
    if !variable.child("value").is_empty() {
        errors.push(refuse("may not be specified when `value` is not empty"));
    } else if from.tree.fields().filter(|(_, source)| !source.is_null()).count() > 1 {
        errors.push(refuse("may not have more than one field specified at a time"));
    }
}

fn mounts(mounts: &At<'_>, volumes: &[&str], errors: &mut Vec<FieldError>) {
    let mut paths = Vec::new();
    for mount in mounts.items() {
        let (name, path, sub) = (mount.child("name"), mount.child("mountPath"), mount.child("subPath"));
        name.required(errors, "");
        if !volumes.contains(&name.text()) {
            errors.push(FieldError::not_found(&name.path, name.text()));
        }
        path.required(errors, "");
        if paths.contains(&path.text()) {
            path.refuse(errors, vec!["must be unique".to_owned()]);
        }
        paths.push(path.text());
        if sub.text().starts_with('/') {
            sub.refuse(errors, vec!["must be a relative path".to_owned()]);
        }
        if sub.text().split('/').any(|part| part == "..") {
            sub.refuse(errors, vec!["must not contain '..'".to_owned()]);
        }
    }
}

/// Amounts are not negative, and none is asked for above its limit.
fn resources(resources: &At<'_>, errors: &mut Vec<FieldError>) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    for (_, amount) in limits.entries().chain(requests.entries()) {
        if quantity(amount.tree).is_some_and(|quantity| quantity < Quantity::ZERO) {
            amount.refuse(errors, vec!["must be greater than or equal to 0".to_owned()]);
        }
    }
    for (name, request) in requests.entries() {
        let limit = limits.tree.get(name).and_then(quantity);
        if let (Some(request), Some(limit)) = (quantity(request.tree), limit)
            && request > limit
        {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            errors.push(FieldError::invalid(&requests.path, request.to_string(), why));
        }
    }
}

/// The amount, which decoding has made a canonical text.
fn quantity(tree: &Tree) -> Option<Quantity> {
    tree.as_str()?.parse().ok()
}
