//! Which volume suits a claim.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use objects::quantity::Quantity;
use objects::selector::LabelSelector;
use objects::tree::to_tree;

use crate::volume::{BindingMode, claim_of, class_of_claim, class_of_volume, name, storage, uid};

const FILESYSTEM: &str = "Filesystem";

/// Whether a volume is kept for a claim: by its name, or by its uid too.
pub(super) fn is_for(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    claim_of(volume).is_some_and(|kept| {
        let of = kept.uid.as_deref().unwrap_or_default();
        kept.name == claim.metadata.name
            && kept.namespace == claim.metadata.namespace
            && (of.is_empty() || of == uid(&claim.metadata))
    })
}

pub(super) fn modes_differ(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let offered = volume.spec.as_ref().and_then(|spec| spec.volume_mode.as_deref());
    let wanted = claim.spec.as_ref().and_then(|spec| spec.volume_mode.as_deref());
    offered.unwrap_or(FILESYSTEM) != wanted.unwrap_or(FILESYSTEM)
}

fn attributes_class_differs(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let offered = volume.spec.as_ref().and_then(|spec| spec.volume_attributes_class_name.as_deref());
    let wanted = claim.spec.as_ref().and_then(|spec| spec.volume_attributes_class_name.as_deref());
    offered.unwrap_or_default() != wanted.unwrap_or_default()
}

fn offered(volume: &PersistentVolume) -> &[String] {
    volume.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default()
}

fn has_access_modes(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let wanted = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    wanted.iter().all(|mode| offered(volume).contains(mode))
}

pub(super) fn capacity(volume: &PersistentVolume) -> Option<Quantity> {
    storage(volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref()))
}

fn requested(claim: &PersistentVolumeClaim) -> Option<Quantity> {
    storage(claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref())
}

fn is_large_enough(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    capacity(volume) >= requested(claim)
}

/// Why a volume that a claim asks for by name does not do.
pub(super) fn mismatch(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<String> {
    let reasons = [
        (
            volume.metadata.deletion_timestamp.is_some(),
            format!("the volume is marked for deletion {:?}", name(&volume.metadata)),
        ),
        (!is_large_enough(volume, claim), "requested PV is too small".to_owned()),
        (class_of_volume(volume) != class_of_claim(claim), "storageClassName does not match".to_owned()),
        (modes_differ(volume, claim), "incompatible volumeMode".to_owned()),
        (attributes_class_differs(volume, claim), "volumeAttributesClassName does not match".to_owned()),
        (!has_access_modes(volume, claim), "incompatible accessMode".to_owned()),
    ];
    reasons.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why)
}

/// The volume that is kept for a claim, or else the one with the fewest access modes and of those the smallest. A claim
/// that waits for a pod gets none but one that is kept for it: the scheduler chooses among the others.
pub(super) fn best<'a>(
    volumes: &'a [Arc<PersistentVolume>],
    claim: &PersistentVolumeClaim,
    mode: BindingMode,
) -> Option<&'a Arc<PersistentVolume>> {
    let selector = claim.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    // What the API server let pass is a selector; one that is none selects nothing.
    let selector = selector.map(|selector| {
        to_tree(selector).ok().and_then(|selector| LabelSelector::from_object(&selector).ok())
    });
    let is_selected = |volume: &PersistentVolume| {
        let label = |key: &str| Some(volume.metadata.labels.as_ref()?.get(key)?.as_str());
        selector.as_ref().is_none_or(|selector| selector.as_ref().is_some_and(|all| all.matches(label)))
    };
    let does = |volume: &&Arc<PersistentVolume>| {
        volume.metadata.deletion_timestamp.is_none()
            && has_access_modes(volume, claim)
            && !modes_differ(volume, claim)
            && is_large_enough(volume, claim)
            && (is_for(volume, claim)
                || (mode == BindingMode::Immediate
                    && claim_of(volume).is_none()
                    && is_selected(volume)
                    && class_of_volume(volume) == class_of_claim(claim)
                    && !attributes_class_differs(volume, claim)))
    };
    volumes.iter().filter(does).min_by(|one, two| {
        let order = |volume: &PersistentVolume| {
            (!is_for(volume, claim), offered(volume).len(), capacity(volume), volume.metadata.name.clone())
        };
        order(one).cmp(&order(two))
    })
}
