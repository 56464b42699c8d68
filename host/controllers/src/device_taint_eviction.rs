//! Pods whose devices have a NoExecute taint that their claim does not tolerate, or no longer does, are deleted.

mod plan;

use std::sync::Arc;

use client::events::Recorder;
use client::{ApiError, Client};
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceSlice};
use reconcile::{Change, ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::eviction::{Cause, Deletions, evict, tell};
use crate::pod::Pod;
use crate::resource_claim::claim_names;
use crate::wiring::Wiring;
use plan::{Fate, devices, fate, users};

const CAUSE: Cause = Cause {
    event: "DeviceTaintManagerEviction",
    reason: "DeletionByDeviceTaintManager",
    message: "Device Taint manager: deleting due to NoExecute taint",
};

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("device_taint_eviction");
    let pods = wiring.feed(&queue, |pod: &Pod| {
        (!pod.spec.resource_claims.is_empty()).then(|| ObjectKey::of(&pod.metadata))
    });
    let claims = feed_claims(wiring, &queue);
    let slices = feed_slices(wiring, &queue, claims.clone());
    let client = wiring.client();
    let recorder = wiring.recorder("device-taint-eviction");
    let counted = Deletions::new(wiring.metrics(), "device_taint_eviction_controller");
    let workers = wiring.config().device_eviction_syncs;
    wiring.reconcile(Eviction { client, pods, claims, slices, recorder, counted }, queue, workers);
}

/// Whoever uses a claim is concerned by what it has.
fn feed_claims(wiring: &mut Wiring<'_>, queue: &Queue<ObjectKey>) -> Store<ResourceClaim> {
    let queue = queue.clone();
    wiring.on_change(move |change: &Change<'_, ResourceClaim>| {
        let claims = change.new.into_iter();
        claims.flat_map(|claim| users(claim)).for_each(|pod| queue.add(pod));
    });
    wiring.store()
}

/// Other taints of a pool concern whoever uses any device of it.
fn feed_slices(
    wiring: &mut Wiring<'_>,
    queue: &Queue<ObjectKey>,
    claims: Store<ResourceClaim>,
) -> Store<ResourceSlice> {
    let queue = queue.clone();
    wiring.on_change(move |change: &Change<'_, ResourceSlice>| {
        let Some(slice) = change.new.or(change.old) else { return };
        if change.old.map(|old| plan::tainted(old)) == change.new.map(|new| plan::tainted(new)) {
            return;
        }
        let is_of_pool = |claim: &&Arc<ResourceClaim>| {
            devices(claim)
                .any(|device| device.driver == slice.spec.driver && device.pool == slice.spec.pool.name)
        };
        let claims = claims.all();
        let concerned = claims.iter().filter(is_of_pool);
        concerned.flat_map(|claim| users(claim)).for_each(|pod| queue.add(pod));
    });
    wiring.store()
}

struct Eviction {
    client: Client,
    pods: Store<Pod>,
    claims: Store<ResourceClaim>,
    slices: Store<ResourceSlice>,
    recorder: Recorder,
    counted: Deletions,
}

impl Reconcile for Eviction {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let pod = self.pods.get(&key.namespace, &key.name);
        let Some(pod) = pod.filter(|pod| !pod.is_deleting() && !pod.has_ended()) else {
            return Ok(Outcome::Done);
        };
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let claims = claim_names(&pod).filter_map(|name| self.claims.get(&key.namespace, name));
        let claims: Vec<_> = claims.filter(|claim| plan::is_used_by(claim, uid)).collect();
        if claims.is_empty() {
            return Ok(Outcome::Done);
        }
        let now = supervise::clock::now();
        match fate(&claims, &self.slices.all(), now) {
            Fate::Stays => Ok(Outcome::Done),
            Fate::Goes { left, .. } if !left.is_zero() => Ok(Outcome::After(left)),
            Fate::Goes { late, .. } => {
                tell(&self.recorder, &pod, CAUSE.event, "Marking for deletion".to_owned());
                evict(&self.client, key, &pod, &CAUSE).await?;
                self.counted.deleted(late);
                Ok(Outcome::Done)
            }
        }
    }
}
