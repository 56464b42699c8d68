use expect_test::{Expect, expect};
use objects::tree::{from_tree, to_tree};
use objects::{Tree, tree};

use super::*;

fn service(spec: Tree) -> Service {
    from_tree(&tree!({ "metadata": { "name": "web", "namespace": "default" }, "spec": spec })).unwrap()
}

fn pod(number: usize, ready: &str, change: Tree) -> Arc<Pod> {
    let ip = format!("10.1.{}.{}", number / 250, number % 250);
    let mut pod = tree!({
        "metadata": { "name": (format!("pod-{number}")), "namespace": "default" },
        "spec": { "nodeName": "node-0", "containers": [] },
        "status": {
            "podIP": (ip.clone()), "podIPs": [{ "ip": ip }, { "ip": "fd00::1" }],
            "conditions": [{ "type": "Ready", "status": ready }]
        }
    });
    pod.merge(&change);
    Arc::new(from_tree(&pod).unwrap())
}

fn check(spec: Tree, pods: &[Arc<Pod>], expected: &Expect) {
    let new = plan(&service(spec), pods, None).unwrap();
    let text = |addresses: &Option<Vec<EndpointAddress>>| {
        let ips: Vec<&str> = addresses.iter().flatten().map(|address| address.ip.as_str()).collect();
        ips.join(" ")
    };
    let lines = new.subsets.iter().flatten().map(|subset| {
        let ports = to_tree(&subset.ports).unwrap();
        format!("{} not ready: {} {ports}\n", text(&subset.addresses), text(&subset.not_ready_addresses))
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn ports_with_the_same_addresses_are_together() {
    let spec = tree!({ "clusterIP": "10.0.0.1", "ports": [
        { "name": "web", "port": 80, "protocol": "TCP" }, { "name": "tls", "port": 443, "protocol": "TCP" }
    ] });
    check(
        spec,
        &[pod(1, "True", tree!({})), pod(2, "False", tree!({}))],
        &expect![[r#"
        10.1.0.1 not ready: 10.1.0.2 [{"name":"tls","port":443,"protocol":"TCP"},{"name":"web","port":80,"protocol":"TCP"}]
    "#]],
    );
}

#[test]
fn a_pod_without_a_port_of_that_name_is_not_below_it() {
    let spec = tree!({ "clusterIP": "10.0.0.1", "ports": [
        { "name": "a", "port": 80, "targetPort": "web", "protocol": "TCP" }, { "name": "b", "port": 81, "protocol": "TCP" }
    ] });
    let web = tree!({ "spec": { "containers": [{ "name": "c", "ports": [
        { "name": "web", "containerPort": 8080, "protocol": "TCP" }
    ] }] } });
    check(
        spec,
        &[pod(1, "True", web), pod(2, "True", tree!({}))],
        &expect![[r#"
        10.1.0.1 not ready:  [{"name":"a","port":8080,"protocol":"TCP"}]
        10.1.0.1 10.1.0.2 not ready:  [{"name":"b","port":81,"protocol":"TCP"}]
    "#]],
    );
}

#[test]
fn a_headless_service_needs_no_ports_and_may_be_of_the_other_family() {
    let spec = tree!({ "clusterIP": "None", "ipFamilies": ["IPv6"] });
    check(
        spec,
        &[pod(1, "True", tree!({}))],
        &expect![[r#"
        fd00::1 not ready:  null
    "#]],
    );
}

#[test]
fn pods_that_go_are_left_out_unless_even_unready_ones_are_published() {
    let going = tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    let pods = [pod(1, "False", going)];
    check(tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80 }] }), &pods, &expect![[r#""#]]);
    let published =
        tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80 }], "publishNotReadyAddresses": true });
    check(
        published,
        &pods,
        &expect![[r#"
        10.1.0.1 not ready:  [{"port":80}]
    "#]],
    );
}

#[test]
fn too_many_are_cut_and_those_that_are_not_ready_first() {
    let pods: Vec<_> =
        (0..1200).map(|number| pod(number, if number < 900 { "True" } else { "False" }, tree!({}))).collect();
    let web = service(tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80 }] }));
    let new = plan(&web, &pods, None).unwrap();
    let subset = &new.subsets.as_ref().unwrap()[0];
    let count = |list: &Option<Vec<EndpointAddress>>| list.as_ref().map_or(0, Vec::len);
    assert_eq!((count(&subset.addresses), count(&subset.not_ready_addresses)), (900, 100));
    assert_eq!(new.metadata.annotations.as_ref().unwrap()[OVER_CAPACITY], TRUNCATED);
    assert_eq!(plan(&web, &pods, Some(&new)), None);
}

#[test]
fn what_says_the_same_is_not_written() {
    let web = service(tree!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 80 }] }));
    let pods = [pod(1, "True", tree!({}))];
    let old = plan(&web, &pods, None).unwrap();
    assert!(is_ours(&old));
    assert_eq!(plan(&web, &pods, Some(&old)), None);
    assert!(plan(&web, &[], Some(&old)).is_some());
}
