//! NetworkPolicies: who may speak to the pods of a selection, and to whom they may.

use crate::tree;
use crate::tree::Tree;
use crate::validate::address::{cidr, parse_cidr};
use crate::validate::{At, FieldError, port_name, port_number, selector};

const TYPES: &[&str] = &["Ingress", "Egress"];
const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];

/// A policy is about what comes in, and about what goes out where it has a rule for that.
pub(super) fn defaults(policy: &mut Tree) {
    if !policy.items_at(&["spec", "policyTypes"]).is_empty() {
        return;
    }
    let leaves = !policy.items_at(&["spec", "egress"]).is_empty();
    let types = if leaves { tree!(["Ingress", "Egress"]) } else { tree!(["Ingress"]) };
    policy.set_at(&["spec", "policyTypes"], types);
}

pub(super) fn validate(policy: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(policy, "spec");
    selector::label_selector(&spec.child("podSelector"), errors);
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.child(rules).items() {
            rule.child("ports").items().for_each(|port| self::port(&port, errors));
            rule.child(peers).items().for_each(|peer| self::peer(&peer, errors));
        }
    }
    let types = spec.child("policyTypes");
    if types.tree.items().len() > TYPES.len() {
        types.invalid(errors, "may not specify more than two policyTypes");
        return;
    }
    for kind in types.items() {
        kind.if_set_one_of(errors, TYPES);
    }
}

fn port(at: &At<'_>, errors: &mut Vec<FieldError>) {
    at.child("protocol").if_set_one_of(errors, PROTOCOLS);
    let (port, end) = (at.child("port"), at.child("endPort"));
    match (port.tree, end.exists()) {
        (Tree::Null, true) => end.invalid(errors, "may not be specified when `port` is not specified"),
        (Tree::Null, false) => {}
        (Tree::Str(name), is_range) => {
            if is_range {
                end.invalid(errors, "may not be specified when `port` is non-numeric");
            }
            port.refuse(errors, port_name(name));
        }
        _ => {
            port.counts(errors, port_number);
            if end.number() < port.number() && end.exists() {
                end.invalid(errors, "must be greater than or equal to `port`");
            }
            end.counts(errors, port_number);
        }
    }
}

fn peer(peer: &At<'_>, errors: &mut Vec<FieldError>) {
    let selectors = ["podSelector", "namespaceSelector"].map(|field| peer.child(field));
    let block = peer.child("ipBlock");
    for selector in &selectors {
        selector::label_selector(selector, errors);
    }
    if block.exists() {
        self::block(&block, errors);
    }
    match (selectors.iter().any(At::exists), block.exists()) {
        (false, false) => errors.push(FieldError::required(&peer.path, "must specify a peer")),
        (true, true) => peer.forbidden(errors, "may not specify both ipBlock and another peer"),
        _ => {}
    }
}

fn block(block: &At<'_>, errors: &mut Vec<FieldError>) {
    let whole = block.child("cidr");
    if !whole.required(errors, "") {
        return;
    }
    whole.refuse(errors, cidr(whole.text()));
    let Some(outer) = parse_cidr(whole.text()) else { return };
    for part in block.child("except").items() {
        part.refuse(errors, cidr(part.text()));
        let within = |inner: crate::validate::address::Cidr| {
            outer.contains(inner.network()) && outer.prefix < inner.prefix
        };
        if parse_cidr(part.text()).is_some_and(|inner| !within(inner)) {
            part.invalid(errors, "must be a strict subset of `cidr`");
        }
    }
}
