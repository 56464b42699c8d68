//! The addresses of Services: ServiceCIDRs, and an IPAddress for each one that is taken.

use crate::tree::Tree;
use crate::validate::address::{canonical_cidr, parse_cidr};
use crate::validate::{At, FieldError, IMMUTABLE, dns1123_subdomain, immutable, path_segment};

pub(super) fn address(address: &Tree, errors: &mut Vec<FieldError>) {
    let parent = At::top(address, "spec").child("parentRef");
    if !parent.exists() {
        errors.push(FieldError::required(&parent.path, ""));
        return;
    }
    parent.child("group").follows(errors, dns1123_subdomain);
    for field in ["resource", "name"] {
        parent.child(field).name(errors, path_segment);
    }
    parent.child("namespace").follows(errors, path_segment);
}

pub(super) fn address_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["spec", "parentRef"]));
}

pub(super) fn cidrs(object: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(object, "spec");
    let cidrs = spec.child("cidrs");
    match cidrs.tree.items().len() {
        0 => return errors.push(FieldError::required(&cidrs.path, "at least one CIDR required")),
        1 | 2 => {}
        _ => {
            let why = "may only hold up to 2 values";
            return errors.push(FieldError::invalid(&cidrs.path, spec.tree.clone(), why));
        }
    }
    for cidr in cidrs.items() {
        cidr.refuse(errors, canonical_cidr(cidr.text()));
    }
    let families: Vec<bool> =
        cidrs.items().filter_map(|cidr| parse_cidr(cidr.text())).map(|cidr| cidr.address.is_ipv4()).collect();
    if let [one, other] = families.as_slice()
        && one == other
    {
        cidrs.invalid(
            errors,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        );
    }
}

/// A second family may be added; nothing else changes.
pub(super) fn cidrs_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let (now, before) = (At::top(new, "spec").child("cidrs"), old.items_at(&["spec", "cidrs"]));
    let count = now.tree.items().len();
    if count != before.len() && (before.len(), count) != (1, 2) {
        return now.invalid(errors, IMMUTABLE);
    }
    for (cidr, _) in now.items().zip(before).filter(|(cidr, before)| cidr.tree != *before) {
        cidr.invalid(errors, IMMUTABLE);
    }
}
