//! DaemonSets: a pod on every node that is fit for it, of the newest template as far as the strategy has got.

mod backoff;
mod eligibility;
mod plan;
mod template;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use client::events::{EventType, Recorder};
use client::{ApiError, Client};
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::{Node, PodTemplateSpec};
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, Selects, claim, feed_owners, selector_of};
use crate::pod::{Pod, next_available};
use crate::pod_batches::PodBatches;
use crate::pod_control::PodError;
use crate::pod_template::pod_of;
use crate::revisions::{self, Present, REVISION_LABEL, Revision, Wanted};
use crate::status::write_status;
use crate::wiring::Wiring;
use backoff::Backoff;
use eligibility::Eligibility;
use plan::{Plan, State};

/// Pods that are made or deleted at once; upstream's.
const BURST: usize = 250;
/// Nodes come and go many at a time.
const GATHER: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
enum DaemonSetError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("manage the pods")]
    Pods(#[from] PodError),
}

impl Selects for DaemonSet {
    fn selector(&self) -> Option<LabelSelector> {
        selector_of(&self.spec.as_ref()?.selector)
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("daemonset");
    let recorder = wiring.recorder("daemonset-controller");
    let batches = PodBatches::of::<DaemonSet>(wiring, recorder.clone());
    let sets = wiring.feed_own::<DaemonSet>(&queue);
    let pods = feed_owners::<DaemonSet, Pod>(wiring, &queue);
    let revisions = feed_owners::<DaemonSet, Revision>(wiring, &queue);
    let (all, waiting) = (sets.clone(), queue.clone());
    wiring.on_change(move |change: &Change<'_, Node>| {
        if change.old.map(|node| fitness(node)) != change.new.map(|node| fitness(node)) {
            all.all().iter().for_each(|set| waiting.add_after(ObjectKey::of(&set.metadata), GATHER));
        }
    });
    let (client, nodes, backoff) = (wiring.client(), wiring.store(), Backoff::default());
    let reconciler = DaemonSets { client, recorder, batches, backoff, sets, pods, revisions, nodes };
    let workers = wiring.config().daemon_set_syncs;
    wiring.reconcile(reconciler, queue, workers);
}

/// Of a node what decides on pods.
fn fitness(node: &Node) -> impl PartialEq + '_ {
    (node.metadata.labels.as_ref(), node.spec.as_ref().and_then(|spec| spec.taints.as_ref()))
}

struct DaemonSets {
    client: Client,
    recorder: Recorder,
    batches: PodBatches,
    backoff: Backoff,
    sets: Store<DaemonSet>,
    pods: Store<Pod>,
    revisions: Store<Revision>,
    nodes: Store<Node>,
}

impl Reconcile for DaemonSets {
    type Key = ObjectKey;
    type Error = DaemonSetError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, DaemonSetError> {
        let Some(set) = self.sets.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let owner = Owner::of(&*set);
        let Some(selector) = set.selector() else {
            let message = "This daemon set is selecting all pods. A non-empty selector is required.";
            self.recorder.record(owner.object(), EventType::Warning, "SelectingAll", message);
            return Ok(Outcome::Done);
        };
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(Outcome::Done);
        }
        let revisions = self.revisions.in_namespace(&key.namespace);
        let revisions = claim(&self.client, &*set, &selector, revisions).await?;
        let Some(present) = self.present(&set, &owner, &revisions).await? else { return Ok(Outcome::Done) };
        let hash = present.label(REVISION_LABEL).unwrap_or_default();
        let is_settled = self.batches.pending(&owner).is_none();
        let pods = claim(&self.client, &*set, &selector, self.pods.in_namespace(&key.namespace)).await?;
        let template = template::template(&set, hash);
        let eligibility = Eligibility::of(&template);
        let nodes = self.nodes.all();
        let nodes =
            nodes.iter().filter_map(|node| Some((node.metadata.name.clone()?, eligibility.judge(node))));
        let nodes: BTreeMap<_, _> = nodes.collect();
        let now = supervise::clock::now();
        let state = State { set: &set, nodes, pods: plan::by_node(&pods), hash, now };
        let managed = if is_settled { self.manage(&owner, &template, &state).await } else { Ok(None) };
        let status = plan::status(&state, is_settled);
        let old = set.status.clone().unwrap_or_default();
        write_status::<DaemonSet, DaemonSetStatus>(&self.client, &owner, &old, &status).await?;
        let again = managed?;
        if is_settled {
            self.forget(&set, &owner, &present, revisions, &pods).await?;
        }
        let min_ready_seconds = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        let due = [again, self.batches.pending(&owner), next_available(&pods, min_ready_seconds, now)];
        Ok(due.into_iter().flatten().min().map_or(Outcome::Done, Outcome::After))
    }
}

impl DaemonSets {
    /// The revision of the template; `None` while it has no name of its own.
    async fn present(
        &self,
        set: &DaemonSet,
        owner: &Owner,
        revisions: &[Arc<Revision>],
    ) -> Result<Option<Arc<Revision>>, ApiError> {
        let Some(spec) = &set.spec else { return Ok(None) };
        let old = set.status.clone().unwrap_or_default();
        let mut labels = spec.template.metadata.clone().unwrap_or_default();
        labels.annotations = set.metadata.annotations.clone();
        let wanted = Wanted {
            owner,
            data: revisions::data_of(&spec.template),
            labels: &labels,
            hash_label: REVISION_LABEL,
            collisions: old.collision_count.unwrap_or(0),
        };
        match revisions::present(&self.client, &wanted, revisions).await? {
            Present::Is(revision) => Ok(Some(revision)),
            Present::Collides => {
                let collision_count = Some(wanted.collisions + 1);
                let status = DaemonSetStatus { collision_count, ..old.clone() };
                write_status::<DaemonSet, _>(&self.client, owner, &old, &status).await?;
                Ok(None)
            }
        }
    }

    /// Gives when a pod that came to its end may be replaced.
    async fn manage(
        &self,
        owner: &Owner,
        template: &PodTemplateSpec,
        state: &State<'_>,
    ) -> Result<Option<Duration>, PodError> {
        let Plan { mut create, mut delete, ended } = plan::keep(state);
        let mut again = None;
        for (node, pod) in ended {
            match self.backoff.turn(&owner.uid, &node) {
                Ok(()) => {
                    self.tell_end(owner, &node, &pod);
                    delete.push(pod);
                }
                Err(left) => again = Some(again.map_or(left, |again: Duration| again.min(left))),
            }
        }
        if create.is_empty() && delete.is_empty() {
            Plan { create, delete, .. } = plan::roll(state);
        }
        create.truncate(BURST);
        delete.truncate(BURST);
        let pod = to_tree(&pod_of(template, owner)).expect("a pod is JSON");
        let bound = |index: usize| {
            let mut pod = pod.clone();
            template::bind(&mut pod, &create[index]);
            pod
        };
        let created = self.batches.create(owner, create.len(), bound).await;
        self.batches.delete(owner, &delete).await?;
        created?;
        Ok(again)
    }

    fn tell_end(&self, owner: &Owner, node: &str, pod: &Pod) {
        let (namespace, name) = (&owner.namespace, pod.metadata.name.as_deref().unwrap_or_default());
        let (kind, reason, end, what) = match pod.phase() {
            "Failed" => (EventType::Warning, "FailedDaemonPod", "failed", "kill"),
            _ => (EventType::Normal, "SucceededDaemonPod", "succeeded", "delete"),
        };
        let message =
            format!("Found {end} daemon pod {namespace}/{name} on node {node}, will try to {what} it");
        self.recorder.record(owner.object(), kind, reason, message);
    }

    /// Deletes revisions beyond the limit of which no pod is left.
    async fn forget(
        &self,
        set: &DaemonSet,
        owner: &Owner,
        present: &Revision,
        mut revisions: Vec<Arc<Revision>>,
        pods: &[Arc<Pod>],
    ) -> Result<(), ApiError> {
        let limit = set.spec.as_ref().and_then(|spec| spec.revision_history_limit).unwrap_or(0);
        revisions.retain(|revision| revision.name() != present.name());
        let surplus = revisions.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        let live: HashSet<&str> = pods
            .iter()
            .filter_map(|pod| pod.metadata.labels.as_ref()?.get(REVISION_LABEL).map(String::as_str))
            .collect();
        revisions.retain(|revision| revision.label(REVISION_LABEL).is_none_or(|hash| !live.contains(hash)));
        revisions::forget(&self.client, owner, revisions, surplus).await
    }
}
