//! What of Endpoints the slices that mirror them hold.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::MANAGER;
use crate::service::{IPV4, IPV6, TRIGGER_TIME, family, name_prefix};
use crate::slices::{Group, MANAGER_LABEL, Packing, PortsKey, SERVICE_LABEL, Template, pack, ports_key};

const SKIP_LABEL: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Of Endpoints that are locks of old.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether their author did not say that they are no endpoints, or that they have slices already.
pub(super) fn is_mirrored(endpoints: &Endpoints) -> bool {
    let metadata = &endpoints.metadata;
    let skipped = metadata.labels.as_ref().and_then(|labels| labels.get(SKIP_LABEL));
    let is_lock = metadata.annotations.as_ref().is_some_and(|all| all.contains_key(LEADER));
    metadata.deletion_timestamp.is_none() && !is_lock && skipped.is_none_or(|skip| skip != "true")
}

pub(super) struct Plan {
    /// One for each family of addresses that there are, and what is of none.
    pub(super) packings: Vec<Packing>,
    /// Addresses that cannot be read.
    invalid: usize,
    /// Addresses beyond what a subset may have.
    skipped: usize,
}

impl Plan {
    /// Reasons and messages of what is to be said.
    pub(super) fn warnings(&self, room: usize) -> impl Iterator<Item = (&'static str, String)> {
        let Self { invalid, skipped, .. } = *self;
        let invalid_text = format!("Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices");
        let skipped_text = format!(
            "A max of {room} addresses can be mirrored to EndpointSlices per Endpoints subset. \
             {} addresses were skipped",
            skipped + invalid
        );
        let invalid = (invalid > 0).then_some(("InvalidIPAddress", invalid_text));
        let skipped = (skipped > 0).then_some(("TooManyAddressesToMirror", skipped_text));
        invalid.into_iter().chain(skipped)
    }
}

pub(super) fn plan(endpoints: &Endpoints, mut slices: Vec<Arc<EndpointSlice>>, room: usize) -> Plan {
    let mut plan = Plan { packings: Vec::new(), invalid: 0, skipped: 0 };
    let mut groups: BTreeMap<(&str, PortsKey), Group> = BTreeMap::new();
    for subset in endpoints.subsets.iter().flatten() {
        let ports = ports(subset);
        let mut added = 0;
        for (address, ready) in addresses(subset) {
            let Ok(ip) = address.ip.parse::<IpAddr>() else {
                plan.invalid += 1;
                continue;
            };
            if added == room {
                plan.skipped += 1;
                continue;
            }
            added += 1;
            let group = groups.entry((family(&ip), ports_key(&ports))).or_default();
            group.ports.clone_from(&ports);
            group.endpoints.push(endpoint(address, ready));
        }
    }
    for address_type in [IPV4, IPV6] {
        let of_type = groups.extract_if(.., |(family, _), _| *family == address_type);
        let of_type: Vec<Group> = of_type.map(|(_, group)| group).collect();
        if !of_type.is_empty() {
            let existing = slices.extract_if(.., |slice| slice.address_type == address_type).collect();
            plan.packings.push(pack(&template(endpoints, address_type, room), existing, of_type));
        }
    }
    plan.packings.push(Packing::of_spare(slices));
    plan
}

/// Ready ones first.
fn addresses(subset: &EndpointSubset) -> impl Iterator<Item = (&EndpointAddress, bool)> {
    let ready = subset.addresses.iter().flatten().map(|address| (address, true));
    ready.chain(subset.not_ready_addresses.iter().flatten().map(|address| (address, false)))
}

fn ports(subset: &EndpointSubset) -> Vec<EndpointPort> {
    let ports = subset.ports.iter().flatten().map(|port| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(port.port),
        protocol: port.protocol.clone(),
        app_protocol: port.app_protocol.clone(),
    });
    ports.collect()
}

fn endpoint(address: &EndpointAddress, ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: Some(EndpointConditions { ready: Some(ready), ..EndpointConditions::default() }),
        hostname: address.hostname.clone().filter(|hostname| !hostname.is_empty()),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}

fn template(endpoints: &Endpoints, address_type: &'static str, room: usize) -> Template {
    let metadata = &endpoints.metadata;
    let name = metadata.name.clone().unwrap_or_default();
    let mut labels = metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_LABEL.to_owned(), name.clone());
    labels.insert(MANAGER_LABEL.to_owned(), MANAGER.to_owned());
    let mut annotations = metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| key != TRIGGER_TIME && key != LAST_APPLIED);
    Template {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        prefix: name_prefix(&name),
        labels,
        annotations: Some(annotations),
        owner: OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Endpoints".to_owned(),
            name,
            uid: metadata.uid.clone().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        },
        address_type,
        room,
    }
}

#[cfg(test)]
mod tests;
