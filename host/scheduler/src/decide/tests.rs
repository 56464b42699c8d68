//! Decisions of the default profile.

mod preemption;
mod properties;

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::*;
use crate::fixture::{Cluster, asking, node, pod, with};

fn check(cluster: &mut Cluster, pod: &Tree, expected: Expect) {
    expected.assert_eq(&cluster.decided(pod));
}

fn plain() -> Tree {
    pod("p", "web", tree!({}))
}

fn wanting(cpu: &str) -> Tree {
    pod("p", "web", tree!({ "containers": (asking(cpu, "1Gi")) }))
}

#[test]
fn reasons_are_counted_over_all_nodes_and_preemption_has_its_say() {
    let cordoned = with(node("a", &[]), &["spec", "unschedulable"], true);
    let mut cluster = Cluster::of([cordoned, node("b", &[]), node("c", &[])]);
    check(
        &mut cluster,
        &wanting("5"),
        expect![
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
        ],
    );
    let full = wanting("4");
    let mut cluster = cluster.placed([
        (with(full.clone(), &["metadata", "name"], "1"), "b"),
        (with(full.clone(), &["metadata", "name"], "2"), "c"),
    ]);
    check(
        &mut cluster,
        &full,
        expect![
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
        ],
    );
    cluster.profile.enabled.remove(Plugin::DynamicResources);
    cluster.profile.enabled.remove(Plugin::DefaultPreemption);
    check(
        &mut cluster,
        &full,
        expect!["0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu."],
    );
    check(&mut Cluster::of([]), &plain(), expect!["no nodes available to schedule pods"]);
}

#[test]
fn what_is_in_the_way_everywhere_is_told_once() {
    let claims = pod(
        "p",
        "web",
        tree!({ "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }] }),
    );
    check(
        &mut Cluster::of([node("a", &[]), node("b", &[])]),
        &claims,
        expect![[
            r#"0/2 nodes are available: persistentvolumeclaim "data" not found. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."#
        ]],
    );
}

#[test]
fn a_pod_that_names_its_nodes_is_looked_at_there_alone() {
    let on = |name: &str| {
        let field = tree!({ "key": "metadata.name", "operator": "In", "values": [name] });
        pod(
            "p",
            "web",
            tree!({ "affinity": { "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [{ "matchFields": [field] }] }
        } } }),
        )
    };
    let mut cluster = Cluster::of([node("a", &[]), with(node("b", &[]), &["spec", "unschedulable"], true)]);
    check(&mut cluster, &on("a"), expect!["a"]);
    check(
        &mut cluster,
        &on("b"),
        expect![
            "0/2 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity], 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        ],
    );
    check(
        &mut cluster,
        &on("gone"),
        expect![
            "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        ],
    );
}

#[test]
fn the_node_of_the_highest_score_wins_and_equals_take_turns() {
    let mut cluster = Cluster::of([node("a", &[]), node("b", &[]), node("c", &[])]);
    let mut won: Vec<String> = (0..30).map(|_| cluster.decided(&plain())).collect();
    won.sort();
    won.dedup();
    assert_eq!(won, ["a", "b", "c"]);
    let mut cluster = cluster.placed([
        (with(wanting("1"), &["metadata", "name"], "1"), "a"),
        (with(wanting("1"), &["metadata", "name"], "2"), "c"),
    ]);
    check(&mut cluster, &plain(), expect!["b"]);
}

#[test]
fn of_many_nodes_not_all_are_looked_at_and_each_gets_its_turn() {
    assert_eq!(enough(0, 99), 99);
    assert_eq!(enough(0, 100), 100);
    assert_eq!(enough(0, 1000), 420);
    assert_eq!(enough(0, 5000), 500);
    assert_eq!(enough(0, 10_000), 500);
    assert_eq!(enough(30, 1000), 300);
    assert_eq!(enough(1, 1000), 100);
    assert_eq!(enough(100, 1000), 1000);
    let nodes = (0..300).map(|number| node(&format!("n{number:03}"), &[]));
    let mut cluster = Cluster::of(nodes);
    let starts: Vec<usize> = (0..4)
        .map(|_| {
            cluster.decided(&plain());
            cluster.rotation.start
        })
        .collect();
    assert_eq!(starts, [144, 288, 132, 276]);
}

#[test]
fn only_what_the_profile_has_on_objects_and_ranks() {
    let mut cluster = Cluster::of([with(node("a", &[]), &["spec", "unschedulable"], true)]);
    cluster.profile.enabled.remove(Plugin::NodeUnschedulable);
    check(&mut cluster, &plain(), expect!["a"]);
    let mut cluster = Cluster::of([node("a", &[]), node("b", &[])])
        .placed([(with(wanting("3"), &["metadata", "name"], "1"), "a")]);
    cluster.profile.weights = vec![(Plugin::NodeResourcesFit, 1)];
    cluster.profile.args.fit.0 = crate::plugin::Strategy::MostAllocated;
    check(&mut cluster, &plain(), expect!["a"]);
}
