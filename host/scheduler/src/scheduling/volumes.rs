//! Has the volumes of a pod made or bound for its node, before the pod is bound.

use std::time::Duration;

use client::{ApiError, Patch};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use objects::{Tree, tree};
use reconcile::ObjectKey;

use super::Scheduling;
use crate::board::Volumes;
use crate::plugin::VolumePlan;
use crate::view::PodView;

#[derive(Debug, thiserror::Error)]
pub(super) enum VolumeError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("{0}")]
    Lost(String),
    #[error("timed out waiting for the condition")]
    Late,
}

/// Asks for the volumes, and returns when they are there.
pub(super) async fn have(
    scheduling: &Scheduling,
    pod: &PodView,
    node: &str,
    plan: &VolumePlan,
    patience: Duration,
) -> Result<(), VolumeError> {
    for (claim, volume) in &plan.bind {
        bind(scheduling, claim, volume).await?;
    }
    for claim in &plan.provision {
        let patch = tree!({ "metadata": { "annotations": { "volume.kubernetes.io/selected-node": node } } });
        let claims = scheduling.client.namespaced::<PersistentVolumeClaim>(&claim.namespace).viewed::<Tree>();
        claims.patch(&claim.name, &Patch::Merge(patch)).await?;
    }
    let mut changes = scheduling.claims.clone();
    // The annotations that were just written are to be seen before their absence means anything.
    let mut asked = false;
    let settled = async {
        loop {
            match scheduling.board.volumes(pod, plan, asked) {
                Volumes::Ready => return Ok(()),
                Volumes::Lost(why) => return Err(VolumeError::Lost(why)),
                Volumes::Awaited { all_asked } => asked |= all_asked,
            }
            if changes.changed().await.is_err() {
                return Err(VolumeError::Late);
            }
        }
    };
    tokio::time::timeout(patience, settled).await.unwrap_or(Err(VolumeError::Late))
}

/// Keeps a volume for a claim; the volume's controller does the rest.
async fn bind(scheduling: &Scheduling, claim: &ObjectKey, volume: &str) -> Result<(), VolumeError> {
    let claims = scheduling.client.namespaced::<PersistentVolumeClaim>(&claim.namespace).viewed::<Tree>();
    let found = claims.get(&claim.name).await?;
    let patch = tree!({
        "metadata": { "annotations": { "pv.kubernetes.io/bound-by-controller": "yes" } },
        "spec": { "claimRef": {
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
            "namespace": (&claim.namespace),
            "name": (&claim.name),
            "uid": (objects::meta::uid(&found)),
            "resourceVersion": (objects::meta::resource_version(&found)),
        } },
    });
    let volumes = scheduling.client.cluster::<PersistentVolume>().viewed::<Tree>();
    volumes.patch(volume, &Patch::Merge(patch)).await?;
    Ok(())
}
