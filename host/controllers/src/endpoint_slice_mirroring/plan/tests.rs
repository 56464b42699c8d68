use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

fn endpoints(metadata: Tree, subsets: Tree) -> Endpoints {
    let mut object =
        tree!({ "metadata": { "name": "web", "namespace": "default", "uid": "e" }, "subsets": subsets });
    object.merge(&tree!({ "metadata": metadata }));
    from_tree(&object).unwrap()
}

fn addresses_of(plan: &Plan) -> Vec<String> {
    let slots = plan.packings.iter().flat_map(|packing| &packing.slots);
    let line = |slot: &crate::slices::Slot| {
        let ready = |endpoint: &Endpoint| endpoint.conditions.as_ref().unwrap().ready.unwrap();
        let each = slot.endpoints().iter().map(|one| format!("{}={}", one.addresses[0], ready(one)));
        format!("{} {}", slot.new.address_type, each.collect::<Vec<_>>().join(" "))
    };
    slots.map(line).collect()
}

#[test]
fn each_family_has_slices_and_addresses_that_cannot_be_read_are_told() {
    let subsets = tree!([{
        "addresses": [{ "ip": "10.0.0.1" }, { "ip": "fd00::1" }, { "ip": "nowhere" }],
        "notReadyAddresses": [{ "ip": "10.0.0.2" }],
        "ports": [{ "port": 80 }]
    }]);
    let plan = plan(&endpoints(tree!({}), subsets), Vec::new(), 1000);
    assert_eq!(addresses_of(&plan), ["IPv4 10.0.0.1=true 10.0.0.2=false", "IPv6 fd00::1=true"]);
    let message = "Skipped 1 invalid IP addresses when mirroring to EndpointSlices".to_owned();
    assert_eq!(plan.warnings(1000).collect::<Vec<_>>(), [("InvalidIPAddress", message)]);
}

#[test]
fn of_too_many_addresses_the_ready_ones_are_mirrored() {
    let subsets =
        tree!([{ "addresses": [{ "ip": "10.0.0.1" }], "notReadyAddresses": [{ "ip": "10.0.0.2" }] }]);
    let plan = plan(&endpoints(tree!({}), subsets), Vec::new(), 1);
    assert_eq!(addresses_of(&plan), ["IPv4 10.0.0.1=true"]);
    assert_eq!(plan.warnings(1).map(|(reason, _)| reason).collect::<Vec<_>>(), ["TooManyAddressesToMirror"]);
}

#[test]
fn endpoints_without_addresses_have_no_slices() {
    assert!(addresses_of(&plan(&endpoints(tree!({}), tree!([])), Vec::new(), 1)).is_empty());
}

#[test]
fn annotations_are_mirrored_but_for_those_of_the_last_write() {
    let metadata = tree!({ "annotations": { "a": "1", "endpoints.kubernetes.io/last-change-trigger-time": "t", "kubectl.kubernetes.io/last-applied-configuration": "{}" } });
    let plan = plan(&endpoints(metadata, tree!([{ "addresses": [{ "ip": "10.0.0.1" }] }])), Vec::new(), 9);
    let annotations = plan.packings[0].slots[0].new.metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn endpoints_that_say_so_and_locks_are_not_mirrored() {
    let mirrored = |metadata: Tree| is_mirrored(&endpoints(metadata, tree!([])));
    assert!(mirrored(tree!({})));
    assert!(!mirrored(tree!({ "labels": { "endpointslice.kubernetes.io/skip-mirror": "true" } })));
    assert!(!mirrored(tree!({ "annotations": { "control-plane.alpha.kubernetes.io/leader": "{}" } })));
    assert!(!mirrored(tree!({ "deletionTimestamp": "2026-01-01T00:00:00Z" })));
}
