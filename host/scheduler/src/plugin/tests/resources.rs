//! Room on nodes.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::{Plugin, Ranked, Strategy};
use crate::fixture::{Cluster, asking, node, pod, with};

fn check(cluster: &Cluster, plugin: Plugin, spec: Tree, expected: Expect) {
    expected.assert_eq(&cluster.verdicts(plugin, &pod("p", "web", spec)));
}

fn takes(name: &str, cpu: &str, memory: &str) -> Tree {
    pod(name, "old", tree!({ "containers": (asking(cpu, memory)) }))
}

#[test]
fn a_node_lacks_what_is_taken_and_for_ever_what_it_never_had() {
    let cluster = Cluster::of([node("a", &[])]).placed([(takes("old", "3", "1Gi"), "a")]);
    let lacks = |cpu: &str, memory: &str| {
        cluster.verdicts(
            Plugin::NodeResourcesFit,
            &pod("p", "web", tree!({ "containers": (asking(cpu, memory)) })),
        )
    };
    assert_eq!(lacks("1500m", "1Gi"), "a Insufficient cpu");
    assert_eq!(lacks("1500m", "9Gi"), "a! Insufficient cpu, Insufficient memory");
    assert_eq!(lacks("5", "1Gi"), "a! Insufficient cpu");
    assert!(lacks("1", "7Gi").starts_with("a "));
}

#[test]
fn extended_resources_overhead_and_the_pod_as_a_whole_count() {
    let plugin = Plugin::NodeResourcesFit;
    let cluster = Cluster::of([with(node("a", &[]), &["status", "allocatable", "x.example/gpu"], "1")]);
    let gpus = |number: &str| tree!({ "containers": [{ "name": "c", "resources": { "requests": { "x.example/gpu": number } } }] });
    check(&cluster, plugin, gpus("1"), expect!["a 97"]);
    check(&cluster, plugin, gpus("2"), expect!["a! Insufficient x.example/gpu"]);
    check(
        &cluster,
        plugin,
        tree!({ "containers": (asking("3", "1Gi")), "overhead": { "cpu": "1500m" } }),
        expect!["a! Insufficient cpu"],
    );
    check(
        &cluster,
        plugin,
        tree!({ "containers": (asking("1", "1Gi")), "resources": { "requests": { "cpu": "5" } } }),
        expect!["a! Insufficient cpu"],
    );
    let sidecar =
        tree!({ "name": "s", "restartPolicy": "Always", "resources": { "requests": { "cpu": "2" } } });
    check(
        &cluster,
        plugin,
        tree!({ "containers": (asking("3", "1Gi")), "initContainers": [sidecar] }),
        expect!["a! Insufficient cpu"],
    );
}

#[test]
fn a_node_takes_as_many_pods_as_it_says() {
    let full = with(node("a", &[]), &["status", "allocatable", "pods"], "1");
    let cluster = Cluster::of([full]).placed([(pod("old", "old", tree!({})), "a")]);
    check(&cluster, Plugin::NodeResourcesFit, tree!({}), expect!["a Too many pods"]);
}

#[test]
fn resources_of_others_can_be_left_out() {
    let mut cluster = Cluster::of([node("a", &[])]);
    cluster.profile.args.ignored = vec!["x.example/one".to_owned()];
    cluster.profile.args.ignored_groups = vec!["y.example".to_owned()];
    let requests = tree!({ "x.example/one": "1", "y.example/two": "1", "x.example/three": "1" });
    check(
        &cluster,
        Plugin::NodeResourcesFit,
        tree!({ "containers": [{ "name": "c", "resources": { "requests": requests } }] }),
        expect!["a! Insufficient x.example/three"],
    );
}

/// Of one node a quarter of the processor and half of the memory is taken, the other is empty.
fn uneven() -> Cluster {
    Cluster::of([node("a", &[]), node("b", &[])]).placed([(takes("old", "1", "4Gi"), "a")])
}

#[test]
fn the_node_with_the_most_left_is_better_unless_the_profile_says_otherwise() {
    let plugin = Plugin::NodeResourcesFit;
    let mut cluster = uneven();
    let spec = || tree!({ "containers": (asking("1", "2Gi")) });
    check(
        &cluster,
        plugin,
        spec(),
        expect![[r#"
            a 37
            b 75"#]],
    );
    cluster.profile.args.fit.0 = Strategy::MostAllocated;
    check(
        &cluster,
        plugin,
        spec(),
        expect![[r#"
            a 62
            b 25"#]],
    );
    cluster.profile.args.fit.0 = Strategy::RequestedToCapacityRatio(vec![(0, 0), (50, 100), (100, 20)]);
    check(
        &cluster,
        plugin,
        spec(),
        expect![[r#"
            a 80
            b 50"#]],
    );
    cluster.profile.args.fit = (Strategy::LeastAllocated, vec![Ranked { name: "memory".into(), weight: 3 }]);
    check(
        &cluster,
        plugin,
        spec(),
        expect![[r#"
            a 25
            b 75"#]],
    );
}

#[test]
fn a_pod_that_asks_for_nothing_is_scored_as_if_it_asked_for_a_little() {
    check(
        &uneven(),
        Plugin::NodeResourcesFit,
        tree!({}),
        expect![[r#"
            a 59
            b 97"#]],
    );
}

#[test]
fn nodes_whose_resources_are_taken_evenly_are_better() {
    let plugin = Plugin::NodeResourcesBalancedAllocation;
    check(
        &uneven(),
        plugin,
        tree!({ "containers": (asking("1", "512Mi")) }),
        expect![[r#"
            a 96
            b 90"#]],
    );
    check(
        &uneven(),
        plugin,
        tree!({}),
        expect![[r#"
            a 0
            b 0"#]],
    );
}
