//! What the EndpointSlices of a service are to hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::MANAGER;
use super::hints::{self, Note};
use crate::pod::Pod;
use crate::service::{
    HEADLESS_LABEL, IPV4, IPV6, Publishing, addresses, family, hostname, is_out_of_service, name_prefix,
    pod_reference, target_port, trigger_time, zone,
};
use crate::slices::{Group, MANAGER_LABEL, Packing, PortsKey, SERVICE_LABEL, Template, pack, ports_key};

/// How nodes are looked up.
#[derive(Clone, Copy)]
pub(super) struct Nodes<'a> {
    pub(super) named: &'a dyn Fn(&str) -> Option<Arc<Node>>,
    pub(super) all: &'a dyn Fn() -> Vec<Arc<Node>>,
}

pub(super) struct State<'a> {
    pub(super) service: &'a Service,
    /// Those that it selects.
    pub(super) pods: &'a [Arc<Pod>],
    pub(super) nodes: Nodes<'a>,
    pub(super) slices: Vec<Arc<EndpointSlice>>,
    /// Endpoints that a slice holds.
    pub(super) room: usize,
}

pub(super) struct Plan {
    /// One for each family of addresses, and what is of none.
    pub(super) packings: Vec<Packing>,
    pub(super) trigger: Option<Timestamp>,
    pub(super) notes: Vec<Note>,
}

pub(super) fn plan(state: State<'_>) -> Plan {
    let State { service, pods, nodes, mut slices, room } = state;
    let mut plan = Plan { packings: Vec::new(), trigger: trigger_time(service, pods), notes: Vec::new() };
    for address_type in families(service) {
        let existing = slices.extract_if(.., |slice| slice.address_type == address_type).collect();
        let template = Template {
            namespace: service.metadata.namespace.clone().unwrap_or_default(),
            prefix: name_prefix(service.metadata.name.as_deref().unwrap_or_default()),
            labels: labels(service),
            annotations: None,
            owner: owner(service),
            address_type,
            room,
        };
        let mut packing = pack(&template, existing, groups(service, pods, nodes, address_type));
        plan.notes.extend(hints::place(&mut packing, service, nodes.all, address_type));
        plan.packings.push(packing);
    }
    plan.packings.push(Packing::of_spare(slices));
    plan
}

/// A service that does not say has those of its address, and a headless one both.
fn families(service: &Service) -> Vec<&'static str> {
    let named = |family: &'static str| service.families().iter().any(|one| one == family).then_some(family);
    let given: Vec<_> = [IPV4, IPV6].into_iter().filter_map(named).collect();
    match service.cluster_ip().parse() {
        _ if !given.is_empty() => given,
        Ok(address) => vec![family(&address)],
        Err(_) => vec![IPV4, IPV6],
    }
}

/// Those of the service, beside those that tell of the slice itself.
fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS_LABEL);
    if !service.has_address() {
        labels.insert(HEADLESS_LABEL.to_owned(), String::new());
    }
    labels.insert(SERVICE_LABEL.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGER_LABEL.to_owned(), MANAGER.to_owned());
    labels
}

fn owner(service: &Service) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: service.metadata.name.clone().unwrap_or_default(),
        uid: service.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Pods with the same ports are together. One on a node that is not known is left out, unless even unready ones are
/// published: the node's zone belongs to the endpoint.
fn groups(service: &Service, pods: &[Arc<Pod>], nodes: Nodes<'_>, address_type: &str) -> Vec<Group> {
    let mut groups: BTreeMap<PortsKey, Group> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !is_out_of_service(pod)) {
        let node = pod.spec.node_name.as_deref().and_then(|name| (nodes.named)(name));
        if node.is_none() && !service.publishes_unready() {
            continue;
        }
        let addresses: Vec<String> = addresses(pod)
            .filter(|address| family(address) == address_type)
            .map(|address| address.to_string())
            .collect();
        if addresses.is_empty() {
            continue;
        }
        let ports = ports(service, pod);
        let group = groups.entry(ports_key(&ports)).or_default();
        group.endpoints.push(endpoint(service, pod, node.as_deref(), addresses));
        group.ports = ports;
    }
    groups.into_values().collect()
}

fn ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service.ports().iter().filter_map(|port| {
        Some(EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: Some(target_port(pod, port)?),
            protocol: port.protocol.clone(),
            app_protocol: port.app_protocol.clone(),
        })
    });
    ports.collect()
}

fn endpoint(service: &Service, pod: &Pod, node: Option<&Node>, addresses: Vec<String>) -> Endpoint {
    let (serving, terminating) = (pod.is_ready(), pod.is_deleting());
    Endpoint {
        addresses,
        conditions: Some(EndpointConditions {
            ready: Some(service.publishes_unready() || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: hostname(pod, service).cloned(),
        node_name: pod.spec.node_name.clone(),
        target_ref: Some(pod_reference(pod)),
        zone: node.and_then(zone).cloned(),
        ..Endpoint::default()
    }
}

#[cfg(test)]
mod tests;
