//! The Endpoints of every service that selects pods, for whoever does not read EndpointSlices yet.

mod plan;

use client::events::{EventType, Recorder};
use client::{ApiError, Client, DeleteOptions};
use k8s_openapi::api::core::v1::{Endpoints, Service};
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::pod::Pod;
use crate::reference::reference;
use crate::service::{Publishing, feed_services_and_pods, published};
use crate::wiring::Wiring;

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("endpoint");
    let services = feed_services_and_pods(wiring, &queue);
    let endpoints = wiring.feed(&queue, |endpoints: &Endpoints| {
        plan::is_ours(endpoints).then(|| ObjectKey::of(&endpoints.metadata))
    });
    let (pods, client) = (wiring.store(), wiring.client());
    let recorder = wiring.recorder("endpoint-controller");
    let workers = wiring.config().endpoint_syncs;
    wiring.reconcile(Keeper { client, services, pods, endpoints, recorder }, queue, workers);
}

struct Keeper {
    client: Client,
    services: Store<Service>,
    pods: Store<Pod>,
    endpoints: Store<Endpoints>,
    recorder: Recorder,
}

impl Reconcile for Keeper {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let api = self.client.namespaced::<Endpoints>(&key.namespace);
        let old = self.endpoints.get(&key.namespace, &key.name);
        let Some(service) = self.services.get(&key.namespace, &key.name) else {
            if let Some(old) = old {
                let only = DeleteOptions::default().of_uid(old.metadata.uid.clone().unwrap_or_default());
                match api.delete(&key.name, &only).await {
                    Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
                    _ => {}
                }
            }
            return Ok(Outcome::Done);
        };
        if service.selector().is_none() {
            return Ok(Outcome::Done);
        }
        let mut pods = self.pods.in_namespace(&key.namespace);
        pods.retain(|pod| service.selects(pod.metadata.labels.as_ref()));
        let published = published(pods.len());
        let Some(new) = plan::plan(&service, &pods, old.as_deref()) else { return Ok(published) };
        let (written, reason, doing) = match &old {
            Some(_) => (api.update(&key.name, &new).await, "FailedToUpdateEndpoint", "update endpoint"),
            None => (api.create(&new).await, "FailedToCreateEndpoint", "create endpoint for service"),
        };
        match written {
            Ok(written) => {
                self.endpoints
                    .reached(written.metadata.resource_version.as_deref().unwrap_or_default())
                    .await;
                Ok(published)
            }
            Err(error) if error.is_namespace_terminating() => Ok(Outcome::Done),
            Err(error) => {
                let message = format!("Failed to {doing} {}/{}: {error}", key.namespace, key.name);
                self.recorder.record(reference(&new), EventType::Warning, reason, message);
                Err(error)
            }
        }
    }
}
