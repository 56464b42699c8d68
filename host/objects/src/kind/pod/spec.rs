//! The specification of a pod, of a pod itself or in a template: everything that is refused of it, in upstream's order.

use super::container::{self, Context};
use super::{affinity, dns, resources, security, volume, windows};
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, label_key, selector};

const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
const PREEMPTION_POLICIES: &[&str] = &["PreemptLowerPriority", "Never"];
const HOSTNAME_MAX: usize = 64;

/// Whose specification it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::kind) enum Owner<'a> {
    Pod { name: &'a str, is_mirror: bool },
    Template,
}

/// Regular, initializing and ephemeral containers.
pub(super) fn containers<'a>(spec: &At<'a>) -> impl Iterator<Item = At<'a>> + use<'a> {
    let lists = ["initContainers", "containers", "ephemeralContainers"].map(|list| spec.child(list));
    lists.into_iter().flat_map(|list| list.items())
}

pub(in crate::kind) fn validate(spec: &At<'_>, owner: Owner<'_>, errors: &mut Vec<FieldError>) {
    let name = if let Owner::Pod { name, .. } = owner { name } else { "" };
    let grace = spec.child("terminationGracePeriodSeconds");
    if !grace.exists() {
        errors.push(FieldError::required(&grace.path, ""));
    }
    let context = Context {
        volumes: volume::all(&spec.child("volumes"), name, errors),
        claims: spec
            .child("resourceClaims")
            .items()
            .map(|claim| claim.child("name").text())
            .filter(|name| !name.is_empty())
            .collect(),
        grace: grace.number(),
        os: spec.children(&["os", "name"]).text(),
        restart_policy: spec.child("restartPolicy").text(),
        host_users: spec.child("hostUsers").tree.as_bool() != Some(false),
    };
    resource_claims(&spec.child("resourceClaims"), owner, errors);
    container::all(spec, &context, errors);
    resources::of_pod(spec, &context.claims, context.os, errors);
    host_ports(spec, owner, errors);
    spec.child("restartPolicy").exactly(errors, RESTART_POLICIES);
    spec.child("dnsPolicy").exactly(errors, dns::POLICIES);
    selector::labels(&spec.child("nodeSelector"), errors);
    security::of_pod(&spec.child("securityContext"), spec, errors);
    affinity::affinity(&spec.child("affinity"), errors);
    dns::config(&spec.child("dnsConfig"), spec.child("dnsPolicy").text(), errors);
    for gate in spec.child("readinessGates").items().map(|gate| gate.child("conditionType")) {
        refuse_name(&gate, &gate, errors);
    }
    scheduling_gates(&spec.child("schedulingGates"), errors);
    affinity::spread(&spec.child("topologySpreadConstraints"), errors);
    windows::host_processes(spec, errors);
    security::host_users(spec, errors);
    hostname_override(spec, errors);
    names(spec, errors);
    windows::of_system(spec, errors);
    let group = spec.children(&["schedulingGroup", "podGroupName"]);
    if spec.child("schedulingGroup").exists() {
        group.name(errors, dns1123_subdomain);
    }
    file_variables(spec, &context, errors);
}

fn names(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["serviceAccountName", "nodeName"] {
        spec.child(field).follows(errors, dns1123_subdomain);
    }
    spec.child("activeDeadlineSeconds").within(errors, 1, i64::from(i32::MAX));
    for field in ["hostname", "subdomain"] {
        spec.child(field).follows(errors, dns1123_label);
    }
    affinity::tolerations(&spec.child("tolerations"), errors);
    dns::host_aliases(&spec.child("hostAliases"), errors);
    spec.child("priorityClassName").follows(errors, dns1123_subdomain);
    let runtime = spec.child("runtimeClassName");
    if runtime.exists() {
        runtime.refuse(errors, dns1123_subdomain(runtime.text()));
    }
    if spec.child("preemptionPolicy").exists() {
        spec.child("preemptionPolicy").exactly(errors, PREEMPTION_POLICIES);
    }
    resources::overhead(&spec.child("overhead"), errors);
}

/// A qualified name at `at`, refused at `shown`.
fn refuse_name(at: &At<'_>, shown: &At<'_>, errors: &mut Vec<FieldError>) {
    let refused = label_key(at.text());
    errors.extend(refused.into_iter().map(|why| FieldError::invalid(&shown.path, at.text(), why)));
}

fn scheduling_gates(gates: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for gate in gates.items() {
        let name = gate.child("name");
        refuse_name(&name, &gate, errors);
        if seen.contains(&name.text()) {
            errors.push(FieldError::duplicate(&gate.path, name.text()));
        }
        seen.push(name.text());
    }
}

fn resource_claims(claims: &At<'_>, owner: Owner<'_>, errors: &mut Vec<FieldError>) {
    const FIELDS: [&str; 2] = ["resourceClaimName", "resourceClaimTemplateName"];
    let mut seen = Vec::new();
    for claim in claims.items() {
        if let Owner::Pod { is_mirror: true, .. } = owner {
            let path = crate::validate::Path::none();
            errors.push(FieldError::forbidden(&path, "static pods do not support resource claims"));
            continue;
        }
        let name = claim.child("name");
        if name.required(errors, "") {
            if seen.contains(&name.text()) {
                errors.push(FieldError::duplicate(&name.path, name.text()));
            } else {
                name.follows(errors, dns1123_label);
                seen.push(name.text());
            }
        }
        match FIELDS.iter().filter(|field| claim.child(field).exists()).count() {
            0 => {
                claim.invalid(errors, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
            }
            1 => {}
            _ => claim.invalid(
                errors,
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            ),
        }
        for field in FIELDS.map(|field| claim.child(field)).iter().filter(|field| field.exists()) {
            field.refuse(errors, dns1123_subdomain(field.text()));
        }
    }
}

/// In the network of the host, ports are those of the host; in a template they may still be open.
fn host_ports(spec: &At<'_>, owner: Owner<'_>, errors: &mut Vec<FieldError>) {
    if !spec.child("hostNetwork").is_true() {
        return;
    }
    for port in spec.child("containers").items().flat_map(|container| container.child("ports").items()) {
        let host = port.child("hostPort");
        let number = host.number().unwrap_or(0);
        let counts = matches!(owner, Owner::Pod { .. }) || number != 0;
        if counts && number != port.child("containerPort").number().unwrap_or(0) {
            let why = "must match `containerPort` when `hostNetwork` is true";
            errors.push(FieldError::invalid(&host.path, number, why));
        }
    }
}

fn hostname_override(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let name = spec.child("hostnameOverride");
    if !name.exists() {
        return;
    }
    for field in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec.child(field).is_true() {
            name.forbidden(errors, &format!("may not be specified when {field} is true"));
        }
    }
    if name.text().len() > HOSTNAME_MAX {
        errors.push(FieldError::too_long(&name.path, HOSTNAME_MAX));
    }
    name.refuse(errors, dns1123_subdomain(name.text()));
}

/// Variables of a file are read from an empty directory.
fn file_variables(spec: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    let variables = containers(spec).flat_map(|container| container.child("env").items());
    for from in variables.map(|variable| variable.children(&["valueFrom", "fileKeyRef"])).filter(At::exists) {
        let name = from.child("volumeName");
        match context.volumes.iter().find(|volume| volume.name == name.text()) {
            None => errors.push(FieldError::not_found(&name.path, name.text())),
            Some(volume) if !volume.is_empty_dir() => {
                name.invalid(errors, "referenced volume must be of type emptyDir");
            }
            Some(_) => {}
        }
    }
}
