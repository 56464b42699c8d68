//! [`PodControl`]: makes and deletes the pods of an owner, and says so in events of the owner.

use client::events::{EventType, Recorder};
use client::{ApiError, ApiResource, Client, DeleteOptions};
use k8s_openapi::api::core::v1::Pod as WholePod;
use objects::{Tree, meta};

use crate::dependents::Owner;
use crate::pod::Pod;
use crate::wiring::Wiring;

#[derive(Clone)]
pub(crate) struct PodControl {
    client: Client,
    recorder: Recorder,
}

/// What could not be done with a pod, in upstream's words: they are in conditions too.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PodError {
    #[error("{0}")]
    Create(ApiError),
    #[error("unable to delete pods: {0}")]
    Delete(ApiError),
}

impl PodError {
    /// Nothing can be made in the namespace any more, which is no fault of the owner.
    pub(crate) fn is_namespace_terminating(&self) -> bool {
        matches!(self, Self::Create(error) if error.is_namespace_terminating())
    }
}

impl PodControl {
    pub(crate) fn new(wiring: &Wiring<'_>, recorder: Recorder) -> Self {
        Self { client: wiring.client(), recorder }
    }

    /// Creates a pod that was made of the owner's template.
    pub(crate) async fn create(&self, owner: &Owner, pod: &Tree) -> Result<(), PodError> {
        let pods = self.client.dynamic(&ApiResource::of::<WholePod>(), Some(&owner.namespace));
        match pods.create(pod).await {
            Ok(made) => {
                let message = format!("Created pod: {}", meta::name(&made));
                self.recorder.record(owner.object(), EventType::Normal, "SuccessfulCreate", message);
                Ok(())
            }
            Err(error) => {
                if !error.is_namespace_terminating() {
                    let message = format!("Error creating: {error}");
                    self.recorder.record(owner.object(), EventType::Warning, "FailedCreate", message);
                }
                Err(PodError::Create(error))
            }
        }
    }

    /// Deletes a pod; one that is gone already is none of the errors. Tells whether it was there.
    pub(crate) async fn delete(&self, owner: &Owner, pod: &Pod) -> Result<bool, PodError> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let options = DeleteOptions::default().of_uid(pod.metadata.uid.as_deref().unwrap_or_default());
        match self.client.namespaced::<Pod>(&owner.namespace).delete(name, &options).await {
            Ok(_) => {
                let message = format!("Deleted pod: {name}");
                self.recorder.record(owner.object(), EventType::Normal, "SuccessfulDelete", message);
                Ok(true)
            }
            // Conflict: the name is another pod's by now.
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(false),
            Err(error) => {
                let message = format!("Error deleting: {error}");
                self.recorder.record(owner.object(), EventType::Warning, "FailedDelete", message);
                Err(PodError::Delete(error))
            }
        }
    }
}
