use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

const NOW: &str = "2026-01-02T00:00:00Z";

fn set(strategy: Tree) -> DaemonSet {
    from_tree(&tree!({
        "metadata": { "generation": 2 },
        "spec": { "selector": {}, "template": {}, "updateStrategy": strategy },
        "status": {
            "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0
        }
    }))
    .unwrap()
}

fn on_delete() -> Tree {
    tree!({ "type": "OnDelete" })
}

fn rolling(surge: i32, unavailable: impl Into<Tree>) -> Tree {
    let unavailable = unavailable.into();
    tree!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } })
}

/// A pod as `node/revision state`, named after that; the state is `ready`, `starting`, `going`, `failed` or `waiting`
/// for the node. Each is a second younger than that before.
fn pods(given: &[&str]) -> Vec<Arc<Pod>> {
    let pod = |(number, text): (usize, &&str)| {
        let (place, state) = text.split_once(' ').unwrap();
        let (node, revision) = place.split_once('/').unwrap();
        let ready = if matches!(state, "ready" | "going") { "True" } else { "False" };
        let mut pod = tree!({
            "metadata": {
                "name": (*text), "creationTimestamp": (format!("2026-01-01T00:00:{number:02}Z")),
                "labels": { "controller-revision-hash": revision }
            },
            "spec": { "nodeName": node },
            "status": {
                "phase": (if state == "failed" { "Failed" } else { "Running" }),
                "conditions": [{ "type": "Ready", "status": ready, "lastTransitionTime": NOW }]
            }
        });
        if state == "going" {
            pod.set_at(&["metadata", "deletionTimestamp"], NOW);
        }
        if state == "waiting" {
            pod.remove_at(&["spec", "nodeName"]);
            pod.set_at(
                &["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
                tree!({ "nodeSelectorTerms": [{ "matchFields": [{
                    "key": "metadata.name", "operator": "In", "values": [node]
                }] }] }),
            );
        }
        Arc::new(from_tree(&pod).unwrap())
    };
    given.iter().enumerate().map(pod).collect()
}

/// Nodes that run a pod, or where it stays (`a?`), or which have none (`a!`).
fn nodes(given: &str) -> BTreeMap<String, Place> {
    let place = |text: &str| match text.split_at(1) {
        (name, "?") => (name.to_owned(), Place::Stays),
        (name, "!") => (name.to_owned(), Place::No),
        (name, _) => (name.to_owned(), Place::Runs),
    };
    given.split(' ').filter(|text| !text.is_empty()).map(place).collect()
}

fn state<'a>(set: &'a DaemonSet, given: &str, pods: &[Arc<Pod>]) -> State<'a> {
    State { set, nodes: nodes(given), pods: by_node(pods), hash: "new", now: NOW.parse().unwrap() }
}

fn shown(plan: &Plan) -> String {
    let name = |pod: &Arc<Pod>| pod.metadata.name.clone().unwrap();
    let create = plan.create.iter().map(|node| format!("+{node}"));
    let delete = plan.delete.iter().map(|pod| format!("-{}", name(pod)));
    let ended = plan.ended.iter().map(|(_, pod)| format!("~{}", name(pod)));
    create.chain(delete).chain(ended).collect::<Vec<_>>().join(", ")
}

fn check_keep(strategy: Tree, nodes: &str, given: &[&str], expected: &str) {
    assert_eq!(shown(&keep(&state(&set(strategy), nodes, &pods(given)))), expected, "{given:?}");
}

fn check_roll(strategy: Tree, nodes: &str, given: &[&str], expected: &str) {
    assert_eq!(shown(&roll(&state(&set(strategy), nodes, &pods(given)))), expected, "{given:?}");
}

#[test]
fn every_node_that_is_fit_has_one_pod() {
    check_keep(on_delete(), "a b? c!", &[], "+a");
    check_keep(on_delete(), "a b? c!", &["a/old ready", "b/old ready", "c/old ready"], "-c/old ready");
    check_keep(on_delete(), "a", &["a/old ready", "a/new ready"], "-a/new ready");
    check_keep(on_delete(), "a", &["a/old going"], "");
    check_keep(on_delete(), "a", &["a/old failed"], "~a/old failed");
    check_keep(on_delete(), "", &["a/new waiting", "b/new ready"], "-a/new waiting");
    check_keep(on_delete(), "a", &["a/new waiting"], "");
}

#[test]
fn with_a_surge_an_old_pod_stays_until_the_new_one_serves() {
    check_keep(rolling(1, 0), "a", &["a/old ready", "a/new starting"], "");
    check_keep(rolling(1, 0), "a", &["a/old ready", "a/new ready"], "-a/old ready");
    check_keep(rolling(1, 0), "a", &["a/old starting", "a/new starting"], "-a/old starting");
    check_keep(rolling(1, 0), "a", &["a/old ready", "a/new starting", "a/new failed"], "~a/new failed");
}

#[test]
fn old_pods_go_while_few_enough_are_missing() {
    let ready = ["a/old ready", "b/old ready", "c/old ready"];
    check_roll(rolling(0, 1), "a b c", &ready, "-a/old ready");
    check_roll(rolling(0, "50%"), "a b c", &ready, "-a/old ready, -b/old ready");
    check_roll(rolling(0, 1), "a b c", &["a/new starting", "b/old ready", "c/old ready"], "");
    check_roll(rolling(0, 1), "a b", &["a/new ready", "b/old ready"], "-b/old ready");
    check_roll(
        rolling(0, 1),
        "a b c",
        &["a/old starting", "b/old ready", "c/old starting"],
        "-a/old starting, -c/old starting",
    );
    check_roll(rolling(0, 1), "a b", &["a/old going", "b/old ready"], "");
    check_roll(on_delete(), "a b c", &ready, "");
}

#[test]
fn new_pods_come_beside_old_ones_up_to_the_surge() {
    let ready = ["a/old ready", "b/old ready", "c/old ready"];
    check_roll(rolling(2, 0), "a b c", &ready, "+a, +b");
    check_roll(rolling(1, 0), "a b", &["a/old ready", "a/new starting", "b/old ready"], "");
    check_roll(rolling(1, 0), "a b", &["a/old ready", "a/new ready", "b/old ready"], "+b, -a/old ready");
    check_roll(rolling(1, 0), "a b", &["a/old starting", "b/old starting"], "+a, +b");
    // A node that is to have none gives up its pod when another serves for it.
    check_roll(rolling(1, 0), "a! b", &["a/old ready", "b/new starting"], "");
    check_roll(rolling(1, 0), "a! b", &["a/old ready", "b/new ready"], "-a/old ready");
}

#[test]
fn the_status_counts_nodes_by_their_oldest_pod() {
    let given = ["a/new ready", "b/old starting", "d/old ready"];
    let set = set(rolling(0, 1));
    let (nodes, pods) = ("a b c d!", pods(&given));
    let status = |is_settled| {
        let status = status(&state(&set, nodes, &pods), is_settled);
        objects::tree::to_tree(&status).unwrap().to_json_string()
    };
    expect_test::expect![[r#"{"currentNumberScheduled":2,"desiredNumberScheduled":3,"numberAvailable":1,"numberMisscheduled":1,"numberReady":1,"numberUnavailable":2,"observedGeneration":2,"updatedNumberScheduled":1}"#]]
    .assert_eq(&status(true));
    assert!(!status(false).contains("observedGeneration"));
}
