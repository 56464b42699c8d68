//! What a pod asks of a node alone.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::Plugin;
use crate::fixture::{Cluster, node, pod, with};

fn check(cluster: &Cluster, plugin: Plugin, spec: Tree, expected: Expect) {
    expected.assert_eq(&cluster.verdicts(plugin, &pod("p", "web", spec)));
}

fn tainted(name: &str, effect: &str) -> Tree {
    with(node(name, &[]), &["spec", "taints"], tree!([{ "key": "k", "value": "v", "effect": effect }]))
}

#[test]
fn a_cordoned_node_takes_only_pods_that_stand_it() {
    let cluster = Cluster::of([node("a", &[]), with(node("b", &[]), &["spec", "unschedulable"], true)]);
    let plugin = Plugin::NodeUnschedulable;
    check(
        &cluster,
        plugin,
        tree!({}),
        expect![[r#"
            a
            b! node(s) were unschedulable"#]],
    );
    let stands = tree!({ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" });
    check(
        &cluster,
        plugin,
        tree!({ "tolerations": [stands] }),
        expect![[r#"
            a
            b"#]],
    );
}

#[test]
fn taints_keep_pods_away_or_are_avoided() {
    let cluster = Cluster::of([
        node("a", &[]),
        tainted("b", "NoSchedule"),
        tainted("c", "NoExecute"),
        tainted("d", "PreferNoSchedule"),
    ]);
    let plugin = Plugin::TaintToleration;
    check(
        &cluster,
        plugin,
        tree!({}),
        expect![[r#"
            a 100
            b! node(s) had untolerated taint(s)
            c! node(s) had untolerated taint(s)
            d 0"#]],
    );
    check(
        &cluster,
        plugin,
        tree!({ "tolerations": [{ "key": "k", "operator": "Exists", "effect": "NoSchedule" }] }),
        expect![[r#"
            a 100
            b 100
            c! node(s) had untolerated taint(s)
            d 0"#]],
    );
    check(
        &cluster,
        plugin,
        tree!({ "tolerations": [{ "operator": "Exists" }] }),
        expect![[r#"
            a 100
            b 100
            c 100
            d 100"#]],
    );
}

fn required(term: Tree) -> Tree {
    tree!({ "affinity": { "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] }
    } } })
}

#[test]
fn a_pod_goes_where_its_selector_and_its_affinity_say() {
    let cluster = Cluster::of([node("a", &[("zone", "x")]), node("b", &[("zone", "y")])]);
    let plugin = Plugin::NodeAffinity;
    check(
        &cluster,
        plugin,
        tree!({ "nodeSelector": { "zone": "x" } }),
        expect![[r#"
            a 0
            b! node(s) didn't match Pod's node affinity/selector"#]],
    );
    let named = |name: &str| tree!({ "key": "metadata.name", "operator": "In", "values": [name] });
    check(
        &cluster,
        plugin,
        required(tree!({ "matchFields": [(named("b"))] })),
        expect![[r#"
            a! node(s) didn't match Pod's node affinity/selector
            b 0"#]],
    );
    check(
        &cluster,
        plugin,
        required(tree!({ "matchFields": [(named("b")), (named("a"))] })),
        expect!["every node! pod affinity terms conflict"],
    );
}

#[test]
fn preferences_are_weighed_against_each_other() {
    let cluster = Cluster::of([node("a", &[("zone", "x")]), node("b", &[("zone", "y")]), node("c", &[])]);
    let prefer = |weight: i64, zone: &str| {
        tree!({ "weight": weight, "preference": {
            "matchExpressions": [{ "key": "zone", "operator": "In", "values": [zone] }]
        } })
    };
    check(
        &cluster,
        Plugin::NodeAffinity,
        tree!({ "affinity": { "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [(prefer(50, "x")), (prefer(10, "y"))]
        } } }),
        expect![[r#"
            a 100
            b 20
            c 0"#]],
    );
}

#[test]
fn the_profile_adds_to_what_pods_ask_for() {
    let mut cluster = Cluster::of([node("a", &[("zone", "x")]), node("b", &[])]);
    let selector = tree!({ "nodeSelectorTerms": [
        { "matchExpressions": [{ "key": "zone", "operator": "Exists" }] }
    ] });
    cluster.profile.args.added_affinity = Some(objects::placement::NodeSelector::read(&selector));
    check(
        &cluster,
        Plugin::NodeAffinity,
        tree!({}),
        expect![[r#"
            a 0
            b! node(s) didn't match scheduler-enforced node affinity"#]],
    );
}

fn serving(name: &str, port: Tree) -> Tree {
    pod(name, "web", tree!({ "containers": [{ "name": "c", "ports": [port] }] }))
}

#[test]
fn ports_of_the_host_are_taken_by_number_protocol_and_address() {
    let taken = tree!({ "hostPort": 80, "hostIP": "127.0.0.1" });
    let cluster = Cluster::of([node("a", &[])]).placed([(serving("old", taken), "a")]);
    let asks = |port: Tree| cluster.verdicts(Plugin::NodePorts, &serving("new", port));
    let refused = "a node(s) didn't have free ports for the requested pod ports";
    assert_eq!(asks(tree!({ "hostPort": 80 })), refused);
    assert_eq!(asks(tree!({ "hostPort": 80, "hostIP": "127.0.0.1" })), refused);
    assert_eq!(asks(tree!({ "hostPort": 80, "hostIP": "127.0.0.2" })), "a");
    assert_eq!(asks(tree!({ "hostPort": 80, "protocol": "UDP" })), "a");
    assert_eq!(asks(tree!({ "hostPort": 81 })), "a");
    assert_eq!(asks(tree!({ "containerPort": 80 })), "a");
}

#[test]
fn nodes_that_have_the_image_are_better_the_more_of_it_and_the_more_nodes_have_it() {
    let having = |name: &str, image: &str, mebibytes: i64| {
        let size = mebibytes << 20;
        with(node(name, &[]), &["status", "images"], tree!([{ "names": [image], "sizeBytes": size }]))
    };
    let cluster = Cluster::of([
        having("a", "web:latest", 1000),
        having("b", "web:latest", 200),
        having("c", "other:1", 1000),
        node("d", &[]),
    ]);
    check(
        &cluster,
        Plugin::ImageLocality,
        tree!({}),
        expect![[r#"
            a 48
            b 7
            c 0
            d 0"#]],
    );
    check(
        &cluster,
        Plugin::ImageLocality,
        tree!({ "containers": [{ "name": "c", "image": "other:1" }] }),
        expect![[r#"
            a 0
            b 0
            c 23
            d 0"#]],
    );
}
