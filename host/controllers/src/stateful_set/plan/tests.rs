use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

const NOW: &str = "2026-01-02T00:00:00Z";

/// Of three replicas, in order, rolling; `change` is merged into that.
fn set(change: Tree) -> StatefulSet {
    let mut set = tree!({
        "metadata": { "name": "web", "generation": 3 },
        "spec": {
            "replicas": 3, "selector": {}, "template": {}, "serviceName": "svc",
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } }
        }
    });
    set.merge(&change);
    from_tree(&set).unwrap()
}

fn parallel() -> Tree {
    tree!({ "spec": { "podManagementPolicy": "Parallel" } })
}

fn rolling(rolling: Tree) -> Tree {
    tree!({ "spec": { "updateStrategy": { "rollingUpdate": rolling } } })
}

/// A pod as `number revision state`; the state is `ready`, `pending`, `running` (and not ready), `going` or `failed`.
fn pod(text: &str) -> Arc<Pod> {
    let [number, revision, state] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let phase = match state {
        "pending" => "Pending",
        "failed" => "Failed",
        _ => "Running",
    };
    let ready = if matches!(state, "ready" | "going") { "True" } else { "False" };
    let mut pod = tree!({
        "metadata": {
            "name": (format!("web-{number}")), "labels": { "controller-revision-hash": revision }
        },
        "status": {
            "phase": phase,
            "conditions": [{ "type": "Ready", "status": ready, "lastTransitionTime": NOW }]
        }
    });
    if state == "going" {
        pod.set_at(&["metadata", "deletionTimestamp"], NOW);
    }
    Arc::new(from_tree(&pod).unwrap())
}

fn state<'a>(set: &'a StatefulSet, pods: &[&str]) -> State<'a> {
    State {
        set,
        wish: Wish::of(set).unwrap(),
        current: "old",
        update: "new",
        pods: numbered("web", pods.iter().map(|text| pod(text)).collect()),
        now: NOW.parse().unwrap(),
    }
}

/// The pods that are made and deleted.
fn check(change: Tree, pods: &[&str], expected: &str) {
    let set = set(change);
    let plan = plan(&state(&set, pods));
    let template = |template: &Template| if *template == Template::Current { "old" } else { "new" };
    let create = plan.create.iter().map(|(ordinal, of)| format!("+{ordinal} {}", template(of)));
    let delete = plan.delete.iter().map(|pod| format!("-{}", pod.metadata.name.as_deref().unwrap()));
    let steps: Vec<_> = create.chain(delete).collect();
    assert_eq!(steps.join(", "), expected, "{pods:?}");
}

#[test]
fn pods_come_one_after_another_when_the_one_before_serves() {
    let none = || tree!({});
    check(none(), &[], "+0 new");
    check(none(), &["0 new pending"], "");
    check(none(), &["0 new running"], "");
    check(none(), &["0 new ready"], "+1 new");
    check(none(), &["0 new going", "1 new ready", "2 new ready"], "");
    check(none(), &["0 new ready", "2 new ready"], "+1 new");
    check(none(), &["0 new failed", "1 new ready"], "-web-0");
    check(tree!({ "spec": { "minReadySeconds": 5 } }), &["0 new ready"], "");
    check(tree!({ "spec": { "ordinals": { "start": 5 }, "replicas": 1 } }), &[], "+5 new");
}

#[test]
fn pods_go_one_after_another_the_highest_number_first() {
    let one = || tree!({ "spec": { "replicas": 1 } });
    check(one(), &["0 new ready", "1 new ready", "2 new ready"], "-web-2");
    check(one(), &["0 new ready", "1 new ready", "2 new going"], "");
    check(one(), &["0 new ready", "1 new running", "2 new running"], "");
    check(one(), &["0 new ready", "1 new running"], "-web-1");
    check(one(), &["0 new running", "1 new ready"], "");
    let later = tree!({ "spec": { "replicas": 1, "ordinals": { "start": 1 } } });
    check(later, &["0 new ready", "1 new ready"], "-web-0");
}

#[test]
fn in_parallel_all_come_and_go_at_once() {
    check(parallel(), &["1 new pending"], "+0 new, +2 new");
    let mut none = parallel();
    none.set_at(&["spec", "replicas"], 0);
    check(none, &["0 new pending", "1 new ready", "2 new going"], "-web-1, -web-0");
}

#[test]
fn an_update_goes_from_the_highest_number_down_to_the_partition() {
    let old = ["0 old ready", "1 old ready", "2 old ready"];
    check(tree!({}), &old, "-web-2");
    check(tree!({}), &["0 old ready", "1 old ready", "2 new running"], "");
    check(parallel(), &["0 old ready", "1 old ready", "2 new running"], "");
    check(tree!({}), &["0 old ready", "1 old ready", "2 new ready"], "-web-1");
    check(rolling(tree!({ "partition": 2 })), &["0 old ready", "1 old ready", "2 new ready"], "");
    check(rolling(tree!({ "partition": 1 })), &["1 old ready", "2 new ready"], "+0 old");
    check(tree!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }), &old, "");
}

#[test]
fn an_update_may_take_several_at_once() {
    let old = ["0 old ready", "1 old ready", "2 old ready"];
    check(rolling(tree!({ "maxUnavailable": 2 })), &old, "-web-2, -web-1");
    check(rolling(tree!({ "maxUnavailable": "70%" })), &old, "-web-2, -web-1");
    check(rolling(tree!({ "maxUnavailable": "1%" })), &old, "-web-2");
    let mut both = parallel();
    both.merge(&rolling(tree!({ "maxUnavailable": 2 })));
    check(both, &["0 old ready", "1 old ready", "2 new running"], "-web-1");
}

#[test]
fn a_lost_pod_comes_back_at_the_revision_that_it_had() {
    let amid = tree!({
        "spec": { "updateStrategy": { "rollingUpdate": null } },
        "status": { "replicas": 3, "currentReplicas": 2 }
    });
    check(amid.clone(), &["0 old ready", "2 new ready"], "+1 old");
    check(amid, &["0 old ready", "1 old ready"], "+2 new");
}

#[test]
fn what_is_going_makes_and_deletes_nothing() {
    check(tree!({ "metadata": { "deletionTimestamp": NOW } }), &["5 new ready"], "");
}

#[test]
fn the_status_moves_on_to_the_new_revision_when_all_pods_are_of_it() {
    let set = set(tree!({}));
    let shown = |pods: &[&str]| {
        let status = status(&state(&set, pods), 0);
        objects::tree::to_tree(&status).unwrap().to_json_string()
    };
    expect_test::expect![[r#"{"availableReplicas":2,"collisionCount":0,"currentReplicas":1,"currentRevision":"old","observedGeneration":3,"readyReplicas":2,"replicas":3,"updateRevision":"new","updatedReplicas":1}"#]]
    .assert_eq(&shown(&["0 old ready", "1 new running", "2 old going"]));
    expect_test::expect![[r#"{"availableReplicas":3,"collisionCount":0,"currentReplicas":3,"currentRevision":"new","observedGeneration":3,"readyReplicas":3,"replicas":3,"updateRevision":"new","updatedReplicas":3}"#]]
    .assert_eq(&shown(&["0 new ready", "1 new ready", "2 new ready"]));
}
