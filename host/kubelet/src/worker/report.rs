//! Writes the status of one pod to the API server: the latest, as often as it takes; and lets a pod that has ended go.

use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use objects::tree;
use objects::tree::to_tree;
use supervise::Backoff;
use tokio::sync::watch;

use crate::pod::facts::PodFacts;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) pod: Arc<Pod>,
    pub(crate) status: PodStatus,
    /// Everything has ended: after this status the object may go.
    pub(crate) release: bool,
}

/// Writes until the worker is gone and its last report is written.
pub(crate) async fn write(client: Client, mut reports: watch::Receiver<Option<Report>>) {
    let mut written: Option<PodStatus> = None;
    while reports.changed().await.is_ok() {
        let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
        loop {
            let Some(report) = reports.borrow_and_update().clone() else { break };
            let pods = client.namespaced::<Pod>(report.pod.namespace());
            let before = written.clone().or_else(|| report.pod.status.clone()).unwrap_or_default();
            match send(&pods, &report, &before).await {
                Ok(()) => {
                    written = Some(report.status);
                    break;
                }
                // Another pod of this name, or none: nobody is to be told any more.
                Err(error) if error.is_not_found() || error.is_conflict() => {
                    tracing::debug!(%error, pod = report.pod.full_name(), "a status has no pod");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, pod = report.pod.full_name(), "write the status of a pod");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }
}

async fn send(pods: &Api<Pod>, report: &Report, before: &PodStatus) -> Result<(), ApiError> {
    let tree = |status: &PodStatus| to_tree(status).expect("a status is made of maps with text keys");
    let (name, uid) = (report.pod.name(), report.pod.uid().0);
    if let Some(diff) = tree(before).merge_diff(&tree(&report.status)) {
        let patch = tree!({ "metadata": { "uid": (uid.clone()) }, "status": (diff) });
        pods.patch_status(name, &Patch::Merge(patch)).await?;
    }
    if report.release {
        pods.delete(name, &DeleteOptions::grace(0).of_uid(uid)).await?;
    }
    Ok(())
}
