//! Which zone or node an endpoint is for: its own, or by the processors of each zone.

use std::collections::BTreeMap;
use std::sync::Arc;

use client::events::EventType;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, ForNode, ForZone};
use objects::quantity::Quantity;

use crate::service::{Publishing, zone};
use crate::slices::{Packing, Slot};

/// Annotations that ask for hints by proportion; the older name counts first.
const MODES: [&str; 2] =
    ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];
const SAME_ZONE: [&str; 2] = ["PreferClose", "PreferSameZone"];
const SAME_NODE: &str = "PreferSameNode";
/// Nodes with these serve no pods of users, so that their processors do not count.
const EXCLUDING: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
/// How much more than its share an endpoint may have to serve.
const OVERLOAD: f64 = 0.2;

const NO_NODES: &str =
    "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
const NO_ZONE: &str = "One or more endpoints do not have a zone specified";
const TOO_FEW: &str = "Insufficient number of endpoints";
const OVERLOADED: &str =
    "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold";
const ENABLED: &str = "Topology Aware Hints has been enabled";
const DISABLED: &str = "Topology Aware Hints has been disabled";

/// What is to be said of a service.
#[derive(Debug, PartialEq)]
pub(super) struct Note {
    pub(super) kind: EventType,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Whether a service asks for hints by proportion.
pub(super) fn by_proportion(service: &Service) -> bool {
    let annotations = service.metadata.annotations.as_ref();
    let mode = MODES.iter().find_map(|key| annotations.and_then(|annotations| annotations.get(*key)));
    mode.is_some_and(|mode| mode == "Auto" || mode == "auto")
}

/// What of a node hints by proportion depend on: the processors that it gives, in thousandths. `None` if it does not
/// count.
pub(super) fn power(node: &Node) -> Option<i64> {
    let has = |key: &&str| node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(*key));
    let status = node.status.as_ref();
    let mut conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
    if !ready || EXCLUDING.iter().any(has) {
        return None;
    }
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let cpu = allocatable.and_then(|allocatable| allocatable.get("cpu"));
    let milli = cpu.and_then(|cpu| cpu.0.parse::<Quantity>().ok()).map_or(0, |cpu| cpu.milli_value());
    Some(milli)
}

/// Gives every endpoint the hints that its service asks for.
pub(super) fn place(
    packing: &mut Packing,
    service: &Service,
    nodes: &dyn Fn() -> Vec<Arc<Node>>,
    address_type: &str,
) -> Option<Note> {
    let had = packing.slots.iter().any(|slot| {
        slot.old
            .as_ref()
            .is_some_and(|old| old.endpoints.iter().flatten().any(|endpoint| endpoint.hints.is_some()))
    });
    let note = |kind, reason, message: &str| {
        Some(Note { kind, reason, message: format!("{message}, addressType: {address_type}") })
    };
    if by_proportion(service) {
        return match by_processors(packing, &shares(&nodes())) {
            Ok(()) if had => None,
            Ok(()) => note(EventType::Normal, "TopologyAwareHintsEnabled", ENABLED),
            Err(why) => {
                endpoints(packing).for_each(|endpoint| endpoint.hints = None);
                note(EventType::Warning, "TopologyAwareHintsDisabled", &why)
            }
        };
    }
    let wish = service.the_spec().and_then(|spec| spec.traffic_distribution.as_deref()).unwrap_or_default();
    let nodes = wish == SAME_NODE;
    let near = nodes || SAME_ZONE.contains(&wish);
    for endpoint in endpoints(packing) {
        endpoint.hints = if near && is_ready(endpoint) { own_place(endpoint, nodes) } else { None };
    }
    if had && !near {
        return note(EventType::Warning, "TopologyAwareHintsDisabled", DISABLED);
    }
    None
}

fn endpoints(packing: &mut Packing) -> impl Iterator<Item = &mut Endpoint> {
    packing.slots.iter_mut().flat_map(Slot::endpoints_mut)
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
}

fn for_zone(zone: &str) -> Option<Vec<ForZone>> {
    Some(vec![ForZone { name: zone.to_owned() }])
}

fn own_place(endpoint: &Endpoint, nodes: bool) -> Option<EndpointHints> {
    let for_zones = endpoint.zone.as_deref().and_then(for_zone);
    let node = endpoint.node_name.clone().filter(|_| nodes);
    let for_nodes = node.map(|name| vec![ForNode { name }]);
    (for_zones.is_some() || for_nodes.is_some()).then_some(EndpointHints { for_nodes, for_zones })
}

/// The part of all processors that each zone has; empty if that cannot be said of every node, or there is one zone.
fn shares(nodes: &[Arc<Node>]) -> BTreeMap<String, f64> {
    let mut by_zone: BTreeMap<String, i64> = BTreeMap::new();
    for (node, milli) in nodes.iter().filter_map(|node| Some((node, power(node)?))) {
        let Some(zone) = zone(node).filter(|_| milli > 0) else { return BTreeMap::new() };
        *by_zone.entry(zone.clone()).or_default() += milli;
    }
    let total: i64 = by_zone.values().sum();
    if by_zone.len() < 2 {
        return BTreeMap::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
    by_zone.into_iter().map(|(zone, milli)| (zone, milli as f64 / total as f64)).collect()
}

/// Endpoints of one zone.
struct Allocation {
    maximum: usize,
    desired: f64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a few thousand endpoints"
)]
fn allocations(shares: &BTreeMap<String, f64>, count: usize) -> Result<BTreeMap<&str, Allocation>, String> {
    let detail = |message| format!("{message} ({count} endpoints, {} zones)", shares.len());
    if shares.is_empty() {
        return Err(NO_NODES.to_owned());
    }
    if shares.len() > count {
        return Err(detail(TOO_FEW));
    }
    let wanted = |share: &f64| share * count as f64;
    let minimum = |share: &f64| (wanted(share) * (1.0 / (1.0 + OVERLOAD))).ceil() as usize;
    let least: usize = shares.values().map(minimum).sum();
    let spare = count.checked_sub(least).ok_or_else(|| detail(OVERLOADED))?;
    let allocation = |share: &f64| {
        let minimum = minimum(share);
        Allocation { maximum: minimum + spare, desired: wanted(share).max(minimum as f64) }
    };
    Ok(shares.iter().map(|(zone, share)| (zone.as_str(), allocation(share))).collect())
}

type Counts = BTreeMap<String, usize>;

/// Endpoints are for their own zone, but for those of zones that have too many; slices that are not written anyway keep
/// their hints as long as they do.
fn by_processors(packing: &mut Packing, shares: &BTreeMap<String, f64>) -> Result<(), String> {
    let ready = packing.slots.iter().flat_map(Slot::endpoints).filter(|endpoint| is_ready(endpoint)).count();
    let allocations = allocations(shares, ready)?;
    let mut counts = Counts::new();
    let mut open = Vec::new();
    for slot in &mut packing.slots {
        match hints_that_do(slot, &counts, &allocations).filter(|_| !slot.changed()) {
            Some(hints) => {
                hints.into_iter().for_each(|(zone, count)| *counts.entry(zone).or_default() += count)
            }
            None => open.extend(slot.endpoints_mut()),
        }
    }
    open.iter_mut().for_each(|endpoint| endpoint.hints = None);
    open.retain(|endpoint| is_ready(endpoint));
    for endpoint in &mut open {
        let zone = endpoint.zone.clone().ok_or_else(|| NO_ZONE.to_owned())?;
        endpoint.hints = Some(EndpointHints { for_nodes: None, for_zones: for_zone(&zone) });
        *counts.entry(zone).or_default() += 1;
    }
    let (mut giving, mut receiving) = exchange(&allocations, &counts);
    for endpoint in open {
        let Some(gives) = endpoint.zone.as_ref().and_then(|zone| giving.get_mut(zone)) else { continue };
        let Some((zone, takes)) = receiving.iter_mut().find(|(_, takes)| **takes > 0) else { break };
        if *gives > 0 {
            endpoint.hints = Some(EndpointHints { for_nodes: None, for_zones: for_zone(zone) });
            *gives -= 1;
            *takes -= 1;
        }
    }
    Ok(())
}

/// How many endpoints of a slice are for each zone, if all of them are for some and no zone has more than it may.
fn hints_that_do(slot: &Slot, counts: &Counts, allocations: &BTreeMap<&str, Allocation>) -> Option<Counts> {
    let mut found = Counts::new();
    for endpoint in slot.endpoints().iter().filter(|endpoint| is_ready(endpoint)) {
        let zones = endpoint.hints.as_ref()?.for_zones.as_ref().filter(|zones| !zones.is_empty())?;
        zones.iter().for_each(|zone| *found.entry(zone.name.clone()).or_default() += 1);
    }
    let does = |(zone, count): (&String, &usize)| {
        let before = counts.get(zone).copied().unwrap_or_default();
        allocations.get(zone.as_str()).is_some_and(|allocation| before + count <= allocation.maximum)
    };
    found.iter().all(does).then_some(found)
}

/// How many endpoints each zone gives, and how many it receives.
#[expect(clippy::cast_precision_loss, reason = "a share of a few thousand endpoints")]
fn exchange(allocations: &BTreeMap<&str, Allocation>, counts: &Counts) -> (Counts, Counts) {
    let mut over: Vec<(&str, f64)> = Vec::new();
    let mut under = Vec::new();
    for (zone, allocation) in allocations {
        let more = counts.get(*zone).copied().unwrap_or_default() as f64 - allocation.desired;
        let side = if more > 0.0 { &mut over } else { &mut under };
        side.push((zone, more.abs()));
    }
    let (mut giving, mut receiving) = (Counts::new(), Counts::new());
    let most = |side: &mut Vec<(&str, f64)>| {
        side.iter().enumerate().max_by(|one, other| one.1.1.total_cmp(&other.1.1)).map(|(place, _)| place)
    };
    while let (Some(from), Some(to)) = (most(&mut over), most(&mut under)) {
        let (give, take) = (over[from].1, under[to].1);
        if give.max(take) < 1.0 || give.min(take) < 0.5 {
            break;
        }
        *giving.entry(over[from].0.to_owned()).or_default() += 1;
        *receiving.entry(under[to].0.to_owned()).or_default() += 1;
        over[from].1 -= 1.0;
        under[to].1 -= 1.0;
    }
    (giving, receiving)
}

#[cfg(test)]
mod tests;
