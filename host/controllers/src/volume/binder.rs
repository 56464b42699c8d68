//! Binds claims and volumes to each other, has volumes provisioned, and lets those go whose claim is gone.

mod matching;
mod plan;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use client::events::Recorder;
use client::{Api, ApiError, Client};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use objects::tree::ConvertError;
use reconcile::{Change, ObjectKey, Outcome, Queue, Reconcile, Store};

use super::written::Written;
use super::{
    BIND_COMPLETED, changed, claim_names, claim_of, class_of_claim, class_of_volume, has_annotation, key_of,
    name, names_class, volume_of,
};
use crate::pod::Pod;
use crate::reference::versioned_reference;
use crate::wiring::Wiring;
use plan::{About, Plan, Scene, Write};

/// One at a time: two could bind two claims to one volume.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Subject {
    Claim(ObjectKey),
    Volume(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(key) => write!(f, "claim {key}"),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum BindError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("change an object: {0}")]
    Change(#[from] ConvertError),
    #[error("{0}")]
    Wrong(String),
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue: Queue<Subject> = wiring.queue("persistentvolume");
    let volumes = wiring.store::<PersistentVolume>();
    let claims = wiring.store::<PersistentVolumeClaim>();
    follow_claims(wiring, &queue, volumes.clone());
    follow_volumes(wiring, &queue, claims.clone());
    let classes = {
        let (queue, claims) = (queue.clone(), claims.clone());
        wiring.on_change(move |change: &Change<'_, StorageClass>| {
            let class = &change.key.name;
            queue_open(&queue, &claims, |claim| class_of_claim(claim) == class || !names_class(claim));
        });
        wiring.store()
    };
    let pods = {
        let queue = queue.clone();
        wiring.on_change(move |change: &Change<'_, Pod>| {
            let Some(pod) = change.new.filter(|_| change.old.is_none()) else { return };
            if pod.spec.node_name.is_none() {
                let key = |name| Subject::Claim(ObjectKey::new(change.key.namespace.clone(), name));
                claim_names(pod).map(key).for_each(|key| queue.add(key));
            }
        });
        wiring.store()
    };
    let (client, recorder) = (wiring.client(), wiring.recorder("persistentvolume-controller"));
    let (written_volumes, written_claims) = (Written::default(), Written::default());
    let binder = Binder { client, recorder, volumes, claims, classes, pods, written_volumes, written_claims };
    wiring.reconcile(binder, queue, WORKERS);
}

/// A claim that changed is looked at, and the volume that it has; of one that is gone, each that is kept for it.
fn follow_claims(wiring: &mut Wiring<'_>, queue: &Queue<Subject>, volumes: Store<PersistentVolume>) {
    let queue = queue.clone();
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        queue.add(Subject::Claim(change.key.clone()));
        for claim in [change.old, change.new].into_iter().flatten() {
            if !volume_of(claim).is_empty() {
                queue.add(Subject::Volume(volume_of(claim).to_owned()));
            }
        }
        if change.new.is_none() {
            let is_kept =
                |volume: &&Arc<PersistentVolume>| claim_of(volume).map(key_of).as_ref() == Some(change.key);
            for volume in volumes.all().iter().filter(is_kept) {
                queue.add(Subject::Volume(name(&volume.metadata).to_owned()));
            }
        }
    });
}

/// A volume that changed is looked at, and the claim that it is kept for; one that is kept for none may be what any claim
/// waits for.
fn follow_volumes(wiring: &mut Wiring<'_>, queue: &Queue<Subject>, claims: Store<PersistentVolumeClaim>) {
    let queue = queue.clone();
    wiring.on_change(move |change: &Change<'_, PersistentVolume>| {
        queue.add(Subject::Volume(change.key.name.clone()));
        let states = [change.old, change.new].into_iter().flatten();
        states
            .filter_map(|volume| claim_of(volume))
            .for_each(|claim| queue.add(Subject::Claim(key_of(claim))));
        if let Some(free) = change.new.filter(|volume| claim_of(volume).is_none()) {
            queue_open(&queue, &claims, |claim| match volume_of(claim) {
                "" => class_of_claim(claim) == class_of_volume(free),
                asked => asked == change.key.name,
            });
        }
    });
}

/// Queues the claims that were never bound, of those that are meant.
fn queue_open(
    queue: &Queue<Subject>,
    claims: &Store<PersistentVolumeClaim>,
    is_meant: impl Fn(&PersistentVolumeClaim) -> bool,
) {
    let claims = claims.all();
    let open = claims.iter().filter(|claim| !has_annotation(&claim.metadata, BIND_COMPLETED));
    open.filter(|claim| is_meant(claim))
        .for_each(|claim| queue.add(Subject::Claim(ObjectKey::of(&claim.metadata))));
}

struct Binder {
    client: Client,
    recorder: Recorder,
    volumes: Store<PersistentVolume>,
    claims: Store<PersistentVolumeClaim>,
    classes: Store<StorageClass>,
    pods: Store<Pod>,
    written_volumes: Written<PersistentVolume>,
    written_claims: Written<PersistentVolumeClaim>,
}

impl Reconcile for Binder {
    type Key = Subject;
    type Error = BindError;

    async fn reconcile(&self, subject: &Subject) -> Result<Outcome, BindError> {
        match subject {
            Subject::Claim(key) => {
                let Some(claim) = self.written_claims.get(&self.claims, key) else {
                    return Ok(Outcome::Done);
                };
                let plan = plan::of_claim(&claim, &self.scene(key));
                let volume = plan.volume.as_ref().map(|name| ObjectKey::new("", name));
                let volume = volume.and_then(|key| self.written_volumes.get(&self.volumes, &key));
                self.carry_out(plan, Some(claim), volume).await?;
            }
            Subject::Volume(name) => {
                let key = ObjectKey::new("", name);
                let Some(volume) = self.written_volumes.get(&self.volumes, &key) else {
                    return Ok(Outcome::Done);
                };
                let claim = self.claim_of(&volume).await?;
                let plan = plan::of_volume(&volume, claim.as_deref());
                self.carry_out(plan, claim, Some(volume)).await?;
            }
        }
        Ok(Outcome::Done)
    }
}

impl Binder {
    fn scene(&self, claim: &ObjectKey) -> Scene {
        let pods = self.pods.in_namespace(&claim.namespace);
        let waits = |pod: &&Arc<Pod>| {
            pod.spec.node_name.is_none()
                && !pod.has_ended()
                && claim_names(pod).any(|name| name == claim.name)
        };
        Scene {
            volumes: self.written_volumes.all(&self.volumes),
            classes: self.classes.all(),
            waiting: pods.iter().filter(waits).filter_map(|pod| pod.metadata.name.clone()).collect(),
        }
    }

    /// The claim that a volume points to. Before the volume is let go because there is none, the API server is asked.
    async fn claim_of(
        &self,
        volume: &PersistentVolume,
    ) -> Result<Option<Arc<PersistentVolumeClaim>>, ApiError> {
        let Some(kept) = claim_of(volume).filter(|kept| kept.uid.is_some()) else { return Ok(None) };
        let key = key_of(kept);
        let known =
            self.written_claims.get(&self.claims, &key).filter(|claim| claim.metadata.uid == kept.uid);
        if known.is_some() || plan::is_released(volume) {
            return Ok(known);
        }
        let claims = self.client.namespaced::<PersistentVolumeClaim>(&key.namespace);
        Ok(claims.find(&key.name).await?.map(Arc::new))
    }

    async fn carry_out(
        &self,
        plan: Plan,
        mut claim: Option<Arc<PersistentVolumeClaim>>,
        mut volume: Option<Arc<PersistentVolume>>,
    ) -> Result<(), BindError> {
        for write in plan.writes {
            match (write, &mut volume, &mut claim) {
                (Write::Volume(patch), Some(volume), _) => {
                    let api = self.client.cluster::<PersistentVolume>();
                    let now = api.update(name(&volume.metadata), &changed(&**volume, &patch)?).await?;
                    *volume = self.written_volumes.put(now);
                }
                (Write::VolumeStatus(patch), Some(volume), _) => {
                    let api = self.client.cluster::<PersistentVolume>();
                    let now = api.update_status(name(&volume.metadata), &changed(&**volume, &patch)?).await?;
                    *volume = self.written_volumes.put(now);
                }
                (Write::Claim(patch), _, Some(claim)) => {
                    let api = self.claims_beside(claim);
                    let now = api.update(name(&claim.metadata), &changed(&**claim, &patch)?).await?;
                    *claim = self.written_claims.put(now);
                }
                (Write::ClaimStatus(patch), _, Some(claim)) => {
                    let api = self.claims_beside(claim);
                    let now = api.update_status(name(&claim.metadata), &changed(&**claim, &patch)?).await?;
                    *claim = self.written_claims.put(now);
                }
                // It went meanwhile.
                _ => return Ok(()),
            }
        }
        for said in plan.said {
            let object = match said.about {
                About::Claim => claim.as_deref().map(versioned_reference),
                About::Volume => volume.as_deref().map(versioned_reference),
            };
            if let Some(object) = object {
                self.recorder.record(object, said.kind, said.reason, said.message);
            }
        }
        plan.wrong.map_or(Ok(()), |wrong| Err(BindError::Wrong(wrong)))
    }

    fn claims_beside(&self, claim: &PersistentVolumeClaim) -> Api<PersistentVolumeClaim> {
        self.client.namespaced(claim.metadata.namespace.as_deref().unwrap_or_default())
    }
}
