use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

fn node(zone: &str, cpu: &str, ready: &str) -> Arc<Node> {
    let node = tree!({
        "metadata": { "labels": { "topology.kubernetes.io/zone": zone } },
        "status": { "allocatable": { "cpu": cpu }, "conditions": [{ "type": "Ready", "status": ready }] }
    });
    Arc::new(from_tree(&node).unwrap())
}

fn endpoint(zone: &str) -> Tree {
    tree!({ "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "zone": zone, "nodeName": (format!("node-{zone}")) })
}

fn packing(zones: &[&str]) -> Packing {
    let endpoints: Vec<Tree> = zones.iter().map(|zone| endpoint(zone)).collect();
    let new = tree!({ "addressType": "IPv4", "metadata": {}, "endpoints": endpoints });
    Packing { slots: vec![Slot { old: None, new: from_tree(&new).unwrap() }], ..Packing::default() }
}

fn service(spec: Tree, mode: &str) -> Service {
    let annotations = tree!({ "service.kubernetes.io/topology-mode": mode });
    from_tree(&tree!({ "metadata": { "annotations": annotations }, "spec": spec })).unwrap()
}

/// The hints, and what is said.
fn placed(packing: &mut Packing, service: &Service, nodes: &[Arc<Node>]) -> (Vec<String>, Option<String>) {
    let note = place(packing, service, &|| nodes.to_vec(), "IPv4");
    let text = |endpoint: &mut Endpoint| {
        let hints = endpoint.hints.clone().unwrap_or_default();
        let zones = hints.for_zones.into_iter().flatten().map(|zone| zone.name);
        zones.chain(hints.for_nodes.into_iter().flatten().map(|node| node.name)).collect::<Vec<_>>().join(" ")
    };
    (endpoints(packing).map(text).collect(), note.map(|note| format!("{} {}", note.reason, note.message)))
}

#[test]
fn a_service_says_whether_zones_or_nodes_are_kept() {
    let hints = |wish: &str| {
        placed(&mut packing(&["a", "b"]), &service(tree!({ "trafficDistribution": wish }), ""), &[]).0
    };
    assert_eq!(hints("PreferClose"), ["a", "b"]);
    assert_eq!(hints("PreferSameZone"), ["a", "b"]);
    assert_eq!(hints("PreferSameNode"), ["a node-a", "b node-b"]);
    assert_eq!(hints("else"), ["", ""]);
}

#[test]
fn what_is_not_ready_has_no_hints() {
    let mut packing = packing(&["a"]);
    endpoints(&mut packing).for_each(|one| one.conditions.as_mut().unwrap().ready = Some(false));
    let near = service(tree!({ "trafficDistribution": "PreferClose" }), "");
    assert_eq!(placed(&mut packing, &near, &[]).0, [""]);
}

#[test]
fn endpoints_go_to_zones_by_their_processors() {
    let auto = service(tree!({}), "Auto");
    let even = [node("a", "4", "True"), node("b", "4000m", "True")];
    let enabled =
        Some("TopologyAwareHintsEnabled Topology Aware Hints has been enabled, addressType: IPv4".to_owned());
    let (hints, note) = placed(&mut packing(&["a", "a", "a", "b"]), &auto, &even);
    assert_eq!((hints, note), (["b", "a", "a", "b"].map(str::to_owned).to_vec(), enabled));
    let (hints, _) = placed(&mut packing(&["a", "b", "a", "b"]), &auto, &even);
    assert_eq!(hints, ["a", "b", "a", "b"]);
}

#[test]
fn without_enough_nodes_zones_or_endpoints_there_are_no_hints_and_it_is_said_why() {
    let auto = service(tree!({}), "auto");
    let disabled = |zones: &[&str], nodes: &[Arc<Node>]| {
        let (hints, note) = placed(&mut packing(zones), &auto, nodes);
        assert!(hints.iter().all(String::is_empty), "{hints:?}");
        note.unwrap()
    };
    let few = "TopologyAwareHintsDisabled Insufficient Node information: allocatable CPU or zone not specified on one \
               or more nodes, addressType: IPv4";
    assert_eq!(disabled(&["a", "b"], &[node("a", "4", "True"), node("b", "4", "False")]), few);
    assert_eq!(disabled(&["a", "b"], &[node("a", "4", "True"), node("b", "0", "True")]), few);
    let even = [node("a", "4", "True"), node("b", "4", "True")];
    assert_eq!(
        disabled(&["a"], &even),
        "TopologyAwareHintsDisabled Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4"
    );
    let uneven = [node("a", "4", "True"), node("b", "4", "True"), node("c", "1", "True")];
    assert_eq!(
        disabled(&["a", "b", "c"], &uneven),
        "TopologyAwareHintsDisabled Unable to allocate minimum required endpoints to each zone without exceeding \
         overload threshold (3 endpoints, 3 zones), addressType: IPv4"
    );
}
