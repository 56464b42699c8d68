//! Reserves the claims of devices of a pod for it, before it is bound.

use client::ApiError;
use k8s_openapi::api::resource::v1::ResourceClaim;
use objects::{Tree, tree};

use super::Scheduling;
use crate::view::PodView;

pub(super) async fn reserve(scheduling: &Scheduling, pod: &PodView) -> Result<(), ApiError> {
    let claims = scheduling.client.namespaced::<ResourceClaim>(pod.namespace()).viewed::<Tree>();
    for name in pod.devices.iter().filter_map(|used| used.claim.as_deref()) {
        let mut claim = claims.get(name).await?;
        let mut users = claim.items_at(&["status", "reservedFor"]).to_vec();
        if users.iter().any(|user| user.str_at(&["uid"]) == Some(&*pod.head.uid)) {
            continue;
        }
        let pod_name = pod.head.key.name.as_str();
        users.push(tree!({ "resource": "pods", "name": pod_name, "uid": (&*pod.head.uid) }));
        claim.set_at(&["status", "reservedFor"], users);
        claims.update_status(name, &claim).await?;
    }
    Ok(())
}
