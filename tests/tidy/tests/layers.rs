//! Imports point down, or sideways inside the lower layers; services never depend on one another; and
//! each outside technology has one owner.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The crates of `host/`, from the ground up.
const LAYERS: &[&[&str]] = &[
    &["net", "observe", "pki", "supervise"],
    &["args", "bolt", "cel", "mvcc", "objects", "structural"],
    &["client", "cri", "datastore", "engine", "etcd", "reconcile", "registry"],
    &["addons", "admin", "apiserver", "controllers", "hostpath", "kubelet", "scheduler"],
    &["mk8s-host"],
];

/// The first layer whose crates never see each other: the services.
const SERVICES: usize = 3;

/// Dependencies of the outside that only the named crates may have.
const OWNERS: &[(&str, &[&str])] = &[
    ("wasmtime", &["engine"]),
    ("wasmtime-wasi", &["engine"]),
    ("tonic", &["cri", "etcd"]),
    ("rustls", &["net"]),
    ("tokio-rustls", &["net"]),
    ("rcgen", &["pki"]),
];

/// What the pure models must not reach for.
const FORBIDDEN_TO_MODELS: &[&str] = &["tokio", "hyper", "net", "supervise"];

/// Normal and build dependencies of each workspace member below `host/`.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata of this workspace");
    let host = metadata.workspace_root.join("host");
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.starts_with(&host))
        .map(|package| {
            let edges = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), edges)
        })
        .collect()
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[test]
fn every_crate_has_a_layer_and_is_named_like_its_folder() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata of this workspace");
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().and_then(|path| path.file_name());
        assert_eq!(folder, Some(package.name.as_str()), "a crate is named like its folder");
    }
    let crates: BTreeSet<_> = dependencies().into_keys().collect();
    let placed: BTreeSet<_> = LAYERS.iter().flat_map(|layer| layer.iter().map(ToString::to_string)).collect();
    assert_eq!(crates, placed, "LAYERS lists exactly the crates of host/");
}

#[test]
fn imports_point_down_and_services_do_not_see_each_other() {
    for (name, edges) in dependencies() {
        let from = layer_of(&name).expect("checked by the test above");
        for edge in edges {
            let Some(to) = layer_of(&edge) else { continue };
            let allowed = if from >= SERVICES { to < from } else { to <= from };
            assert!(allowed, "{name} (layer {from}) must not depend on {edge} (layer {to})");
        }
    }
}

#[test]
fn each_outside_technology_has_one_owner() {
    for (name, edges) in dependencies() {
        for (technology, owners) in OWNERS {
            let allowed = !edges.contains(*technology) || owners.contains(&name.as_str());
            assert!(allowed, "{name} must reach {technology} through {owners:?}");
        }
    }
}

#[test]
fn models_are_pure() {
    for (name, edges) in dependencies() {
        if layer_of(&name) != Some(1) {
            continue;
        }
        for forbidden in FORBIDDEN_TO_MODELS {
            assert!(!edges.contains(*forbidden), "{name} is a pure model and must not depend on {forbidden}");
        }
    }
}
