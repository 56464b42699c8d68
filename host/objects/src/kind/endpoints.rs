//! Endpoints and EndpointSlices: addresses there are, and their ports.

use super::pod::container::PROTOCOLS;
use crate::tree::Tree;
use crate::validate::address::{endpoint_ip, ip};
use crate::validate::{At, FieldError, dns1123_label, dns1123_subdomain, immutable, label_key, port_number};

const ADDRESS_TYPES: &[&str] = &["FQDN", "IPv4", "IPv6"];
const ENDPOINTS_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 100;

pub(super) fn endpoints(endpoints: &Tree, errors: &mut Vec<FieldError>) {
    for subset in At::top(endpoints, "subsets").items() {
        if ["addresses", "notReadyAddresses"].iter().all(|list| subset.child(list).is_empty()) {
            let why = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(&subset.path, why));
        }
        for address in ["addresses", "notReadyAddresses"].iter().flat_map(|list| subset.child(list).items()) {
            self::address(&address, errors);
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

fn address(address: &At<'_>, errors: &mut Vec<FieldError>) {
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
    let kind = At::top(slice, "addressType");
    kind.required(errors, "");
    kind.one_of(errors, ADDRESS_TYPES);
    let endpoints = At::top(slice, "endpoints");
    at_most(&endpoints, ENDPOINTS_MAX, errors);
    for endpoint in endpoints.items() {
        let addresses = endpoint.child("addresses");
        addresses.required(errors, "must contain at least 1 address");
        at_most(&addresses, ADDRESSES_MAX, errors);
    }
    let mut names = Vec::new();
    for port in At::top(slice, "ports").items() {
        let name = port.child("name");
        name.follows(errors, dns1123_label);
        name.unique(errors, &mut names);
        port.child("protocol").one_of(errors, PROTOCOLS);
    }
}

pub(super) fn slice_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["addressType"]));
}

fn at_most(list: &At<'_>, max: usize, errors: &mut Vec<FieldError>) {
    let count = list.tree.items().len();
    if count > max {
        errors.push(FieldError::too_many(&list.path, count, max));
    }
}
