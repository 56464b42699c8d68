//! Each node's part of the networks of pods, where the cluster says that it gives them.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, Patch};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::Node;
use objects::{Tree, tree};
use reconcile::{Outcome, Reconcile, Store};

use crate::reference::reference;
use crate::wiring::Wiring;

/// What is given to nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNetworks {
    /// The networks of pods, at most one of each family; nothing is given where there are none.
    pub cluster: Vec<IpNet>,
    /// Never given: the networks of services.
    pub reserved: Vec<IpNet>,
    /// Length of the prefix of a node's part.
    pub mask_v4: u8,
    pub mask_v6: u8,
}

impl NodeNetworks {
    /// Upstream's `--node-cidr-mask-size-ipv4`.
    pub const MASK_V4: u8 = 24;
    /// Upstream's `--node-cidr-mask-size-ipv6`.
    pub const MASK_V6: u8 = 64;
}

impl Default for NodeNetworks {
    fn default() -> Self {
        Self { cluster: Vec::new(), reserved: Vec::new(), mask_v4: Self::MASK_V4, mask_v6: Self::MASK_V6 }
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let networks = wiring.config().node_networks.clone();
    if networks.cluster.is_empty() {
        return;
    }
    let queue = wiring.queue("node_ipam");
    let nodes = wiring.feed(&queue, |node: &Node| node.metadata.name.clone());
    let (all, waiting) = (nodes.clone(), queue.clone());
    // What a node had is free for others when it is gone.
    wiring.on_change::<Node>(move |change| {
        if change.new.is_none() {
            let without = all.all().into_iter().filter(|node| given(node).next().is_none());
            without.filter_map(|node| node.metadata.name.clone()).for_each(|name| waiting.add(name));
        }
    });
    let client = wiring.client();
    let recorder = wiring.recorder("cidrAllocator");
    // One after another, each of which sees what the one before wrote: none is given twice.
    wiring.reconcile(Allocator { client, nodes, networks, recorder }, queue, NonZeroUsize::MIN);
}

struct Allocator {
    client: Client,
    nodes: Store<Node>,
    networks: NodeNetworks,
    recorder: Recorder,
}

impl Reconcile for Allocator {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let node = self.nodes.get("", name).filter(|node| given(node).next().is_none());
        let Some(node) = node else { return Ok(Outcome::Done) };
        let Some(parts) = self.networks.next(&self.nodes.all()) else {
            let message = format!("Node {name} status is now: CIDRNotAvailable");
            self.recorder.record(reference(&*node), EventType::Normal, "CIDRNotAvailable", message);
            return Ok(Outcome::Done);
        };
        let first = parts.first().map(ToString::to_string);
        let all: Vec<Tree> = parts.iter().map(|part| part.to_string().into()).collect();
        let version = node.metadata.resource_version.clone();
        let patch = tree!({
            "metadata": { "resourceVersion": version },
            "spec": { "podCIDR": first, "podCIDRs": all }
        });
        match self.client.cluster::<Node>().patch(name, &Patch::Merge(patch)).await {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
            Ok(written) => {
                self.nodes.reached(written.metadata.resource_version.as_deref().unwrap_or_default()).await;
            }
        }
        Ok(Outcome::Done)
    }
}

/// What a node has.
fn given(node: &Node) -> impl Iterator<Item = IpNet> + '_ {
    let spec = node.spec.as_ref();
    let several = spec.and_then(|spec| spec.pod_cidrs.as_ref()).into_iter().flatten();
    several.chain(spec.and_then(|spec| spec.pod_cidr.as_ref())).filter_map(|text| text.parse().ok())
}

impl NodeNetworks {
    /// A part of each network that no node has.
    fn next(&self, nodes: &[Arc<Node>]) -> Option<Vec<IpNet>> {
        let taken: HashSet<IpNet> = nodes.iter().flat_map(|node| given(node)).collect();
        let overlap = |one: &IpNet, other: &IpNet| one.contains(other) || other.contains(one);
        let free = |part: &IpNet| {
            !taken.contains(part) && !self.reserved.iter().any(|reserved| overlap(reserved, part))
        };
        let mask = |network: &IpNet| if network.addr().is_ipv4() { self.mask_v4 } else { self.mask_v6 };
        let part = |network: &IpNet| network.subnets(mask(network)).ok()?.find(free);
        self.cluster.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;

    use super::*;

    fn node(parts: &[&str]) -> Arc<Node> {
        let parts: Vec<Tree> = parts.iter().map(|part| (*part).into()).collect();
        Arc::new(from_tree(&tree!({ "metadata": {}, "spec": { "podCIDRs": parts } })).unwrap())
    }

    fn next(cluster: &[&str], reserved: &[&str], nodes: &[Arc<Node>]) -> Option<Vec<String>> {
        let parse = |networks: &[&str]| networks.iter().map(|text| text.parse().unwrap()).collect();
        let networks =
            NodeNetworks { cluster: parse(cluster), reserved: parse(reserved), ..NodeNetworks::default() };
        Some(networks.next(nodes)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_node_has_the_first_part_of_each_network_that_nobody_has() {
        let taken = [node(&["10.1.0.0/24", "fd00::/64"]), node(&["10.1.2.0/24"])];
        assert_eq!(next(&["10.1.0.0/16"], &[], &taken).unwrap(), ["10.1.1.0/24"]);
        assert_eq!(
            next(&["10.1.0.0/16", "fd00::/48"], &[], &taken).unwrap(),
            ["10.1.1.0/24", "fd00:0:0:1::/64"]
        );
    }

    #[test]
    fn addresses_of_services_are_given_to_no_node() {
        assert_eq!(next(&["10.1.0.0/16"], &["10.1.0.0/23"], &[]).unwrap(), ["10.1.2.0/24"]);
        assert_eq!(next(&["10.1.0.0/16"], &["10.1.0.128/25"], &[]).unwrap(), ["10.1.1.0/24"]);
    }

    #[test]
    fn a_network_that_is_used_up_gives_nothing() {
        assert_eq!(next(&["10.1.0.0/24"], &[], &[node(&["10.1.0.0/24"])]), None);
        assert_eq!(next(&["10.1.0.0/25"], &[], &[]), None);
    }
}
