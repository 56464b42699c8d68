use k8s_openapi::api::apps::v1::ReplicaSet;
use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

/// A ready pod on `node-a` for a day, otherwise as `change` says.
fn pod(uid: &str, change: Tree) -> Arc<Pod> {
    let mut pod = tree!({
        "metadata": { "name": uid, "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "nodeName": "node-a" },
        "status": { "phase": "Running", "conditions": (ready("True", "2026-01-01T00:00:00Z")) }
    });
    pod.merge(&change);
    Arc::new(from_tree(&pod).unwrap())
}

fn ready(status: &str, since: &str) -> Tree {
    tree!([{ "type": "Ready", "status": status, "lastTransitionTime": since }])
}

/// What becomes of pods of which so many are wanted.
fn shown(wanted: usize, pods: &[Arc<Pod>], related: &[Arc<Pod>]) -> String {
    match plan(wanted, pods, related, now()) {
        Plan::Nothing => "nothing".to_owned(),
        Plan::Create(count) => format!("create {count}"),
        Plan::Delete(pods) => {
            let uids: Vec<_> = pods.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
            format!("delete {}", uids.join(" "))
        }
    }
}

#[test]
fn pods_are_made_and_deleted_up_to_what_is_wanted_in_bursts() {
    let pods: Vec<_> = (0..3).map(|number| pod(&number.to_string(), tree!({}))).collect();
    assert_eq!(shown(3, &pods, &[]), "nothing");
    assert_eq!(shown(5, &pods, &[]), "create 2");
    assert_eq!(shown(1000, &pods, &[]), "create 500");
    assert_eq!(shown(0, &pods, &[]), "delete 0 1 2");
}

#[test]
fn of_two_pods_that_which_is_worth_less_goes() {
    let worse = [
        tree!({ "spec": { "nodeName": null } }),
        tree!({ "status": { "phase": "Pending" } }),
        tree!({ "status": { "conditions": (ready("False", "2025-01-01T00:00:00Z")) } }),
        tree!({ "metadata": { "annotations": { "controller.kubernetes.io/pod-deletion-cost": "-1" } } }),
        tree!({ "status": { "conditions": (ready("True", "2026-01-01T23:00:00Z")) } }),
        tree!({ "status": { "containerStatuses": [{ "name": "c", "restartCount": 1 }] } }),
        tree!({ "metadata": { "creationTimestamp": "2026-01-01T23:00:00Z" } }),
    ];
    for change in worse {
        let shown = shown(1, &[pod("better", tree!({})), pod("worse", change.clone())], &[]);
        assert_eq!(shown, "delete worse", "{}", change.to_json_string());
    }
}

#[test]
fn a_pod_among_many_goes_before_one_that_is_alone() {
    let (one, other) = (pod("1", tree!({})), pod("2", tree!({ "spec": { "nodeName": "node-b" } })));
    let third = pod("3", tree!({ "spec": { "nodeName": "node-b" } }));
    let related = [one.clone(), other.clone(), third];
    assert_eq!(shown(1, &[one, other], &related), "delete 2");
}

#[test]
fn pods_of_about_one_age_go_in_no_order_of_age() {
    let older = tree!({ "status": { "conditions": (ready("True", "2026-01-01T01:00:00Z")) } });
    assert_eq!(shown(1, &[pod("1", older), pod("2", tree!({}))], &[]), "delete 1");
}

fn set(status: Tree) -> ReplicaSet {
    from_tree(&tree!({
        "metadata": { "generation": 4 },
        "spec": {
            "replicas": 3, "minReadySeconds": 3600, "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b", "c": "d" } } }
        },
        "status": status
    }))
    .unwrap()
}

fn status_text(old: Tree, pods: Vec<Arc<Pod>>, failure: Option<&str>) -> String {
    let pods = Pods { active: pods, terminating: 1 };
    let status = status(&set(old), &pods, failure.map(str::to_owned), now());
    objects::tree::to_tree(&status).unwrap().to_json_string()
}

#[test]
fn the_status_counts_pods_and_tells_what_failed_until_it_does_no_longer() {
    let pods = vec![
        pod("1", tree!({ "metadata": { "labels": { "a": "b", "c": "d" } } })),
        pod("2", tree!({ "status": { "conditions": (ready("True", "2026-01-01T23:30:00Z")) } })),
    ];
    expect_test::expect![[r#"{"availableReplicas":1,"conditions":[{"lastTransitionTime":"2026-01-02T00:00:00Z","message":"no room","reason":"FailedCreate","status":"True","type":"ReplicaFailure"}],"fullyLabeledReplicas":1,"observedGeneration":4,"readyReplicas":2,"replicas":2,"terminatingReplicas":1}"#]]
    .assert_eq(&status_text(tree!({ "replicas": 0 }), pods, Some("no room")));
    let failed = tree!({ "replicas": 0, "conditions": [{ "type": "ReplicaFailure", "status": "True" }] });
    expect_test::expect![[r#"{"observedGeneration":4,"replicas":0,"terminatingReplicas":1}"#]]
        .assert_eq(&status_text(failed, vec![], None));
}
