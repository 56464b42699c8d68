//! Persistent volumes: capacity, access, where they may be used, and that their source stays.

use jiff::Timestamp;

use super::{Kind, volume_source};
use crate::meta;
use crate::quantity::Quantity;
use crate::schema;
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path, dns1123_subdomain, node_selector, same};

pub(super) const KIND: Kind = Kind {
    create: |volume| volume.set_at(&["status", "phase"], PENDING),
    stamp,
    validate: |volume, errors| spec(&At::top(volume, "spec"), meta::name(volume), Place::Own, errors),
    validate_update,
    ..Kind::GENERIC
};

const PENDING: &str = "Pending";
const RETAIN: &str = "Retain";
const FILESYSTEM: &str = "Filesystem";
const RECLAIM_POLICIES: &[&str] = &["Delete", "Recycle", RETAIN];
pub(super) const VOLUME_MODES: &[&str] = &["Block", FILESYSTEM];
const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", ONE_POD];
const ONE_POD: &str = "ReadWriteOncePod";

/// Where a specification of a volume stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a PersistentVolume.
    Own,
    /// In an attachment of a volume that has no object.
    Inline,
}

/// When the volume came into its phase.
fn stamp(new: &mut Tree, old: Option<&Tree>, now: Timestamp) {
    const TIME: &[&str] = &["status", "lastPhaseTransitionTime"];
    let phase = |tree: &Tree| tree.str_at(&["status", "phase"]).unwrap_or_default().to_owned();
    let time = |tree: &Tree| tree.str_at(TIME).map(str::to_owned);
    match old {
        None => new.set_at(TIME, meta::rfc3339(now)),
        Some(old) if phase(old) == phase(new) => {
            if let (None, Some(time)) = (time(new), time(old)) {
                new.set_at(TIME, time);
            }
        }
        Some(old) if time(new).is_none() || time(new) == time(old) => new.set_at(TIME, meta::rfc3339(now)),
        Some(_) => {}
    }
}

pub(super) fn spec(spec: &At<'_>, name: &str, place: Place, errors: &mut Vec<FieldError>) {
    const INLINE: &str = "may not be specified in the context of inline volumes";
    let inline = place == Place::Inline;
    let capacity = spec.child("capacity");
    if inline {
        for field in
            ["claimRef", "capacity"].map(|field| spec.child(field)).iter().filter(|field| !field.is_empty())
        {
            errors.push(FieldError::forbidden(&field.path, INLINE));
        }
        spec.child("csi").is_told(errors, "has to be specified in the context of inline volumes");
    }
    spec.child("accessModes").required(errors, "");
    access_modes(&spec.child("accessModes"), errors);
    if !inline {
        self::capacity(&capacity, errors);
    }
    let policy = spec.child("persistentVolumeReclaimPolicy");
    if !inline {
        policy.one_of(errors, RECLAIM_POLICIES);
    } else if !["", RETAIN].contains(&policy.text()) {
        let why = format!("may only be {RETAIN} in the context of inline volumes");
        errors.push(FieldError::forbidden(&policy.path, why));
    }
    let affinity = spec.child("nodeAffinity");
    if inline && affinity.exists() {
        errors.push(FieldError::forbidden(&affinity.path, INLINE));
    } else if affinity.exists()
        && affinity.child("required").is_told(errors, "must specify required node constraints")
    {
        node_selector(&affinity.child("required"), errors);
    }
    volume_source::persistent(spec, name, errors);
    if spec.child("hostPath").child("path").text() == "/" && policy.text() == "Recycle" {
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden(&policy.path, why));
    }
    let (class, mode) = (spec.child("storageClassName"), spec.child("volumeMode"));
    if inline {
        if !class.is_empty() {
            errors.push(FieldError::forbidden(&class.path, INLINE));
        }
        if !["", FILESYSTEM].contains(&mode.text()) {
            let why = format!(
                "may not specify volumeMode other than {FILESYSTEM} in the context of inline volumes"
            );
            errors.push(FieldError::forbidden(&mode.path, why));
        }
    } else {
        class.follows(errors, dns1123_subdomain);
        mode.one_of(errors, VOLUME_MODES);
    }
    let attributes = spec.child("volumeAttributesClassName");
    if attributes.exists() {
        if attributes.required(errors, "an empty string is disallowed") {
            attributes.follows(errors, dns1123_subdomain);
        }
        spec.child("csi").is_told(errors, "has to be specified when using volumeAttributesClassName");
    }
}

/// Known modes, and the mode of one pod by itself.
pub(super) fn access_modes(modes: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut known = Vec::new();
    for mode in modes.items() {
        match ACCESS_MODES.contains(&mode.text()) {
            true => known.push(mode.text()),
            false => errors.push(FieldError::not_supported(&modes.path, mode.text(), ACCESS_MODES)),
        }
    }
    if known.contains(&ONE_POD) && known.iter().any(|mode| *mode != ONE_POD) {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(&modes.path, why));
    }
}

fn capacity(capacity: &At<'_>, errors: &mut Vec<FieldError>) {
    capacity.required(errors, "");
    if capacity.tree.get("storage").is_none() || capacity.tree.fields().count() > 1 {
        errors.push(FieldError::not_supported(&capacity.path, capacity.tree.clone(), &["storage"]));
    }
    for (_, amount) in capacity.entries() {
        is_resource_quantity(&amount, errors);
        amount.is_positive_quantity(errors);
    }
}

pub(super) fn is_resource_quantity(amount: &At<'_>, errors: &mut Vec<FieldError>) {
    if let Some(value) = amount.quantity().map(|amount| Quantity::value(&amount)).filter(|value| *value < 0) {
        errors.push(FieldError::invalid(&amount.path, value, "must be a valid resource quantity"));
    }
}

fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let row = schema::by_name("core.v1.PersistentVolumeSpec").expect("the schema has volumes");
    let sources = |volume: &Tree| {
        let mut spec = volume.get("spec").cloned().unwrap_or_default();
        spec.object_mut().retain(|field, _| volume_source::is_persistent(field));
        spec
    };
    let (mut after, before) = (sources(new), sources(old));
    // The secret of an expansion may be told later.
    if before.get("csi").is_some() && before.at(&["csi", "controllerExpandSecretRef"]).is_none() {
        after.remove_at(&["csi", "controllerExpandSecretRef"]);
    }
    if !same(&after, &before, row) {
        let path = Path::new("spec").child("persistentvolumesource");
        errors.push(FieldError::forbidden(&path, "spec.persistentvolumesource is immutable after creation"));
    }
    let (spec, was) = (At::top(new, "spec"), At::top(old, "spec"));
    let mode = spec.child("volumeMode").tree;
    At { path: Path::new("volumeMode"), tree: mode }.stays(errors, &was.child("volumeMode"));
    let affinity = spec.child("nodeAffinity");
    if was.child("nodeAffinity").exists() && affinity.tree != was.child("nodeAffinity").tree {
        let why = "field is immutable, except for updating from beta label to GA";
        errors.push(FieldError::invalid(&Path::new("nodeAffinity"), affinity.tree.clone(), why));
    }
    let class = spec.child("volumeAttributesClassName");
    if was.child("volumeAttributesClassName").exists() && !class.exists() {
        errors.push(FieldError::forbidden(&class.path, "update from non-nil value to nil is forbidden"));
    }
}
