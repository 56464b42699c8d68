//! Routes to the pods of other nodes by way of these nodes, which are in the same network. Packets of pods leave the
//! cluster with the address of their node.

use sdk::overlay::{Action, Cluster, FilterRule, Hook, Node, Plan, Route};
use sdk::{Error, Overlay};

#[derive(Default)]
struct Addon;

sdk::addon!(Addon: overlay);

/// A route for each network of a node's pods that it has an address of the same family for.
fn routes(node: &Node, device: &str) -> Vec<Route> {
    let route = |network: &String| {
        let gateway = node.addresses.iter().find(|address| address.contains(':') == network.contains(':'))?;
        Some(Route {
            destination: network.clone(),
            gateway: gateway.clone(),
            link: device.to_owned(),
            on_link: false,
            extra: Vec::new(),
        })
    };
    node.pod_cidrs.iter().filter_map(route).collect()
}

impl Overlay for Addon {
    fn plan_for(&self, cluster: &Cluster) -> Result<Plan, Error> {
        let setting = cluster.settings.iter().find(|setting| setting.name == "device");
        // The value is JSON, here a text in quotes.
        let device = setting.map(|setting| setting.value.trim_matches('"')).unwrap_or_default();
        let (this, others): (Vec<_>, Vec<_>) =
            cluster.nodes.iter().partition(|node| node.name == cluster.this_node);
        let this = this.first().ok_or_else(|| Error::Invalid("this node is not in the cluster".into()))?;
        let leaving = FilterRule {
            hook: Hook::Postrouting,
            sources: this.pod_cidrs.clone(),
            destinations: Vec::new(),
            not_destinations: cluster.cluster_cidrs.clone(),
            protocol: String::new(),
            ports: Vec::new(),
            action: Action::Masquerade,
            extra: Vec::new(),
        };
        Ok(Plan {
            links: Vec::new(),
            routes: others.into_iter().flat_map(|node| routes(node, device)).collect(),
            neighbours: Vec::new(),
            rules: vec![leaving],
            extra: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use sdk::Setting;

    use super::*;

    fn node(name: &str, address: &str, network: &str) -> Node {
        let (addresses, pod_cidrs) = (vec![address.into()], vec![network.into()]);
        Node { name: name.into(), addresses, pod_cidrs, extra: Vec::new() }
    }

    fn plan(this_node: &str) -> Result<Plan, Error> {
        Addon.plan_for(&Cluster {
            this_node: this_node.into(),
            nodes: vec![node("a", "192.0.2.1", "10.1.0.0/26"), node("b", "192.0.2.2", "10.1.0.64/26")],
            cluster_cidrs: vec!["10.1.0.0/16".into()],
            settings: vec![Setting { name: "device".into(), value: r#""eth1""#.into() }],
            extra: Vec::new(),
        })
    }

    #[test]
    fn pods_of_others_are_behind_them() {
        let plan = plan("a").unwrap();
        let routes: Vec<_> = plan.routes.iter().map(|one| (&*one.destination, &*one.gateway, &*one.link)).collect();
        assert_eq!(routes, [("10.1.0.64/26", "192.0.2.2", "eth1")]);
        assert_eq!(plan.rules[0].sources, ["10.1.0.0/26"]);
    }

    #[test]
    fn a_node_that_is_not_of_the_cluster_has_no_plan() {
        assert!(plan("c").is_err());
    }
}
