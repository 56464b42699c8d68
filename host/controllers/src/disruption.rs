//! PodDisruptionBudgets say how many of their pods may be evicted now; an eviction that came to nothing is forgotten.

mod plan;
mod stale;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{ObjectReference, ReplicationController};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use objects::Tree;
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, matches};
use crate::discovery::kind_of;
use crate::pod::{Pod, controller_of};
use crate::wiring::{Kind, Wiring};

const WORKERS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

#[derive(Debug, thiserror::Error)]
pub(crate) enum DisruptionError {
    #[error(transparent)]
    Api(#[from] ApiError),
    /// In upstream's words: they are in the event.
    #[error("found no controllers for pod {0:?}")]
    Uncontrolled(String),
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("disruption");
    let recorder = wiring.recorder("controllermanager");
    let budgets = wiring.feed_own::<PodDisruptionBudget>(&queue);
    let (due, all) = (queue.clone(), budgets.clone());
    wiring.on_change(move |change: &Change<'_, Pod>| {
        for budget in all.in_namespace(&change.key.namespace) {
            let Some(selector) = selector_of(&budget) else { continue };
            let mut states = [change.old, change.new].into_iter().flatten();
            if states.any(|pod| matches(&selector, &pod.metadata)) {
                due.add(ObjectKey::of(&budget.metadata));
            }
        }
    });
    let scales = Scales {
        client: wiring.client(),
        deployments: wiring.store(),
        replica_sets: wiring.store(),
        replication_controllers: wiring.store(),
        stateful_sets: wiring.store(),
    };
    let budgets = Budgets { client: wiring.client(), recorder, budgets, pods: wiring.store(), scales };
    wiring.reconcile(budgets, queue, WORKERS);
    stale::wire(wiring);
}

/// An empty selector selects everything, none nothing.
fn selector_of(budget: &PodDisruptionBudget) -> Option<LabelSelector> {
    let selector = budget.spec.as_ref()?.selector.as_ref()?;
    LabelSelector::from_object(&to_tree(selector).ok()?).ok()
}

struct Budgets {
    client: Client,
    recorder: Recorder,
    budgets: Store<PodDisruptionBudget>,
    pods: Store<Pod>,
    scales: Scales,
}

impl Reconcile for Budgets {
    type Key = ObjectKey;
    type Error = DisruptionError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, DisruptionError> {
        let Some(budget) = self.budgets.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let pods: Vec<Arc<Pod>> = match selector_of(&budget) {
            None => Vec::new(),
            Some(selector) => {
                let pods = self.pods.in_namespace(&key.namespace).into_iter();
                pods.filter(|pod| matches(&selector, &pod.metadata)).collect()
            }
        };
        let owner = Owner::of(&*budget);
        if pods.is_empty() {
            self.recorder.record(owner.object(), EventType::Normal, "NoPods", "No matching pods found");
        }
        let now = supervise::clock::now();
        match self.expected(&budget, &owner, &pods).await {
            Ok(expected) => {
                let disrupted = plan::disrupted(&budget, &pods, now);
                self.tell_overdue(key, &pods, &disrupted.overdue);
                let status = plan::status(&budget, &pods, expected, disrupted.pods, now);
                self.write(&budget, status).await?;
                Ok(disrupted.again.map_or(Outcome::Done, Outcome::After))
            }
            Err(error) => {
                let message = format!("Failed to calculate the number of expected pods: {error}");
                let reason = "CalculateExpectedPodCountFailed";
                self.recorder.record(owner.object(), EventType::Warning, reason, message);
                self.write(&budget, plan::unknown(&budget, error.to_string(), now)).await?;
                Err(error)
            }
        }
    }
}

impl Budgets {
    async fn expected(
        &self,
        budget: &PodDisruptionBudget,
        owner: &Owner,
        pods: &[Arc<Pod>],
    ) -> Result<plan::Expected, DisruptionError> {
        let mut scale = 0;
        if plan::needs_scales(budget) {
            let unmanaged = pods.iter().any(|pod| pod.controller().is_none());
            if unmanaged {
                let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
                let selector = selector.and_then(|selector| to_tree(selector).ok()).unwrap_or_default();
                let message = format!(
                    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
                    selector.to_json_string()
                );
                self.recorder.record(owner.object(), EventType::Warning, "UnmanagedPods", message);
            }
            scale = self.scales.sum(&owner.namespace, pods).await?;
        }
        Ok(plan::expected(budget, pods.len(), scale))
    }

    fn tell_overdue(&self, key: &ObjectKey, pods: &[Arc<Pod>], overdue: &[String]) {
        for pod in
            pods.iter().filter(|pod| pod.metadata.name.as_ref().is_some_and(|name| overdue.contains(name)))
        {
            let ObjectMeta { namespace, name, uid, .. } = pod.metadata.clone();
            let object = ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                namespace,
                name,
                uid,
                ..ObjectReference::default()
            };
            let message =
                format!("Pod was expected by PDB {}/{} to be deleted but it wasn't", key.namespace, key.name);
            self.recorder.record(object, EventType::Warning, "NotDeleted", message);
        }
    }

    /// Evictions write it too: the version that was read must be the one that is written over.
    async fn write(
        &self,
        budget: &PodDisruptionBudget,
        status: PodDisruptionBudgetStatus,
    ) -> Result<(), ApiError> {
        if budget.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let key = ObjectKey::of(&budget.metadata);
        let budget = PodDisruptionBudget { status: Some(status), ..budget.clone() };
        let budgets = self.client.namespaced::<PodDisruptionBudget>(&key.namespace);
        match budgets.update_status(&key.name, &budget).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

/// How many pods their controllers ask for.
struct Scales {
    client: Client,
    deployments: Store<Deployment>,
    replica_sets: Store<ReplicaSet>,
    replication_controllers: Store<ReplicationController>,
    stateful_sets: Store<StatefulSet>,
}

/// An object of a kind and uid that a reference names.
fn found<K: Kind>(store: &Store<K>, namespace: &str, reference: &OwnerReference) -> Option<Arc<K>> {
    let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
    let object =
        store.get(namespace, &reference.name).filter(|_| reference.kind == K::KIND && group == K::GROUP)?;
    (object.metadata().uid.as_ref() == Some(&reference.uid)).then_some(object)
}

impl Scales {
    /// The scales of all controllers of some pods, each once.
    async fn sum(&self, namespace: &str, pods: &[Arc<Pod>]) -> Result<i32, DisruptionError> {
        let mut scales: HashMap<String, i32> = HashMap::new();
        for pod in pods {
            let Some(controller) = pod.controller().filter(|one| !scales.contains_key(&one.uid)) else {
                continue;
            };
            let known = self.known(namespace, controller);
            let scale = match known {
                Some((owner, replicas)) => {
                    // A deployment counts once for all its replica sets.
                    scales.insert(controller.uid.clone(), 0);
                    scales.insert(owner, replicas);
                    continue;
                }
                None => self.asked(namespace, controller).await?,
            };
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let none = || DisruptionError::Uncontrolled(name.to_owned());
            scales.insert(controller.uid.clone(), scale.ok_or_else(none)?);
        }
        Ok(scales.values().fold(0, |sum, scale| sum.saturating_add(*scale)))
    }

    /// The uid and the scale of a controller of Kubernetes' own kinds.
    fn known(&self, namespace: &str, controller: &OwnerReference) -> Option<(String, i32)> {
        let scale = |replicas: Option<i32>| (controller.uid.clone(), replicas.unwrap_or(1));
        if let Some(set) = found(&self.replica_sets, namespace, controller) {
            let deployment =
                controller_of(&set.metadata).and_then(|owner| found(&self.deployments, namespace, owner));
            return Some(match deployment {
                Some(deployment) => {
                    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
                    (deployment.metadata.uid.clone().unwrap_or_default(), replicas.unwrap_or(1))
                }
                None => scale(set.spec.as_ref().and_then(|spec| spec.replicas)),
            });
        }
        let controllers = found(&self.replication_controllers, namespace, controller);
        let controllers = controllers.map(|one| scale(one.spec.as_ref().and_then(|spec| spec.replicas)));
        controllers.or_else(|| {
            let set = found(&self.stateful_sets, namespace, controller)?;
            Some(scale(set.spec.as_ref().and_then(|spec| spec.replicas)))
        })
    }

    /// Of any other kind that has a scale.
    async fn asked(&self, namespace: &str, controller: &OwnerReference) -> Result<Option<i32>, ApiError> {
        let kind = kind_of(&self.client, &controller.api_version, &controller.kind).await?;
        let Some(kind) = kind.filter(|kind| kind.namespaced) else { return Ok(None) };
        let path = self.client.dynamic(&kind.resource, Some(namespace)).path().to_owned();
        match self.client.get_path::<Tree>(&format!("{path}/{}/scale", controller.name)).await {
            Ok(scale) => {
                Ok(Some(scale.i64_at(&["spec", "replicas"]).and_then(|n| i32::try_from(n).ok()).unwrap_or(0)))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
