use expect_test::expect;
use objects::tree::{from_tree, to_tree};
use objects::{Tree, tree};

use super::*;

/// A pod with a claim of its own and one that others share, changed.
fn pod(change: Tree) -> Pod {
    let mut pod = tree!({
        "metadata": { "namespace": "ml", "name": "train", "uid": "p1" },
        "spec": { "resourceClaims": [
            { "name": "gpu", "resourceClaimTemplateName": "one-gpu" },
            { "name": "net", "resourceClaimName": "shared" }
        ] }
    });
    pod.merge(&change);
    from_tree(&pod).unwrap()
}

fn told(name: Tree) -> Tree {
    tree!({ "status": { "resourceClaimStatuses": [{ "name": "gpu", "resourceClaimName": name }] } })
}

/// A claim made for the pod, changed.
fn made(change: Tree) -> ResourceClaim {
    let mut claim = tree!({
        "metadata": {
            "namespace": "ml", "name": "train-gpu-x",
            "annotations": { "resource.kubernetes.io/pod-claim-name": "gpu" },
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "Pod", "name": "train", "uid": "p1", "controller": true }
            ]
        },
        "spec": {}
    });
    claim.merge(&change);
    from_tree(&claim).unwrap()
}

fn reserved(uids: &[&str], change: Tree) -> ResourceClaim {
    let consumer = |uid: &&str| tree!({ "resource": "pods", "name": "train", "uid": (*uid) });
    let consumers: Vec<Tree> = uids.iter().map(consumer).collect();
    let mut all = tree!({
        "metadata": { "finalizers": [FINALIZER] },
        "status": { "allocation": {}, "reservedFor": consumers }
    });
    all.merge(&change);
    made(all)
}

fn none(_: &str) -> Option<Arc<ResourceClaim>> {
    None
}

#[test]
fn a_claim_of_a_template_is_needed_until_it_is_told_and_when_it_is_gone() {
    let need = |pod: &Pod, claim: Option<ResourceClaim>| {
        let claim = claim.map(Arc::new);
        needs(pod, |_| claim.clone()).len()
    };
    assert_eq!(need(&pod(tree!({})), None), 1);
    assert_eq!(need(&pod(told("train-gpu-x".into())), Some(made(tree!({})))), 0);
    assert_eq!(need(&pod(told("train-gpu-x".into())), None), 1, "it was deleted");
    let another = tree!({ "metadata": { "ownerReferences": (Tree::Null) } });
    assert_eq!(need(&pod(told("train-gpu-x".into())), Some(made(another))), 1, "it is somebody else's");
    assert_eq!(need(&pod(told(Tree::Null)), None), 0, "it was said that none is needed");
}

#[test]
fn a_claim_is_made_of_the_template_and_named_after_the_pod() {
    let template: ResourceClaimTemplate = from_tree(&tree!({
        "metadata": { "name": "one-gpu" },
        "spec": {
            "metadata": { "labels": { "app": "ml" } },
            "spec": { "devices": { "requests": [{ "name": "gpu", "exactly": { "deviceClassName": "gpu" } }] } }
        }
    }))
    .unwrap();
    let pod = pod(tree!({}));
    let [need] = needs(&pod, none)[..] else { panic!("one claim is of a template") };
    let claim = claim(&pod, &need, Some(&template)).unwrap();
    expect![[r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"annotations":{"resource.kubernetes.io/pod-claim-name":"gpu"},"generateName":"train-gpu-","labels":{"app":"ml"},"namespace":"ml","ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":true,"controller":true,"kind":"Pod","name":"train","uid":"p1"}]},"spec":{"devices":{"requests":[{"exactly":{"deviceClassName":"gpu"},"name":"gpu"}]}}}"#]]
    .assert_eq(&to_tree(&claim).unwrap().to_json_string());
    assert!(is_made_for(&claim, &pod, "gpu") && !is_made_for(&claim, &pod, "net"));
    let missing = super::claim(&pod, &need, None).unwrap_err().to_string();
    expect![[
        r#"resource claim template "one-gpu": resourceclaimtemplate.resource.k8s.io "one-gpu" not found"#
    ]]
    .assert_eq(&missing);
    let long = base(&"p".repeat(60), &"c".repeat(30));
    assert_eq!((long.len(), long.matches('c').count()), (56, 18), "{long}");
}

#[test]
fn an_allocated_claim_is_reserved_for_a_pod_that_has_a_node() {
    let placed = |node: Tree| {
        let mut change = told("train-gpu-x".into());
        change.set_at(&["spec", "nodeName"], node);
        pod(change)
    };
    let count = |pod: &Pod, claim: ResourceClaim| {
        let claim = Arc::new(claim);
        let found = reservations(pod, |name| (name == "train-gpu-x").then(|| claim.clone())).unwrap();
        found.len()
    };
    assert_eq!(count(&placed("n1".into()), reserved(&[], tree!({}))), 1);
    assert_eq!(count(&placed("n1".into()), reserved(&["p1"], tree!({}))), 0);
    assert_eq!(count(&placed(Tree::Null), reserved(&[], tree!({}))), 0, "the scheduler does it");
    assert_eq!(count(&placed("n1".into()), made(tree!({}))), 0, "nothing is allocated");
}

#[test]
fn the_last_consumer_gives_the_devices_back() {
    let mut shared = reserved(&["p1", "p2"], tree!({}));
    assert_eq!(release(&mut shared, &[]), Released::Nothing);
    assert_eq!(release(&mut shared, &["p1".to_owned()]), Released::Consumers);
    assert!(shared.status.as_ref().unwrap().allocation.is_some());
    assert!(!let_go(&mut shared, Released::Consumers));
    assert_eq!(release(&mut shared, &["p2".to_owned()]), Released::Devices);
    assert!(shared.status.as_ref().unwrap().allocation.is_none());
    assert!(let_go(&mut shared, Released::Devices) && !is_held(&shared));
    let mut unused = reserved(&[], tree!({}));
    assert_eq!(release(&mut unused, &[]), Released::Nothing, "what was never used stays allocated");
    unused.status.as_mut().unwrap().allocation = None;
    assert!(!let_go(&mut unused, Released::Nothing), "the scheduler is about to allocate");
    let going = tree!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    let mut going = reserved(&[], going);
    assert_eq!(release(&mut going, &[]), Released::Devices, "until it is deleted");
    assert!(let_go(&mut going, Released::Devices));
}

#[test]
fn a_claim_goes_with_the_pod_that_it_was_made_for() {
    let done = pod(tree!({ "status": { "phase": "Succeeded" } }));
    let other = pod(tree!({ "metadata": { "uid": "p2" } }));
    assert!(is_left_over(&made(tree!({})), &done));
    assert!(is_left_over(&made(tree!({})), &other));
    assert!(!is_left_over(&made(tree!({})), &pod(tree!({}))), "the pod is to run");
    assert!(!is_left_over(&reserved(&["p9"], tree!({})), &done), "somebody uses it");
    let lasting = made(tree!({ "metadata": { "ownerReferences": (Tree::Null) } }));
    assert!(!is_left_over(&lasting, &done), "a user made it");
}

#[test]
fn a_consumer_that_is_no_pod_is_not_judged() {
    let claim = made(tree!({ "status": { "reservedFor": [
        { "apiGroup": "example.com", "resource": "jobs", "name": "j", "uid": "u" }
    ] } }));
    assert_eq!(consumers(&claim).unwrap_err().to_string(), "unsupported ReservedFor entry: jobs j");
}
