//! What the Endpoints of a service are to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::pod::Pod;
use crate::service::{
    HEADLESS_LABEL, IPV4, IPV6, Publishing, addresses, family, hostname, is_out_of_service, mark,
    pod_reference, target_port, trigger_time,
};

const MANAGER_LABEL: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";

/// Says that there are more endpoints than these.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const TRUNCATED: &str = "truncated";
/// Addresses that Endpoints hold.
const CAPACITY: usize = 1000;

/// Whether this controller made them.
pub(super) fn is_ours(endpoints: &Endpoints) -> bool {
    let labels = endpoints.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(MANAGER_LABEL)).is_some_and(|manager| manager == MANAGER)
}

/// The Endpoints that are to be written, if any are; `pods` are those that the service selects.
pub(super) fn plan(service: &Service, pods: &[Arc<Pod>], old: Option<&Endpoints>) -> Option<Endpoints> {
    let mut new = old.cloned().unwrap_or_else(|| Endpoints {
        metadata: ObjectMeta {
            namespace: service.metadata.namespace.clone(),
            name: service.metadata.name.clone(),
            ..ObjectMeta::default()
        },
        subsets: None,
    });
    let mut subsets = subsets(service, pods);
    let truncated = truncate(&mut subsets);
    new.subsets = (!subsets.is_empty()).then_some(subsets);
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGER_LABEL.to_owned(), MANAGER.to_owned());
    if service.has_address() {
        labels.remove(HEADLESS_LABEL);
    } else {
        labels.insert(HEADLESS_LABEL.to_owned(), String::new());
    }
    new.metadata.labels = Some(labels);
    let annotations = new.metadata.annotations.get_or_insert_default();
    if truncated {
        annotations.insert(OVER_CAPACITY.to_owned(), TRUNCATED.to_owned());
    } else {
        annotations.remove(OVER_CAPACITY);
    }
    let same = old.is_some_and(|old| {
        let none = BTreeMap::new();
        old.subsets.as_deref().unwrap_or_default() == new.subsets.as_deref().unwrap_or_default()
            && old.metadata.labels == new.metadata.labels
            && old.metadata.annotations.as_ref().unwrap_or(&none)
                == new.metadata.annotations.as_ref().unwrap_or(&none)
    });
    mark(&mut new.metadata, trigger_time(service, pods));
    (!same).then_some(new)
}

/// Of a port; `None` is the one that headless services without ports have.
type PortKey = Option<(Option<String>, i32, Option<String>, Option<String>)>;
/// In the order of Endpoints; whether it is ready goes with it.
type Addresses = BTreeMap<(String, Option<String>), (bool, EndpointAddress)>;

/// Addresses with the same ports are together.
fn subsets(service: &Service, pods: &[Arc<Pod>]) -> Vec<EndpointSubset> {
    let mut by_port: BTreeMap<PortKey, Addresses> = BTreeMap::new();
    for pod in pods {
        if is_out_of_service(pod) || (pod.is_deleting() && !service.publishes_unready()) {
            continue;
        }
        let Some(address) = address(service, pod) else { continue };
        let ready = service.publishes_unready() || pod.is_ready();
        let key = (address.ip.clone(), pod.metadata.uid.clone());
        for port in ports(service, pod) {
            by_port.entry(port).or_default().insert(key.clone(), (ready, address.clone()));
        }
    }
    let mut subsets: Vec<(Addresses, Vec<EndpointPort>)> = Vec::new();
    for (port, addresses) in by_port {
        let known = subsets.iter().position(|(known, _)| *known == addresses);
        let place = known.unwrap_or_else(|| {
            subsets.push((addresses, Vec::new()));
            subsets.len() - 1
        });
        subsets[place].1.extend(port.map(|(name, port, protocol, app_protocol)| EndpointPort {
            name,
            port,
            protocol,
            app_protocol,
        }));
    }
    subsets.into_iter().map(|(addresses, ports)| subset(addresses, ports)).collect()
}

fn subset(addresses: Addresses, ports: Vec<EndpointPort>) -> EndpointSubset {
    let (ready, waiting): (Vec<_>, Vec<_>) = addresses.into_values().partition(|(ready, _)| *ready);
    let list = |some: Vec<(bool, EndpointAddress)>| {
        (!some.is_empty()).then(|| some.into_iter().map(|(_, address)| address).collect())
    };
    EndpointSubset {
        addresses: list(ready),
        not_ready_addresses: list(waiting),
        ports: (!ports.is_empty()).then_some(ports),
    }
}

fn ports(service: &Service, pod: &Pod) -> Vec<PortKey> {
    if service.ports().is_empty() && service.is_headless() {
        return vec![None];
    }
    let ports = service.ports().iter();
    let keys = ports.filter_map(|port| {
        let number = target_port(pod, port)?;
        let name = port.name.clone().filter(|name| !name.is_empty());
        Some(Some((name, number, port.protocol.clone(), port.app_protocol.clone())))
    });
    keys.collect()
}

/// That of the service's first family.
fn address(service: &Service, pod: &Pod) -> Option<EndpointAddress> {
    let wanted = match (service.families().first().map(String::as_str), service.cluster_ip().parse()) {
        (Some(IPV6), _) => Some(IPV6),
        (Some(_), _) => Some(IPV4),
        (None, Ok(address)) => Some(family(&address)),
        (None, Err(_)) => None,
    };
    let ip = addresses(pod).find(|address| wanted.is_none_or(|wanted| family(address) == wanted))?;
    Some(EndpointAddress {
        ip: ip.to_string(),
        hostname: hostname(pod, service).cloned(),
        node_name: pod.spec.node_name.clone(),
        target_ref: Some(pod_reference(pod)),
    })
}

/// Cuts what is too much: of those that are not ready, or else of all, and the same share of every subset.
fn truncate(subsets: &mut [EndpointSubset]) -> bool {
    let count = |list: &Option<Vec<EndpointAddress>>| list.as_ref().map_or(0, Vec::len);
    let ready: usize = subsets.iter().map(|subset| count(&subset.addresses)).sum();
    let waiting: usize = subsets.iter().map(|subset| count(&subset.not_ready_addresses)).sum();
    if ready + waiting <= CAPACITY {
        return false;
    }
    let cut_ready = ready > CAPACITY;
    let (total, room) = if cut_ready { (ready, CAPACITY) } else { (waiting, CAPACITY - ready) };
    let mut left = room;
    for subset in subsets {
        if cut_ready {
            subset.not_ready_addresses = None;
        }
        let list = if cut_ready { &mut subset.addresses } else { &mut subset.not_ready_addresses };
        let share = (count(list) * room).div_ceil(total).min(left);
        if let Some(list) = list {
            list.truncate(share);
        }
        left -= count(list);
        if list.as_ref().is_some_and(Vec::is_empty) {
            *list = None;
        }
    }
    true
}

#[cfg(test)]
mod tests;
