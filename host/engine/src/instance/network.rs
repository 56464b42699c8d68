//! The calls of `dns` and `overlay`.

use futures_util::FutureExt;

use super::{CallError, Instance, Wait, now};
use crate::bindings::exports::mk8s::addon::{dns, overlay};
use crate::bindings::mk8s::addon::types;
use crate::inspect::Role;
use crate::values::{
    Action, Cluster, DnsAnswer, DnsClient, FilterRule, Hook, Link, LinkKind, Neighbour, Plan, Route, Vxlan,
};

impl Instance {
    /// What becomes of a query.
    pub fn answer(&mut self, query: &[u8], client: DnsClient<'_>) -> Result<DnsAnswer, CallError> {
        self.begin(Wait::never)?;
        let client = dns::Client { address: client.address, transport: client.transport, extra: &[] };
        let guest = match &self.guests.dns {
            Some(guest) => guest,
            None => {
                let component = self.component.parts();
                let indices = component.roles.dns.as_ref().ok_or(CallError::Absent(Role::Dns))?;
                let guest = indices.load(&mut self.store, &self.instance);
                let guest = guest.map_err(|why| CallError::Trap(why.root_cause().to_string()))?;
                self.guests.dns.insert(guest)
            }
        };
        let outcome = guest.call_answer(&mut self.store, query, client).now_or_never();
        Ok(match self.end(outcome)? {
            dns::Response::Reply(message) => DnsAnswer::Reply(message.into()),
            dns::Response::Forward(servers) => DnsAnswer::Forward(servers),
            dns::Response::Drop => DnsAnswer::Drop,
            dns::Response::Other(name) => DnsAnswer::Other(name),
        })
    }

    /// What this node should have.
    pub async fn plan(&mut self, cluster: &Cluster) -> Result<Plan, CallError> {
        let addresses: Vec<Vec<String>> = cluster
            .nodes
            .iter()
            .map(|node| node.addresses.iter().map(ToString::to_string).collect())
            .collect();
        let addresses: Vec<Vec<&str>> = addresses.iter().map(|all| texts(all)).collect();
        let pods: Vec<Vec<&str>> = cluster.nodes.iter().map(|node| texts(&node.pod_cidrs)).collect();
        let nodes: Vec<_> = cluster
            .nodes
            .iter()
            .zip(addresses.iter().zip(&pods))
            .map(|(node, (addresses, pod_cidrs))| overlay::Node {
                name: &node.name,
                addresses,
                pod_cidrs,
                extra: &[],
            })
            .collect();
        let settings: Vec<_> = cluster
            .settings
            .iter()
            .map(|one| types::SettingParam { name: &one.name, value: &one.value })
            .collect();
        let cidrs = texts(&cluster.cluster_cidrs);
        let asked = overlay::Cluster {
            this_node: &cluster.this_node,
            nodes: &nodes,
            cluster_cidrs: &cidrs,
            settings: &settings,
            extra: &[],
        };
        call!(self, overlay, Overlay, now, |guest, store| guest.call_plan_for(store, asked)).map(plan)
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn plan(plan: overlay::Plan) -> Plan {
    Plan {
        links: plan.links.into_iter().map(link).collect(),
        routes: plan.routes.into_iter().map(route).collect(),
        neighbours: plan.neighbours.into_iter().map(neighbour).collect(),
        rules: plan.rules.into_iter().map(rule).collect(),
    }
}

fn link(link: overlay::Link) -> Link {
    let kind = match link.kind {
        overlay::LinkKind::Vxlan(overlay::Vxlan { vni, port, local }) => {
            LinkKind::Vxlan(Vxlan { vni, port, local })
        }
        overlay::LinkKind::Bridge => LinkKind::Bridge,
        overlay::LinkKind::Dummy => LinkKind::Dummy,
        overlay::LinkKind::Other(name) => LinkKind::Other(name),
    };
    Link { name: link.name, kind, mac: link.mac, mtu: link.mtu, addresses: link.addresses }
}

fn route(route: overlay::Route) -> Route {
    let overlay::Route { destination, gateway, link, on_link, .. } = route;
    Route { destination, gateway, link, on_link }
}

fn neighbour(neighbour: overlay::Neighbour) -> Neighbour {
    let overlay::Neighbour { link, address, mac, forwarding, .. } = neighbour;
    Neighbour { link, address, mac, forwarding }
}

fn rule(rule: overlay::FilterRule) -> FilterRule {
    let overlay::FilterRule {
        hook, sources, destinations, not_destinations, protocol, ports, action, ..
    } = rule;
    let hook = match hook {
        overlay::Hook::Forward => Hook::Forward,
        overlay::Hook::Postrouting => Hook::Postrouting,
        overlay::Hook::Other(name) => Hook::Other(name),
    };
    let action = match action {
        overlay::Action::Accept => Action::Accept,
        overlay::Action::Drop => Action::Drop,
        overlay::Action::Masquerade => Action::Masquerade,
        overlay::Action::Other(name) => Action::Other(name),
    };
    FilterRule { hook, sources, destinations, not_destinations, protocol, ports, action }
}
