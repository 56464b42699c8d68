//! Persistent volumes and claims.

use super::{AGE, NAME, Printer, age_cell, joined, name_cell, text, text_or, wide};
use crate::meta;
use crate::tree::Tree;

const UNSET: &str = "<unset>";
/// Where the storage class was before it had a field.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

pub(super) const PERSISTENT_VOLUME: Printer = Printer {
    columns: &[
        NAME,
        text("Capacity", "How much it holds."),
        text("Access Modes", "How it can be mounted."),
        text("Reclaim Policy", "What becomes of it when its claim is gone."),
        text("Status", "Where in its life the volume is."),
        text("Claim", "The claim that it is bound to."),
        text("StorageClass", "The storage class of the volume."),
        text("VolumeAttributesClass", "The attributes class of the volume."),
        text("Reason", "Why it failed."),
        AGE,
        wide(text("VolumeMode", "File system or block device.")),
    ],
    cells: |volume, now| {
        let claim = match volume.at(&["spec", "claimRef"]) {
            Some(claim) => {
                format!("{}/{}", text_or(claim, &["namespace"], ""), text_or(claim, &["name"], ""))
            }
            None => String::new(),
        };
        vec![
            name_cell(volume),
            text_or(volume, &["spec", "capacity", "storage"], "0").into(),
            access_modes(volume, &["spec", "accessModes"]).into(),
            text_or(volume, &["spec", "persistentVolumeReclaimPolicy"], "").into(),
            phase(volume).into(),
            claim.into(),
            class(volume).into(),
            text_or(volume, &["spec", "volumeAttributesClassName"], UNSET).into(),
            text_or(volume, &["status", "reason"], "").into(),
            age_cell(volume, now),
            text_or(volume, &["spec", "volumeMode"], UNSET).into(),
        ]
    },
};

pub(super) const PERSISTENT_VOLUME_CLAIM: Printer = Printer {
    columns: &[
        NAME,
        text("Status", "Where in its life the claim is."),
        text("Volume", "The volume that it is bound to."),
        text("Capacity", "How much the volume holds."),
        text("Access Modes", "How the volume can be mounted."),
        text("StorageClass", "The storage class of the claim."),
        text("VolumeAttributesClass", "The attributes class of the claim."),
        AGE,
        wide(text("VolumeMode", "File system or block device.")),
    ],
    cells: |claim, now| {
        let bound = !text_or(claim, &["spec", "volumeName"], "").is_empty();
        let capacity = if bound { text_or(claim, &["status", "capacity", "storage"], "0") } else { "" };
        let modes = if bound { access_modes(claim, &["status", "accessModes"]) } else { String::new() };
        vec![
            name_cell(claim),
            phase(claim).into(),
            text_or(claim, &["spec", "volumeName"], "").into(),
            capacity.into(),
            modes.into(),
            class(claim).into(),
            text_or(claim, &["spec", "volumeAttributesClassName"], UNSET).into(),
            age_cell(claim, now),
            text_or(claim, &["spec", "volumeMode"], UNSET).into(),
        ]
    },
};

fn phase(tree: &Tree) -> &str {
    if meta::is_deleting(tree) { "Terminating" } else { text_or(tree, &["status", "phase"], "") }
}

fn class(tree: &Tree) -> &str {
    meta::annotation(tree, CLASS_ANNOTATION)
        .unwrap_or_else(|| text_or(tree, &["spec", "storageClassName"], ""))
}

const MODES: &[(&str, &str)] = &[
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];

fn access_modes(tree: &Tree, path: &[&str]) -> String {
    let has = |mode: &str| tree.items_at(path).iter().any(|item| item.as_str() == Some(mode));
    joined(MODES.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short))
}
