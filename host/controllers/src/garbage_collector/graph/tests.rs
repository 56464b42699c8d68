use client::ApiResource;
use objects::resource::Verbs;
use objects::{Tree, tree};

use super::*;

fn resource(plural: &'static str, kind: &str) -> Arc<Served> {
    Arc::new(Served {
        resource: ApiResource::new("", "v1", plural),
        kind: kind.to_owned(),
        namespaced: true,
        verbs: Verbs::ALL,
    })
}

/// An object of this uid and name, with an owner of another uid if there is one.
fn head(uid: &str, owner: Option<&str>, change: Tree) -> Arc<Head> {
    let mut object =
        tree!({ "metadata": { "namespace": "web", "name": uid, "uid": uid, "resourceVersion": "1" } });
    if let Some(owner) = owner {
        object.set_at(&["metadata", "ownerReferences"], tree!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": owner, "blockOwnerDeletion": true
        }]));
    }
    object.merge(&tree!({ "metadata": change }));
    Arc::new(objects::tree::from_tree(&object).unwrap())
}

fn going(finalizer: &str) -> Tree {
    tree!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [finalizer] })
}

/// A state before and after.
type Step<'a> = (Option<&'a Arc<Head>>, Option<&'a Arc<Head>>);

/// Who is due after each of the changes of config maps.
fn check(changes: &[Step<'_>], expected: &[&[&str]]) -> Graph {
    let (mut graph, maps) = (Graph::default(), resource("configmaps", "ConfigMap"));
    let due: Vec<Vec<String>> =
        changes.iter().map(|(old, new)| graph.change(&maps, *old, *new).into_iter().collect()).collect();
    assert_eq!(due, expected);
    graph
}

#[test]
fn an_object_whose_owner_is_not_known_is_looked_at() {
    let (a, b) = (head("a", None, tree!({})), head("b", Some("a"), tree!({})));
    check(&[(None, Some(&b)), (None, Some(&a)), (Some(&b), Some(&b))], &[&["b"], &[], &[]]);
}

#[test]
fn an_owner_that_goes_has_its_dependents_looked_at() {
    let (a, b) = (head("a", None, tree!({})), head("b", Some("a"), tree!({})));
    check(&[(None, Some(&a)), (None, Some(&b)), (Some(&a), None)], &[&[], &[], &["b"]]);
}

#[test]
fn a_name_that_became_another_objects_counts_as_gone() {
    let (a, b) = (head("a", None, tree!({})), head("b", Some("a"), tree!({})));
    let other = head("c", None, tree!({ "name": "a" }));
    check(&[(None, Some(&a)), (None, Some(&b)), (Some(&a), Some(&other))], &[&[], &[], &["b"]]);
}

#[test]
fn a_foreground_owner_is_looked_at_whenever_a_dependent_changes() {
    let (a, b) = (head("a", None, tree!({})), head("b", Some("a"), tree!({})));
    let (waiting, free) = (head("a", None, going(FOREGROUND)), head("b", None, tree!({})));
    let changes = [(None, Some(&a)), (None, Some(&b)), (Some(&a), Some(&waiting)), (Some(&b), Some(&free))];
    let graph = check(&changes, &[&[], &[], &["a", "b"], &["a"]]);
    assert_eq!(graph.scene("a").unwrap().dependents, Dependents::default());
}

#[test]
fn dependents_that_block_and_that_wait_are_told() {
    let (a, b) = (head("a", None, going(FOREGROUND)), head("b", Some("a"), going(FOREGROUND)));
    let graph = check(&[(None, Some(&a)), (None, Some(&b))], &[&["a"], &["a", "b"]]);
    let all = Dependents { any: true, blocking: true, foreground: true };
    assert_eq!(graph.scene("a").unwrap().dependents, all);
}

#[test]
fn a_reference_means_an_object_of_its_own_name_kind_and_namespace() {
    let node = Node { resource: resource("configmaps", "ConfigMap"), head: head("a", None, tree!({})) };
    let dependent = head("b", Some("a"), tree!({}));
    let reference = &dependent.owners[0];
    assert!(node.is_meant(&dependent, reference));
    assert!(!node.is_meant(&head("b", Some("a"), tree!({ "namespace": "db" })), reference));
    let others = [
        OwnerReference { kind: "Secret".to_owned(), ..reference.clone() },
        OwnerReference { api_version: "apps/v1".to_owned(), ..reference.clone() },
        OwnerReference { name: "c".to_owned(), ..reference.clone() },
    ];
    assert!(others.iter().all(|other| !node.is_meant(&dependent, other)));
}
