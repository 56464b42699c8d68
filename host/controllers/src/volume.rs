//! Volumes and the claims on them: what every controller of theirs knows.

pub(crate) mod attachment;
pub(crate) mod binder;
pub(crate) mod ephemeral;
pub(crate) mod expansion;
pub(crate) mod protection;
mod written;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::Tree;
use objects::quantity::Quantity;
use objects::tree::{ConvertError, from_tree, to_tree};
use reconcile::ObjectKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pod::{Pod, Volume, controller_of};

/// Where claims and volumes named their class before there was a field.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// On a claim: it was bound once, whatever became of it.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or a volume: nobody but the controller made it point to the other.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// On a volume: the provisioner that made it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// On a claim: the provisioner that is to make its volume.
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const OLD_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// On a claim that waits for a pod: the node of that pod.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn has_annotation(metadata: &ObjectMeta, key: &str) -> bool {
    annotation(metadata, key).is_some()
}

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn uid(metadata: &ObjectMeta) -> &str {
    metadata.uid.as_deref().unwrap_or_default()
}

/// The class of a claim; empty for none.
fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    let field = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    annotation(&claim.metadata, OLD_CLASS).or(field).unwrap_or_default()
}

/// Whether a claim says anything of a class, be it that it wants none.
fn names_class(claim: &PersistentVolumeClaim) -> bool {
    has_annotation(&claim.metadata, OLD_CLASS)
        || claim.spec.as_ref().is_some_and(|spec| spec.storage_class_name.is_some())
}

/// The class of a volume; empty for none.
fn class_of_volume(volume: &PersistentVolume) -> &str {
    let field = volume.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    annotation(&volume.metadata, OLD_CLASS).or(field).unwrap_or_default()
}

/// The name of the volume that a claim has or asks for; empty for none.
fn volume_of(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()).unwrap_or_default()
}

/// The claim that a volume points to.
fn claim_of(volume: &PersistentVolume) -> Option<&ObjectReference> {
    volume.spec.as_ref()?.claim_ref.as_ref()
}

fn key_of(reference: &ObjectReference) -> ObjectKey {
    ObjectKey::new(
        reference.namespace.as_deref().unwrap_or_default(),
        reference.name.as_deref().unwrap_or_default(),
    )
}

/// When claims of a class get their volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BindingMode {
    Immediate,
    WaitForFirstConsumer,
}

fn binding_mode(class: &StorageClass) -> BindingMode {
    match class.volume_binding_mode.as_deref() {
        Some("WaitForFirstConsumer") => BindingMode::WaitForFirstConsumer,
        _ => BindingMode::Immediate,
    }
}

/// The storage among some resources.
fn storage(amounts: Option<&BTreeMap<String, Amount>>) -> Option<Quantity> {
    amounts?.get("storage")?.0.parse().ok()
}

/// The name of the claim of a pod's volume.
fn claim_name(pod: &Pod, volume: &Volume) -> Option<String> {
    if let Some(source) = &volume.persistent_volume_claim {
        return Some(source.claim_name.clone());
    }
    volume.ephemeral.as_ref()?;
    Some(format!("{}-{}", name(&pod.metadata), volume.name))
}

/// The names of all claims that a pod uses.
fn claim_names(pod: &Pod) -> impl Iterator<Item = String> + '_ {
    pod.spec.volumes.iter().filter_map(|volume| claim_name(pod, volume))
}

/// An object with a change merged into it, to be written over the state that was looked at and no other. These
/// controllers may update what is theirs, and patch nothing.
fn changed<K: Serialize + DeserializeOwned>(object: &K, change: &Tree) -> Result<K, ConvertError> {
    let mut tree = to_tree(object)?;
    tree.merge(change);
    from_tree(&tree)
}

/// Whether a claim belongs to a pod, which brought it along.
fn is_made_for(claim: &PersistentVolumeClaim, pod: &Pod) -> bool {
    claim.metadata.namespace == pod.metadata.namespace
        && controller_of(&claim.metadata).is_some_and(|owner| owner.uid == uid(&pod.metadata))
}
