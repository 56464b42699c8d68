//! Claims that pods use, volumes that claims have and the classes of their attributes stay until nobody needs them: a
//! finalizer holds each.

use std::num::NonZeroUsize;
use std::sync::Arc;

use client::{Api, ApiError, Client, ListOptions};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::VolumeAttributesClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{claim_name, claim_names, is_made_for, name};
use crate::pod::Pod;
use crate::wiring::Wiring;

const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";
const CLASS: &str = "kubernetes.io/vac-protection";

/// Each is a patch, in process.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN;

/// What an object's finalizer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Add,
    RemoveUnlessUsed,
}

fn step(metadata: &ObjectMeta, finalizer: &str) -> Step {
    let has = metadata.finalizers.iter().flatten().any(|one| one == finalizer);
    match (metadata.deletion_timestamp.is_some(), has) {
        (true, true) => Step::RemoveUnlessUsed,
        (false, false) => Step::Add,
        _ => Step::Nothing,
    }
}

/// Gives an object its finalizer, or takes it away.
async fn take<K>(api: &Api<K>, object: &K, finalizer: &str, step: Step) -> Result<Outcome, ApiError>
where
    K: Metadata<Ty = ObjectMeta> + Clone + Serialize + DeserializeOwned,
{
    let mut object = object.clone();
    let finalizers = object.metadata_mut().finalizers.get_or_insert_default();
    finalizers.retain(|one| one != finalizer);
    if step == Step::Add {
        finalizers.push(finalizer.to_owned());
    }
    match api.update(name(object.metadata()), &object).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(Outcome::Done),
    }
}

pub(crate) fn wire_claims(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("pvcprotection");
    let claims = wiring.feed(&queue, |claim: &PersistentVolumeClaim| {
        (step(&claim.metadata, CLAIM) != Step::Nothing).then(|| ObjectKey::of(&claim.metadata))
    });
    let going = queue.clone();
    wiring.on_change(move |change: &Change<'_, Pod>| {
        let Some(pod) = change.old.filter(|_| change.new.is_none_or(|pod| is_shut_down(pod))) else { return };
        let key = |name| ObjectKey::new(change.key.namespace.clone(), name);
        claim_names(pod).map(key).for_each(|key| going.add(key));
    });
    let guard = Claims { client: wiring.client(), claims, pods: wiring.store() };
    wiring.reconcile(guard, queue, WORKERS);
}

struct Claims {
    client: Client,
    claims: Store<PersistentVolumeClaim>,
    pods: Store<Pod>,
}

impl Reconcile for Claims {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(claim) = self.claims.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let step = step(&claim.metadata, CLAIM);
        if step == Step::Nothing || (step == Step::RemoveUnlessUsed && self.is_used(&claim).await?) {
            return Ok(Outcome::Done);
        }
        take(&self.client.namespaced(&key.namespace), &*claim, CLAIM, step).await
    }
}

impl Claims {
    /// What the store does not know may have come meanwhile: the API server is asked before a claim goes.
    async fn is_used(&self, claim: &PersistentVolumeClaim) -> Result<bool, ApiError> {
        let namespace = claim.metadata.namespace.as_deref().unwrap_or_default();
        let known = self.pods.in_namespace(namespace);
        if known.iter().any(|pod| uses(pod, claim)) {
            return Ok(true);
        }
        let pods = self.client.namespaced::<Pod>(namespace).list_all(&ListOptions::default()).await?;
        Ok(pods.items.iter().any(|pod| uses(pod, claim)))
    }
}

/// Whether a pod keeps a claim: one that has a node, for as long as it is there.
fn uses(pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    let is_it = |volume| claim_name(pod, volume).as_deref() == claim.metadata.name.as_deref();
    pod.spec.node_name.is_some()
        && pod.spec.volumes.iter().filter(|volume| is_it(volume)).any(|volume| {
            volume.persistent_volume_claim.is_some() || (!is_shut_down(pod) && is_made_for(claim, pod))
        })
}

/// Whether its node is done with it, and it waits for its own finalizers alone.
fn is_shut_down(pod: &Pod) -> bool {
    pod.is_deleting() && pod.metadata.deletion_grace_period_seconds == Some(0)
}

pub(crate) fn wire_volumes(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("pvprotection");
    let volumes = wiring.feed(&queue, |volume: &PersistentVolume| {
        (step(&volume.metadata, VOLUME) != Step::Nothing).then(|| name(&volume.metadata).to_owned())
    });
    let guard = Volumes { client: wiring.client(), volumes };
    wiring.reconcile(guard, queue, WORKERS);
}

struct Volumes {
    client: Client,
    volumes: Store<PersistentVolume>,
}

impl Reconcile for Volumes {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(volume) = self.volumes.get("", name) else { return Ok(Outcome::Done) };
        let is_bound = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
        match step(&volume.metadata, VOLUME) {
            Step::Nothing => Ok(Outcome::Done),
            Step::RemoveUnlessUsed if is_bound => Ok(Outcome::Done),
            step => take(&self.client.cluster(), &*volume, VOLUME, step).await,
        }
    }
}

pub(crate) fn wire_classes(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("vacprotection");
    let classes = wiring.feed(&queue, |class: &VolumeAttributesClass| {
        (step(&class.metadata, CLASS) != Step::Nothing).then(|| name(&class.metadata).to_owned())
    });
    let left = queue.clone();
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        let claim = change.old.iter().flat_map(|claim| classes_of_claim(claim));
        claim.for_each(|class| left.add(class.to_owned()));
    });
    let left = queue.clone();
    wiring.on_change(move |change: &Change<'_, PersistentVolume>| {
        let volume = change.old.and_then(|volume| class_of(volume));
        volume.into_iter().for_each(|class| left.add(class.to_owned()));
    });
    let (claims, volumes) = (wiring.store(), wiring.store());
    let guard = Classes { client: wiring.client(), classes, claims, volumes };
    wiring.reconcile(guard, queue, WORKERS);
}

struct Classes {
    client: Client,
    classes: Store<VolumeAttributesClass>,
    claims: Store<PersistentVolumeClaim>,
    volumes: Store<PersistentVolume>,
}

impl Reconcile for Classes {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(class) = self.classes.get("", name) else { return Ok(Outcome::Done) };
        match step(&class.metadata, CLASS) {
            Step::Nothing => Ok(Outcome::Done),
            Step::RemoveUnlessUsed if self.is_used(name) => Ok(Outcome::Done),
            step => take(&self.client.cluster(), &*class, CLASS, step).await,
        }
    }
}

impl Classes {
    fn is_used(&self, class: &str) -> bool {
        let has = |volume: &Arc<PersistentVolume>| class_of(volume) == Some(class);
        let wants = |claim: &Arc<PersistentVolumeClaim>| classes_of_claim(claim).any(|one| one == class);
        self.volumes.all().iter().any(has) || self.claims.all().iter().any(wants)
    }
}

fn class_of(volume: &PersistentVolume) -> Option<&str> {
    volume.spec.as_ref()?.volume_attributes_class_name.as_deref()
}

/// The class that a claim wants, the one that it has and the one that it is on its way to.
fn classes_of_claim(claim: &PersistentVolumeClaim) -> impl Iterator<Item = &str> {
    let wanted = claim.spec.as_ref().and_then(|spec| spec.volume_attributes_class_name.as_deref());
    let status = claim.status.as_ref();
    let current = status.and_then(|status| status.current_volume_attributes_class_name.as_deref());
    let target = status.and_then(|status| status.modify_volume_status.as_ref());
    let target = target.and_then(|target| target.target_volume_attributes_class_name.as_deref());
    [wanted, current, target].into_iter().flatten().filter(|class| !class.is_empty())
}

#[cfg(test)]
mod tests;
