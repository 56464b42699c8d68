//! The scheduler put together: what it reads, who decides, what its ports answer.

use std::sync::Arc;

use client::delegated::{CacheTtl, Gate};
use client::events::{RecorderTask, Source, recorder};
use client::{Client, ListOptions};
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{BoxStream, StreamExt};
use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, ReplicationController, Service,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceSlice};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};
use observe::Metrics;
use reconcile::election::{Candidate, ElectionMetrics};
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{Change, LoopEnded, Loops, Reflected, Reflector};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::advice::{Council, Counsel};
use crate::board::Board;
use crate::config::Config;
use crate::extender::Extender;
use crate::metrics::SchedulerMetrics;
use crate::queue::hint::Event;
use crate::scheduling::{ASKED, Scheduling};
use crate::snapshot::{Table, Tables};
use crate::view::DeviceClaimView;

pub struct Deps {
    /// Of `system:kube-scheduler`.
    pub client: Client,
    pub ports: Ports,
    /// Where several processes have this scheduler, that of which works.
    pub candidate: Option<Candidate>,
    /// Who has a say in where pods go beside the extenders of the configuration.
    pub counsel: Option<Arc<dyn Counsel>>,
}

/// Schedules as long as [`run`](Self::run) runs.
#[must_use = "nothing is scheduled unless it runs"]
pub struct SchedulerTask {
    endpoints: Endpoints,
    reading: Vec<Reading>,
    scheduling: Scheduling,
    recorder: RecorderTask,
    election: Option<(Candidate, Client, ElectionMetrics)>,
    /// Says when others may say another thing.
    advice: Option<BoxStream<'static, ()>>,
}

/// A reflector to be run, whatever it reads.
struct Reading {
    name: &'static str,
    synced: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>,
}

impl Reading {
    fn new<V: DeserializeOwned + Send + Sync + 'static>(name: &'static str, reflector: Reflector<V>) -> Self {
        let store = reflector.store();
        Self {
            name,
            synced: Box::new(move || {
                let store = store.clone();
                Box::pin(async move { store.synced().await })
            }),
            run: Box::new(|stop| Box::pin(reflector.run(stop))),
        }
    }

    /// Of objects that are looked up in a table of the board.
    fn table<V: Reflected + DeserializeOwned + Send + Sync + 'static>(
        name: &'static str,
        api: client::Api<V>,
        board: &Board,
        table: fn(&mut Tables) -> &mut Table<V>,
        event: for<'e> fn(&'e Change<'e, V>) -> Option<Event<'e>>,
    ) -> Self {
        let reflector = Reflector::view(api, ListOptions::default()).on_change(board.keeps(table, event));
        Self::new(name, reflector)
    }
}

impl Config {
    pub fn build(self, deps: Deps) -> SchedulerTask {
        let Deps { client, ports, candidate, counsel } = deps;
        let metrics = Metrics::new();
        let election = candidate.map(|candidate| (candidate, client.clone(), ElectionMetrics::new(&metrics)));
        let counts = SchedulerMetrics::new(&metrics);
        let component =
            self.profiles.first().map_or(Self::SCHEDULER_NAME, |profile| profile.scheduler_name());
        let source = Source { component: component.to_owned(), host: String::new() };
        let (events, recorder) = recorder(client.clone(), source);
        let extenders = self.extenders.iter().cloned().map(|extender| Arc::new(Extender::new(extender)));
        let advice = counsel.as_ref().map(|counsel| counsel.changes());
        let council = Council { extenders: extenders.collect(), counsel };
        let board = Board::new(self, counts.clone(), council);
        let (claim_changes, claims) = watch::channel(());
        let reading = readings(&client, &board, claim_changes);
        let gate = Gate::new(client.clone(), CacheTtl::COMPONENT);
        let asking = Semaphore::new(ASKED);
        let scheduling = Scheduling { client, board, events, metrics: counts, claims, asking };
        let endpoints = Endpoints { ports, gate, metrics };
        SchedulerTask { endpoints, reading, scheduling, recorder, election, advice }
    }
}

/// Everything that decisions look at.
fn readings(client: &Client, board: &Board, claim_changes: watch::Sender<()>) -> Vec<Reading> {
    let (by_node, by_pod, by_volume) = (board.clone(), board.clone(), board.clone());
    let nodes = Reflector::view(client.cluster::<Node>().viewed(), ListOptions::default())
        .on_change(move |change| by_node.node_changed(change));
    let living = ListOptions::fields("status.phase!=Succeeded,status.phase!=Failed");
    let pods = Reflector::view(client.everywhere::<Pod>().viewed(), living)
        .on_change(move |change| by_pod.pod_changed(change));
    let claims =
        Reflector::view(client.everywhere::<PersistentVolumeClaim>().viewed(), ListOptions::default())
            .on_change(board.keeps(
                |tables| &mut tables.claims,
                |change| Some(Event::Claim { namespace: &change.key.namespace, name: &change.key.name }),
            ))
            .on_change(move |_| claim_changes.send_replace(()));
    let volumes = Reflector::view(client.cluster::<PersistentVolume>().viewed(), ListOptions::default())
        .on_change(board.keeps(|tables| &mut tables.volumes, |_| Some(Event::Volume)))
        .on_change(move |change: &Change<'_, crate::view::VolumeView>| {
            if change.new.is_none_or(|volume| volume.claim.is_some()) {
                by_volume.volume_settled(&change.key.name);
            }
        });
    vec![
        Reading::new("nodes", nodes),
        Reading::new("pods", pods),
        Reading::new("claims", claims),
        Reading::new("volumes", volumes),
        Reading::table(
            "namespaces",
            client.cluster::<Namespace>().viewed(),
            board,
            |tables| &mut tables.namespaces,
            |change| {
                let is_new = change.old.zip(change.new).is_none_or(|(old, new)| old.labels != new.labels);
                is_new.then_some(Event::Namespace)
            },
        ),
        Reading::table(
            "classes",
            client.cluster::<StorageClass>().viewed(),
            board,
            |tables| &mut tables.classes,
            |_| Some(Event::Volume),
        ),
        Reading::new("device claims", device_claims(client, board)),
        Reading::table(
            "device classes",
            client.cluster::<DeviceClass>().viewed(),
            board,
            |tables| &mut tables.device_classes,
            |_| Some(Event::Devices),
        ),
        Reading::table(
            "slices",
            client.cluster::<ResourceSlice>().viewed(),
            board,
            |tables| &mut tables.slices,
            |_| Some(Event::Devices),
        ),
        Reading::table(
            "csi drivers",
            client.cluster::<CSIDriver>().viewed(),
            board,
            |tables| &mut tables.csi_drivers,
            |_| Some(Event::Volume),
        ),
        Reading::table(
            "capacities",
            client.everywhere::<CSIStorageCapacity>().viewed(),
            board,
            |tables| &mut tables.capacities,
            |_| Some(Event::Volume),
        ),
        Reading::table(
            "csi nodes",
            client.cluster::<CSINode>().viewed(),
            board,
            |tables| &mut tables.csi_nodes,
            |change| Some(Event::CsiNode { old: change.old.map(|old| &**old), new: change.new? }),
        ),
        Reading::table(
            "budgets",
            client.everywhere::<PodDisruptionBudget>().viewed(),
            board,
            |tables| &mut tables.budgets,
            |_| None,
        ),
        Reading::table(
            "services",
            client.everywhere::<Service>().viewed(),
            board,
            |tables| &mut tables.services,
            |_| None,
        ),
        Reading::table(
            "replication controllers",
            client.everywhere::<ReplicationController>().viewed(),
            board,
            |tables| tables.workloads.entry("ReplicationController").or_default(),
            |_| None,
        ),
        Reading::table(
            "replica sets",
            client.everywhere::<ReplicaSet>().viewed(),
            board,
            |tables| tables.workloads.entry("ReplicaSet").or_default(),
            |_| None,
        ),
        Reading::table(
            "stateful sets",
            client.everywhere::<StatefulSet>().viewed(),
            board,
            |tables| tables.workloads.entry("StatefulSet").or_default(),
            |_| None,
        ),
    ]
}

fn device_claims(client: &Client, board: &Board) -> Reflector<DeviceClaimView> {
    let by_claim = board.clone();
    Reflector::view(client.everywhere::<ResourceClaim>().viewed(), ListOptions::default())
        .on_change(board.keeps(
            |tables| &mut tables.device_claims,
            |change| {
                let has =
                    |claim: Option<&Arc<DeviceClaimView>>| claim.is_some_and(|claim| claim.is_allocated);
                Some(Event::DeviceClaim {
                    namespace: &change.key.namespace,
                    name: &change.key.name,
                    is_freed: has(change.old) && !has(change.new),
                })
            },
        ))
        .on_change(move |change: &Change<'_, DeviceClaimView>| {
            if change.new.is_none_or(|claim| claim.is_allocated) {
                by_claim.devices_settled(change.key);
            }
        })
}

impl SchedulerTask {
    /// Ends when the scheduler has read all that decisions look at.
    pub fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let all = join_all(self.reading.iter().map(|reading| (reading.synced)()));
        async move { drop(all.await) }
    }

    /// Schedules until `stop`; a candidate reads, and schedules only while it leads.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it; that of the scheduling, where another leads now.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let synced = self.synced();
        let Self { endpoints, reading, scheduling, recorder, election, advice } = self;
        let mut loops = Loops::new("scheduler");
        loops.spawn("endpoints", |stop| endpoints.run(stop));
        for reading in reading {
            loops.spawn(reading.name, reading.run);
        }
        loops.spawn("events", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = recorder.run() => {}
            }
        });
        if let Some(advice) = advice {
            let board = scheduling.board.clone();
            loops.spawn("advice", |stop| async move {
                stop.run_until_cancelled(follow(board, advice)).await;
            });
        }
        loops.spawn("scheduling", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = synced => {}
            }
            match election {
                None => scheduling.run(stop).await,
                Some((candidate, client, metrics)) => {
                    candidate.lead(&client, &metrics, stop, |stop| scheduling.run(stop)).await;
                }
            }
        });
        loops.run(stop).await
    }
}

/// Tells the board whenever what others say may have changed.
async fn follow(board: Board, mut advice: BoxStream<'static, ()>) {
    while advice.next().await.is_some() {
        board.advice_changed();
    }
    // Nobody is left who could change their mind.
    std::future::pending().await
}
