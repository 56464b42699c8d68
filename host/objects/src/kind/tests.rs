//! What the machinery does for every kind.

use super::{Kind, of};
use crate::resource::{by_kind, served};
use crate::tree;
use crate::tree::Tree;
use crate::validate::NameRule;

#[test]
fn every_stored_served_kind_has_a_row() {
    for row in served().filter(|row| !row.is_virtual()) {
        let found = super::rows::has(&row.group, &row.kind);
        assert!(found, "{} {}", row.api_version(), row.kind);
    }
}

#[test]
fn the_status_of_a_write_is_dropped_and_that_of_a_status_write_is_all_that_counts() {
    let quotas = by_kind("", "v1", "ResourceQuota").unwrap();
    let kind = of(quotas);
    let mut new =
        tree!({ "metadata": { "name": "q", "generation": 7 }, "spec": {}, "status": { "used": {} } });
    kind.prepare_create(quotas, &mut new);
    assert_eq!((new.get("status"), new.at(&["metadata", "generation"])), (Some(&Tree::object()), None));

    let old = tree!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "1" } }, "status": { "used": { "pods": "1" } } });
    let mut new = tree!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "2" } } });
    kind.prepare_update(quotas, &mut new, &old);
    assert_eq!(new.str_at(&["status", "used", "pods"]), Some("1"));
    assert_eq!(new.str_at(&["spec", "hard", "pods"]), Some("2"));

    let mut new = tree!({ "metadata": { "name": "q" }, "spec": {}, "status": { "used": { "pods": "5" } } });
    kind.prepare_status(quotas, &mut new, &old);
    assert_eq!(new.str_at(&["spec", "hard", "pods"]), Some("1"));
    assert_eq!(new.str_at(&["status", "used", "pods"]), Some("5"));
}

#[test]
fn the_generation_counts_changes_of_the_specification() {
    let slices = by_kind("discovery.k8s.io", "v1", "EndpointSlice").unwrap();
    let kind = of(slices);
    let mut old = tree!({ "metadata": { "name": "s" }, "addressType": "IPv4" });
    kind.prepare_create(slices, &mut old);
    assert_eq!(crate::meta::generation(&old), 1);
    let mut same = old.clone();
    same.set_at(&["metadata", "annotations", "a"], "b");
    kind.prepare_update(slices, &mut same, &old);
    assert_eq!(crate::meta::generation(&same), 1);
    same.set_at(&["metadata", "labels", "a"], "b");
    kind.prepare_update(slices, &mut same, &old);
    assert_eq!(crate::meta::generation(&same), 2);
    let mut other = old.clone();
    other.set_at(&["addressType"], "IPv6");
    kind.prepare_update(slices, &mut other, &old);
    assert_eq!(crate::meta::generation(&other), 2);
}

#[test]
fn rows_differ_where_upstream_differs() {
    let rule = |group, kind| of(by_kind(group, "v1", kind).unwrap()).name_rule;
    assert_eq!(rule("", "Service"), NameRule::Label);
    assert_eq!(rule("networking.k8s.io", "IPAddress"), NameRule::IpAddress);
    assert_eq!(rule("rbac.authorization.k8s.io", "Role"), NameRule::PathSegment);
    assert_eq!(rule("", "Namespace"), NameRule::Label);
    assert_eq!(Kind::GENERIC.name_rule, NameRule::Subdomain);
}

#[test]
fn annotations_of_a_deployment_count() {
    let deployments = by_kind("apps", "v1", "Deployment").unwrap();
    let kind = of(deployments);
    let mut old = tree!({ "metadata": { "name": "d" }, "spec": {} });
    kind.prepare_create(deployments, &mut old);
    let mut new = old.clone();
    new.set_at(&["metadata", "annotations", "a"], "b");
    kind.prepare_update(deployments, &mut new, &old);
    assert_eq!(crate::meta::generation(&new), 2);
    let mut status = old.clone();
    status.set_at(&["metadata", "labels", "a"], "b");
    status.set_at(&["status", "replicas"], 1);
    kind.prepare_status(deployments, &mut status, &old);
    assert_eq!((crate::meta::generation(&status), crate::meta::label(&status, "a")), (1, None));
}

#[test]
fn the_template_of_a_daemon_set_is_counted_in_an_annotation() {
    let sets = by_kind("apps", "v1", "DaemonSet").unwrap();
    let kind = of(sets);
    let path = ["metadata", "annotations", "deprecated.daemonset.template.generation"];
    let mut old = tree!({ "metadata": { "name": "d" }, "spec": { "template": {} } });
    kind.prepare_create(sets, &mut old);
    let mut new = old.clone();
    new.set_at(&["spec", "minReadySeconds"], 1);
    kind.prepare_update(sets, &mut new, &old);
    assert_eq!((crate::meta::generation(&new), new.str_at(&path)), (2, Some("1")));
    new.set_at(&["spec", "template", "metadata", "labels", "a"], "b");
    kind.prepare_update(sets, &mut new, &old);
    assert_eq!((crate::meta::generation(&new), new.str_at(&path)), (2, Some("2")));
}
