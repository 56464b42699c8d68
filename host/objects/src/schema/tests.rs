//! The table of `data/schema.txt` is whole and answers what its readers ask.

use super::{ListType, PatchStrategy, Shape, Type, by_gvk, by_name, types};
use crate::resource::builtin;

#[test]
fn every_type_and_field_is_read() {
    assert_eq!(types().len(), 773);
    assert_eq!(types().iter().map(|row| row.fields().len()).sum::<usize>(), 3150);
    let has_none = |row: &&Type| row.fields().is_empty() && row.shape != Shape::Any;
    assert!(types().iter().filter(has_none).all(|row| !matches!(row.shape, Shape::Struct(_))));
}

#[test]
fn every_field_has_a_shape_that_the_table_knows() {
    let unknown = types().iter().flat_map(|row| row.fields()).find(|field| field.shape == Shape::Any);
    assert!(unknown.is_none(), "{unknown:?}");
}

#[test]
fn every_kind_of_a_resource_has_a_type() {
    for row in builtin() {
        for kind in [&row.kind, &row.list_kind] {
            if row.is_virtual() && kind == &row.list_kind {
                continue;
            }
            assert!(by_gvk(&row.group, &row.version, kind).is_some(), "{} {kind}", row.api_version());
        }
    }
}

#[test]
fn a_field_knows_its_merge_semantics() {
    let pod = by_gvk("", "v1", "Pod").unwrap();
    let ports = pod.field_at(&["spec", "containers", "ports"]).unwrap();
    assert_eq!((ports.patch, ports.patch_key), (PatchStrategy::Merge, Some("containerPort")));
    assert_eq!((ports.list, ports.list_keys), (ListType::Map, ["containerPort", "protocol"].as_slice()));
    assert_eq!(ports.shape.go_type(), "[]v1.ContainerPort");
    let volumes = pod.field_at(&["spec", "volumes"]).unwrap();
    assert!(volumes.patch.merges() && volumes.patch.retains_keys());
    let protocol = ports.shape.innermost_struct().unwrap().field("protocol").unwrap();
    assert_eq!(protocol.default, Some("\"TCP\""));
}

#[test]
fn named_leaves_resolve() {
    let container = by_name("io.k8s.api.core.v1.Container").unwrap();
    let limits = container.field_at(&["resources", "limits"]).unwrap();
    assert_eq!(limits.shape.values().unwrap().resolve(), Shape::Quantity);
    assert_eq!(by_name("intstr.IntOrString").unwrap().shape, Shape::IntOrString);
    let volume = by_name("core.v1.Volume").unwrap().field("configMap").unwrap();
    assert_eq!(volume.numbers(), [2, 19]);
}

#[test]
fn names_go_both_ways() {
    for row in types() {
        assert_eq!(by_name(&row.openapi_name()).unwrap().name, row.name);
    }
}

#[test]
fn every_field_of_a_message_has_a_number() {
    let holes = types().iter().filter(|row| row.is_message()).flat_map(|row| {
        let is_kind = |name| row.gvks().next().is_some() && ["kind", "apiVersion"].contains(&name);
        let fields =
            row.fields().iter().filter(move |field| field.numbers().is_empty() && !is_kind(field.name));
        fields.map(|field| format!("{}.{}", row.name, field.name))
    });
    assert_eq!(holes.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_pointer_is_told_from_a_value() {
    let deployment = by_gvk("apps", "v1", "Deployment").unwrap();
    assert!(deployment.field_at(&["spec", "replicas"]).unwrap().pointer);
    assert!(!deployment.field_at(&["spec", "minReadySeconds"]).unwrap().pointer);
}

#[test]
fn a_struct_that_is_never_absent_is_told_from_one_that_may_be() {
    let by_value = |kind: &'static str, path: &[&str]| {
        by_gvk("apps", "v1", kind).unwrap().field_at(path).unwrap().by_value
    };
    assert!(by_value("Deployment", &["spec", "strategy"]) && by_value("Deployment", &["status"]));
    assert!(!by_value("Deployment", &["spec", "strategy", "rollingUpdate"]));
    assert!(!by_value("Deployment", &["spec", "selector"]) && !by_value("Deployment", &["spec", "replicas"]));
}

#[test]
fn an_atomic_type_is_granular_where_a_field_says_so() {
    let claim = by_gvk("", "v1", "PersistentVolume").unwrap().field_at(&["spec", "claimRef"]).unwrap();
    assert!(claim.granular && !claim.atomic && claim.shape.as_struct().unwrap().atomic);
}
