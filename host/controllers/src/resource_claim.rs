//! Claims of devices: made for pods from templates, reserved for pods that have a node, and given back when the last pod
//! that used one is done.

mod plan;

use std::fmt;
use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions, ListOptions, Patch};
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
use objects::tree;
use reconcile::{Change, ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::dependents::Owner;
use crate::pod::Pod;
use crate::wiring::Wiring;
pub(crate) use plan::names as claim_names;
use plan::{Need, PlanError, Released};

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Subject {
    Pod(ObjectKey),
    Claim(ObjectKey),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(key) => write!(f, "pod {key}"),
            Self::Claim(key) => write!(f, "claim {key}"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ClaimError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("create ResourceClaim {name}: {source}")]
    Create { name: String, source: ApiError },
    #[error(transparent)]
    Api(#[from] ApiError),
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue: Queue<Subject> = wiring.queue("resource_claim");
    let claims =
        wiring.feed(&queue, |claim: &ResourceClaim| Some(Subject::Claim(ObjectKey::of(&claim.metadata))));
    let templates = wiring.store::<ResourceClaimTemplate>();
    follow_pods(wiring, &queue);
    let pods = wiring.store::<Pod>();
    let (again, among) = (queue.clone(), pods.clone());
    wiring.on_change(move |change: &Change<'_, ResourceClaim>| {
        let named = |pod: &&Arc<Pod>| plan::names(pod).any(|name| name == change.key.name);
        let pods = among.in_namespace(&change.key.namespace);
        pods.iter().filter(named).for_each(|pod| again.add(Subject::Pod(ObjectKey::of(&pod.metadata))));
    });
    let (client, recorder) = (wiring.client(), wiring.recorder("resource_claim"));
    let workers = wiring.config().resource_claim_syncs;
    wiring.reconcile(Devices { client, recorder, pods, claims, templates }, queue, workers);
}

/// A pod that wants devices is looked at; of one that is done or gone, its claims.
fn follow_pods(wiring: &mut Wiring<'_>, queue: &Queue<Subject>) {
    let queue = queue.clone();
    wiring.on_change(move |change: &Change<'_, Pod>| {
        let Some(pod) = change.new.or(change.old).filter(|pod| !pod.spec.resource_claims.is_empty()) else {
            return;
        };
        if change.new.is_none() || plan::is_done(pod) {
            let key = |name: &str| ObjectKey::new(change.key.namespace.clone(), name);
            plan::names(pod).for_each(|name| queue.add(Subject::Claim(key(name))));
        } else {
            queue.add(Subject::Pod(change.key.clone()));
        }
    });
}

struct Devices {
    client: Client,
    recorder: Recorder,
    pods: Store<Pod>,
    claims: Store<ResourceClaim>,
    templates: Store<ResourceClaimTemplate>,
}

impl Reconcile for Devices {
    type Key = Subject;
    type Error = ClaimError;

    async fn reconcile(&self, subject: &Subject) -> Result<Outcome, ClaimError> {
        match subject {
            Subject::Pod(key) => {
                if let Some(pod) = self.pods.get(&key.namespace, &key.name).filter(|pod| !pod.is_deleting()) {
                    self.serve(key, &pod).await?;
                }
            }
            Subject::Claim(key) => {
                if let Some(claim) = self.claims.get(&key.namespace, &key.name) {
                    self.settle(key, &claim).await?;
                }
            }
        }
        Ok(Outcome::Done)
    }
}

impl Devices {
    async fn serve(&self, key: &ObjectKey, pod: &Pod) -> Result<(), ClaimError> {
        let find = |name: &str| self.claims.get(&key.namespace, name);
        let mut made = Vec::new();
        for need in plan::needs(pod, find) {
            match self.have(key, pod, &need).await {
                Ok(name) => made.push(tree!({ "name": (need.pod_claim), "resourceClaimName": name })),
                Err(error) => {
                    let message = format!("PodResourceClaim {}: {error}", need.pod_claim);
                    let kind = EventType::Warning;
                    self.recorder.record(
                        Owner::of(pod).object(),
                        kind,
                        "FailedResourceClaimCreation",
                        message,
                    );
                    return Err(error);
                }
            }
        }
        if !made.is_empty() {
            let patch = Patch::Strategic(tree!({ "status": { "resourceClaimStatuses": made } }));
            self.client.namespaced::<Pod>(&key.namespace).patch_status(&key.name, &patch).await?;
        }
        for claim in plan::reservations(pod, find)? {
            let name = claim.metadata.name.clone().unwrap_or_default();
            self.client.namespaced::<ResourceClaim>(&key.namespace).update_status(&name, &claim).await?;
        }
        Ok(())
    }

    /// The name of the claim that a pod needs. One that was made before, and not yet told, is not in the store for sure:
    /// the API server is asked.
    async fn have(&self, key: &ObjectKey, pod: &Pod, need: &Need<'_>) -> Result<String, ClaimError> {
        let api = self.client.namespaced::<ResourceClaim>(&key.namespace);
        let all = api.list_all(&ListOptions::default()).await?.items;
        if let Some(claim) = all.into_iter().find(|claim| plan::is_made_for(claim, pod, need.pod_claim)) {
            return Ok(claim.metadata.name.unwrap_or_default());
        }
        let template = self.templates.get(&key.namespace, need.template);
        let claim = plan::claim(pod, need, template.as_deref())?;
        let created = api.create(&claim).await.map_err(|source| ClaimError::Create {
            name: claim.metadata.generate_name.clone().unwrap_or_default(),
            source,
        })?;
        Ok(created.metadata.name.unwrap_or_default())
    }

    /// Takes from a claim what is no more, and the claim when it was made for a pod that is done.
    async fn settle(&self, key: &ObjectKey, claim: &ResourceClaim) -> Result<(), ClaimError> {
        let mut gone = Vec::new();
        for consumer in plan::consumers(claim)? {
            if self.is_gone(&key.namespace, &consumer.name, &consumer.uid).await? {
                gone.push(consumer.uid.clone());
            }
        }
        let api = self.client.namespaced::<ResourceClaim>(&key.namespace);
        let mut claim = claim.clone();
        let released = plan::release(&mut claim, &gone);
        if released != Released::Nothing {
            claim = api.update_status(&key.name, &claim).await?;
        }
        if plan::let_go(&mut claim, released) {
            claim = api.update(&key.name, &claim).await?;
        }
        let owner = plan::owner(&claim).and_then(|owner| self.pods.get(&key.namespace, &owner.name));
        if owner.is_some_and(|pod| plan::is_left_over(&claim, &pod)) {
            let uid = claim.metadata.uid.clone().unwrap_or_default();
            match api.delete(&key.name, &DeleteOptions::default().of_uid(uid)).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a pod needs its devices no more. That it is not in the store yet is no reason.
    async fn is_gone(&self, namespace: &str, name: &str, uid: &str) -> Result<bool, ApiError> {
        let is_over = |pod: &Pod| pod.metadata.uid.as_deref() != Some(uid) || plan::is_done(pod);
        if let Some(pod) = self.pods.get(namespace, name) {
            return Ok(is_over(&pod));
        }
        let pod = self.client.namespaced::<Pod>(namespace).find(name).await?;
        Ok(pod.is_none_or(|pod| is_over(&pod)))
    }
}
