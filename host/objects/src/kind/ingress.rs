//! Ingresses and their classes.

use super::service;
use crate::meta;
use crate::tree::Tree;
use crate::validate::address::parse_ip;
use crate::validate::formats::{domain_prefixed_path, wildcard_subdomain};
use crate::validate::{
    At, FieldError, Path, dns1123_label, dns1123_subdomain, immutable, path_segment, port_name, port_number,
};

const CLASS: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: &[&str] = &["Exact", "ImplementationSpecific", "Prefix"];
const NOT_IN_PATHS: &[&str] = &["//", "/./", "/../", "%2f", "%2F"];
const NOT_AT_ENDS: &[&str] = &["/..", "/."];
const CONTROLLER_MAX: usize = 250;

pub(super) fn validate(ingress: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(ingress, "spec");
    let (rules, backend) = (spec.child("rules"), spec.child("defaultBackend"));
    if rules.is_empty() && !backend.exists() {
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(&spec.path, rules.tree.clone(), why));
    }
    if backend.exists() {
        self::backend(&backend, errors);
    }
    for rule in rules.items() {
        self::rule(&rule, errors);
    }
    for tls in spec.child("tls").items() {
        for host in tls.child("hosts").items() {
            host.refuse(errors, host_name(host.text()));
        }
        tls.child("secretName").follows(errors, dns1123_subdomain);
    }
    let class = spec.child("ingressClassName");
    if class.exists() {
        class.refuse(errors, dns1123_subdomain(class.text()));
    }
}

pub(super) fn validate_new(ingress: &Tree, errors: &mut Vec<FieldError>) {
    let class = ingress.str_at(&["spec", "ingressClassName"]);
    if let (Some(annotated), Some(class)) = (meta::annotation(ingress, CLASS), class)
        && annotated != class
    {
        let path = Path::new("annotations").child(CLASS);
        let why = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid(&path, annotated, why));
    }
}

fn host_name(host: &str) -> Vec<String> {
    if host.contains('*') { wildcard_subdomain(host) } else { dns1123_subdomain(host) }
}

fn rule(rule: &At<'_>, errors: &mut Vec<FieldError>) {
    let host = rule.child("host");
    if parse_ip(host.text()).is_some() {
        host.invalid(errors, "must be a DNS name, not an IP address");
    }
    host.follows(errors, host_name);
    let http = rule.child("http");
    if !http.exists() {
        return;
    }
    http.child("paths").required(errors, "");
    for path in http.child("paths").items() {
        self::path(&path, errors);
    }
}

fn path(at: &At<'_>, errors: &mut Vec<FieldError>) {
    let (kind, path) = (at.child("pathType"), at.child("path"));
    if !kind.exists() {
        errors.push(FieldError::required(&kind.path, "pathType must be specified"));
        return;
    }
    let mut refuse = |why: String| errors.push(FieldError::invalid(&path.path, path.text(), why));
    let absolute = path.text().starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if !absolute {
                refuse("must be an absolute path".to_owned());
            }
            for part in NOT_IN_PATHS.iter().filter(|part| path.text().contains(**part)) {
                refuse(format!("must not contain '{part}'"));
            }
            for end in NOT_AT_ENDS.iter().filter(|end| path.text().ends_with(**end)) {
                refuse(format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" if !path.is_empty() && !absolute => {
            refuse("must be an absolute path".to_owned());
        }
        _ => kind.if_set_one_of(errors, PATH_TYPES),
    }
    backend(&at.child("backend"), errors);
}

fn backend(backend: &At<'_>, errors: &mut Vec<FieldError>) {
    let (resource, service) = (backend.child("resource"), backend.child("service"));
    let refuse = |why: &str| FieldError::invalid(&backend.path, "", why);
    match (resource.exists(), service.exists()) {
        (true, true) => errors.push(refuse("cannot set both resource and service backends")),
        (true, false) => reference(&resource, errors),
        (false, false) => errors.push(refuse("resource or service backend is required")),
        (false, true) => {
            service.child("name").name(errors, dns1123_label);
            let (name, number) = (service.children(&["port", "name"]), service.children(&["port", "number"]));
            match (name.is_empty(), number.is_empty()) {
                (false, false) => errors.push(refuse("cannot set both port name & port number")),
                (false, true) => name.follows(errors, port_name),
                (true, false) => number.counts(errors, port_number),
                (true, true) => {
                    errors.push(FieldError::required(&backend.path, "port name or number is required"));
                }
            }
        }
    }
}

/// An object by its kind and name, of a group or of the core.
fn reference(reference: &At<'_>, errors: &mut Vec<FieldError>) {
    let group = reference.child("apiGroup");
    if group.exists() {
        group.refuse(errors, dns1123_subdomain(group.text()));
    }
    for field in ["kind", "name"] {
        reference.child(field).name(errors, path_segment);
    }
}

pub(super) fn class(class: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(class, "spec");
    let (controller, parameters) = (spec.child("controller"), spec.child("parameters"));
    if !controller.required(errors, "at least one controller is required") {
        return;
    }
    if controller.text().len() > CONTROLLER_MAX {
        errors.push(FieldError::too_long(&controller.path, CONTROLLER_MAX));
    }
    errors.extend(domain_prefixed_path(&controller.path, controller.text()));
    if !parameters.exists() {
        return;
    }
    reference(&parameters, errors);
    let (scope, namespace) = (parameters.child("scope"), parameters.child("namespace"));
    match scope.text() {
        "Namespace" if !namespace.exists() => {
            let why = "`parameters.scope` is set to 'Namespace'";
            errors.push(FieldError::required(&namespace.path, why));
        }
        "Namespace" => namespace.refuse(errors, dns1123_label(namespace.text())),
        "Cluster" if namespace.exists() => {
            namespace.forbidden(errors, "`parameters.scope` is set to 'Cluster'");
        }
        _ => scope.if_set_one_of(errors, &["Cluster", "Namespace"]),
    }
}

pub(super) fn class_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["spec", "controller"]));
}

pub(super) fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    for ingress in At::top(new, "status").children(&["loadBalancer", "ingress"]).items() {
        service::load_balancer_address(&ingress, errors);
    }
}
