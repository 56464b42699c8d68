use k8s_openapi::api::core::v1::ReplicationController;
use objects::Tree;
use objects::tree::from_tree;

use super::*;
use crate::pod::Pod;

fn meta(tree: Tree) -> ObjectMeta {
    from_tree(&tree).unwrap()
}

/// What a pod with the metadata is to the controller `rc` of uid `1` that selects `app=web`.
fn check(owner: Tree, dependent: Tree, expected: Claim) {
    let owner = ReplicationController { metadata: meta(owner), ..ReplicationController::default() };
    let selector = LabelSelector::parse("app=web").unwrap();
    let claim = Claim::on(&Owner::of(&owner), &owner.metadata, &selector, &meta(dependent.clone()));
    assert_eq!(claim, expected, "{}", dependent.to_json_string());
}

fn rc() -> Tree {
    tree!({ "name": "rc", "namespace": "default", "uid": "1" })
}

fn going(mut metadata: Tree) -> Tree {
    metadata.insert("deletionTimestamp", "2026-01-01T00:00:00Z");
    metadata
}

fn owned(uid: &str) -> Tree {
    tree!([{ "apiVersion": "v1", "kind": "ReplicationController", "name": "rc", "uid": uid, "controller": true }])
}

#[test]
fn a_dependent_is_claimed_by_its_controller_and_its_labels() {
    let web = || tree!({ "app": "web" });
    check(rc(), tree!({ "labels": (web()), "ownerReferences": (owned("1")) }), Claim::Ours);
    check(rc(), tree!({ "labels": (web()), "ownerReferences": (owned("2")) }), Claim::Foreign);
    check(rc(), tree!({ "labels": (web()) }), Claim::Adopt);
    check(rc(), tree!({ "labels": { "app": "db" } }), Claim::Foreign);
    check(rc(), tree!({ "labels": { "app": "db" }, "ownerReferences": (owned("1")) }), Claim::Release);
}

#[test]
fn what_is_going_is_not_adopted_and_an_owner_that_is_going_neither_adopts_nor_releases() {
    let web = || tree!({ "app": "web" });
    check(rc(), going(tree!({ "labels": (web()) })), Claim::Foreign);
    check(going(rc()), tree!({ "labels": (web()) }), Claim::Foreign);
    check(going(rc()), tree!({ "labels": { "app": "db" }, "ownerReferences": (owned("1")) }), Claim::Foreign);
    check(going(rc()), tree!({ "labels": (web()), "ownerReferences": (owned("1")) }), Claim::Ours);
}

#[test]
fn an_empty_selector_and_a_wrong_one_select_nothing() {
    let selector = |tree: Tree| selector_of(&from_tree(&tree).unwrap());
    assert_eq!(selector(tree!({})), None);
    let wrong = tree!({ "matchExpressions": [{ "key": "a", "operator": "Near", "values": ["b"] }] });
    assert_eq!(selector(wrong), None);
    assert!(selector(tree!({ "matchLabels": { "a": "b" } })).is_some());
}

#[test]
fn an_orphan_is_offered_when_it_appears_when_its_labels_change_and_when_it_is_released() {
    let orphan = meta(tree!({ "labels": { "app": "web" } }));
    let other = meta(tree!({ "labels": { "app": "db" } }));
    let kept = meta(tree!({ "labels": { "app": "web" }, "ownerReferences": (owned("1")) }));
    let cases = [(None, true), (Some(&orphan), false), (Some(&other), true), (Some(&kept), true)];
    for (old, offered) in cases {
        assert_eq!(is_new_orphan(old, &orphan), offered, "{old:?}");
    }
    assert!(!is_new_orphan(None, &kept));
}

#[test]
fn the_controller_of_another_kind_is_not_queued() {
    let mut pod = meta(tree!({ "namespace": "web", "ownerReferences": (owned("1")) }));
    assert_eq!(owner_key::<ReplicationController>(&pod), Some(ObjectKey::new("web", "rc")));
    assert_eq!(owner_key::<Pod>(&pod), None);
    pod.owner_references = None;
    assert_eq!(owner_key::<ReplicationController>(&pod), None);
}
