//! The families of a Service's addresses: what the client does not say of them follows from what it does, from what the
//! Service was, and from what the cluster has.

use std::net::IpAddr;

use objects::Tree;
use objects::validate::address::parse_ip;
use objects::validate::{FieldError, Path};

use super::{is_external, is_headless};

const SINGLE: &str = "SingleStack";
const PREFER: &str = "PreferDualStack";
const REQUIRE: &str = "RequireDualStack";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::V4, Self::V6].into_iter().find(|family| family.as_str() == name)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

pub(super) fn texts<'a>(service: &'a Tree, field: &str) -> Vec<&'a str> {
    service.items_at(&["spec", field]).iter().filter_map(Tree::as_str).collect()
}

/// The families that a Service says, or was given.
pub(super) fn said(service: &Tree) -> Vec<Family> {
    texts(service, "ipFamilies").into_iter().filter_map(Family::named).collect()
}

fn policy(service: &Tree) -> &str {
    service.str_at(&["spec", "ipFamilyPolicy"]).unwrap_or_default()
}

fn same(one: &Tree, two: &Tree, field: &str) -> bool {
    one.items_at(&["spec", field]) == two.items_at(&["spec", field])
}

/// Whether a Service that takes a second family where there is one stays as it is: it gets none later by itself.
pub(super) fn stays(service: &Tree, old: &Tree) -> bool {
    let kind = |service: &Tree| service.str_at(&["spec", "type"]).map(str::to_owned);
    kind(service) == kind(old)
        && !is_external(service)
        && policy(service) == PREFER
        && ["", PREFER].contains(&policy(old))
        && same(service, old, "clusterIPs")
        && same(service, old, "ipFamilies")
}

/// Completes what a Service says of the families; `configured` are those of the cluster, the usual one first.
pub(super) fn settle(
    service: &mut Tree,
    old: Option<&Tree>,
    configured: &[Family],
) -> Result<(), Vec<FieldError>> {
    if is_external(service) || old.is_some_and(|old| stays(service, old)) {
        return Ok(());
    }
    let selects = service.at(&["spec", "selector"]).is_some_and(|selector| !selector.is_empty_value());
    let bare = is_headless(service) && !selects;
    if policy(service).is_empty() {
        let before = old.map(policy).filter(|policy| !policy.is_empty());
        let policy = before.unwrap_or(if bare { REQUIRE } else { SINGLE }).to_owned();
        service.set_at(&["spec", "ipFamilyPolicy"], policy);
    }
    let single = policy(service) == SINGLE;
    let mut errors = Vec::new();
    if let Some(old) = old {
        reduce(service, old, single, &mut errors);
    }
    agree(service, single, &mut errors);
    infer(service, configured, &mut errors);
    refuse(std::mem::take(&mut errors))?;
    if !bare {
        demand(service, configured, &mut errors);
        refuse(errors)?;
    }
    let usual = configured.first().copied().unwrap_or(Family::V4);
    let mut families = texts(service, "ipFamilies").into_iter().map(str::to_owned).collect::<Vec<_>>();
    if families.is_empty() {
        families.push(usual.as_str().to_owned());
    }
    if let ([first], false) = (&*families, single)
        && (bare || configured.len() == 2)
        && let Some(first) = Family::named(first)
    {
        families.push(first.other().as_str().to_owned());
    }
    service.set_at(&["spec", "ipFamilies"], families);
    Ok(())
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Vec<FieldError>> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn policy_error(service: &Tree, why: &str) -> FieldError {
    FieldError::invalid(&Path::new("spec").child("ipFamilyPolicy"), policy(service), why)
}

/// A Service of one family drops the second one that it had; one of two names the other policy to do so.
fn reduce(service: &mut Tree, old: &Tree, single: bool, errors: &mut Vec<FieldError>) {
    for (field, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (now, before) = (service.items_at(&["spec", field]).len(), old.items_at(&["spec", field]).len());
        if single && now > 1 && same(service, old, field) {
            if let Some(list) = service.at_mut(&["spec", field]).and_then(Tree::as_array_mut) {
                list.truncate(1);
            }
        } else if !single && now > 0 && now < before {
            let why = format!("must be 'SingleStack' to release the secondary {what}");
            errors.push(policy_error(service, &why));
        }
    }
}

/// Two addresses or families are of a policy that takes two.
fn agree(service: &Tree, single: bool, errors: &mut Vec<FieldError>) {
    for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
        if single && service.items_at(&["spec", field]).len() == 2 {
            let why =
                format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.push(policy_error(service, &why));
        }
    }
}

/// Addresses say their families.
fn infer(service: &mut Tree, configured: &[Family], errors: &mut Vec<FieldError>) {
    let addresses: Vec<String> = texts(service, "clusterIPs").into_iter().map(str::to_owned).collect();
    let mut families: Vec<String> = texts(service, "ipFamilies").into_iter().map(str::to_owned).collect();
    for (index, address) in addresses.iter().enumerate().skip(families.len()) {
        let Some(family) = parse_ip(address).map(Family::of) else { break };
        if configured.contains(&family) {
            families.push(family.as_str().to_owned());
        } else {
            let path = Path::new("spec").child("clusterIPs").index(index);
            let why = format!("{} is not configured on this cluster", family.as_str());
            errors.push(FieldError::invalid(&path, addresses.clone(), why));
        }
    }
    if !families.is_empty() {
        service.set_at(&["spec", "ipFamilies"], families);
    }
}

/// What is asked for the cluster has.
fn demand(service: &Tree, configured: &[Family], errors: &mut Vec<FieldError>) {
    if policy(service) == REQUIRE && configured.len() < 2 {
        errors.push(policy_error(service, "this cluster is not configured for dual-stack services"));
    }
    for (index, family) in texts(service, "ipFamilies").into_iter().enumerate() {
        if !configured.iter().any(|configured| configured.as_str() == family) {
            let path = Path::new("spec").child("ipFamilies").index(index);
            errors.push(FieldError::invalid(&path, family, "not configured on this cluster"));
        }
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    const BOTH: &[Family] = &[Family::V4, Family::V6];

    fn spec(fields: Tree) -> Tree {
        tree!({ "spec": fields })
    }

    /// Policy and families of a Service once they are settled, or why not.
    fn settled(service: Tree, old: Option<&Tree>, configured: &[Family]) -> String {
        let mut service = service;
        match settle(&mut service, old, configured) {
            Ok(()) => format!("{} {}", policy(&service), texts(&service, "ipFamilies").join(",")),
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn a_service_gets_the_families_that_it_asks_for_and_the_cluster_has() {
        let check = |fields: Tree, configured: &[Family], expected: &str| {
            assert_eq!(settled(spec(fields), None, configured), expected);
        };
        let prefers = || tree!({ "ipFamilyPolicy": PREFER });
        check(Tree::object(), &BOTH[..1], "SingleStack IPv4");
        check(tree!({ "clusterIPs": ["fd00::1"] }), BOTH, "SingleStack IPv6");
        check(prefers(), BOTH, "PreferDualStack IPv4,IPv6");
        check(prefers(), &BOTH[..1], "PreferDualStack IPv4");
        check(
            tree!({ "clusterIP": "None", "clusterIPs": ["None"] }),
            &BOTH[..1],
            "RequireDualStack IPv4,IPv6",
        );
        check(
            tree!({ "clusterIP": "None", "clusterIPs": ["None"], "selector": { "a": "b" } }),
            &BOTH[..1],
            "SingleStack IPv4",
        );
        check(
            tree!({ "ipFamilyPolicy": REQUIRE }),
            &BOTH[..1],
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
        );
        check(
            tree!({ "ipFamilies": ["IPv6"] }),
            &BOTH[..1],
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        );
        check(
            tree!({ "ipFamilies": ["IPv4", "IPv6"] }),
            BOTH,
            "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        );
    }

    #[test]
    fn a_second_family_comes_and_goes_by_the_policy_alone() {
        let dual = spec(tree!({
            "ipFamilyPolicy": REQUIRE, "ipFamilies": ["IPv4", "IPv6"], "clusterIPs": ["10.0.0.1", "fd00::1"]
        }));
        let with = |policy: &str, addresses: Vec<&str>| {
            let mut service = dual.clone();
            service.set_at(&["spec", "ipFamilyPolicy"], policy);
            service.set_at(&["spec", "clusterIPs"], addresses);
            service
        };
        let all = vec!["10.0.0.1", "fd00::1"];
        assert_eq!(settled(with(SINGLE, all), Some(&dual), BOTH), "SingleStack IPv4");
        assert_eq!(
            settled(with(REQUIRE, vec!["10.0.0.1"]), Some(&dual), BOTH),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP"
        );
        let one = spec(tree!({
            "ipFamilyPolicy": PREFER, "ipFamilies": ["IPv4"], "clusterIPs": ["10.0.0.1"], "type": "ClusterIP"
        }));
        assert_eq!(settled(one.clone(), Some(&one), BOTH), "PreferDualStack IPv4");
    }
}
