use expect_test::{Expect, expect};
use objects::tree::{from_tree, to_tree};
use objects::{Tree, tree};

use super::*;

fn service(spec: Tree) -> Service {
    let metadata = tree!({ "name": "web", "namespace": "default", "uid": "s", "labels": { "app": "web" } });
    from_tree(&tree!({ "metadata": metadata, "spec": spec })).unwrap()
}

fn pod(name: &str, change: Tree) -> Arc<Pod> {
    let mut pod = tree!({
        "metadata": { "name": name, "namespace": "default", "uid": name },
        "spec": { "nodeName": "node-0", "containers": [] },
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.1",
            "podIPs": [{ "ip": "10.1.0.1" }, { "ip": "fd00::1" }],
            "conditions": [{ "type": "Ready", "status": "True" }]
        }
    });
    pod.merge(&change);
    Arc::new(from_tree(&pod).unwrap())
}

fn check(spec: Tree, pods: &[Arc<Pod>], expected: &Expect) {
    let node = tree!({ "metadata": { "name": "node-0", "labels": { "topology.kubernetes.io/zone": "z" } } });
    let node: Arc<Node> = Arc::new(from_tree(&node).unwrap());
    let service = service(spec);
    let nodes = Nodes { named: &|name| (name == "node-0").then(|| node.clone()), all: &Vec::new };
    let plan = plan(State { service: &service, pods, nodes, slices: Vec::new(), room: 100 });
    let slots = plan.packings.iter().flat_map(|packing| &packing.slots);
    let lines = slots.map(|slot| {
        let mut slice = to_tree(&slot.new).unwrap();
        for noise in ["apiVersion", "kind", "metadata"] {
            slice.object_mut().remove(noise);
        }
        slice.to_string() + "\n"
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn every_family_of_the_service_has_slices_of_its_own() {
    let spec = tree!({ "clusterIP": "10.0.0.1", "ipFamilies": ["IPv4", "IPv6"], "ports": [{ "port": 80, "protocol": "TCP" }] });
    check(
        spec,
        &[pod("a", tree!({}))],
        &expect![[r#"
        {"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"a","namespace":"default","uid":"a"},"zone":"z"}],"ports":[{"name":"","port":80,"protocol":"TCP"}]}
        {"addressType":"IPv6","endpoints":[{"addresses":["fd00::1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"a","namespace":"default","uid":"a"},"zone":"z"}],"ports":[{"name":"","port":80,"protocol":"TCP"}]}
    "#]],
    );
}

#[test]
fn conditions_tell_what_serves_and_what_ends() {
    let spec = || tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80, "protocol": "TCP" }] });
    let ending = tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    let unready = tree!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
    let pods = [pod("ending", ending), pod("unready", unready)];
    check(
        spec(),
        &pods,
        &expect![[r#"
        {"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":false,"serving":true,"terminating":true},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"ending","namespace":"default","uid":"ending"},"zone":"z"},{"addresses":["10.1.0.1"],"conditions":{"ready":false,"serving":false,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"unready","namespace":"default","uid":"unready"},"zone":"z"}],"ports":[{"name":"","port":80,"protocol":"TCP"}]}
    "#]],
    );
    let mut published = spec();
    published.object_mut().insert("publishNotReadyAddresses", true);
    check(
        published,
        &pods,
        &expect![[r#"
        {"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true,"serving":true,"terminating":true},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"ending","namespace":"default","uid":"ending"},"zone":"z"},{"addresses":["10.1.0.1"],"conditions":{"ready":true,"serving":false,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"unready","namespace":"default","uid":"unready"},"zone":"z"}],"ports":[{"name":"","port":80,"protocol":"TCP"}]}
    "#]],
    );
}

#[test]
fn pods_that_ended_or_have_no_address_or_an_unknown_node_are_left_out() {
    let spec = tree!({ "clusterIP": "None", "ipFamilies": ["IPv4"] });
    let pods = [
        pod("ended", tree!({ "status": { "phase": "Succeeded" } })),
        pod("young", tree!({ "status": { "podIP": null, "podIPs": null } })),
        pod("lost", tree!({ "spec": { "nodeName": "node-9" } })),
    ];
    check(
        spec,
        &pods,
        &expect![[r#"
        {"addressType":"IPv4","endpoints":[],"ports":[]}
    "#]],
    );
}

#[test]
fn pods_whose_named_port_is_another_number_are_in_another_slice() {
    let spec =
        tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80, "targetPort": "web", "protocol": "TCP" }] });
    let port = |number: i32| {
        let port = tree!({ "name": "web", "containerPort": number, "protocol": "TCP" });
        tree!({ "spec": { "containers": [{ "name": "c", "ports": [port] }] } })
    };
    check(
        spec,
        &[pod("a", port(8080)), pod("b", port(8081))],
        &expect![[r#"
        {"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"a","namespace":"default","uid":"a"},"zone":"z"}],"ports":[{"name":"","port":8080,"protocol":"TCP"}]}
        {"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-0","targetRef":{"kind":"Pod","name":"b","namespace":"default","uid":"b"},"zone":"z"}],"ports":[{"name":"","port":8081,"protocol":"TCP"}]}
    "#]],
    );
}

#[test]
fn labels_are_those_of_the_service_and_of_the_slice() {
    let headless = service(tree!({ "clusterIP": "None" }));
    let expected = expect![[
        r#"{"app":"web","endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web","service.kubernetes.io/headless":""}"#
    ]];
    expected.assert_eq(&to_tree(&labels(&headless)).unwrap().to_string());
}
