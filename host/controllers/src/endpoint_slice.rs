//! The EndpointSlices of every service that selects pods.

mod hints;
mod plan;

use std::sync::Arc;

use client::events::{EventType, Recorder};
use client::{ApiError, Client};
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use reconcile::{ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::pod::Pod;
use crate::reference::reference;
use crate::service::{Publishing, feed_services_and_pods, published, zone};
use crate::slices::{SliceMetrics, of_service, service_of, unless_going};
use crate::wiring::Wiring;

const MANAGER: &str = "endpointslice-controller.k8s.io";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("endpoint_slice");
    let services = feed_services_and_pods(wiring, &queue);
    let slices = wiring.feed(&queue, |slice: &EndpointSlice| service_of(slice, MANAGER));
    let nodes = feed_nodes(wiring, &queue, services.clone());
    let (pods, client) = (wiring.store(), wiring.client());
    let recorder = wiring.recorder("endpoint-slice-controller");
    let metrics = SliceMetrics::new(wiring.metrics(), "endpoint_slice_controller");
    let config = wiring.config();
    let (workers, room) = (config.service_endpoint_syncs, config.max_endpoints_per_slice.get());
    wiring.reconcile(
        Keeper { client, services, pods, nodes, slices, recorder, metrics, room },
        queue,
        workers,
    );
}

/// Of a node every endpoint shows the zone; hints by proportion depend on more.
fn feed_nodes(wiring: &mut Wiring<'_>, queue: &Queue<ObjectKey>, services: Store<Service>) -> Store<Node> {
    let queue = queue.clone();
    wiring.on_change::<Node>(move |change| {
        let place = |node: Option<&Arc<Node>>| node.map(|node| zone(node).cloned());
        let power = |node: Option<&Arc<Node>>| node.map(|node| hints::power(node));
        let moved = place(change.old) != place(change.new);
        if !moved && power(change.old) == power(change.new) {
            return;
        }
        let concerned = |service: &Arc<Service>| moved || hints::by_proportion(service);
        for service in services.all().iter().filter(|service| concerned(service)) {
            queue.add(ObjectKey::of(&service.metadata));
        }
    });
    wiring.store()
}

struct Keeper {
    client: Client,
    services: Store<Service>,
    pods: Store<Pod>,
    nodes: Store<Node>,
    slices: Store<EndpointSlice>,
    recorder: Recorder,
    metrics: SliceMetrics,
    /// Endpoints that a slice holds.
    room: usize,
}

impl Reconcile for Keeper {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let service = self.services.get(&key.namespace, &key.name);
        let Some(service) = service.filter(|service| service.selector().is_some()) else {
            return Ok(Outcome::Done);
        };
        let mut pods = self.pods.in_namespace(&key.namespace);
        pods.retain(|pod| service.selects(pod.metadata.labels.as_ref()));
        let state = plan::State {
            service: &service,
            pods: &pods,
            nodes: plan::Nodes { named: &|name| self.nodes.get("", name), all: &|| self.nodes.all() },
            slices: of_service(&self.slices, key, MANAGER),
            room: self.room,
        };
        let plan = plan::plan(state);
        let api = self.client.namespaced(&key.namespace);
        self.metrics.count(&plan.packings);
        for packing in plan.packings {
            let written = packing.write(&api, &self.slices, plan.trigger).await;
            if let Err(error) = unless_going(written) {
                let message = format!("Error updating Endpoint Slices for Service {key}: {error}");
                let reason = "FailedToUpdateEndpointSlices";
                self.recorder.record(reference(&*service), EventType::Warning, reason, message);
                return Err(error);
            }
        }
        for note in plan.notes {
            self.recorder.record(reference(&*service), note.kind, note.reason, note.message);
        }
        Ok(published(pods.len()))
    }
}
