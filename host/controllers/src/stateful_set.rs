//! StatefulSets: pods with numbers, names and claims that stay theirs, made, updated and deleted in their order.

mod claims;
mod identity;
mod plan;

use std::collections::HashSet;
use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, ApiResource, Client, DeleteOptions, Patch};
use futures_util::future::join_all;
use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod as WholePod, PodTemplateSpec};
use objects::selector::LabelSelector;
use objects::tree;
use objects::tree::to_tree;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use crate::dependents::{Owner, Selects, claim, feed_owners, selector_of};
use crate::pod::{Pod, next_available};
use crate::revisions::{self, Present, REVISION_LABEL, Revision, Wanted};
use crate::slow_start::slow_start;
use crate::status::write_status;
use crate::wiring::Wiring;
use claims::{Owners, Retention, is_stale};
use identity::{ordinal, pod_name, template_of};
use plan::{Plan, State, Template, Wish};

const HASH_LABEL: &str = "controller.kubernetes.io/hash";

#[derive(Debug, thiserror::Error)]
enum StatefulSetError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("failed to create PVC {name}: {error}")]
    Claim { name: String, error: ApiError },
    #[error("pvc {0} is being deleted")]
    ClaimGoes(String),
    #[error("read the template of revision {0}: it is none")]
    Template(String),
}

impl Selects for StatefulSet {
    fn selector(&self) -> Option<LabelSelector> {
        selector_of(&self.spec.as_ref()?.selector)
    }
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("statefulset");
    let recorder = wiring.recorder("statefulset-controller");
    let sets = wiring.feed_own::<StatefulSet>(&queue);
    let pods = feed_owners::<StatefulSet, Pod>(wiring, &queue);
    let revisions = feed_owners::<StatefulSet, Revision>(wiring, &queue);
    let waiting = queue.clone();
    // A pod may wait for the claim of an earlier one to go.
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        let Some(gone) = change.old.filter(|_| change.new.is_none()) else { return };
        let pods = gone.metadata.owner_references.iter().flatten().filter(|owner| owner.kind == Pod::KIND);
        let sets = pods.filter_map(|pod| pod.name.rsplit_once('-'));
        sets.for_each(|(set, _)| waiting.add(ObjectKey::new(&change.key.namespace, set)));
    });
    let (client, claims, workers) = (wiring.client(), wiring.store(), wiring.config().stateful_set_syncs);
    wiring.reconcile(StatefulSets { client, recorder, sets, pods, revisions, claims }, queue, workers);
}

struct StatefulSets {
    client: Client,
    recorder: Recorder,
    sets: Store<StatefulSet>,
    pods: Store<Pod>,
    revisions: Store<Revision>,
    claims: Store<PersistentVolumeClaim>,
}

/// A set and its revisions.
struct Subject<'a> {
    set: &'a StatefulSet,
    owner: Owner,
    wish: Wish,
    current: Arc<Revision>,
    update: Arc<Revision>,
}

impl Reconcile for StatefulSets {
    type Key = ObjectKey;
    type Error = StatefulSetError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, StatefulSetError> {
        let Some(set) = self.sets.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let (Some(wish), Some(selector)) = (Wish::of(&set), set.selector()) else { return Ok(Outcome::Done) };
        let owner = Owner::of(&*set);
        let revisions = self.revisions.in_namespace(&key.namespace);
        let revisions = claim(&self.client, &*set, &selector, revisions).await?;
        let is_named =
            |pod: &Arc<Pod>| ordinal(&key.name, pod.metadata.name.as_deref().unwrap_or_default()).is_some();
        let pods: Vec<_> = self.pods.in_namespace(&key.namespace).into_iter().filter(is_named).collect();
        let pods = claim(&self.client, &*set, &selector, pods).await?;
        let Some(update) = self.present(&set, &owner, &revisions).await? else { return Ok(Outcome::Done) };
        let old = set.status.clone().unwrap_or_default();
        let is_current = |revision: &&Arc<Revision>| Some(revision.name()) == old.current_revision.as_deref();
        let current = revisions.iter().find(is_current).unwrap_or(&update).clone();
        let subject = Subject { set: &set, owner, wish, current, update };
        let state = State {
            set: &set,
            wish,
            current: subject.current.name(),
            update: subject.update.name(),
            pods: plan::numbered(&key.name, pods.clone()),
            now: supervise::clock::now(),
        };
        let done = self.carry_out(&subject, plan::plan(&state)).await;
        let status = plan::status(&state, old.collision_count.unwrap_or(0));
        write_status::<StatefulSet, _>(&self.client, &subject.owner, &old, &status).await?;
        done?;
        self.forget(&subject, revisions, &pods).await?;
        let due = next_available(&pods, wish.min_ready_seconds, state.now);
        Ok(due.map_or(Outcome::Done, Outcome::After))
    }
}

impl StatefulSets {
    /// The revision of the template; `None` while it has no name of its own.
    async fn present(
        &self,
        set: &StatefulSet,
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
            hash_label: HASH_LABEL,
            collisions: old.collision_count.unwrap_or(0),
        };
        match revisions::present(&self.client, &wanted, revisions).await? {
            Present::Is(revision) => Ok(Some(revision)),
            Present::Collides => {
                let collision_count = Some(wanted.collisions + 1);
                let status = StatefulSetStatus { collision_count, ..old.clone() };
                write_status::<StatefulSet, _>(&self.client, owner, &old, &status).await?;
                Ok(None)
            }
        }
    }

    async fn carry_out(&self, subject: &Subject<'_>, plan: Plan) -> Result<(), StatefulSetError> {
        for (ordinal, pod) in &plan.retain {
            self.identify(subject, pod).await?;
            self.retain(subject, *ordinal, pod).await?;
        }
        for ordinal in plan.claims {
            self.claim(subject, ordinal).await?;
        }
        let create = |index: usize| self.create(subject, plan.create[index]);
        slow_start(plan.create.len(), create).await.1?;
        let deletions = plan.delete.iter().map(|pod| self.delete(&subject.owner, pod));
        join_all(deletions).await.into_iter().collect()
    }

    /// Its claims first, so that it finds them.
    async fn create(
        &self,
        subject: &Subject<'_>,
        (ordinal, template): (i32, Template),
    ) -> Result<(), StatefulSetError> {
        let owner = &subject.owner;
        let name = pod_name(&owner.name, ordinal);
        if Retention::of(subject.set).deletes_with_pod {
            let claims = claims::claims(subject.set, owner, ordinal);
            let found = claims.iter().filter_map(|claim| self.found(claim));
            if found.into_iter().any(|claim| is_stale(&claim.metadata, &name, None)) {
                return Ok(());
            }
        }
        let claimed = self.claim(subject, ordinal).await;
        if claimed.is_err() {
            self.tell(owner, "Create", &name, &claimed);
            return claimed;
        }
        let revision = match template {
            Template::Current => &subject.current,
            Template::Update => &subject.update,
        };
        let template: PodTemplateSpec =
            template_of(revision).ok_or_else(|| StatefulSetError::Template(revision.name().to_owned()))?;
        let pod = identity::pod(subject.set, owner, &template, revision.name(), ordinal);
        let pods = self.client.namespaced::<WholePod>(&owner.namespace);
        match pods.create(&pod).await {
            Err(error) if error.is_already_exists() || error.is_namespace_terminating() => Err(error.into()),
            answer => {
                let answer = answer.map(drop).map_err(StatefulSetError::from);
                self.tell(owner, "Create", &name, &answer);
                answer
            }
        }
    }

    async fn delete(&self, owner: &Owner, pod: &Pod) -> Result<(), StatefulSetError> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        self.tell_of_end(owner, name, pod.phase());
        let options = DeleteOptions::default().of_uid(pod.metadata.uid.as_deref().unwrap_or_default());
        let answer = match self.client.namespaced::<Pod>(&owner.namespace).delete(name, &options).await {
            // Conflict: the name is another pod's by now.
            Err(error) if error.is_not_found() || error.is_conflict() => return Ok(()),
            answer => answer.map(drop).map_err(StatefulSetError::from),
        };
        self.tell(owner, "Delete", name, &answer);
        answer
    }

    /// Why a pod is made anew that nobody deleted.
    fn tell_of_end(&self, owner: &Owner, pod: &str, phase: &str) {
        let (kind, reason, how) = match phase {
            "Failed" => (EventType::Warning, "RecreatingFailedPod", "failed"),
            "Succeeded" => (EventType::Normal, "RecreatingTerminatedPod", "terminated"),
            _ => return,
        };
        let Owner { namespace, name: set, .. } = owner;
        let message = format!("StatefulSet {namespace}/{set} is recreating {how} Pod {pod}");
        self.recorder.record(owner.object(), kind, reason, message);
    }

    /// Makes the claims of a number that are missing.
    async fn claim(&self, subject: &Subject<'_>, ordinal: i32) -> Result<(), StatefulSetError> {
        let owner = &subject.owner;
        let api = self.client.namespaced::<PersistentVolumeClaim>(&owner.namespace);
        for claim in claims::claims(subject.set, owner, ordinal) {
            let name = claim.metadata.name.clone().unwrap_or_default();
            if let Some(found) = self.found(&claim) {
                if found.metadata.deletion_timestamp.is_some() {
                    return Err(StatefulSetError::ClaimGoes(name));
                }
                continue;
            }
            let pod = pod_name(&owner.name, ordinal);
            match api.create(&claim).await {
                Ok(_) => {
                    let message =
                        format!("create Claim {name} Pod {pod} in StatefulSet {} success", owner.name);
                    self.recorder.record(owner.object(), EventType::Normal, "SuccessfulCreate", message);
                }
                Err(error) if error.is_already_exists() => {}
                Err(error) => {
                    let set = &owner.name;
                    let message = format!(
                        "create Claim {name} for Pod {pod} in StatefulSet {set} failed error: {error}"
                    );
                    self.recorder.record(owner.object(), EventType::Warning, "FailedCreate", message);
                    return Err(StatefulSetError::Claim { name, error });
                }
            }
        }
        Ok(())
    }

    fn found(&self, claim: &PersistentVolumeClaim) -> Option<Arc<PersistentVolumeClaim>> {
        let metadata = &claim.metadata;
        self.claims.get(metadata.namespace.as_deref()?, metadata.name.as_deref()?)
    }

    async fn identify(&self, subject: &Subject<'_>, pod: &Pod) -> Result<(), ApiError> {
        if identity::is_labelled(pod) {
            return Ok(());
        }
        let pods = self.client.namespaced::<Pod>(&subject.owner.namespace);
        let patch = Patch::Merge(identity::identity(pod));
        pods.patch(pod.metadata.name.as_deref().unwrap_or_default(), &patch).await.map(drop)
    }

    /// Tells the garbage collector with whom the claims of a pod go.
    async fn retain(&self, subject: &Subject<'_>, ordinal: i32, pod: &Pod) -> Result<(), ApiError> {
        let owner = &subject.owner;
        let owners = Owners {
            retention: Retention::of(subject.set),
            set: owner,
            pod: &Owner::of(pod),
            is_condemned: !subject.wish.has(ordinal),
        };
        let claims = self.client.dynamic(&ApiResource::of::<PersistentVolumeClaim>(), Some(&owner.namespace));
        for claim in claims::claims(subject.set, owner, ordinal) {
            let Some(found) = self.found(&claim) else { continue };
            let Some(changed) = owners.changed(&found.metadata) else { continue };
            let changed = to_tree(&changed).expect("owner references are JSON");
            let version = found.metadata.resource_version.clone();
            let patch = tree!({ "metadata": { "resourceVersion": version, "ownerReferences": changed } });
            let name = claim.metadata.name.as_deref().unwrap_or_default();
            claims.patch(name, &Patch::Merge(patch)).await?;
        }
        Ok(())
    }

    fn tell(&self, owner: &Owner, verb: &str, pod: &str, answer: &Result<(), StatefulSetError>) {
        let set = &owner.name;
        let done = format!("{} Pod {pod} in StatefulSet {set}", verb.to_lowercase());
        let (kind, reason, message) = match answer {
            Ok(()) => (EventType::Normal, format!("Successful{verb}"), format!("{done} successful")),
            Err(error) => {
                (EventType::Warning, format!("Failed{verb}"), format!("{done} failed error: {error}"))
            }
        };
        self.recorder.record(owner.object(), kind, reason, message);
    }

    /// Deletes revisions beyond the limit that nothing is of.
    async fn forget(
        &self,
        subject: &Subject<'_>,
        mut revisions: Vec<Arc<Revision>>,
        pods: &[Arc<Pod>],
    ) -> Result<(), ApiError> {
        let limit = subject.set.spec.as_ref().and_then(|spec| spec.revision_history_limit).unwrap_or(0);
        let of_pods = pods
            .iter()
            .filter_map(|pod| pod.metadata.labels.as_ref()?.get(REVISION_LABEL).map(String::as_str));
        let live: HashSet<&str> = of_pods.chain([subject.current.name(), subject.update.name()]).collect();
        revisions.retain(|revision| !live.contains(revision.name()));
        let surplus = revisions.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        revisions::forget(&self.client, &subject.owner, revisions, surplus).await
    }
}
