//! The `scale` sub-resource: how many pods a workload is to have, the same for every kind that has some.
//!
//! [`read`] shows a workload as an autoscaling/v1 Scale, [`write`] makes the workload of the Scale that a client wrote.

use crate::meta;
use crate::resource::Resource;
use crate::selector::label::LabelSelector;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{self, At, FieldError, NameRule};

/// Where a kind has its numbers, and the selector of its pods.
struct Paths {
    replicas: &'static [&'static str],
    current: &'static [&'static str],
    selector: &'static [&'static str],
    is_map: bool,
}

const WORKLOAD: Paths = Paths {
    replicas: &["spec", "replicas"],
    current: &["status", "replicas"],
    selector: &["spec", "selector"],
    is_map: false,
};

static ROWS: &[(&str, &str, Paths)] = &[
    ("", "ReplicationController", Paths { is_map: true, ..WORKLOAD }),
    ("apps", "Deployment", WORKLOAD),
    ("apps", "ReplicaSet", WORKLOAD),
    ("apps", "StatefulSet", WORKLOAD),
];

fn find(resource: &Resource) -> Option<&'static Paths> {
    ROWS.iter().find(|row| row.1 == resource.kind && row.0 == resource.group).map(|row| &row.2)
}

/// The Scale of a workload; nothing where the kind has none.
pub fn read(resource: &Resource, workload: &Tree) -> Option<Tree> {
    let paths = find(resource)?;
    let mut metadata = Tree::object();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = workload.at(&["metadata", field]) {
            metadata.insert(field, value.clone());
        }
    }
    let selector = workload.at(paths.selector);
    let selector = match selector {
        Some(map) if paths.is_map => LabelSelector::from_map(map).sorted().to_string(),
        Some(object) => LabelSelector::from_object(object)
            .map(|selector| selector.sorted().to_string())
            .unwrap_or_default(),
        None => String::new(),
    };
    let mut status = tree!({ "replicas": (workload.i64_at(paths.current).unwrap_or(0)) });
    if !selector.is_empty() {
        status.insert("selector", selector);
    }
    let mut spec = Tree::object();
    if let Some(replicas) = workload.i64_at(paths.replicas).filter(|replicas| *replicas != 0) {
        spec.insert("replicas", replicas);
    }
    Some(tree!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status
    }))
}

/// What is wrong with a Scale that a client wrote.
pub fn validate(resource: &Resource, scale: &Tree) -> Vec<FieldError> {
    let mut errors = validate::metadata(scale, resource, NameRule::Subdomain);
    At::top(scale, "spec").child("replicas").not_negative(&mut errors);
    errors
}

/// The workload with the count of a Scale, and with the Scale's resourceVersion where it says one: the lock is the
/// caller's. Nothing where the kind has no Scale.
pub fn write(resource: &Resource, workload: &Tree, scale: &Tree) -> Option<Tree> {
    let paths = find(resource)?;
    let mut workload = workload.clone();
    workload.set_at(paths.replicas, scale.i64_at(&["spec", "replicas"]).unwrap_or(0));
    let version = meta::resource_version(scale);
    if !version.is_empty() {
        meta::set_resource_version(&mut workload, version);
    }
    Some(workload)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{read, validate, write};
    use crate::resource::{builtin, by_kind};
    use crate::tree;

    #[test]
    fn every_kind_with_the_sub_resource_has_a_row() {
        for row in builtin().iter().filter(|row| row.subresource("scale").is_some()) {
            assert!(read(row, &tree!({})).is_some(), "{}", row.kind);
        }
    }

    #[test]
    fn a_scale_shows_the_counts_and_the_selector_and_writes_one_count_back() {
        let deployments = by_kind("apps", "v1", "Deployment").unwrap();
        let deployment = tree!({
            "metadata": { "name": "web", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": { "a": "b" } },
            "spec": { "replicas": 3, "paused": true, "selector": {
                "matchLabels": { "b": "2", "a": "1" },
                "matchExpressions": [{ "key": "c", "operator": "In", "values": ["y", "x"] }] } },
            "status": { "replicas": 2 }
        });
        let scale = read(deployments, &deployment).unwrap();
        expect![[r#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","namespace":"n","uid":"u","resourceVersion":"7"},"spec":{"replicas":3},"status":{"replicas":2,"selector":"a=1,b=2,c in (x,y)"}}"#]]
            .assert_eq(&scale.to_json_string());
        let mut wanted = scale;
        wanted.set_at(&["spec", "replicas"], -1);
        expect![[r#"spec.replicas: Invalid value: -1: must be greater than or equal to 0"#]]
            .assert_eq(&validate(deployments, &wanted).iter().map(ToString::to_string).collect::<String>());
        wanted.set_at(&["spec", "replicas"], 5);
        let mut expected = deployment.clone();
        expected.set_at(&["spec", "replicas"], 5);
        assert_eq!(write(deployments, &deployment, &wanted), Some(expected));
        let pods = by_kind("", "v1", "Pod").unwrap();
        assert_eq!(read(pods, &tree!({})), None);
    }
}
