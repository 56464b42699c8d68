//! Who has to go, and where.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use crate::decide::{Nomination, Refusal};
use crate::fixture::{Cluster, asking, node, pod, with};

/// A pod of a priority that asks for so many cores.
fn ranked(name: &str, priority: i64, cpu: &str) -> Tree {
    let pod = pod(name, name, tree!({ "containers": (asking(cpu, "1Gi")) }));
    with(with(pod, &["spec", "priority"], priority), &["status", "startTime"], "2026-01-01T00:00:00Z")
}

fn told(refusal: &Refusal) -> String {
    let victims: Vec<_> = refusal.victims.iter().map(|victim| victim.head.key.name.as_str()).collect();
    format!("{:?} for {}", refusal.nomination, victims.join(", "))
}

fn check(cluster: &mut Cluster, pod: &Tree, expected: Expect) {
    expected.assert_eq(&told(&cluster.refusal(pod)));
}

fn budget(app: &str, allowed: i64) -> Tree {
    tree!({
        "kind": "PodDisruptionBudget", "metadata": { "namespace": "default", "name": app },
        "spec": { "selector": { "matchLabels": { "app": app } } },
        "status": { "disruptionsAllowed": allowed }
    })
}

#[test]
fn the_fewest_and_least_important_pods_go() {
    let pods = [(ranked("low", 1, "1"), "a"), (ranked("mid", 5, "1"), "a"), (ranked("high", 50, "2"), "a")];
    let mut cluster = Cluster::of([node("a", &[])]).placed(pods);
    check(&mut cluster, &ranked("new", 10, "1"), expect![[r#"Set("a") for low"#]]);
    check(&mut cluster, &ranked("new", 10, "2"), expect![[r#"Set("a") for mid, low"#]]);
    check(&mut cluster, &ranked("new", 100, "2"), expect![[r#"Set("a") for mid, low"#]]);
    check(&mut cluster, &ranked("new", 100, "4"), expect![[r#"Set("a") for high, mid, low"#]]);
    let message = &cluster.refusal(&ranked("new", 10, "1")).message;
    assert_eq!(message, "0/1 nodes are available: 1 Insufficient cpu.");
}

#[test]
fn nobody_goes_for_a_pod_that_would_not_fit_or_is_not_more_important() {
    let mut cluster = Cluster::of([node("a", &[])]).placed([(ranked("old", 10, "3"), "a")]);
    for (new, why) in [
        (ranked("new", 10, "2"), "1 No preemption victims found for incoming pod"),
        (ranked("new", 20, "5"), "1 Preemption is not helpful for scheduling"),
    ] {
        let refusal = cluster.refusal(&new);
        assert!(
            refusal.message.ends_with(&format!("preemption: 0/1 nodes are available: {why}.")),
            "{}",
            refusal.message
        );
        assert_eq!((refusal.victims.len(), refusal.nomination), (0, Nomination::Clear));
    }
    let polite = with(ranked("new", 20, "2"), &["spec", "preemptionPolicy"], "Never");
    let refusal = cluster.refusal(&polite);
    assert!(
        refusal.message.ends_with("preemption: not eligible due to preemptionPolicy=Never."),
        "{}",
        refusal.message
    );
    assert_eq!(refusal.nomination, Nomination::Keep);
}

#[test]
fn pods_whose_budget_is_used_up_are_kept_if_others_can_go() {
    let pods = || [(ranked("kept", 1, "2"), "a"), (ranked("free", 2, "2"), "a")];
    let mut cluster = Cluster::of([node("a", &[]), budget("kept", 0)]).placed(pods());
    check(&mut cluster, &ranked("new", 10, "2"), expect![[r#"Set("a") for free"#]]);
    check(&mut cluster, &ranked("new", 10, "3"), expect![[r#"Set("a") for free, kept"#]]);
    let mut cluster = Cluster::of([node("a", &[]), budget("kept", 1)]).placed(pods());
    check(&mut cluster, &ranked("new", 10, "2"), expect![[r#"Set("a") for kept"#]]);
    let counted = with(budget("kept", 0), &["status", "disruptedPods", "kept"], "2026-01-01T00:00:00Z");
    let mut cluster = Cluster::of([node("a", &[]), counted]).placed(pods());
    check(&mut cluster, &ranked("new", 10, "2"), expect![[r#"Set("a") for kept"#]]);
}

/// Of two nodes, each full with these pods, which is chosen.
fn chosen(on_a: Vec<Tree>, on_b: Vec<Tree>, more: impl IntoIterator<Item = Tree>) -> String {
    let mut cluster = Cluster::of([node("a", &[]), node("b", &[])].into_iter().chain(more));
    on_a.iter().for_each(|pod| cluster.place(pod, "a"));
    on_b.iter().for_each(|pod| cluster.place(pod, "b"));
    match cluster.refusal(&ranked("new", 100, "4")).nomination {
        Nomination::Set(node) => node.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_node_with_the_least_harm_is_chosen() {
    let one = |name: &str, priority| vec![ranked(name, priority, "4")];
    let two = |first: &str, second: &str, priorities: [i64; 2]| {
        vec![ranked(first, priorities[0], "2"), ranked(second, priorities[1], "2")]
    };
    assert_eq!(chosen(one("p", 1), one("q", 9), [budget("p", 0)]), "b", "fewer budgets violated");
    assert_eq!(chosen(one("p", 5), one("q", 4), []), "b", "the most important is less important");
    assert_eq!(chosen(two("p", "q", [5, 4]), one("r", 5), []), "b", "the sum of priorities is less");
    assert_eq!(
        chosen(two("p", "q", [5, -5]), two("r", "s", [5, -6]), []),
        "b",
        "even where they are negative"
    );
    let young = vec![with(ranked("q", 5, "4"), &["status", "startTime"], "2026-01-02T00:00:00Z")];
    assert_eq!(chosen(one("p", 5), young, []), "b", "the most important runs for less long");
}

#[test]
fn a_pod_whose_victims_are_still_going_has_no_others_go() {
    let going = |pod: Tree| {
        let pod = with(pod, &["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z");
        let condition =
            tree!({ "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler" });
        with(pod, &["status", "conditions"], vec![condition])
    };
    let pods = [(going(ranked("old", 1, "2")), "a"), (ranked("other", 1, "2"), "a")];
    let mut cluster = Cluster::of([node("a", &[])]).placed(pods);
    let waits = with(ranked("new", 10, "2"), &["status", "nominatedNodeName"], "a");
    let refusal = cluster.refusal(&waits);
    let why = "preemption: not eligible due to a terminating pod on the nominated node.";
    assert!(refusal.message.ends_with(why), "{}", refusal.message);
    assert_eq!((refusal.victims.len(), refusal.nomination), (0, Nomination::Keep));
}

#[test]
fn the_room_that_a_pod_waits_for_is_not_given_to_less_important_ones() {
    let mut cluster = Cluster::of([node("a", &[])]);
    let waits = std::sync::Arc::new(crate::view::PodView::read(&ranked("waits", 10, "3")));
    cluster.snapshot.nominate(waits, "a");
    let message = cluster.decided(&ranked("new", 5, "2"));
    assert!(message.starts_with("0/1 nodes are available: 1 Insufficient cpu."), "{message}");
    assert_eq!(cluster.decided(&ranked("new", 20, "2")), "a");
    assert_eq!(cluster.decided(&ranked("waits", 10, "3")), "a");
}

#[test]
fn preemption_sees_what_pods_ask_of_each_other() {
    let shuns = tree!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "old" } } }]);
    let new = with(
        ranked("new", 10, "1"),
        &["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
        shuns,
    );
    let mut cluster =
        Cluster::of([node("a", &[])]).placed([(ranked("old", 1, "1"), "a"), (ranked("other", 1, "1"), "a")]);
    check(&mut cluster, &new, expect![[r#"Set("a") for old"#]]);
    let beside = tree!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "old" } } }]);
    let kept = [(ranked("old", 20, "1"), "a"), (ranked("other", 1, "1"), "a")];
    let mut cluster = Cluster::of([node("a", &[])]).placed(kept);
    let wants = with(
        ranked("new", 10, "3"),
        &["spec", "affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
        beside,
    );
    check(&mut cluster, &wants, expect![[r#"Set("a") for other"#]]);
}
