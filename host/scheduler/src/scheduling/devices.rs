//! Gives the claims of devices of a pod what was decided on, and reserves them for it, before it is bound.

use client::{Api, ApiError};
use k8s_openapi::api::resource::v1::ResourceClaim;
use objects::{Tree, meta, tree};

use super::Scheduling;
use crate::allocate::Allocated;
use crate::view::PodView;

/// Keeps a claim while it has devices.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

#[derive(Debug, thiserror::Error)]
pub(super) enum DeviceError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("claim {0} got deleted in the meantime")]
    Deleted(String),
    #[error("claim {0} got deallocated in the meantime")]
    Deallocated(String),
    #[error("claim {0} already got allocated in the meantime")]
    Allocated(String),
}

pub(super) async fn reserve(
    scheduling: &Scheduling,
    pod: &PodView,
    allocated: &[Allocated],
) -> Result<(), DeviceError> {
    let claims = scheduling.client.namespaced::<ResourceClaim>(pod.namespace()).viewed::<Tree>();
    for name in pod.devices.iter().filter_map(|used| used.claim.as_deref()) {
        let mut claim = claims.get(name).await?;
        let decided = allocated.iter().find(|one| *one.claim.name == *name);
        let needs = claim.at(&["status", "allocation"]).is_none_or(Tree::is_null);
        if let Some(decided) = decided {
            claim = give(&claims, claim, decided).await?;
        } else if needs {
            return Err(DeviceError::Deallocated(name.to_owned()));
        }
        let mut users = claim.items_at(&["status", "reservedFor"]).to_vec();
        let is_reserved = users.iter().any(|user| user.str_at(&["uid"]) == Some(&*pod.head.uid));
        if is_reserved && decided.is_none() {
            continue;
        }
        if !is_reserved {
            let pod_name = pod.head.key.name.as_str();
            users.push(tree!({ "resource": "pods", "name": pod_name, "uid": (&*pod.head.uid) }));
        }
        claim.set_at(&["status", "reservedFor"], users);
        claims.update_status(name, &claim).await?;
    }
    Ok(())
}

/// The claim with its devices, which its status is yet to be written with.
async fn give(claims: &Api<Tree>, mut claim: Tree, decided: &Allocated) -> Result<Tree, DeviceError> {
    let name = meta::name(&claim).to_owned();
    if meta::uid(&claim) != &*decided.uid || meta::is_deleting(&claim) {
        return Err(DeviceError::Deleted(name));
    }
    match claim.at(&["status", "allocation"]) {
        None | Some(Tree::Null) => {}
        // An answer of before got lost.
        Some(there) if *there == decided.allocation => return Ok(claim),
        Some(_) => return Err(DeviceError::Allocated(name)),
    }
    let mut finalizers = claim.items_at(&["metadata", "finalizers"]).to_vec();
    if finalizers.iter().all(|one| one.as_str() != Some(FINALIZER)) {
        finalizers.push(Tree::from(FINALIZER));
        claim.set_at(&["metadata", "finalizers"], finalizers);
        claim = claims.update(&name, &claim).await?;
    }
    claim.set_at(&["status", "allocation"], decided.allocation.clone());
    Ok(claim)
}
