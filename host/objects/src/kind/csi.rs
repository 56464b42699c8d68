//! CSI drivers, as a cluster knows them and as a node has them.

use super::volume_source::driver_name;
use super::{Generation, Kind};
use crate::tree::Tree;
use crate::validate::{At, FieldError, IMMUTABLE, label_key, token_seconds};

pub(super) const DRIVER: Kind = Kind {
    unconditional_update: false,
    generation: Generation::CountsChanges,
    create: |driver| drop(driver.remove_at(GATED)),
    update: |new, old| {
        if old.at(GATED).is_none() {
            new.remove_at(GATED);
        }
    },
    validate: driver,
    validate_update: |new, old, errors| {
        let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
        let required = spec.child("attachRequired").tree;
        At { path: spec.path.child("attachedRequired"), tree: required }
            .stays(errors, &was.child("attachRequired"));
        spec.child("volumeLifecycleModes").stays(errors, &was.child("volumeLifecycleModes"));
    },
    ..Kind::GENERIC
};

/// Behind a gate that is closed.
const GATED: &[&str] = &["spec", "preventPodSchedulingIfMissing"];

pub(super) const NODE: Kind =
    Kind { unconditional_update: false, validate: node, validate_update: node_update, ..Kind::GENERIC };

const FS_GROUP_POLICIES: &[&str] = &["File", "None", "ReadWriteOnceWithFSType"];
const LIFECYCLE_MODES: &[&str] = &["Persistent", "Ephemeral"];
const UPDATE_SECONDS_MIN: i64 = 10;

fn driver(driver: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(driver, "spec");
    for (field, path) in [
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ] {
        At { path: spec.path.child(path), tree: spec.child(field).tree }.is_told(errors, "");
    }
    spec.child("fsGroupPolicy").one_of(errors, FS_GROUP_POLICIES);
    let tokens = spec.child("tokenRequests");
    let mut audiences = Vec::new();
    for token in tokens.items() {
        let (audience, seconds) = (token.child("audience"), token.child("expirationSeconds"));
        if audiences.contains(&audience.text()) {
            errors.push(FieldError::duplicate(&audience.path, audience.text()));
            continue;
        }
        audiences.push(audience.text());
        seconds.counts(errors, token_seconds);
    }
    let modes = spec.child("volumeLifecycleModes");
    for mode in modes.items().filter(|mode| !LIFECYCLE_MODES.contains(&mode.text())) {
        errors.push(FieldError::not_supported(&modes.path, mode.text(), LIFECYCLE_MODES));
    }
    spec.child("seLinuxMount").is_told(errors, "");
    let period = spec.child("nodeAllocatableUpdatePeriodSeconds");
    if period.number().is_some_and(|seconds| seconds < UPDATE_SECONDS_MIN) {
        period.invalid(errors, "must be greater than or equal to 10 seconds");
    }
    let in_secrets = spec.child("serviceAccountTokenInSecrets");
    if in_secrets.exists() && tokens.is_empty() {
        let why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        in_secrets.invalid(errors, why);
    }
}

const NODE_ID_MAX: usize = 256;

fn node(node: &Tree, errors: &mut Vec<FieldError>) {
    let mut names = Vec::new();
    for driver in At::top(node, "spec").child("drivers").items() {
        let (name, id) = (driver.child("name"), driver.child("nodeID"));
        driver_name(&name, errors);
        if id.required(errors, "") && id.text().len() > NODE_ID_MAX {
            id.invalid(errors, format!("must be {NODE_ID_MAX} characters or less"));
        }
        driver.child("allocatable").child("count").not_negative(errors);
        name.unique(errors, &mut names);
        let mut keys = Vec::new();
        for key in driver.child("topologyKeys").items() {
            // What is wrong with a key is told of its driver.
            let key = At { path: driver.path.clone(), tree: key.tree };
            key.required(errors, "");
            key.unique(errors, &mut keys);
            key.refuse(errors, label_key(key.text()));
        }
    }
}

/// A driver that was there stays as it was, but for how much it can hold.
fn node_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let drivers = At::top(new, "spec").child("drivers");
    let fixed = |driver: &Tree| {
        let mut fixed = driver.clone();
        fixed.remove("allocatable");
        fixed
    };
    for was in old.items_at(&["spec", "drivers"]) {
        for is in drivers.items().filter(|driver| driver.tree.get("name") == was.get("name")) {
            if fixed(is.tree) != fixed(was) {
                errors.push(FieldError::invalid(&drivers.path, fixed(is.tree), IMMUTABLE));
            }
        }
    }
}
