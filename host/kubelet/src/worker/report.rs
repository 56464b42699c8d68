//! Writes the status of one pod to the API server: the latest, as often as it takes; and lets a pod that has ended go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use objects::tree;
use objects::tree::to_tree;
use supervise::Backoff;
use tokio::sync::watch;

use crate::pod::facts::PodFacts;
use crate::pod::status::is_own;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) pod: Arc<Pod>,
    pub(crate) status: PodStatus,
    /// Everything has ended: after this status the object may go.
    pub(crate) release: bool,
}

/// What was written last.
struct Written {
    status: PodStatus,
    /// The object's resourceVersion after it.
    version: u64,
}

/// Whether somebody else said otherwise of a condition that is the node's to tell.
pub(super) fn is_contradicted(pod: &Pod, said: &PodStatus) -> bool {
    let shown = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let own = said.conditions.iter().flatten().filter(|condition| is_own(&condition.type_));
    let own: BTreeMap<&str, &str> = own.map(|own| (own.type_.as_str(), own.status.as_str())).collect();
    shown.into_iter().any(|shown| own.get(shown.type_.as_str()).is_some_and(|own| *own != shown.status))
}

fn version(pod: &Pod) -> u64 {
    pod.metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// Writes until the worker is gone and its last report is written.
pub(crate) async fn write(client: Client, mut reports: watch::Receiver<Option<Report>>) {
    let mut written: Option<Written> = None;
    while reports.changed().await.is_ok() {
        let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
        loop {
            let Some(report) = reports.borrow_and_update().clone() else { break };
            let pods = client.namespaced::<Pod>(report.pod.namespace());
            // What others have written since is in an object that is newer than our own writing.
            let ours = written.as_ref().filter(|written| written.version >= version(&report.pod));
            let before = ours.map(|ours| &ours.status).or(report.pod.status.as_ref());
            match send(&pods, &report, before.unwrap_or(&PodStatus::default())).await {
                Ok(patched) => {
                    let kept = ours.map_or_else(|| version(&report.pod), |ours| ours.version);
                    let version = patched.unwrap_or(kept);
                    written = Some(Written { status: report.status, version });
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

/// The version of what was written, if anything was to be.
async fn send(pods: &Api<Pod>, report: &Report, before: &PodStatus) -> Result<Option<u64>, ApiError> {
    let tree = |status: &PodStatus| to_tree(status).expect("a status is made of maps with text keys");
    let (name, uid) = (report.pod.name(), report.pod.uid().0);
    let mut patched = None;
    if let Some(diff) = tree(before).merge_diff(&tree(&report.status)) {
        let patch = tree!({ "metadata": { "uid": (uid.clone()) }, "status": (diff) });
        patched = Some(version(&pods.patch_status(name, &Patch::Merge(patch)).await?));
    }
    if report.release {
        pods.delete(name, &DeleteOptions::grace(0).of_uid(uid)).await?;
    }
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodCondition;

    use super::*;

    fn status(conditions: &[(&str, &str)]) -> PodStatus {
        let condition = |(kind, status): &(&str, &str)| PodCondition {
            type_: (*kind).to_owned(),
            status: (*status).to_owned(),
            ..PodCondition::default()
        };
        PodStatus { conditions: Some(conditions.iter().map(condition).collect()), ..PodStatus::default() }
    }

    #[test]
    fn only_another_word_on_a_condition_of_the_nodes_own_contradicts() {
        let said = status(&[("Ready", "True"), ("Initialized", "True")]);
        let contradicted = |shown: &[(&str, &str)]| {
            is_contradicted(&Pod { status: Some(status(shown)), ..Pod::default() }, &said)
        };
        assert!(contradicted(&[("Initialized", "True"), ("Ready", "False")]));
        assert!(!contradicted(&[("Ready", "True")]));
        assert!(!contradicted(&[]));
        assert!(!contradicted(&[("DisruptionTarget", "True")]));
    }
}
