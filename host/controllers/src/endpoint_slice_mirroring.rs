//! EndpointSlices that mirror Endpoints which somebody else wrote for a service without a selector.

mod plan;

use client::events::{EventType, Recorder};
use client::{ApiError, Client};
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::reference::reference;
use crate::service::Publishing;
use crate::slices::{Packing, SliceMetrics, of_service, service_of, unless_going};
use crate::wiring::Wiring;

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("endpoint_slice_mirroring");
    let endpoints = wiring.feed_own(&queue);
    let services = wiring.feed_own(&queue);
    let slices = wiring.feed(&queue, |slice: &EndpointSlice| service_of(slice, MANAGER));
    let client = wiring.client();
    let recorder = wiring.recorder("endpoint-slice-mirroring-controller");
    let metrics = SliceMetrics::new(wiring.metrics(), "endpoint_slice_mirroring_controller");
    let config = wiring.config();
    let (workers, room) = (config.mirroring_syncs, config.mirroring_max_endpoints_per_subset.get());
    wiring.reconcile(Mirror { client, services, endpoints, slices, recorder, metrics, room }, queue, workers);
}

struct Mirror {
    client: Client,
    services: Store<Service>,
    endpoints: Store<Endpoints>,
    slices: Store<EndpointSlice>,
    recorder: Recorder,
    metrics: SliceMetrics,
    /// Addresses of a subset that are mirrored.
    room: usize,
}

impl Reconcile for Mirror {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let slices = of_service(&self.slices, key, MANAGER);
        let endpoints = self.endpoints.get(&key.namespace, &key.name);
        let service = self.services.get(&key.namespace, &key.name);
        let plan = match (endpoints.filter(|endpoints| plan::is_mirrored(endpoints)), service) {
            (Some(_), None) => return Ok(Outcome::Done),
            (Some(endpoints), Some(service)) if service.has_no_selector() => {
                let plan = plan::plan(&endpoints, slices, self.room);
                for (reason, message) in plan.warnings(self.room) {
                    self.recorder.record(reference(&*endpoints), EventType::Warning, reason, message);
                }
                plan.packings
            }
            _ => vec![Packing::of_spare(slices)],
        };
        let api = self.client.namespaced(&key.namespace);
        self.metrics.count(&plan);
        for packing in plan {
            unless_going(packing.write(&api, &self.slices, None).await)?;
        }
        Ok(Outcome::Done)
    }
}
