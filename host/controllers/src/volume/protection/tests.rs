use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

#[test]
fn what_stays_has_the_finalizer_and_what_goes_gives_it_up_once() {
    let metadata = |deleted: bool, finalizers: &[&str]| {
        let mut metadata = tree!({ "finalizers": (finalizers.to_vec()) });
        if deleted {
            metadata.insert("deletionTimestamp", "2026-01-01T00:00:00Z");
        }
        from_tree::<ObjectMeta>(&metadata).unwrap()
    };
    let cases = [
        (metadata(false, &[]), Step::Add),
        (metadata(false, &["example.com/own"]), Step::Add),
        (metadata(false, &[CLAIM]), Step::Nothing),
        (metadata(true, &[CLAIM]), Step::RemoveUnlessUsed),
        (metadata(true, &["example.com/own"]), Step::Nothing),
    ];
    for (metadata, expected) in cases {
        assert_eq!(step(&metadata, CLAIM), expected, "{metadata:?}");
    }
}

fn pod(change: Tree) -> Pod {
    let mut pod = tree!({
        "metadata": { "namespace": "web", "name": "a", "uid": "p1" },
        "spec": { "nodeName": "n1", "volumes": [
            { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
            { "name": "tmp", "ephemeral": { "volumeClaimTemplate": { "spec": {} } } }
        ] }
    });
    pod.merge(&change);
    from_tree(&pod).unwrap()
}

#[test]
fn a_pod_that_has_a_node_keeps_its_claims_until_it_is_gone() {
    let claim = |name: &str, owner: &str| -> PersistentVolumeClaim {
        from_tree(&tree!({ "metadata": { "namespace": "web", "name": name, "ownerReferences": [
            { "apiVersion": "v1", "kind": "Pod", "name": "a", "uid": owner, "controller": true }
        ] } }))
        .unwrap()
    };
    let running = pod(tree!({}));
    let done = pod(tree!({ "metadata": {
        "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0
    } }));
    let waiting = pod(tree!({ "spec": { "nodeName": (Tree::Null) } }));
    let cases = [
        (&running, "data", "p1", true),
        (&running, "other", "p1", false),
        (&running, "a-tmp", "p1", true),
        // Somebody else's claim of the name.
        (&running, "a-tmp", "p2", false),
        (&done, "data", "p1", true),
        (&done, "a-tmp", "p1", false),
        (&waiting, "data", "p1", false),
    ];
    for (pod, name, owner, expected) in cases {
        assert_eq!(uses(pod, &claim(name, owner)), expected, "{name} of {owner}");
    }
    let ended = pod(tree!({ "status": { "phase": "Succeeded" } }));
    assert!(uses(&ended, &claim("data", "p1")), "a pod that ended may be looked into");
}
