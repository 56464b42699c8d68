//! Pods that a taint sends away: they are told why, deleted, and counted.

use std::time::Duration;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{ObjectReference, Pod as WholePod};
use objects::tree;
use observe::Metrics;
use observe::counter::Counter;
use observe::histogram::Histogram;
use reconcile::ObjectKey;

use crate::counts::counter;
use crate::pod::Pod;

/// Bounds of how late pods are deleted, in seconds; upstream's.
const LATE: [f64; 12] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 120.0, 180.0, 240.0];

/// Why pods are sent away: the reason of the events, and what the condition of the pod says.
pub(crate) struct Cause {
    pub(crate) event: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
}

/// What is counted of pods that were sent away.
pub(crate) struct Deletions {
    count: Counter,
    late: Histogram,
}

impl Deletions {
    /// `controller` begins their names.
    pub(crate) fn new(metrics: &Metrics, controller: &str) -> Self {
        let name = format!("{controller}_pod_deletions");
        let count = counter(metrics, &name, "Pods that were sent away");
        let late = Histogram::new(LATE);
        let help = "Seconds from the time that a pod was to go until it was deleted";
        metrics.register(&format!("{controller}_pod_deletion_duration_seconds"), help, late.clone());
        Self { count, late }
    }

    pub(crate) fn deleted(&self, late: Duration) {
        self.count.inc();
        self.late.observe(late.as_secs_f64());
    }
}

/// Says something of a pod that a taint concerns.
pub(crate) fn tell(recorder: &Recorder, pod: &Pod, event: &str, message: String) {
    let reference = ObjectReference {
        api_version: Some("v1".to_owned()),
        uid: None,
        ..crate::service::pod_reference(pod)
    };
    recorder.record(reference, EventType::Normal, event, message);
}

/// Says in its status why the pod ends, and ends it.
pub(crate) async fn evict(
    client: &Client,
    key: &ObjectKey,
    pod: &Pod,
    cause: &Cause,
) -> Result<(), ApiError> {
    let pods = client.namespaced::<WholePod>(&key.namespace).viewed::<Pod>();
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let condition = tree!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": (cause.reason),
        "message": (cause.message),
        "lastTransitionTime": (objects::meta::rfc3339(supervise::clock::now()))
    });
    let patch = tree!({ "metadata": { "uid": (uid.clone()) }, "status": { "conditions": [condition] } });
    let gone = |error: &ApiError| error.is_not_found() || error.is_conflict();
    match pods.patch_status(&key.name, &Patch::Strategic(patch)).await {
        Err(error) if error.is_not_found() => return Ok(()),
        answer => drop(answer?),
    }
    match pods.delete(&key.name, &DeleteOptions::default().of_uid(uid)).await {
        Err(error) if !gone(&error) => Err(error),
        _ => Ok(()),
    }
}
