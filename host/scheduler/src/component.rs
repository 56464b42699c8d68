//! The scheduler put together: what it reads, who decides, what its ports answer.

use std::num::NonZeroUsize;

use client::delegated::{CacheTtl, Gate};
use client::events::{RecorderTask, Source, recorder};
use client::{Client, ListOptions};
use k8s_openapi::api::core::v1::{Node, Pod};
use observe::Metrics;
use reconcile::endpoints::{Endpoints, Ports};
use reconcile::{LoopEnded, LoopMetrics, Loops, Queue, Reflector};
use tokio_util::sync::CancellationToken;

use crate::scheduling::{Attempts, Board, Scheduling};

/// Bindings under way at the same time; decisions are made one after another.
const BINDERS: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Pods whose `schedulerName` is this one are scheduled.
    pub scheduler_name: String,
}

impl Config {
    /// What the API server writes where a pod names none.
    pub const SCHEDULER_NAME: &str = "default-scheduler";
}

impl Default for Config {
    fn default() -> Self {
        Self { scheduler_name: Self::SCHEDULER_NAME.to_owned() }
    }
}

pub struct Deps {
    /// Of `system:kube-scheduler`.
    pub client: Client,
    pub ports: Ports,
}

/// Schedules as long as [`run`](Self::run) runs.
#[must_use = "nothing is scheduled unless it runs"]
pub struct SchedulerTask {
    endpoints: Endpoints,
    nodes: Reflector<Node>,
    pods: Reflector<Pod>,
    queue: Queue<reconcile::ObjectKey>,
    scheduling: Scheduling,
    recorder: RecorderTask,
}

impl Config {
    pub fn build(self, deps: Deps) -> SchedulerTask {
        let Deps { client, ports } = deps;
        let metrics = Metrics::new();
        let queue = Queue::new("scheduler", &LoopMetrics::new(&metrics));
        let board = Board::new(queue.clone(), &self.scheduler_name);
        let by_node = board.clone();
        let nodes = Reflector::new(client.cluster::<Node>(), ListOptions::default())
            .on_change(move |change| by_node.node_changed(change));
        let living = ListOptions::fields("status.phase!=Succeeded,status.phase!=Failed");
        let by_pod = board.clone();
        let pods = Reflector::new(client.everywhere::<Pod>(), living)
            .on_change(move |change| by_pod.pod_changed(change));
        let source = Source { component: self.scheduler_name, host: String::new() };
        let (events, recorder) = recorder(client.clone(), source);
        let gate = Gate::new(client.clone(), CacheTtl::COMPONENT);
        let attempts = Attempts::new(&metrics);
        let scheduling = Scheduling { client, pods: pods.store(), board, events, attempts };
        let endpoints = Endpoints { ports, gate, metrics };
        SchedulerTask { endpoints, nodes, pods, queue, scheduling, recorder }
    }
}

impl SchedulerTask {
    /// Ends when the scheduler has read the nodes and pods.
    pub fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let (nodes, pods) = (self.nodes.store(), self.pods.store());
        async move {
            tokio::join!(nodes.synced(), pods.synced());
        }
    }

    /// Schedules until `stop`.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let synced = self.synced();
        let Self { endpoints, nodes, pods, queue, scheduling, recorder } = self;
        let mut loops = Loops::new("scheduler");
        loops.spawn("endpoints", |stop| endpoints.run(stop));
        loops.spawn("nodes", |stop| nodes.run(stop));
        loops.spawn("pods", |stop| pods.run(stop));
        loops.spawn("events", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = recorder.run() => {}
            }
        });
        loops.spawn("binders", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = synced => {}
            }
            reconcile::run(scheduling, queue, BINDERS, stop).await;
        });
        loops.run(stop).await
    }
}
