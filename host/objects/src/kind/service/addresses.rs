//! The addresses that a Service has within the cluster, one of a family at most.

use std::net::IpAddr;

use super::{EXTERNAL, HEADLESS, is_headless, kind};
use crate::tree::Tree;
use crate::validate::address::{ip, is_dual_stack, parse_ip};
use crate::validate::{At, FieldError};

const FAMILIES: &[&str] = &["IPv4", "IPv6"];
const FAMILY_POLICIES: &[&str] = &["PreferDualStack", "RequireDualStack", "SingleStack"];

pub(super) fn validate(service: &Tree, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    if kind(service) == EXTERNAL {
        return;
    }
    let (single, all, families) =
        (spec.child("clusterIP"), spec.child("clusterIPs"), spec.child("ipFamilies"));
    match (single.text(), all.tree.items().first()) {
        ("", None) => {}
        ("", Some(_)) => all.invalid(errors, "must be empty when `clusterIP` is not specified"),
        (_, None) => errors.push(FieldError::required(&all.path, "")),
        (single, Some(first)) if first.as_str() != Some(single) => {
            all.invalid(errors, "first value must match `clusterIP`");
        }
        _ => {}
    }
    let mut seen = Vec::new();
    for family in families.items() {
        family.if_set_one_of(errors, FAMILIES);
        family.unique(errors, &mut seen);
    }
    spec.child("ipFamilyPolicy").if_set_one_of(errors, FAMILY_POLICIES);
    let before = errors.len();
    let count = all.tree.items().len();
    for (index, address) in all.items().enumerate() {
        if index == 0 && address.text() == HEADLESS {
            if count > 1 {
                all.invalid(errors, "'None' must be the first and only value");
            }
            continue;
        }
        let refused = ip(address.text());
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&address.path, address.text(), why)));
    }
    let refused = errors.len() > before;
    if count > 2 {
        all.invalid(errors, "may only hold up to 2 values");
    }
    if refused {
        return;
    }
    let parsed: Vec<IpAddr> = all.items().filter_map(|address| parse_ip(address.text())).collect();
    if count > 1 && !is_dual_stack(&parsed) {
        all.invalid(errors, "may specify no more than one IP for each IP family");
    }
    if is_headless(service) {
        return;
    }
    for (index, (address, family)) in all.items().zip(families.items()).enumerate() {
        let actual = parse_ip(address.text()).map(|ip| if ip.is_ipv4() { "IPv4" } else { "IPv6" });
        if FAMILIES.contains(&family.text()) && actual.is_some_and(|actual| actual != family.text()) {
            let why = format!("expected an {} value as indicated by `ipFamilies[{index}]`", family.text());
            address.invalid(errors, why);
        }
    }
}
