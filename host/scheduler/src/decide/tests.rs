use objects::tree::from_tree;
use objects::{Tree, tree};
use reconcile::ObjectKey;

use super::*;

fn node(name: &str, cpu: &str) -> Tree {
    tree!({
        "metadata": { "name": name, "labels": { "zone": "a", "size": "4" } },
        "status": { "allocatable": { "cpu": cpu, "memory": "4Gi", "pods": "3" } }
    })
}

fn pod(spec: Tree) -> Pod {
    let mut spec = spec;
    if spec.get("containers").is_none() {
        spec.insert("containers", tree!([{ "name": "c" }]));
    }
    from_tree(&tree!({ "metadata": { "name": "p", "namespace": "default" }, "spec": spec })).unwrap()
}

fn asking(resource: &str, amount: &str) -> Pod {
    let mut requests = Tree::object();
    requests.insert(resource, amount);
    pod(tree!({ "containers": [{ "name": "c", "resources": { "requests": requests } }] }))
}

fn snapshot(nodes: &[Tree]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for node in nodes {
        snapshot.set_node(objects::meta::name(node), from_tree(node).unwrap());
    }
    snapshot
}

fn decided(pod: &Pod, snapshot: &Snapshot) -> String {
    match decide(pod, &Demand::of(pod), snapshot) {
        Decision::Bind(node) => node,
        Decision::Unschedulable(message) => message,
    }
}

/// On one node `n` of 2 cores with these fields of its spec.
fn on_node(node_spec: Tree, pod: &Pod) -> String {
    let mut node = node("n", "2");
    node.insert("spec", node_spec);
    decided(pod, &snapshot(&[node]))
}

#[test]
fn each_filter_says_what_is_in_the_way() {
    let tainted = || tree!({ "taints": [{ "key": "k", "value": "v", "effect": "NoSchedule" }] });
    let preferred = || tree!({ "taints": [{ "key": "k", "effect": "PreferNoSchedule" }] });
    let plain = || pod(tree!({}));
    let tolerant = |toleration: Tree| pod(tree!({ "tolerations": [toleration] }));
    let refused = |reason: &str| format!("0/1 nodes are available: {reason}.");
    let cases = [
        (Tree::object(), plain(), "n".to_owned()),
        (tree!({ "unschedulable": true }), plain(), refused("1 node(s) were unschedulable")),
        (
            tree!({ "unschedulable": true }),
            tolerant(tree!({ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" })),
            "n".to_owned(),
        ),
        (tainted(), plain(), refused("1 node(s) had untolerated taint(s)")),
        (preferred(), plain(), "n".to_owned()),
        (tainted(), tolerant(tree!({ "operator": "Exists" })), "n".to_owned()),
        (tainted(), tolerant(tree!({ "key": "k", "value": "v", "effect": "NoSchedule" })), "n".to_owned()),
        (
            tainted(),
            tolerant(tree!({ "key": "k", "value": "w" })),
            refused("1 node(s) had untolerated taint(s)"),
        ),
        (
            tainted(),
            tolerant(tree!({ "key": "k", "operator": "Exists", "effect": "NoExecute" })),
            refused("1 node(s) had untolerated taint(s)"),
        ),
        (Tree::object(), asking("cpu", "2"), "n".to_owned()),
        (Tree::object(), asking("cpu", "2001m"), refused("1 Insufficient cpu")),
        (Tree::object(), asking("memory", "5Gi"), refused("1 Insufficient memory")),
        (Tree::object(), asking("example.com/gpu", "1"), refused("1 Insufficient example.com/gpu")),
        (Tree::object(), asking("example.com/gpu", "0"), "n".to_owned()),
    ];
    for (node, pod, expected) in cases {
        assert_eq!(on_node(node.clone(), &pod), expected, "{node:?} {pod:?}");
    }
}

#[test]
fn a_pod_goes_where_its_selector_and_its_affinity_say() {
    let affinity = |term: Tree| {
        pod(tree!({ "affinity": { "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] }
        } } }))
    };
    let label = |operator: &str, key: &str, values: Vec<&str>| {
        affinity(tree!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }))
    };
    let named = |name: &str| {
        affinity(tree!({ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [name] }] }))
    };
    let cases = [
        (pod(tree!({ "nodeSelector": { "zone": "a" } })), true),
        (pod(tree!({ "nodeSelector": { "zone": "b" } })), false),
        (label("In", "zone", vec!["b", "a"]), true),
        (label("In", "zone", vec!["b"]), false),
        (label("NotIn", "zone", vec!["a"]), false),
        (label("NotIn", "missing", vec!["a"]), true),
        (label("Exists", "zone", vec![]), true),
        (label("DoesNotExist", "zone", vec![]), false),
        (label("Gt", "size", vec!["3"]), true),
        (label("Lt", "size", vec!["4"]), false),
        (label("Gt", "zone", vec!["3"]), false),
        (named("n"), true),
        (named("m"), false),
        (affinity(Tree::object()), false),
    ];
    for (pod, fits) in cases {
        assert_eq!(on_node(Tree::object(), &pod) == "n", fits, "{pod:?}");
    }
}

#[test]
fn what_is_placed_is_taken_until_it_is_removed() {
    let mut nodes = snapshot(&[node("n", "2")]);
    let key = ObjectKey::new("default", "first");
    let big = asking("cpu", "1500m");
    nodes.place(&key, "n", Demand::of(&big));
    assert_eq!(decided(&big, &nodes), "0/1 nodes are available: 1 Insufficient cpu.");
    nodes.forget(&key);
    assert!(nodes.is_placed(&key), "the API server said that it is there");
    assert!(nodes.remove(&key));
    assert_eq!(decided(&big, &nodes), "n");
    nodes.assume(&key, "n", Demand::of(&big));
    nodes.forget(&key);
    assert_eq!(decided(&big, &nodes), "n");
}

#[test]
fn a_node_takes_as_many_pods_and_ports_as_it_has() {
    let mut nodes = snapshot(&[node("n", "2")]);
    let web = pod(tree!({ "containers": [{
        "name": "c", "ports": [{ "containerPort": 80, "hostPort": 80 }]
    }] }));
    nodes.place(&ObjectKey::new("default", "0"), "n", Demand::of(&web));
    let why = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.";
    assert_eq!(decided(&web, &nodes), why);
    for name in ["1", "2"] {
        nodes.place(&ObjectKey::new("default", name), "n", Demand::default());
    }
    assert_eq!(decided(&pod(tree!({})), &nodes), "0/1 nodes are available: 1 Too many pods.");
}

#[test]
fn the_node_with_the_most_left_wins_then_the_one_with_fewer_pods_then_the_first() {
    let plain = pod(tree!({}));
    let mut nodes = snapshot(&[node("a", "2"), node("b", "4"), node("c", "4")]);
    assert_eq!(decided(&plain, &nodes), "b");
    nodes.place(&ObjectKey::new("default", "0"), "b", Demand::default());
    assert_eq!(decided(&plain, &nodes), "c");
    nodes.place(&ObjectKey::new("default", "1"), "c", Demand::of(&asking("cpu", "3")));
    assert_eq!(decided(&plain, &nodes), "b");
}

#[test]
fn reasons_are_counted_over_all_nodes() {
    let mut cordoned = node("a", "2");
    cordoned.set_at(&["spec", "unschedulable"], true);
    let nodes = snapshot(&[cordoned, node("b", "1"), node("c", "1")]);
    assert_eq!(
        decided(&asking("cpu", "2"), &nodes),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu."
    );
    assert_eq!(decided(&asking("cpu", "2"), &Snapshot::default()), "no nodes available to schedule pods");
}
