//! Names and routes: what is asked of `dns` and `overlay`, and what they answer.

use std::net::IpAddr;

use bytes::Bytes;

use super::Setting;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct DnsClient<'a> {
    pub address: &'a str,
    /// `udp` or `tcp`.
    pub transport: &'a str,
}

/// What becomes of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsAnswer {
    Reply(Bytes),
    /// The servers to ask; those of the node where there are none.
    Forward(Vec<String>),
    Drop,
    /// One that this host does not know, by its name.
    Other(String),
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNode {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    pub pod_cidrs: Vec<String>,
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub this_node: String,
    pub nodes: Vec<ClusterNode>,
    pub cluster_cidrs: Vec<String>,
    pub settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    pub vni: u32,
    pub port: u16,
    pub local: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    Vxlan(Vxlan),
    Bridge,
    Dummy,
    /// One that this host does not know, by its name.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    pub kind: LinkKind,
    pub mac: String,
    pub mtu: u32,
    pub addresses: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: String,
    pub gateway: String,
    pub link: String,
    pub on_link: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub link: String,
    pub address: String,
    pub mac: String,
    pub forwarding: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Accept,
    Drop,
    Masquerade,
    /// One that this host does not know, by its name.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    Forward,
    Postrouting,
    /// One that this host does not know, by its name.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterRule {
    pub hook: Hook,
    pub sources: Vec<String>,
    pub destinations: Vec<String>,
    pub not_destinations: Vec<String>,
    pub protocol: String,
    pub ports: Vec<String>,
    pub action: Action,
}

/// All that a node should have; nothing of it is carried out or believed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub links: Vec<Link>,
    pub routes: Vec<Route>,
    pub neighbours: Vec<Neighbour>,
    pub rules: Vec<FilterRule>,
}
