//! A query of DNS and a cluster to plan for, and the answers to them.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Action, Cluster, ClusterNode, DnsAnswer, FilterRule, Hook, Link, LinkKind, Plan, Setting};
use serde::Deserialize;
use serde_json::{Value, json};

use super::RunError;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QueryCase {
    name: String,
    #[serde(default = "address", rename = "type")]
    kind: String,
    #[serde(default = "anybody")]
    pub(super) client: String,
    #[serde(default = "udp")]
    pub(super) transport: String,
}

fn address() -> String {
    "A".to_owned()
}

fn anybody() -> String {
    "10.1.0.7:40000".to_owned()
}

fn udp() -> String {
    "udp".to_owned()
}

/// Types of records (IANA's DNS parameters).
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("ANY", 255),
];
/// The longest label of a name (RFC 1035).
const LONGEST_LABEL: usize = 63;

impl QueryCase {
    /// The query as it comes over the network.
    pub(super) fn packet(&self) -> Result<Vec<u8>, RunError> {
        let known = TYPES.iter().find(|(name, _)| *name == self.kind);
        let (_, number) = known.ok_or_else(|| RunError::QueryType(self.kind.clone()))?;
        packet(&self.name, *number).ok_or_else(|| RunError::QueryName(self.name.clone()))
    }
}

/// A query for one name, which wants recursion; none where it is no name.
pub(in crate::author) fn packet(name: &str, number: u16) -> Option<Vec<u8>> {
    let mut packet = vec![0x6d, 0x6b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        let length = u8::try_from(label.len()).ok().filter(|length| usize::from(*length) <= LONGEST_LABEL)?;
        packet.push(length);
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(number.to_be_bytes());
    packet.extend([0, 1]);
    Some(packet)
}

pub(super) fn answer(answer: DnsAnswer) -> Value {
    match answer {
        DnsAnswer::Reply(message) => {
            // The head of a message: its code is in the fourth byte, the number of answers in the seventh and eighth.
            let byte = |place: usize| message.get(place).copied().unwrap_or_default();
            json!({"reply": {
                "code": byte(3) & 0xf,
                "answers": u16::from_be_bytes([byte(6), byte(7)]),
                "message": STANDARD.encode(&message),
            }})
        }
        DnsAnswer::Forward(servers) => json!({"forward": servers}),
        DnsAnswer::Drop => json!({"drop": true}),
        DnsAnswer::Other(name) => json!({"other": name}),
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterCase {
    this_node: String,
    nodes: Vec<NodeCase>,
    #[serde(default)]
    cluster_cidrs: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NodeCase {
    name: String,
    addresses: Vec<IpAddr>,
    pod_cidrs: Vec<String>,
}

impl ClusterCase {
    pub(super) fn cluster(&self, settings: Vec<Setting>) -> Cluster {
        let node = |node: &NodeCase| ClusterNode {
            name: node.name.clone(),
            addresses: node.addresses.clone(),
            pod_cidrs: node.pod_cidrs.clone(),
        };
        Cluster {
            this_node: self.this_node.clone(),
            nodes: self.nodes.iter().map(node).collect(),
            cluster_cidrs: self.cluster_cidrs.clone(),
            settings,
        }
    }
}

pub(super) fn plan(plan: Plan) -> Value {
    let routes = plan.routes.into_iter().map(|route| {
        json!({"destination": route.destination, "gateway": route.gateway, "link": route.link, "onLink": route.on_link})
    });
    let neighbours = plan.neighbours.into_iter().map(
        |one| json!({"link": one.link, "address": one.address, "mac": one.mac, "forwarding": one.forwarding}),
    );
    json!({
        "links": plan.links.into_iter().map(link).collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "neighbours": neighbours.collect::<Vec<_>>(),
        "rules": plan.rules.into_iter().map(rule).collect::<Vec<_>>(),
    })
}

fn link(link: Link) -> Value {
    let kind = match link.kind {
        LinkKind::Vxlan(of) => json!({"vxlan": {"vni": of.vni, "port": of.port, "local": of.local}}),
        LinkKind::Bridge => json!("bridge"),
        LinkKind::Dummy => json!("dummy"),
        LinkKind::Other(name) => json!({"other": name}),
    };
    json!({"name": link.name, "kind": kind, "mac": link.mac, "mtu": link.mtu, "addresses": link.addresses})
}

fn rule(rule: FilterRule) -> Value {
    let hook = match rule.hook {
        Hook::Forward => "forward".to_owned(),
        Hook::Postrouting => "postrouting".to_owned(),
        Hook::Other(name) => name,
    };
    let action = match rule.action {
        Action::Accept => "accept".to_owned(),
        Action::Drop => "drop".to_owned(),
        Action::Masquerade => "masquerade".to_owned(),
        Action::Other(name) => name,
    };
    json!({
        "hook": hook, "sources": rule.sources, "destinations": rule.destinations,
        "notDestinations": rule.not_destinations, "protocol": rule.protocol, "ports": rule.ports, "action": action,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_the_packet_that_resolvers_send() {
        let packet = packet("kube.local.", 28).unwrap();
        assert_eq!(packet[12..], *b"\x04kube\x05local\0\0\x1c\0\x01");
        assert!(super::packet(&"a".repeat(64), 1).is_none());
    }
}
