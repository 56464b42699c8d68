//! Services: what their type asks for, and what of their addresses may change.

mod addresses;
mod change;

use super::pod::container::PROTOCOLS;
use super::pod::probe;
use crate::meta;
use crate::tree;
use crate::tree::Tree;
use crate::validate::address::{cidr, endpoint_ip, ip, parse_ip};
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, label_key, port_number, selector};

pub(super) use change::{update, validate as validate_update};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: &[&str] = &["ClientIP", "None"];
const POLICIES: &[&str] = &["Cluster", "Local"];
const DISTRIBUTIONS: &[&str] = &["PreferClose", "PreferSameZone", "PreferSameNode"];
const EXTERNAL: &str = "ExternalName";
const BALANCED: &str = "LoadBalancer";
const HEADLESS: &str = "None";
const ONLY_BALANCED: &str = "may only be used when `type` is 'LoadBalancer'";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";

/// How long a client that sticks to an endpoint does, in seconds: three hours, and a day at most.
const AFFINITY_SECONDS: i64 = 10_800;
const AFFINITY_SECONDS_MAX: i64 = 86_400;

/// A port leads to the port of the same number.
pub(super) fn target_port(port: &mut Tree) {
    if port.get("targetPort").is_none_or(Tree::is_empty_value)
        && let Some(number) = port.get("port").cloned()
    {
        port.insert("targetPort", number);
    }
}

fn kind(service: &Tree) -> &str {
    service.str_at(&["spec", "type"]).unwrap_or_default()
}

fn is_headless(service: &Tree) -> bool {
    let addresses = service.items_at(&["spec", "clusterIPs"]);
    addresses.len() == 1 && addresses[0].as_str() == Some(HEADLESS)
}

/// Whether it can be reached from outside of the cluster.
fn is_external(service: &Tree) -> bool {
    match kind(service) {
        BALANCED | "NodePort" => true,
        "ClusterIP" => !service.items_at(&["spec", "externalIPs"]).is_empty(),
        _ => false,
    }
}

/// Whether load balancers ask each node whether it has endpoints.
fn is_checked(service: &Tree) -> bool {
    kind(service) == BALANCED && service.str_at(&["spec", "externalTrafficPolicy"]) == Some("Local")
}

pub(super) fn defaults(service: &mut Tree) {
    let missing = |service: &Tree, path: &[&str]| service.at(path).is_none_or(Tree::is_empty_value);
    match service.str_at(&["spec", "sessionAffinity"]) {
        Some("None") => drop(service.remove_at(&["spec", "sessionAffinityConfig"])),
        Some("ClientIP")
            if service.at(&["spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"]).is_none() =>
        {
            let config = tree!({ "clientIP": { "timeoutSeconds": AFFINITY_SECONDS } });
            service.set_at(&["spec", "sessionAffinityConfig"], config);
        }
        _ => {}
    }
    if is_external(service) && missing(service, &["spec", "externalTrafficPolicy"]) {
        service.set_at(&["spec", "externalTrafficPolicy"], "Cluster");
    }
    let is_internal = ["ClusterIP", "NodePort", BALANCED].contains(&kind(service));
    if is_internal && service.at(&["spec", "internalTrafficPolicy"]).is_none() {
        service.set_at(&["spec", "internalTrafficPolicy"], "Cluster");
    }
    if kind(service) == BALANCED {
        if service.at(&["spec", "allocateLoadBalancerNodePorts"]).is_none() {
            service.set_at(&["spec", "allocateLoadBalancerNodePorts"], true);
        }
        let given = service.at_mut(&["status", "loadBalancer", "ingress"]).and_then(Tree::as_array_mut);
        for ingress in given.into_iter().flatten() {
            if !missing(ingress, &["ip"]) && ingress.get("ipMode").is_none() {
                ingress.insert("ipMode", "VIP");
            }
        }
    }
    if missing(service, &["spec", "clusterIPs"])
        && let Some(address) = service.str_at(&["spec", "clusterIP"]).filter(|address| !address.is_empty())
    {
        let address = address.to_owned();
        service.set_at(&["spec", "clusterIPs"], vec![address]);
    }
}

pub(super) fn validate(service: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(service, "spec");
    annotations(service, errors);
    let (kind, ports, headless) = (spec.child("type"), spec.child("ports"), is_headless(service));
    if !headless && kind.text() != EXTERNAL {
        ports.required(errors, "");
    }
    match kind.text() {
        EXTERNAL => external(&spec, errors),
        of @ (BALANCED | "NodePort") if headless => {
            let why = format!("may not be set to 'None' for {of} services");
            let path = spec.path.child("clusterIPs").index(0);
            errors.push(FieldError::invalid(&path, HEADLESS, why));
        }
        _ => {}
    }
    let several = ports.tree.items().len() > 1;
    let mut names = Vec::new();
    for port in ports.items() {
        if several {
            port.child("name").required(errors, "");
        }
        self::port(&port, &mut names, errors);
    }
    selector::labels(&spec.child("selector"), errors);
    affinity(&spec, errors);
    addresses::validate(service, &spec, errors);
    for address in spec.child("externalIPs").items() {
        let refused = ip(address.text());
        address.refuse(errors, if refused.is_empty() { endpoint_ip(address.text()) } else { refused });
    }
    kind.exactly(errors, TYPES);
    claims(&ports, kind.text(), errors);
    balanced(service, &spec, errors);
    traffic(service, &spec, errors);
}

fn annotations(service: &Tree, errors: &mut Vec<FieldError>) {
    let path = At::top(service, "metadata").path.child("annotations");
    if let (Some(mode), Some(hints)) = (meta::annotation(service, MODE), meta::annotation(service, HINTS))
        && mode != hints
    {
        let why = format!("must match annotations[{HINTS}] when both are specified");
        errors.push(FieldError::invalid(&path.key(MODE), mode, why));
    }
}

fn external(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        spec.child(field).absent(errors, "may not be set for ExternalName services");
    }
    let name = spec.child("externalName");
    let bare = name.text().strip_suffix('.').unwrap_or(name.text());
    if bare.is_empty() {
        errors.push(FieldError::required(&name.path, ""));
    } else {
        let refused = dns1123_subdomain(bare);
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&name.path, bare, why)));
    }
}

fn port<'a>(port: &At<'a>, names: &mut Vec<&'a str>, errors: &mut Vec<FieldError>) {
    let (name, number) = (port.child("name"), port.child("port"));
    name.follows(errors, dns1123_label);
    name.unique(errors, names);
    let shown = number.number().unwrap_or(0);
    let refused = port_number(shown);
    errors.extend(refused.into_iter().map(|why| FieldError::invalid(&number.path, shown, why)));
    port.child("protocol").exactly(errors, PROTOCOLS);
    if port.child("targetPort").exists() {
        probe::port(&port.child("targetPort"), errors);
    }
    let protocol = port.child("appProtocol");
    if protocol.exists() {
        protocol.refuse(errors, label_key(protocol.text()));
    }
}

/// No port is twice, nor is a port of the nodes.
fn claims(ports: &At<'_>, kind: &str, errors: &mut Vec<FieldError>) {
    if kind == "ClusterIP" {
        for port in ports.items() {
            port.child("nodePort").absent(errors, "may not be used when `type` is 'ClusterIP'");
        }
    }
    let (mut on_nodes, mut own) = (Vec::new(), Vec::new());
    for port in ports.items().filter(|port| !port.child("nodePort").is_empty()) {
        let node = port.child("nodePort");
        let claim = (port.child("protocol").text(), node.number());
        if on_nodes.contains(&claim) {
            errors.push(FieldError::duplicate(&node.path, node.tree.clone()));
        }
        on_nodes.push(claim);
    }
    for port in ports.items() {
        let claim = (port.child("protocol").text(), port.child("port").number());
        if own.contains(&claim) {
            let shown = tree!({ "protocol": (claim.0), "port": (claim.1) });
            errors.push(FieldError::duplicate(&port.path, shown));
        }
        own.push(claim);
    }
}

fn affinity(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let (affinity, config) = (spec.child("sessionAffinity"), spec.child("sessionAffinityConfig"));
    affinity.exactly(errors, AFFINITIES);
    match affinity.text() {
        "None" if config.exists() => {
            config.forbidden(errors, "must not be set when session affinity is None");
        }
        "ClientIP" => {
            let timeout = config.children(&["clientIP", "timeoutSeconds"]);
            if timeout.number().is_some_and(|seconds| !(1..=AFFINITY_SECONDS_MAX).contains(&seconds)) {
                timeout
                    .invalid(errors, format!("must be greater than 0 and less than {AFFINITY_SECONDS_MAX}"));
            }
        }
        _ => {}
    }
}

/// What only a load balancer has.
fn balanced(service: &Tree, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let is_balanced = kind(service) == BALANCED;
    let ranges =
        At { path: spec.path.child("LoadBalancerSourceRanges"), ..spec.child("loadBalancerSourceRanges") };
    let annotated = At::top(service, "metadata").children(&["annotations", SOURCE_RANGES]);
    if !ranges.is_empty() {
        if !is_balanced {
            ranges.forbidden(errors, ONLY_BALANCED);
        }
        for range in ranges.items() {
            let refused = cidr(range.text().trim());
            errors.extend(
                refused.into_iter().map(|why| FieldError::invalid(&range.path, range.text().trim(), why)),
            );
        }
    } else if annotated.exists() {
        let path = At::top(service, "metadata").path.child("annotations").key(SOURCE_RANGES);
        if !is_balanced {
            errors.push(FieldError::forbidden(&path, ONLY_BALANCED));
        }
        for range in
            annotated.text().split(',').map(str::trim).filter(|_| !annotated.text().trim().is_empty())
        {
            errors.extend(cidr(range).into_iter().map(|why| FieldError::invalid(&path, range, why)));
        }
    }
    let allocates = spec.child("allocateLoadBalancerNodePorts");
    if allocates.exists() && !is_balanced {
        allocates.forbidden(errors, ONLY_BALANCED);
    }
    let class = spec.child("loadBalancerClass");
    if class.exists() && is_balanced {
        class.refuse(errors, label_key(class.text()));
    } else if class.exists() {
        class.forbidden(errors, ONLY_BALANCED);
    }
}

fn traffic(service: &Tree, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let outside = spec.child("externalTrafficPolicy");
    if is_external(service) {
        outside.exactly(errors, POLICIES);
    } else if !outside.is_empty() {
        outside.invalid(errors, "may only be set for externally-accessible services");
    }
    let check = spec.child("healthCheckNodePort");
    // The port that is checked is given by whoever gives ports, if the client does not say it.
    if is_checked(service) && !check.is_empty() {
        check.counts(errors, port_number);
    } else if !check.is_empty() {
        check.invalid(
            errors,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        );
    }
    spec.child("internalTrafficPolicy").if_set_one_of(errors, POLICIES);
    spec.child("trafficDistribution").if_set_one_of(errors, DISTRIBUTIONS);
}

/// What a load balancer, or an Ingress, can be reached at.
pub(super) fn load_balancer_address(at: &At<'_>, errors: &mut Vec<FieldError>) {
    at.child("ip").follows(errors, ip);
    let host = at.child("hostname");
    host.follows(errors, dns1123_subdomain);
    if parse_ip(host.text()).is_some() {
        host.invalid(errors, "must be a DNS name, not an IP address");
    }
}

pub(super) fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    let given = At::top(new, "status").children(&["loadBalancer", "ingress"]);
    if kind(new) != BALANCED {
        given.absent(errors, "may only be used when `spec.type` is 'LoadBalancer'");
        return;
    }
    for ingress in given.items() {
        let mode = ingress.child("ipMode");
        match (mode.exists(), ingress.child("ip").is_empty()) {
            (false, false) => {
                errors.push(FieldError::required(&mode.path, "must be specified when `ip` is set"));
            }
            (true, true) => mode.forbidden(errors, "may not be specified when `ip` is not set"),
            _ => mode.if_set_one_of(errors, &["Proxy", "VIP"]),
        }
        load_balancer_address(&ingress, errors);
    }
}
