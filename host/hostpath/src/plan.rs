//! What is the node's to make and to remove, and how the objects look.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::quantity::Quantity;
use objects::tree;
use objects::tree::{ConvertError, from_tree, to_tree};

/// As MicroK8s has it.
pub const PROVISIONER: &str = "microk8s.io/hostpath";
/// The name of the storage class.
pub const CLASS: &str = "microk8s-hostpath";

const ASKED: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// On a volume: the node that made it.
const NODE: &str = "hostPathProvisionerIdentity";

/// What a claim wants of the provisioner of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// A volume, if the class does not wait for a pod.
    VolumeAtOnce,
    /// A volume on this node.
    Volume,
}

fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

pub(crate) fn wish(claim: &PersistentVolumeClaim, node: &str) -> Wish {
    let is_asked = ASKED.iter().any(|key| annotation(&claim.metadata, key) == Some(PROVISIONER));
    let has_volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()).is_some();
    if !is_asked || has_volume || claim.metadata.deletion_timestamp.is_some() {
        return Wish::Nothing;
    }
    match annotation(&claim.metadata, SELECTED_NODE) {
        None => Wish::VolumeAtOnce,
        Some(selected) if selected == node => Wish::Volume,
        Some(_) => Wish::Nothing,
    }
}

/// The name of the volume of a claim: nobody else makes one of it.
pub(crate) fn volume_name(claim: &PersistentVolumeClaim) -> String {
    format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default())
}

pub(crate) fn class_of(claim: &PersistentVolumeClaim) -> &str {
    let field = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    annotation(&claim.metadata, "volume.beta.kubernetes.io/storage-class").or(field).unwrap_or_default()
}

pub(crate) fn is_block(claim: &PersistentVolumeClaim) -> bool {
    claim.spec.as_ref().is_some_and(|spec| spec.volume_mode.as_deref() == Some("Block"))
}

/// The folder of a volume, below that of all.
fn folder(namespace: &str, claim: &str, volume: &str) -> String {
    format!("{namespace}-{claim}-{volume}")
}

pub(crate) fn folder_of(claim: &PersistentVolumeClaim) -> String {
    let metadata = &claim.metadata;
    folder(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
        &volume_name(claim),
    )
}

/// The volume of a claim on a node.
pub(crate) fn volume(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    node: &str,
    root: &Path,
) -> Result<PersistentVolume, ConvertError> {
    let spec = claim.spec.clone().unwrap_or_default();
    let requests = spec.resources.and_then(|resources| resources.requests);
    let mut annotations = tree!({});
    annotations.insert(PROVISIONED_BY, PROVISIONER);
    annotations.insert(NODE, node);
    let mut volume = tree!({
        "metadata": { "name": (volume_name(claim)), "annotations": annotations },
        "spec": {
            "accessModes": (spec.access_modes.unwrap_or_default()),
            "capacity": { "storage": (requests.and_then(|all| all.get("storage").map(|amount| amount.0.clone()))) },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": (claim.metadata.namespace.clone()), "name": (claim.metadata.name.clone()),
                "uid": (claim.metadata.uid.clone()),
                "resourceVersion": (claim.metadata.resource_version.clone()),
            },
            "hostPath": {
                "path": (root.join(folder_of(claim)).to_string_lossy().into_owned()), "type": "DirectoryOrCreate"
            },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] }
            ] }] } },
            "persistentVolumeReclaimPolicy": (class.reclaim_policy.as_deref().unwrap_or("Delete")),
            "storageClassName": (class_of(claim)),
            "volumeMode": "Filesystem"
        }
    });
    if let Some(options) = &class.mount_options {
        volume.set_at(&["spec", "mountOptions"], to_tree(options)?);
    }
    from_tree(&volume)
}

/// Whether a node made a volume.
pub(crate) fn is_of(volume: &PersistentVolume, node: &str) -> bool {
    annotation(&volume.metadata, PROVISIONED_BY) == Some(PROVISIONER)
        && annotation(&volume.metadata, NODE) == Some(node)
}

/// The folder to remove with a volume that nobody claims any more.
pub(crate) fn removal(volume: &PersistentVolume, node: &str, root: &Path) -> Option<String> {
    let spec = volume.spec.as_ref()?;
    let is_released = volume.status.as_ref()?.phase.as_deref() == Some("Released");
    let is_to_go = spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete");
    if !is_of(volume, node) || !is_released || !is_to_go || volume.metadata.deletion_timestamp.is_some() {
        return None;
    }
    // Whatever else the volume says that its folder is, it is none of ours.
    let kept = spec.claim_ref.as_ref()?;
    let own = folder(kept.namespace.as_deref()?, kept.name.as_deref()?, volume.metadata.name.as_deref()?);
    (Path::new(&spec.host_path.as_ref()?.path) == root.join(&own)).then_some(own)
}

/// What a claim is to have that wants more than it has: of a volume of the node, whose folder has no size.
pub(crate) fn growth(claim: &PersistentVolumeClaim, volume: &PersistentVolume, node: &str) -> Option<Amount> {
    let size = |amounts: Option<&BTreeMap<String, Amount>>| {
        let amount = amounts?.get("storage")?.clone();
        Some((amount.0.parse::<Quantity>().ok()?, amount))
    };
    let status = claim.status.as_ref()?;
    let kept = volume.spec.as_ref()?.claim_ref.as_ref()?;
    let (wanted, amount) = size(claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref())?;
    let (has, _) = size(status.capacity.as_ref())?;
    let is_bound = status.phase.as_deref() == Some("Bound") && kept.uid == claim.metadata.uid;
    (is_bound && wanted > has && is_of(volume, node)).then_some(amount)
}

/// The class, which is the default one until somebody says otherwise.
pub(crate) fn class() -> Result<StorageClass, ConvertError> {
    from_tree(&tree!({
        "metadata": {
            "name": CLASS,
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" }
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": true,
        "volumeBindingMode": "WaitForFirstConsumer"
    }))
}

pub(crate) fn waits(class: &StorageClass) -> bool {
    class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
}

/// An object, as events name it.
pub(crate) fn reference(kind: &str, metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

#[cfg(test)]
mod tests;
