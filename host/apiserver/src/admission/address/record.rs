//! The IPAddress of each address that a Service has: made, kept and taken away with what the Service says, in one write.

use std::net::IpAddr;

use objects::validate::address::parse_ip;
use objects::{Tree, meta, tree};

use super::families::{Family, texts};
use super::is_external;
use crate::registry::{Registry, Served};
use crate::rest::uid;
use crate::storage::Companion;

pub(crate) const GROUP: &str = "networking.k8s.io";
pub(crate) const PLURAL: &str = "ipaddresses";
pub(crate) const FAMILY: &str = "ipaddress.kubernetes.io/ip-family";
pub(crate) const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
pub(crate) const ALLOCATOR: &str = "ipallocator.k8s.io";

/// The addresses that a Service has.
pub(crate) fn of(service: &Tree) -> Vec<IpAddr> {
    if is_external(service) {
        return Vec::new();
    }
    texts(service, "clusterIPs").into_iter().filter_map(parse_ip).collect()
}

/// What makes an address that of a Service: nobody else can make an object of its name.
pub(crate) fn object(ip: IpAddr, service: &Tree) -> Tree {
    let mut tree = tree!({
        "metadata": { "name": (ip.to_string()) },
        "spec": {
            "parentRef": {
                "resource": "services", "namespace": (meta::namespace(service)), "name": (meta::name(service))
            }
        }
    });
    for (label, value) in [(FAMILY, Family::of(ip).as_str()), (MANAGED_BY, ALLOCATOR)] {
        tree.set_at(&["metadata", "labels", label], value);
    }
    tree
}

/// Whether the objects of a resource have addresses.
pub(crate) fn are_given_to(resource: &Served) -> bool {
    resource.group.is_empty() && resource.plural == "services"
}

/// What is written together with a Service that becomes another one, appears or goes.
pub(crate) fn companions(
    registry: &Registry,
    resource: &Served,
    old: Option<&Tree>,
    new: Option<&Tree>,
) -> Vec<Companion> {
    if !are_given_to(resource) {
        return Vec::new();
    }
    let Some(row) = registry.find(GROUP, "v1", PLURAL) else { return Vec::new() };
    let (before, now) = (old.map(of).unwrap_or_default(), new.map(of).unwrap_or_default());
    let gone = before.iter().filter(|ip| !now.contains(ip));
    let mut companions: Vec<Companion> =
        gone.map(|ip| Companion::Removed { resource: row.clone(), name: ip.to_string() }).collect();
    if let Some(new) = new {
        let come = now.iter().filter(|ip| !before.contains(ip));
        companions.extend(come.map(|ip| {
            let mut tree = object(*ip, new);
            meta::set_gvk(&mut tree, &row.gvk());
            meta::set_uid(&mut tree, &uid());
            meta::set_generation(&mut tree, 1);
            meta::set_creation_timestamp(&mut tree, supervise::clock::now());
            Companion::Created { resource: row.clone(), tree }
        }));
    }
    companions
}
