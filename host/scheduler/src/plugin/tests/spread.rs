//! Spreading over topologies.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::{Defaults, Plugin};
use crate::fixture::{Cluster, node, pod, with};
use crate::view::SpreadTerm;

const ZONE: &str = "topology.kubernetes.io/zone";
const PLUGIN: Plugin = Plugin::PodTopologySpread;

fn check(cluster: &Cluster, pod: &Tree, expected: Expect) {
    expected.assert_eq(&cluster.verdicts(PLUGIN, pod));
}

fn web(name: &str) -> Tree {
    pod(name, "web", tree!({}))
}

/// Zones x of nodes a and b, y of node c; two pods in x, one in y; and d in no zone.
fn zones() -> Cluster {
    let nodes =
        [node("a", &[(ZONE, "x")]), node("b", &[(ZONE, "x")]), node("c", &[(ZONE, "y")]), node("d", &[])];
    Cluster::of(nodes).placed([(web("1"), "a"), (web("2"), "b"), (web("3"), "c")])
}

/// A pod that is to be spread over zones, with these fields more in its constraint.
fn spread(when: &str, more: &[(&str, Tree)]) -> Tree {
    let mut constraint = tree!({
        "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": when,
        "labelSelector": { "matchLabels": { "app": "web" } }
    });
    for (key, value) in more {
        constraint.set_at(&[key], value.clone());
    }
    pod("new", "web", tree!({ "topologySpreadConstraints": [constraint] }))
}

#[test]
fn no_domain_gets_more_than_the_skew_above_the_least() {
    check(
        &zones(),
        &spread("DoNotSchedule", &[]),
        expect![[r#"
            a node(s) didn't match pod topology spread constraints
            b node(s) didn't match pod topology spread constraints
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
    check(
        &zones(),
        &spread("DoNotSchedule", &[("maxSkew", 2.into())]),
        expect![[r#"
            a 0
            b 0
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
}

#[test]
fn a_pod_that_its_own_selector_leaves_out_does_not_count() {
    let other = with(spread("DoNotSchedule", &[]), &["metadata", "labels", "app"], "other");
    check(
        &zones(),
        &other,
        expect![[r#"
            a 0
            b 0
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
}

#[test]
fn with_fewer_domains_than_asked_for_the_least_is_none() {
    check(
        &zones(),
        &spread("DoNotSchedule", &[("minDomains", 3.into()), ("maxSkew", 2.into())]),
        expect![[r#"
            a node(s) didn't match pod topology spread constraints
            b node(s) didn't match pod topology spread constraints
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
}

#[test]
fn deleted_pods_and_pods_elsewhere_do_not_count() {
    let mut cluster = zones();
    cluster.place(&with(web("1"), &["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z"), "a");
    cluster.place(&with(web("4"), &["metadata", "namespace"], "other"), "a");
    check(
        &cluster,
        &spread("DoNotSchedule", &[]),
        expect![[r#"
            a 0
            b 0
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
}

#[test]
fn nodes_that_the_pod_cannot_go_to_count_as_the_policies_say() {
    let mut cluster = Cluster::of([node("a", &[(ZONE, "x"), ("disk", "ssd")]), node("b", &[(ZONE, "y")])])
        .placed([(web("1"), "a")]);
    let on_ssd = |policy: &str| {
        with(
            spread("DoNotSchedule", &[("nodeAffinityPolicy", policy.into())]),
            &["spec", "nodeSelector", "disk"],
            "ssd",
        )
    };
    check(
        &cluster,
        &on_ssd("Honor"),
        expect![[r#"
            a 0
            b 0"#]],
    );
    check(
        &cluster,
        &on_ssd("Ignore"),
        expect![[r#"
            a node(s) didn't match pod topology spread constraints
            b 0"#]],
    );
    let taint = tree!([{ "key": "k", "effect": "NoSchedule" }]);
    cluster.put(with(node("b", &[(ZONE, "y")]), &["spec", "taints"], taint));
    let honors = spread("DoNotSchedule", &[("nodeTaintsPolicy", "Honor".into())]);
    assert!(cluster.verdicts(PLUGIN, &honors).starts_with("a 0"));
    assert!(cluster.verdicts(PLUGIN, &spread("DoNotSchedule", &[])).starts_with("a node(s)"));
}

#[test]
fn pods_of_another_revision_can_be_left_out() {
    let old = |name: &str| with(web(name), &["metadata", "labels", "revision"], "1");
    let cluster =
        Cluster::of([node("a", &[(ZONE, "x")]), node("b", &[(ZONE, "y")])]).placed([(old("1"), "a")]);
    let keys = [("matchLabelKeys", tree!(["revision"]))];
    let new = with(spread("DoNotSchedule", &keys), &["metadata", "labels", "revision"], "2");
    check(
        &cluster,
        &new,
        expect![[r#"
            a 0
            b 0"#]],
    );
}

#[test]
fn domains_of_fewer_pods_are_better() {
    check(
        &zones(),
        &spread("ScheduleAnyway", &[]),
        expect![[r#"
            a 33
            b 33
            c 100
            d 0"#]],
    );
}

#[test]
fn pods_of_a_service_or_workload_are_spread_loosely_by_default() {
    let mut cluster = zones();
    check(
        &cluster,
        &web("new"),
        expect![[r#"
            a 0
            b 0
            c 0
            d 0"#]],
    );
    cluster.put(tree!({
        "kind": "Service", "metadata": { "namespace": "default", "name": "s" },
        "spec": { "selector": { "app": "web" } }
    }));
    let expected = "a 18\nb 18\nc 36\nd 100";
    assert_eq!(cluster.verdicts(PLUGIN, &web("new")), expected);
    let mut cluster = zones();
    cluster.put(tree!({
        "kind": "ReplicaSet", "metadata": { "namespace": "default", "name": "rs" },
        "spec": { "selector": { "matchLabels": { "app": "web" } } }
    }));
    let owner = tree!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": true }]);
    let owned = with(web("new"), &["metadata", "ownerReferences"], owner);
    assert_eq!(cluster.verdicts(PLUGIN, &owned), expected);
}

#[test]
fn the_profile_may_spread_strictly() {
    let mut cluster = zones();
    cluster.put(tree!({
        "kind": "Service", "metadata": { "namespace": "default", "name": "s" },
        "spec": { "selector": { "app": "web" } }
    }));
    let strict = tree!({ "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule" });
    cluster.profile.args.spread = Defaults::List(vec![SpreadTerm::read(&Tree::Null, &strict)]);
    check(
        &cluster,
        &web("new"),
        expect![[r#"
            a node(s) didn't match pod topology spread constraints
            b node(s) didn't match pod topology spread constraints
            c 0
            d! node(s) didn't match pod topology spread constraints (missing required label)"#]],
    );
}
