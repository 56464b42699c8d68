//! Services: type, ports, and the cluster address that stays.

use super::container::PROTOCOLS;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, port_name, port_number};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: &[&str] = &["ClientIP", "None"];
const EXTERNAL: &str = "ExternalName";
const HEADLESS: &str = "None";

pub(super) fn validate(service: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(service, "spec");
    let kind = spec.child("type");
    let headless = spec.child("clusterIP").text() == HEADLESS;
    kind.one_of(errors, TYPES);
    spec.child("sessionAffinity").one_of(errors, AFFINITIES);
    match kind.text() {
        EXTERNAL => external_name(&spec.child("externalName"), errors),
        _ if !headless => {
            spec.child("ports").required(errors, "");
        }
        of @ ("LoadBalancer" | "NodePort") => {
            let why = format!("may not be set to 'None' for {of} services");
            let path = spec.path.child("clusterIPs").index(0);
            errors.push(FieldError::invalid(&path, HEADLESS, why));
        }
        _ => {}
    }
    ports(&spec.child("ports"), errors);
}

fn external_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    name.name(errors, |name| dns1123_subdomain(name.strip_suffix('.').unwrap_or(name)));
}

fn ports(ports: &At<'_>, errors: &mut Vec<FieldError>) {
    let several = ports.tree.items().len() > 1;
    let (mut names, mut taken) = (Vec::new(), Vec::new());
    for port in ports.items() {
        let name = port.child("name");
        if several {
            name.required(errors, "");
        }
        name.follows(errors, dns1123_label);
        name.unique(errors, &mut names);
        let number = port.child("port");
        number.refuse(errors, port_number(number.number().unwrap_or(0)));
        port.child("protocol").one_of(errors, PROTOCOLS);
        let target = port.child("targetPort");
        if !target.is_empty() {
            target.counts(errors, port_number);
            target.follows(errors, port_name);
        }
        let claim = (port.child("protocol").text(), number.number());
        if taken.contains(&claim) {
            let shown = tree!({ "protocol": (claim.0), "port": (claim.1) });
            errors.push(FieldError::duplicate(&port.path, shown));
        }
        taken.push(claim);
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
    if [&spec, &was].iter().any(|spec| spec.child("type").text() == EXTERNAL) {
        return;
    }
    let (address, before) = (spec.child("clusterIP").text(), was.child("clusterIP").text());
    if !before.is_empty() && address != before {
        let path = spec.path.child("clusterIPs").index(0);
        errors.push(FieldError::invalid(&path, vec![address], "may not change once set"));
    }
}
