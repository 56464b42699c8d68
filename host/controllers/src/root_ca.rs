//! The ConfigMap `kube-root-ca.crt` of every namespace: what pods verify the API server by. It follows the bundle in
//! force.

use std::collections::BTreeMap;
use std::time::Duration;

use client::{ApiError, Client, ListOptions};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observe::Metrics;
use reconcile::{Outcome, Queue, Reconcile, Store};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::counts::{Bounds, Counts, Spread};
use crate::every_namespace::{KEEPERS, created, is_active};
use crate::wiring::Wiring;

const NAME: &str = "kube-root-ca.crt";
const DATA_KEY: &str = "ca.crt";
const DESCRIPTION_KEY: &str = "kubernetes.io/description";
const DESCRIPTION: &str = "The certificates that verify this cluster's API server where it is reached from inside, \
                           as by kubernetes.default.svc; other servers may have certificates of other authorities.";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("root_ca_cert_publisher");
    let namespaces = wiring.feed(&queue, |namespace: &Namespace| namespace.metadata.name.clone());
    let named = ListOptions::fields(format!("metadata.name={NAME}"));
    let maps = wiring.feed_some(named, &queue, |map: &ConfigMap| map.metadata.namespace.clone());
    let (bundle, all, waiting) = (wiring.bundle(), namespaces.clone(), queue.clone());
    wiring.spawn("root CA", move |stop| follow(bundle, all, waiting, stop));
    let (client, bundle, syncs) = (wiring.client(), wiring.bundle(), Syncs::new(wiring.metrics()));
    wiring.reconcile(RootCa { client, namespaces, maps, bundle, syncs }, queue, KEEPERS);
}

struct RootCa {
    client: Client,
    namespaces: Store<Namespace>,
    maps: Store<ConfigMap>,
    /// PEM; empty until it is known.
    bundle: watch::Receiver<String>,
    syncs: Syncs,
}

/// What is counted, by the code of the API server's answer.
struct Syncs {
    count: Counts<1>,
    times: Spread<1>,
}

impl Syncs {
    fn new(metrics: &Metrics) -> Self {
        let (name, bounds) = ("root_ca_cert_publisher_sync", Bounds(0.001, 2.0, 15));
        Self {
            count: Counts::new(metrics, name, "Namespaces looked at", ["code"]),
            times: Spread::new(
                metrics,
                &format!("{name}_duration_seconds"),
                "Seconds of a look at a namespace",
                ["code"],
                bounds,
            ),
        }
    }

    fn ended(&self, ended: &Result<Outcome, ApiError>, time: Duration) {
        let status = |error: &ApiError| error.status().map_or(500, |status| status.code);
        let code = ended.as_ref().map_or_else(status, |_| 200).to_string();
        self.count.add([code.clone().into()], 1);
        self.times.took([code.into()], time);
    }
}

impl Reconcile for RootCa {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, namespace: &String) -> Result<Outcome, ApiError> {
        let bundle = self.bundle.borrow().clone();
        if bundle.is_empty() || !is_active(&self.namespaces, namespace) {
            return Ok(Outcome::Done);
        }
        let begun = Instant::now();
        let ended = self.publish(namespace, bundle).await;
        self.syncs.ended(&ended, begun.elapsed());
        ended
    }
}

impl RootCa {
    async fn publish(&self, namespace: &str, bundle: String) -> Result<Outcome, ApiError> {
        let maps = self.client.namespaced::<ConfigMap>(namespace);
        let Some(old) = self.maps.get(namespace, NAME) else {
            return created(maps.create(&published(ConfigMap::default(), namespace, bundle)).await);
        };
        let new = published((*old).clone(), namespace, bundle);
        if new != *old {
            maps.update(NAME, &new).await?;
        }
        Ok(Outcome::Done)
    }
}

/// The map as it is to be; labels and other annotations are left alone.
fn published(map: ConfigMap, namespace: &str, bundle: String) -> ConfigMap {
    let mut annotations = map.metadata.annotations.unwrap_or_default();
    annotations.insert(DESCRIPTION_KEY.to_owned(), DESCRIPTION.to_owned());
    ConfigMap {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(NAME.to_owned()),
            annotations: Some(annotations),
            ..map.metadata
        },
        data: Some(BTreeMap::from([(DATA_KEY.to_owned(), bundle)])),
        ..map
    }
}

/// Queues every namespace whenever the bundle is another.
async fn follow(
    mut bundle: watch::Receiver<String>,
    namespaces: Store<Namespace>,
    queue: Queue<String>,
    stop: CancellationToken,
) {
    let follow = async {
        while bundle.changed().await.is_ok() {
            let names = namespaces.all().into_iter().filter_map(|namespace| namespace.metadata.name.clone());
            names.for_each(|name| queue.add(name));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}
