//! ResourceQuotas say what their namespace uses. Admission adds to that what it lets through; here it is counted anew
//! whenever something changed, so that what goes is free again.

mod plan;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use client::{ApiError, Client};
use k8s_openapi::api::core::v1::ResourceQuota;
use objects::resource::Verb;
use objects::tree::from_tree;
use reconcile::{Change, ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::discovery::discover;
use crate::monitors::{Definition, Monitors, RESOURCES, feed_resources};
use crate::wiring::Wiring;
use plan::{Counted, Objects, group_resource, is_told, is_wanted};

/// Changes of one burst are counted together.
const BURST: Duration = Duration::from_millis(200);
/// How long what is counted may take to be read for the first time before others are looked at.
const PATIENCE: Duration = Duration::from_secs(1);
const VERBS: &[Verb] = &[Verb::List, Verb::Watch];
/// When a group that could not be read is read again; upstream's.
const RETRY: Duration = Duration::from_secs(30);
/// A definition is served moments after it says so.
const SOON: Duration = Duration::from_millis(200);

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue: Queue<ObjectKey> = wiring.queue("resourcequota_primary");
    let resources = wiring.queue("resourcequota_resources");
    let quotas = wiring.store::<ResourceQuota>();
    let other = resources.clone();
    wiring.on_change(move |change: &Change<'_, ResourceQuota>| {
        let hard = |quota: &Arc<ResourceQuota>| quota.spec.as_ref().and_then(|spec| spec.hard.clone());
        if change.old.map(hard) != change.new.map(hard) {
            other.add(RESOURCES);
        }
    });
    let (due, all) = (queue.clone(), quotas.clone());
    let monitors = Monitors::new(wiring, move |_, change: &Change<'_, Counted>| {
        for quota in all.in_namespace(&change.key.namespace) {
            due.add_after(ObjectKey::of(&quota.metadata), BURST);
        }
    });
    let definitions = feed_resources(wiring, &resources);
    let (client, waiting) = (wiring.client(), queue.clone());
    let bounded =
        Bounded { client, definitions, monitors: monitors.clone(), quotas: quotas.clone(), waiting };
    wiring.reconcile(bounded, resources, NonZeroUsize::MIN);
    let client = wiring.client();
    let workers = wiring.config().quota_syncs;
    wiring.reconcile(Quotas { client, quotas, monitors }, queue, workers);
}

/// Reads what any quota bounds, and nothing else.
struct Bounded {
    client: Client,
    definitions: Store<Definition>,
    monitors: Monitors<Counted>,
    quotas: Store<ResourceQuota>,
    waiting: Queue<ObjectKey>,
}

impl Reconcile for Bounded {
    type Key = &'static str;
    type Error = std::convert::Infallible;

    async fn reconcile(&self, _: &&'static str) -> Result<Outcome, Self::Error> {
        let quotas = self.quotas.all();
        if quotas.is_empty() && self.monitors.stores().is_empty() {
            return Ok(Outcome::Done);
        }
        let discovered = discover(&self.client).await;
        let mut wanted = discovered.with(VERBS);
        wanted.retain(|served| is_wanted(served, quotas.iter().map(|quota| &**quota)));
        drop(self.monitors.follow(&wanted, &discovered));
        quotas.iter().for_each(|quota| self.waiting.add(ObjectKey::of(&quota.metadata)));
        if self.definitions.all().iter().any(|definition| definition.is_missing(&discovered)) {
            return Ok(Outcome::After(SOON));
        }
        Ok(if discovered.failures.is_empty() { Outcome::Done } else { Outcome::After(RETRY) })
    }
}

struct Quotas {
    client: Client,
    quotas: Store<ResourceQuota>,
    monitors: Monitors<Counted>,
}

impl Reconcile for Quotas {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(quota) = self.quotas.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let Some(objects) = self.objects(&quota, &key.namespace).await else {
            return Ok(Outcome::After(PATIENCE));
        };
        let (status, due) = plan::status(&quota, &objects, supervise::clock::now());
        if !is_told(&quota, &status) {
            // Admission writes it too: the version that was read must be the one that is written over.
            let status = from_tree(&status).expect("it has the fields of the status of a quota");
            let quota = ResourceQuota { status: Some(status), ..(*quota).clone() };
            let quotas = self.client.namespaced::<ResourceQuota>(&key.namespace);
            match quotas.update_status(&key.name, &quota).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(due.map_or(Outcome::Done, Outcome::After))
    }
}

impl Quotas {
    /// What the quota counts in its namespace, once all of it was read.
    async fn objects(&self, quota: &ResourceQuota, namespace: &str) -> Option<Vec<Objects>> {
        let mut objects = Vec::new();
        for (served, store) in self.monitors.stores() {
            if !is_wanted(&served, [quota]) {
                continue;
            }
            tokio::time::timeout(PATIENCE, store.synced()).await.ok()?;
            let all: Vec<Arc<Counted>> = store.in_namespace(namespace);
            objects.push((group_resource(&served), all));
        }
        Some(objects)
    }
}
