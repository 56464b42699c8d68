//! Pods that were told that they would be disrupted, and were not.

use std::time::Duration;

use client::{ApiError, Client, Patch};
use jiff::Timestamp;
use objects::{meta, tree};
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use super::WORKERS;
use crate::pod::Pod;
use crate::wiring::Wiring;

/// What was announced is to have begun by then; upstream's.
const STALE: Duration = Duration::from_secs(120);
const TARGET: &str = "DisruptionTarget";

pub(super) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("stale_pod_disruption");
    let pods = wiring.feed(&queue, |pod: &Pod| {
        left(pod, Timestamp::UNIX_EPOCH).is_some().then(|| ObjectKey::of(&pod.metadata))
    });
    let client = wiring.client();
    wiring.reconcile(Stale { client, pods }, queue, WORKERS);
}

struct Stale {
    client: Client,
    pods: Store<Pod>,
}

impl Reconcile for Stale {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(pod) = self.pods.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let now = supervise::clock::now();
        match left(&pod, now) {
            None => return Ok(Outcome::Done),
            Some(left) if !left.is_zero() => return Ok(Outcome::After(left)),
            Some(_) => {}
        }
        let condition =
            tree!({ "type": TARGET, "status": "False", "lastTransitionTime": (meta::rfc3339(now)) });
        let version = pod.metadata.resource_version.clone();
        let patch = Patch::Strategic(tree!({
            "metadata": { "resourceVersion": version }, "status": { "conditions": [condition] }
        }));
        match self.client.namespaced::<Pod>(&key.namespace).patch_status(&key.name, &patch).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}

/// How long until what was announced is stale; nothing where nothing was, or it has begun.
fn left(pod: &Pod, now: Timestamp) -> Option<Duration> {
    let told = pod.condition(TARGET).filter(|told| told.status == "True" && pod.is_active())?;
    let since = told.last_transition_time.as_ref()?.0;
    let passed = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
    Some(STALE.saturating_sub(passed))
}
