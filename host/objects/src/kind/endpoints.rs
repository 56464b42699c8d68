//! Endpoints and EndpointSlices: addresses there are, and their ports.

use std::net::IpAddr;

use super::pod::container::PROTOCOLS;
use crate::tree::Tree;
use crate::validate::address::{canonical_ip, endpoint_ip, ip, legacy_ip, parse_ip};
use crate::validate::{
    At, FieldError, Path, dns1123_label, dns1123_subdomain, immutable, label_key, label_value, labels,
    port_number,
};

const ADDRESS_TYPES: &[&str] = &["FQDN", "IPv4", "IPv6"];
const ENDPOINTS_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20_000;
const TOPOLOGY_LABELS_MAX: usize = 16;
const HINTS_MAX: usize = 8;

pub(super) fn endpoints(endpoints: &Tree, errors: &mut Vec<FieldError>) {
    for subset in At::top(endpoints, "subsets").items() {
        if ["addresses", "notReadyAddresses"].iter().all(|list| subset.child(list).is_empty()) {
            let why = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(&subset.path, why));
        }
        for address in ["addresses", "notReadyAddresses"].iter().flat_map(|list| subset.child(list).items()) {
            subset_address(&address, errors);
        }
        let several = subset.child("ports").tree.items().len() > 1;
        for port in subset.child("ports").items() {
            if several {
                port.child("name").required(errors, "");
            }
            port.child("name").follows(errors, dns1123_label);
            let number = port.child("port");
            let shown = number.number().unwrap_or(0);
            let refused = port_number(shown);
            errors.extend(refused.into_iter().map(|why| FieldError::invalid(&number.path, shown, why)));
            port.child("protocol").exactly(errors, PROTOCOLS);
            let protocol = port.child("appProtocol");
            if protocol.exists() {
                protocol.refuse(errors, label_key(protocol.text()));
            }
        }
    }
}

fn subset_address(address: &At<'_>, errors: &mut Vec<FieldError>) {
    let text = address.child("ip");
    let refuse = |why| FieldError::invalid(&text.path, text.text(), why);
    errors.extend(ip(text.text()).into_iter().map(refuse));
    address.child("hostname").follows(errors, dns1123_label);
    let node = address.child("nodeName");
    if node.exists() {
        node.refuse(errors, dns1123_subdomain(node.text()));
    }
    errors.extend(endpoint_ip(text.text()).into_iter().map(refuse));
}

pub(super) fn slice(slice: &Tree, errors: &mut Vec<FieldError>) {
    At::top(slice, "addressType").exactly(errors, ADDRESS_TYPES);
    ports(&At::top(slice, "ports"), errors);
    let kind = slice.str_at(&["addressType"]).unwrap_or_default();
    let endpoints = At::top(slice, "endpoints");
    endpoints.at_most(errors, ENDPOINTS_MAX);
    for endpoint in endpoints.items().take(ENDPOINTS_MAX) {
        let addresses = endpoint.child("addresses");
        addresses.required(errors, "must contain at least 1 address");
        addresses.at_most(errors, ADDRESSES_MAX);
        addresses.items().for_each(|address| self::address(&address, &addresses.path, kind, errors));
        endpoint.child("nodeName").follows(errors, dns1123_subdomain);
        let topology = endpoint.child("deprecatedTopology");
        topology.at_most(errors, TOPOLOGY_LABELS_MAX);
        labels(&topology, errors);
        endpoint.child("hostname").follows(errors, dns1123_label);
        let hints = endpoint.child("hints");
        hint(&hints.child("forZones"), label_value, errors);
        hint(&hints.child("forNodes"), dns1123_subdomain, errors);
    }
}

fn ports(ports: &At<'_>, errors: &mut Vec<FieldError>) {
    ports.at_most(errors, PORTS_MAX);
    let mut names = Vec::new();
    for port in ports.items().take(PORTS_MAX) {
        let name = port.child("name");
        name.follows(errors, dns1123_label);
        if names.contains(&name.text()) {
            errors.push(FieldError::duplicate(&name.path, name.text()));
        } else {
            names.push(name.text());
        }
        port.child("protocol").exactly(errors, PROTOCOLS);
        port.child("appProtocol").follows(errors, label_key);
    }
}

fn address(address: &At<'_>, all: &Path, kind: &str, errors: &mut Vec<FieldError>) {
    type Rule = fn(&str) -> Vec<String>;
    let (rule, is_of_kind): (Rule, fn(&IpAddr) -> bool) = match kind {
        "IPv4" => (legacy_ip, IpAddr::is_ipv4),
        "IPv6" => (canonical_ip, IpAddr::is_ipv6),
        "FQDN" => return domain_name(address, errors),
        _ => return,
    };
    let refused = rule(address.text());
    let Some(ip) = parse_ip(address.text()).filter(|_| refused.is_empty()) else {
        return address.refuse(errors, refused);
    };
    if !is_of_kind(&ip) {
        errors.push(FieldError::invalid(all, address.text(), format!("must be an {kind} address")));
    }
    address.refuse(errors, endpoint_ip(address.text()));
}

/// A name of at least two labels; a dot may be at its end.
fn domain_name(name: &At<'_>, errors: &mut Vec<FieldError>) {
    if !name.required(errors, "") {
        return;
    }
    let text = name.text().strip_suffix('.').unwrap_or(name.text());
    let refused = dns1123_subdomain(text);
    if !refused.is_empty() {
        errors.push(FieldError::invalid(&name.path, text, refused.join(",")));
    } else if !text.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(&name.path, text, why));
    } else if let Some((label, refused)) =
        text.split('.').map(|label| (label, dns1123_label(label))).find(|(_, refused)| !refused.is_empty())
    {
        errors.push(FieldError::invalid(&name.path, label, refused.join(",")));
    }
}

/// Where an endpoint is best used from.
fn hint(hints: &At<'_>, rule: fn(&str) -> Vec<String>, errors: &mut Vec<FieldError>) {
    hints.at_most(errors, HINTS_MAX);
    let mut names = Vec::new();
    for hint in hints.items().take(HINTS_MAX) {
        let name = hint.child("name");
        name.unique(errors, &mut names);
        name.refuse(errors, rule(name.text()));
    }
}

pub(super) fn slice_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["addressType"]));
}

/// The topology of old is no longer written.
pub(super) fn drop_topology(slice: &mut Tree) {
    for endpoint in slice.get_mut("endpoints").and_then(Tree::as_array_mut).into_iter().flatten() {
        endpoint.remove("deprecatedTopology");
    }
}
