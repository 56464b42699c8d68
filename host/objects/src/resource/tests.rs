//! The rows of `data/resources.txt` are whole.

use expect_test::expect;

use super::{Verb, builtin, by_kind, by_name, served};

#[test]
fn the_subresources_of_pods_are_served() {
    let pods = by_name("", "v1", "pods").unwrap();
    let served: Vec<&str> = pods.served_subresources().map(|subresource| &*subresource.name).collect();
    assert_eq!(
        served,
        [
            "attach",
            "binding",
            "ephemeralcontainers",
            "eviction",
            "exec",
            "log",
            "portforward",
            "proxy",
            "resize",
            "status"
        ]
    );
}

#[test]
fn every_row_and_subresource_of_the_table_is_read() {
    let subresources: usize = builtin().iter().map(|row| row.subresources.len()).sum();
    assert_eq!((builtin().len(), subresources), (95, 55));
    for row in builtin() {
        assert_ne!(row.verbs.iter().count(), 0, "{} has verbs", row.plural);
        for subresource in &row.subresources {
            assert_ne!(subresource.verbs.iter().count(), 0, "{}/{}", row.plural, subresource.name);
        }
    }
}

#[test]
fn the_served_group_versions_come_in_the_order_of_discovery() {
    let mut versions: Vec<_> = served().map(|row| row.api_version()).collect();
    versions.dedup();
    expect![[r#"
        [
            "v1",
            "apiregistration.k8s.io/v1",
            "apps/v1",
            "events.k8s.io/v1",
            "authentication.k8s.io/v1",
            "authorization.k8s.io/v1",
            "autoscaling/v2",
            "autoscaling/v1",
            "batch/v1",
            "certificates.k8s.io/v1",
            "networking.k8s.io/v1",
            "policy/v1",
            "rbac.authorization.k8s.io/v1",
            "storage.k8s.io/v1",
            "admissionregistration.k8s.io/v1",
            "apiextensions.k8s.io/v1",
            "scheduling.k8s.io/v1",
            "coordination.k8s.io/v1",
            "node.k8s.io/v1",
            "discovery.k8s.io/v1",
            "resource.k8s.io/v1",
            "flowcontrol.apiserver.k8s.io/v1",
        ]
    "#]]
    .assert_debug_eq(&versions);
}

#[test]
fn keys_are_upstreams() {
    let key = |group, plural, namespace, name| by_name(group, "v1", plural).unwrap().key(namespace, name);
    assert_eq!(key("", "pods", Some("a"), "b").unwrap(), "/registry/pods/a/b");
    assert_eq!(key("", "nodes", None, "n").unwrap(), "/registry/minions/n");
    assert_eq!(key("", "services", Some("a"), "s").unwrap(), "/registry/services/specs/a/s");
    assert_eq!(key("events.k8s.io", "events", Some("a"), "e").unwrap(), "/registry/events/a/e");
    assert_eq!(key("authentication.k8s.io", "tokenreviews", None, "x"), None);
}

#[test]
fn a_row_knows_its_verbs_and_its_selectable_fields() {
    let namespaces = by_kind("", "v1", "Namespace").unwrap();
    assert!(!namespaces.verbs.contains(Verb::DeleteCollection));
    assert!(namespaces.has_status() && !namespaces.is_namespaced());
    let nodes = by_kind("", "v1", "Node").unwrap();
    assert_eq!(
        (nodes.selectable[0].name.as_ref(), nodes.selectable[0].absent.as_ref()),
        ("spec.unschedulable", "false")
    );
}
