//! Nodes: taints, and addresses of pods that are given once.

use super::pod::affinity;
use crate::tree::Tree;
use crate::validate::address::{cidr, is_dual_stack, parse_cidr};
use crate::validate::{At, FieldError, resource_quantity};

/// What is allocatable is everything, until the kubelet says otherwise; and the first block of pods has a field of its
/// own.
pub(super) fn defaults(node: &mut Tree) {
    let capacity = node.at(&["status", "capacity"]).filter(|capacity| !capacity.is_empty_value());
    if let Some(capacity) = capacity.cloned()
        && node.at(&["status", "allocatable"]).is_none()
    {
        node.set_at(&["status", "allocatable"], capacity);
    }
    let single = node.str_at(&["spec", "podCIDR"]).filter(|single| !single.is_empty()).map(str::to_owned);
    let first = node.str_at(&["spec", "podCIDRs", "0"]).map(str::to_owned);
    match (single, first) {
        (Some(single), first) if first.as_deref() != Some(&single) => {
            node.set_at(&["spec", "podCIDRs"], vec![single]);
        }
        (None, Some(first)) => node.set_at(&["spec", "podCIDR"], first),
        _ => {}
    }
}

pub(super) fn validate(node: &Tree, errors: &mut Vec<FieldError>) {
    let (spec, metadata) = (At::top(node, "spec"), At::top(node, "metadata"));
    // Upstream gives taints a path in the metadata.
    affinity::taints(&At { path: metadata.path.child("taints"), ..spec.child("taints") }, errors);
    amounts(node, errors);
    let blocks = spec.child("podCIDRs");
    for block in blocks.items() {
        block.refuse(errors, cidr(block.text()));
    }
    let families: Vec<_> =
        blocks.items().filter_map(|block| parse_cidr(block.text())).map(|block| block.address).collect();
    let count = blocks.tree.items().len();
    if count > 2 || (count == 2 && !is_dual_stack(&families)) {
        blocks.invalid(errors, "may specify no more than one CIDR for each IP family");
    }
}

fn amounts(node: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(node, "status");
    for field in ["capacity", "allocatable"].map(|field| status.child(field)) {
        for (name, amount) in field.entries() {
            let amount = At { path: field.path.child(name), ..amount };
            resource_quantity(name, &amount, errors);
        }
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let addresses = At::top(new, "status").child("addresses");
    for (index, address) in addresses.items().enumerate() {
        if addresses.tree.items()[..index].contains(address.tree) {
            errors.push(FieldError::duplicate(&address.path, address.tree.clone()));
        }
    }
    let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
    let changed =
        |field: &str| !was.child(field).is_empty() && spec.child(field).tree != was.child(field).tree;
    if changed("podCIDRs") {
        let why = "node updates may not change podCIDR except from \"\" to valid";
        spec.child("podCIDRs").forbidden(errors, why);
    }
    if changed("providerID") {
        let why = "node updates may not change providerID except from \"\" to valid";
        spec.child("providerID").forbidden(errors, why);
    }
    if spec.child("externalID").text() != was.child("externalID").text() {
        spec.child("externalID").forbidden(errors, "may not be updated");
    }
}

pub(super) fn validate_status(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    amounts(new, errors);
    validate_update(new, old, errors);
}
