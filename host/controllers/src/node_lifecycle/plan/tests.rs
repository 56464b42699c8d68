use expect_test::{Expect, expect};
use objects::tree::from_tree;

use super::*;

fn now() -> Timestamp {
    "2026-01-01T00:01:00Z".parse().unwrap()
}

fn node(change: Tree) -> Node {
    let mut node = tree!({
        "metadata": { "name": "a", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z" }
    });
    node.merge(&change);
    from_tree(&node).unwrap()
}

fn is(kind: &str, status: &str) -> Node {
    node(tree!({ "status": { "conditions": [{ "type": kind, "status": status }] } }))
}

fn tainted(mut node: Node, keys: &[(&str, &str)]) -> Node {
    let taint = |(key, effect): &(&str, &str)| Taint {
        key: (*key).to_owned(),
        effect: (*effect).to_owned(),
        ..Taint::default()
    };
    node.spec.get_or_insert_default().taints = Some(keys.iter().map(taint).collect());
    node
}

/// `key:effect` of the taints that the node gets, if they change.
fn taints_of(node: &Node, permit: &Permit) -> Option<Vec<String>> {
    let text =
        |taint: Taint| format!("{}:{}", taint.key.trim_start_matches("node.kubernetes.io/"), taint.effect);
    Some(new_taints(node, permit, now())?.into_iter().map(text).collect())
}

#[test]
fn a_condition_keeps_pods_off() {
    let keys = |kind: &str, status: &str| taints_of(&is(kind, status), &Permit::ZoneDown);
    assert_eq!(keys("Ready", "False").unwrap(), ["not-ready:NoSchedule"]);
    assert_eq!(keys("Ready", "Unknown").unwrap(), ["unreachable:NoSchedule"]);
    assert_eq!(keys("MemoryPressure", "True").unwrap(), ["memory-pressure:NoSchedule"]);
    assert_eq!(keys("DiskPressure", "True").unwrap(), ["disk-pressure:NoSchedule"]);
    assert_eq!(keys("PIDPressure", "True").unwrap(), ["pid-pressure:NoSchedule"]);
    assert_eq!(keys("NetworkUnavailable", "True").unwrap(), ["network-unavailable:NoSchedule"]);
    assert_eq!(keys("Ready", "True"), None);
    let cordoned = node(tree!({ "spec": { "unschedulable": true } }));
    assert_eq!(taints_of(&cordoned, &Permit::Now).unwrap(), ["unschedulable:NoSchedule"]);
}

#[test]
fn pods_are_sent_away_with_a_permit_alone() {
    let unknown = is("Ready", "Unknown");
    assert!(needs_permit(&unknown));
    let after = Permit::After(std::time::Duration::from_secs(1));
    assert_eq!(taints_of(&unknown, &after).unwrap(), ["unreachable:NoSchedule"]);
    let both = ["unreachable:NoSchedule", "unreachable:NoExecute"];
    assert_eq!(taints_of(&unknown, &Permit::Now).unwrap(), both);
}

#[test]
fn one_taint_takes_the_place_of_the_other_at_once() {
    let failed = tainted(is("Ready", "False"), &[(UNREACHABLE, NO_EXECUTE), ("mine", NO_EXECUTE)]);
    assert!(!needs_permit(&failed));
    let new = ["mine:NoExecute", "not-ready:NoSchedule", "not-ready:NoExecute"];
    assert_eq!(taints_of(&failed, &Permit::Now).unwrap(), new);
}

#[test]
fn a_node_that_is_back_or_one_of_a_cluster_that_is_down_keeps_its_pods() {
    let back = tainted(is("Ready", "True"), &[(UNREACHABLE, NO_EXECUTE), (UNREACHABLE, NO_SCHEDULE)]);
    assert_eq!(taints_of(&back, &Permit::Now).unwrap(), [""; 0]);
    let down = tainted(is("Ready", "Unknown"), &[(UNREACHABLE, NO_EXECUTE), (UNREACHABLE, NO_SCHEDULE)]);
    assert_eq!(taints_of(&down, &Permit::ClusterDown).unwrap(), ["unreachable:NoSchedule"]);
    assert_eq!(taints_of(&down, &Permit::Now), None);
}

fn check_unknown(node: &Node, expected: &Expect) {
    let lines = unknown(node, now()).into_iter().map(|condition| {
        let heartbeat = condition.last_heartbeat_time.map(|time| time.0.to_string());
        format!("{} {} {}\n", condition.type_, condition.reason.unwrap(), heartbeat.unwrap_or_default())
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn of_a_silent_node_nothing_is_known_but_what_others_say() {
    check_unknown(
        &node(tree!({})),
        &expect![[r#"
        Ready NodeStatusNeverUpdated 2026-01-01T00:00:00Z
        MemoryPressure NodeStatusNeverUpdated 2026-01-01T00:00:00Z
        DiskPressure NodeStatusNeverUpdated 2026-01-01T00:00:00Z
        PIDPressure NodeStatusNeverUpdated 2026-01-01T00:00:00Z
    "#]],
    );
    let conditions = tree!([
        { "type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:30Z" },
        { "type": "MemoryPressure", "status": "Unknown" },
        { "type": "DiskPressure", "status": "False" },
        { "type": "PIDPressure", "status": "False" },
        { "type": "NetworkUnavailable", "status": "False" }
    ]);
    check_unknown(
        &node(tree!({ "status": { "conditions": conditions } })),
        &expect![[r#"
        Ready NodeStatusUnknown 2026-01-01T00:00:30Z
        DiskPressure NodeStatusUnknown 
        PIDPressure NodeStatusUnknown 
    "#]],
    );
}

#[test]
fn older_labels_say_what_newer_ones_do() {
    let labels = tree!({ "kubernetes.io/os": "linux", "beta.kubernetes.io/os": "plan9", "kubernetes.io/arch": "amd64" });
    let patch = change(&node(tree!({ "metadata": { "labels": labels } })), &Permit::Now, now()).unwrap();
    let expected = expect![[
        r#"{"metadata":{"resourceVersion":"7","labels":{"beta.kubernetes.io/os":"linux","beta.kubernetes.io/arch":"amd64"}}}"#
    ]];
    expected.assert_eq(&patch.to_string());
}
