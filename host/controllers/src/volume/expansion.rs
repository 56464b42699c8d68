//! Claims that are to grow: none of the volumes grows by this controller's hand, so it says for whom they wait.

use std::num::NonZeroUsize;

use client::ApiError;
use client::events::{EventType, Recorder};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use objects::quantity::Quantity;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use super::{claim_of, storage, volume_of};
use crate::reference::versioned_reference;
use crate::wiring::Wiring;

/// Each says something at most.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN;

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("volume_expand");
    let grown = queue.clone();
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        let Some(claim) = change.new else { return };
        if requested(claim) > change.old.and_then(|old| requested(old)) {
            grown.add(change.key.clone());
        }
    });
    let (claims, volumes) = (wiring.store(), wiring.store());
    let recorder = wiring.recorder("volume_expand");
    wiring.reconcile(Expansion { recorder, claims, volumes }, queue, WORKERS);
}

struct Expansion {
    recorder: Recorder,
    claims: Store<PersistentVolumeClaim>,
    volumes: Store<PersistentVolume>,
}

impl Reconcile for Expansion {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(claim) = self.claims.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let volume = self.volumes.get("", volume_of(&claim));
        if volume.is_some_and(|volume| is_to_grow(&claim, &volume)) {
            let message = "waiting for an external controller to expand this PVC";
            self.recorder.record(
                versioned_reference(&*claim),
                EventType::Warning,
                "ExternalExpanding",
                message,
            );
        }
        Ok(Outcome::Done)
    }
}

fn requested(claim: &PersistentVolumeClaim) -> Option<Quantity> {
    storage(claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref())
}

/// Whether a claim is bound to a volume and wants more than it has.
fn is_to_grow(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    let Some(status) = &claim.status else { return false };
    status.phase.as_deref() == Some("Bound")
        && claim_of(volume).is_some_and(|kept| kept.uid == claim.metadata.uid)
        && requested(claim) > storage(status.capacity.as_ref())
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    #[test]
    fn a_bound_claim_grows_when_it_wants_more_than_it_has() {
        let claim = |phase: &str, wants: &str| -> PersistentVolumeClaim {
            from_tree(&tree!({
                "metadata": { "uid": "c1" },
                "spec": { "resources": { "requests": { "storage": wants } } },
                "status": { "phase": phase, "capacity": { "storage": "1Gi" } }
            }))
            .unwrap()
        };
        let volume = |uid: Tree| -> PersistentVolume {
            from_tree(&tree!({ "metadata": {}, "spec": { "claimRef": { "uid": uid } } })).unwrap()
        };
        let own = volume("c1".into());
        assert!(is_to_grow(&claim("Bound", "2Gi"), &own));
        assert!(!is_to_grow(&claim("Bound", "1024Mi"), &own));
        assert!(!is_to_grow(&claim("Pending", "2Gi"), &own));
        assert!(!is_to_grow(&claim("Bound", "2Gi"), &volume("c2".into())));
    }
}
