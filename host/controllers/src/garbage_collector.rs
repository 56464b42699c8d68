//! Objects whose owners are gone go too, and an owner that is deleted waits for its dependents, takes them along or
//! leaves them, as the deletion was asked for. That an owner is gone is never concluded from the watches alone: the API
//! server is asked.

mod graph;
mod ledger;
mod plan;
mod resources;

use client::events::{EventType, Recorder};
use client::{Api, ApiError, Client, DeleteOptions, Preconditions};
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use reconcile::{Outcome, Reconcile};
use tokio::sync::watch;

use crate::wiring::Wiring;
use graph::{FOREGROUND, Head, Node, ORPHAN, Scene};
use ledger::Ledger;
use plan::{Standing, Task, Verdict};

/// Dependents of one owner that are worked on at a time.
const AT_ONCE: usize = 16;

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("garbage_collector_attempt_to_delete");
    let ledger = Ledger::new(queue.clone());
    let synced = resources::wire(wiring, ledger.clone());
    let recorder = wiring.recorder("garbage-collector-controller");
    let workers = wiring.config().gc_syncs;
    let collector = Collector { client: wiring.client(), recorder, ledger, synced };
    wiring.reconcile(collector, queue, workers);
}

struct Collector {
    client: Client,
    recorder: Recorder,
    ledger: Ledger,
    /// Whether every resource was read once: who depends on whom is not known before.
    synced: watch::Receiver<bool>,
}

impl Reconcile for Collector {
    /// A uid.
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, uid: &String) -> Result<Outcome, ApiError> {
        let mut synced = self.synced.clone();
        if synced.wait_for(|synced| *synced).await.is_err() {
            return Ok(Outcome::Done);
        }
        let Some(scene) = self.ledger.scene(uid) else { return Ok(Outcome::Done) };
        let settled = match Task::of(&scene) {
            Task::Nothing => Ok(()),
            Task::Orphan => self.orphan(&scene.node).await,
            Task::Finish => self.remove_finalizer(&scene.node, FOREGROUND).await,
            Task::Verify => self.verify(&scene).await,
        };
        settled.or_else(gone)?;
        Ok(Outcome::Done)
    }
}

/// What is gone needs nothing any more.
fn gone(error: ApiError) -> Result<(), ApiError> {
    if error.is_not_found() { Ok(()) } else { Err(error) }
}

impl Collector {
    fn api(&self, node: &Node) -> Api<Head> {
        let namespace = Some(node.head.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        self.client.dynamic(&node.resource.resource, namespace).viewed()
    }

    async fn orphan(&self, node: &Node) -> Result<(), ApiError> {
        let uid = &node.head.uid;
        let dependents = stream::iter(self.ledger.dependents(uid).into_iter().map(Ok));
        dependents
            .try_for_each_concurrent(AT_ONCE, async |dependent: Node| {
                let patch = plan::released(&dependent.head, |_, owner| owner.uid != *uid);
                self.api(&dependent).patch(&dependent.head.name, &patch).await.map(drop).or_else(gone)
            })
            .await?;
        self.remove_finalizer(node, ORPHAN).await
    }

    async fn remove_finalizer(&self, node: &Node, finalizer: &str) -> Result<(), ApiError> {
        let patch = plan::without_finalizer(&node.head, finalizer);
        self.api(node).patch(&node.head.name, &patch).await.map(drop)
    }

    async fn verify(&self, scene: &Scene) -> Result<(), ApiError> {
        let (node, head) = (&scene.node, &scene.node.head);
        let asked = (0..head.owners.len()).map(|index| self.standing(scene, index));
        let standings: Vec<Standing> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        match plan::judge(head, &standings, scene.dependents) {
            Verdict::Keep => Ok(()),
            Verdict::Wait => {
                self.ledger.wait_for_kinds(&head.uid);
                Ok(())
            }
            Verdict::Release => {
                let patch = plan::released(head, |index, _| standings[index] == Standing::Solid);
                self.api(node).patch(&head.name, &patch).await.map(drop)
            }
            Verdict::Delete { policy, unblock } => {
                let mut version = head.version.clone();
                if unblock {
                    version = self.api(node).patch(&head.name, &plan::unblocked(head)).await?.version;
                }
                // What was decided is about this version.
                let preconditions =
                    Preconditions { uid: Some(head.uid.clone()), resource_version: Some(version) };
                let options = DeleteOptions {
                    propagation_policy: Some(policy),
                    preconditions: Some(preconditions),
                    ..DeleteOptions::default()
                };
                self.api(node).delete(&head.name, &options).await.map(drop)
            }
        }
    }

    /// What became of the owner of a reference.
    async fn standing(&self, scene: &Scene, index: usize) -> Result<Standing, ApiError> {
        if plan::is_held_by(scene, index) {
            return Ok(Standing::Solid);
        }
        let (head, owner) = (&scene.node.head, &scene.node.head.owners[index]);
        let Some(kind) = self.ledger.kind_of(owner) else { return Ok(Standing::UnknownKind) };
        if kind.namespaced && head.namespace.is_empty() {
            self.tell_of_misplaced(&scene.node, owner);
            return Ok(Standing::OutOfReach);
        }
        if self.ledger.is_absent(&head.namespace, owner) {
            return Ok(Standing::Absent);
        }
        let namespace = kind.namespaced.then_some(head.namespace.as_str());
        let found = self.client.dynamic(&kind.resource, namespace).viewed::<Head>().find(&owner.name).await?;
        let Some(found) = found.filter(|found| found.uid == owner.uid) else {
            if scene.owners[index].as_ref().is_some_and(|known| known.head.namespace != head.namespace) {
                self.tell_of_misplaced(&scene.node, owner);
            }
            self.ledger.set_absent(&head.namespace, owner);
            return Ok(Standing::Absent);
        };
        Ok(if found.is_foreground() { Standing::Waiting } else { Standing::Solid })
    }

    fn tell_of_misplaced(&self, node: &Node, owner: &OwnerReference) {
        let Head { namespace, name, uid, .. } = &*node.head;
        let object = ObjectReference {
            api_version: Some(node.resource.api_version()),
            kind: Some(node.resource.kind.clone()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            uid: Some(uid.clone()),
            ..ObjectReference::default()
        };
        let OwnerReference { api_version, kind, name, uid, .. } = owner;
        let message = format!(
            "ownerRef [{api_version}/{kind}, namespace: {namespace}, name: {name}, uid: {uid}] does not exist in namespace {namespace:?}"
        );
        self.recorder.record(object, EventType::Warning, "OwnerRefInvalidNamespace", message);
    }
}
