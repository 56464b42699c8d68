//! Persistent volume claims: what is asked for, where its data come from, and that little of it may change.

use super::Kind;
use super::persistent_volume::{VOLUME_MODES, access_modes, is_resource_quantity};
use crate::meta;
use crate::quantity::Quantity;
use crate::schema;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, IMMUTABLE, Path, dns1123_label, dns1123_subdomain, label_key, label_selector,
    resource_quantity, same,
};

pub(super) const KIND: Kind = Kind {
    create: |claim| {
        claim.insert("status", tree!({ "phase": "Pending" }));
        settle_data_sources(claim, None);
    },
    update: |new, old| settle_data_sources(new, Some(old)),
    validate: |claim, errors| spec(&At::top(claim, "spec"), errors),
    validate_update,
    validate_status,
    ..Kind::GENERIC
};

/// Where the storage class was before it had a field.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// The two fields that name the source of the data say the same. A source of an unknown kind counts only where it is
/// told in the newer field.
fn settle_data_sources(claim: &mut Tree, old: Option<&Tree>) {
    const OLD: &[&str] = &["spec", "dataSource"];
    const NEW: &[&str] = &["spec", "dataSourceRef"];
    let told = |tree: &Tree, path: &[&str]| tree.at(path).is_some_and(|source| !source.is_null());
    if told(claim, NEW)
        && !claim.str_at(&["spec", "dataSourceRef", "namespace"]).unwrap_or_default().is_empty()
    {
        // Sources of another namespace are behind a gate that is closed.
        if !old.is_some_and(|old| told(old, NEW)) {
            claim.remove_at(NEW);
        }
    }
    let was_used = old.is_some_and(|old| told(old, OLD) || told(old, NEW));
    if !was_used && !told(claim, NEW) && !claim.at(OLD).is_some_and(is_claim_or_snapshot) {
        claim.remove_at(OLD);
    }
    match (told(claim, OLD), told(claim, NEW)) {
        (true, false) => copy(claim, OLD, NEW),
        (false, true)
            if claim.str_at(&["spec", "dataSourceRef", "namespace"]).unwrap_or_default().is_empty() =>
        {
            copy(claim, NEW, OLD);
        }
        _ => {}
    }
}

fn copy(claim: &mut Tree, from: &[&str], to: &[&str]) {
    let mut source = claim.at(from).cloned().unwrap_or_default();
    source.remove("namespace");
    claim.set_at(to, source);
}

fn is_claim_or_snapshot(source: &Tree) -> bool {
    let kind = source.str_at(&["kind"]).unwrap_or_default();
    let group = source.str_at(&["apiGroup"]).unwrap_or_default();
    matches!((group, kind), ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot"))
}

/// The specification of a claim, or of a template of one.
pub(super) fn spec(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let modes = spec.child("accessModes");
    modes.required(errors, "at least 1 access mode is required");
    label_selector(&spec.child("selector"), errors);
    access_modes(&modes, errors);
    let resources = spec.child("resources");
    let storage =
        At { path: resources.path.key("storage"), tree: resources.child("requests").child("storage").tree };
    if storage.is_told(errors, "") {
        let before = errors.len();
        storage.is_positive_quantity(errors);
        if errors.len() == before {
            resource_quantity("storage", &storage, errors);
        }
    }
    spec.child("storageClassName").follows(errors, dns1123_subdomain);
    spec.child("volumeMode").one_of(errors, VOLUME_MODES);
    let (source, reference) = (spec.child("dataSource"), spec.child("dataSourceRef"));
    for source in [&source, &reference].into_iter().filter(|source| source.exists()) {
        data_source(source, errors);
    }
    let differs = |why: &str| FieldError::invalid(&spec.path, source.path.to_string(), why);
    if !reference.child("namespace").is_empty() {
        if source.exists() {
            errors.push(differs("may not be specified when dataSourceRef.namespace is specified"));
        }
    } else if source.exists() && reference.exists() {
        let fields = ["apiGroup", "kind", "name"];
        if fields.iter().any(|field| source.child(field).tree != reference.child(field).tree) {
            errors.push(differs("must match dataSourceRef"));
        }
    }
    spec.child("volumeAttributesClassName").follows(errors, dns1123_subdomain);
}

fn data_source(source: &At<'_>, errors: &mut Vec<FieldError>) {
    let (kind, group) = (source.child("kind"), source.child("apiGroup"));
    source.child("name").required(errors, "");
    kind.required(errors, "");
    if group.is_empty() && kind.text() != "PersistentVolumeClaim" {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(FieldError::invalid(&source.path, kind.text(), why));
    }
    group.follows(errors, dns1123_subdomain);
    source.child("namespace").follows(errors, dns1123_label);
}

fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let row = schema::by_name("core.v1.PersistentVolumeClaimSpec").expect("the schema has claims");
    let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
    class_annotation_stays(new, old, errors);
    if !same(&with_changes_undone(new, old), was.tree, row) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden(&spec.path, why));
    }
    let storage = ["resources", "requests", "storage"];
    let amount = |tree: &Tree, path: &[&str]| -> Quantity {
        tree.str_at(path).and_then(|text| text.parse().ok()).unwrap_or(Quantity::ZERO)
    };
    let after = amount(spec.tree, &storage);
    if after < amount(was.tree, &storage) && after <= amount(old, &["status", "capacity", "storage"]) {
        let path = spec.path.children(&storage);
        errors.push(FieldError::forbidden(&path, "field can not be less than status.capacity"));
    }
    let mode = spec.child("volumeMode").tree;
    At { path: Path::new("volumeMode"), tree: mode }.stays(errors, &was.child("volumeMode"));
    let class = spec.child("volumeAttributesClassName");
    let has_class = old.at(&["status", "currentVolumeAttributesClassName"]).is_some();
    if has_class && class.is_empty() && class.tree != was.child("volumeAttributesClassName").tree {
        let what = if class.exists() { "empty string" } else { "nil" };
        let why =
            format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
        errors.push(FieldError::forbidden(&class.path, why));
    }
}

fn class_annotation_stays(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let class = |claim: &Tree| meta::annotation(claim, CLASS_ANNOTATION).unwrap_or_default().to_owned();
    if !moves_class_to_field(new, old) && class(new) != class(old) {
        let path = Path::new("metadata").child("annotations").child(CLASS_ANNOTATION);
        errors.push(FieldError::invalid(&path, class(new), IMMUTABLE));
    }
}

/// Whether the class of the old annotation is told in the field from now on.
fn moves_class_to_field(new: &Tree, old: &Tree) -> bool {
    let (after, before) = (meta::annotation(new, CLASS_ANNOTATION), meta::annotation(old, CLASS_ANNOTATION));
    let field = ["spec", "storageClassName"];
    before.is_some()
        && old.at(&field).is_none()
        && new.str_at(&field) == before
        && (after.is_none() || after == before)
}

/// The new specification with what may change as it was.
fn with_changes_undone(new: &Tree, old: &Tree) -> Tree {
    let (mut undone, was) =
        (new.get("spec").cloned().unwrap_or_default(), old.get("spec").cloned().unwrap_or_default());
    let mut restore = |path: &[&str]| match was.at(path) {
        Some(value) => undone.set_at(path, value.clone()),
        None => drop(undone.remove_at(path)),
    };
    if was.str_at(&["volumeName"]).unwrap_or_default().is_empty() {
        restore(&["volumeName"]);
    }
    let class = new.str_at(&["spec", "storageClassName"]);
    let annotation = meta::annotation(old, CLASS_ANNOTATION);
    let is_told_late = class.is_some() && was.get("storageClassName").is_none();
    if moves_class_to_field(new, old) || is_told_late && (annotation.is_none() || annotation == class) {
        restore(&["storageClassName"]);
    }
    if new.str_at(&["status", "phase"]) == Some("Bound") {
        restore(&["resources", "requests", "storage"]);
        restore(&["volumeAttributesClassName"]);
    }
    undone
}

const RESIZE_STATUSES: &[&str] = &[
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    status.child("capacity").entries().for_each(|(_, amount)| is_resource_quantity(&amount, errors));
    let statuses = status.child("allocatedResourceStatuses");
    for (key, value) in statuses.entries() {
        claim_resource(key, &statuses.path, errors);
        if !RESIZE_STATUSES.contains(&value.text()) {
            errors.push(FieldError::not_supported(&statuses.path, key, RESIZE_STATUSES));
        }
    }
    let allocated = status.child("allocatedResources");
    for (key, amount) in allocated.entries() {
        let before = errors.len();
        claim_resource(key, &allocated.path, errors);
        if errors.len() == before {
            is_resource_quantity(&amount, errors);
        }
        if errors.len() == before {
            resource_quantity("storage", &amount, errors);
        }
    }
}

/// A resource of a claim is its storage, or of somebody else's.
fn claim_resource(key: &str, path: &Path, errors: &mut Vec<FieldError>) {
    let refused = label_key(key);
    if refused.is_empty() && crate::validate::is_native_resource(key) && key != "storage" {
        errors.push(FieldError::not_supported(path, key, &["storage"]));
    }
    errors.extend(refused.into_iter().map(|message| FieldError::invalid(path, key, message)));
}
