//! Pods beside each other and away from each other.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::Plugin;
use crate::fixture::{Cluster, node, pod, with};

const ZONE: &str = "topology.kubernetes.io/zone";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn check(cluster: &Cluster, pod: &Tree, expected: Expect) {
    expected.assert_eq(&cluster.verdicts(Plugin::InterPodAffinity, pod));
}

/// Zones x of nodes a and b, y of node c.
fn zones() -> Cluster {
    Cluster::of([node("a", &[(ZONE, "x")]), node("b", &[(ZONE, "x")]), node("c", &[(ZONE, "y")])])
}

fn term(app: &str) -> Tree {
    tree!({ "topologyKey": ZONE, "labelSelector": { "matchLabels": { "app": app } } })
}

/// A pod with a term of an affinity (`podAffinity`, `podAntiAffinity`).
fn asks(name: &str, app: &str, kind: &str, term: Tree) -> Tree {
    with(pod(name, app, tree!({})), &["spec", "affinity", kind, REQUIRED], vec![term])
}

fn prefers(name: &str, app: &str, kind: &str, weight: i64, term: Tree) -> Tree {
    let weighted = tree!({ "weight": weight, "podAffinityTerm": term });
    with(pod(name, app, tree!({})), &["spec", "affinity", kind, PREFERRED], vec![weighted])
}

fn db(name: &str) -> Tree {
    pod(name, "db", tree!({}))
}

#[test]
fn a_pod_goes_beside_those_that_it_asks_for() {
    let cluster = zones().placed([(db("db"), "a")]);
    check(
        &cluster,
        &asks("new", "web", "podAffinity", term("db")),
        expect![[r#"
            a 0
            b 0
            c! node(s) didn't match pod affinity rules"#]],
    );
}

#[test]
fn the_first_of_pods_that_want_to_be_together_goes_anywhere_with_the_topology() {
    let mut cluster = zones();
    cluster.put(node("d", &[]));
    check(
        &cluster,
        &asks("new", "web", "podAffinity", term("web")),
        expect![[r#"
            a 0
            b 0
            c 0
            d! node(s) didn't match pod affinity rules"#]],
    );
    check(
        &cluster,
        &asks("new", "web", "podAffinity", term("db")),
        expect![[r#"
            a! node(s) didn't match pod affinity rules
            b! node(s) didn't match pod affinity rules
            c! node(s) didn't match pod affinity rules
            d! node(s) didn't match pod affinity rules"#]],
    );
}

#[test]
fn a_pod_stays_away_from_those_that_it_shuns_and_that_shun_it() {
    let cluster = zones().placed([(db("db"), "a")]);
    check(
        &cluster,
        &asks("new", "web", "podAntiAffinity", term("db")),
        expect![[r#"
            a node(s) didn't match pod anti-affinity rules
            b node(s) didn't match pod anti-affinity rules
            c 0"#]],
    );
    let cluster = zones().placed([(asks("db", "db", "podAntiAffinity", term("web")), "a")]);
    check(
        &cluster,
        &pod("new", "web", tree!({})),
        expect![[r#"
            a node(s) didn't satisfy existing pods anti-affinity rules
            b node(s) didn't satisfy existing pods anti-affinity rules
            c 0"#]],
    );
    check(
        &cluster,
        &pod("new", "other", tree!({})),
        expect![[r#"
            a 0
            b 0
            c 0"#]],
    );
}

#[test]
fn terms_are_about_the_pods_own_namespace_unless_they_say_otherwise() {
    let mut cluster = zones().placed([(with(db("db"), &["metadata", "namespace"], "data"), "a")]);
    let shuns = |more: &[(&str, Tree)]| {
        let term = more.iter().fold(term("db"), |term, (key, value)| with(term, &[key], value.clone()));
        asks("new", "web", "podAntiAffinity", term)
    };
    let is_away = |cluster: &Cluster, pod: &Tree| {
        cluster.verdicts(Plugin::InterPodAffinity, pod).starts_with("a node(s)")
    };
    assert!(!is_away(&cluster, &shuns(&[])));
    assert!(is_away(&cluster, &shuns(&[("namespaces", tree!(["data"]))])));
    assert!(is_away(&cluster, &shuns(&[("namespaceSelector", tree!({}))])));
    let selector = tree!({ "matchLabels": { "team": "data" } });
    assert!(!is_away(&cluster, &shuns(&[("namespaceSelector", selector.clone())])));
    cluster.put(tree!({ "kind": "Namespace", "metadata": { "name": "data", "labels": { "team": "data" } } }));
    assert!(is_away(&cluster, &shuns(&[("namespaceSelector", selector)])));
}

#[test]
fn terms_can_be_narrowed_to_the_pods_own_value_of_a_label_or_another() {
    let of = |name: &str, tenant: &str| with(db(name), &["metadata", "labels", "tenant"], tenant);
    let cluster = zones().placed([(of("one", "1"), "a"), (of("two", "2"), "c")]);
    let shuns = |field: &str| {
        let pod = asks("new", "web", "podAntiAffinity", with(term("db"), &[field], tree!(["tenant"])));
        with(pod, &["metadata", "labels", "tenant"], "2")
    };
    check(
        &cluster,
        &shuns("matchLabelKeys"),
        expect![[r#"
            a 0
            b 0
            c node(s) didn't match pod anti-affinity rules"#]],
    );
    check(
        &cluster,
        &shuns("mismatchLabelKeys"),
        expect![[r#"
            a node(s) didn't match pod anti-affinity rules
            b node(s) didn't match pod anti-affinity rules
            c 0"#]],
    );
}

#[test]
fn preferences_of_both_sides_count() {
    let cluster = zones().placed([(db("db"), "a"), (db("db2"), "c"), (db("db3"), "c")]);
    check(
        &cluster,
        &prefers("new", "web", "podAffinity", 10, term("db")),
        expect![[r#"
            a 0
            b 0
            c 100"#]],
    );
    check(
        &cluster,
        &prefers("new", "web", "podAntiAffinity", 10, term("db")),
        expect![[r#"
            a 100
            b 100
            c 0"#]],
    );
    let cluster = zones().placed([
        (prefers("db", "db", "podAffinity", 10, term("web")), "a"),
        (asks("db2", "db", "podAffinity", term("web")), "c"),
    ]);
    check(
        &cluster,
        &pod("new", "web", tree!({})),
        expect![[r#"
            a 100
            b 100
            c 0"#]],
    );
}

#[test]
fn preferences_of_others_can_be_left_out() {
    let mut cluster = zones().placed([(prefers("db", "db", "podAffinity", 10, term("web")), "a")]);
    cluster.profile.args.ignores_preferred_of_others = true;
    check(
        &cluster,
        &pod("new", "web", tree!({})),
        expect![[r#"
            a 0
            b 0
            c 0"#]],
    );
}
