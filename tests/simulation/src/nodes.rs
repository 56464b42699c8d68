//! Nodes that keep their leases and run pods by a script that the pod's annotations tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, ListOptions, Patch};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use objects::{Tree, meta, tree};
use reconcile::{LoopMetrics, ObjectKey, Outcome, Queue, Reconcile, Reflected, Reflector, Store};
use serde::Deserialize;
use supervise::{Scope, clock};
use tokio::time::Instant;

use crate::world::of_kind;

/// Annotations of a pod that tell what becomes of it. Durations are in seconds.
pub struct Script;

impl Script {
    /// How long its containers take to be ready; by default a second.
    pub const READY_AFTER: &str = "simulation/ready-after";
    /// Any value: its containers never get ready.
    pub const NEVER_READY: &str = "simulation/never-ready";
    /// The containers exit by this code, if it is there.
    pub const EXIT: &str = "simulation/exit";
    /// How long after they were ready.
    pub const EXIT_AFTER: &str = "simulation/exit-after";
    /// How long it takes to end once it is deleted; by default nothing.
    pub const END_AFTER: &str = "simulation/end-after";
}

const READY_AFTER: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(10);
const LEASES: &str = "kube-node-lease";
/// Pods that are worked on at a time.
const WORKERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(32).expect("it is not zero");

/// A handle on all nodes of a world.
#[derive(Clone)]
pub struct Nodes {
    client: Client,
    states: Arc<Mutex<BTreeMap<String, State>>>,
}

/// Of one node.
struct State {
    beats: bool,
}

impl Nodes {
    pub(crate) fn start(scope: &Scope, client: Client) -> Self {
        let nodes = Self { client: client.clone(), states: Arc::default() };
        let queue = Queue::new("kubelets", &LoopMetrics::new(&observe::Metrics::new()));
        let placed = ListOptions::fields("spec.nodeName!=");
        let pods = Reflector::view(client.everywhere::<Pod>().viewed::<Lean>(), placed)
            .feed(&queue, |pod: &Lean| Some(pod.key()));
        let kubelets = Kubelets { nodes: nodes.clone(), pods: pods.store(), begun: Mutex::default() };
        scope.spawn("kubelets", pods.run(scope.token()));
        scope.spawn("pods", reconcile::run(kubelets, queue, WORKERS, scope.token()));
        scope.spawn("heartbeats", nodes.clone().beat());
        nodes
    }

    /// A ready node of 8 cores, 32 GiB and 110 pods; `change` is merged into that.
    pub async fn add(&self, name: &str, change: Tree) {
        let resources = tree!({ "cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi" });
        let now = meta::rfc3339(clock::now());
        let mut node = tree!({
            "metadata": { "name": name, "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"
            } },
            "status": {
                "capacity": (resources.clone()),
                "allocatable": resources,
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "by script",
                    "lastHeartbeatTime": (now.clone()), "lastTransitionTime": now
                }]
            }
        });
        node.merge(&change);
        let node = of_kind::<Node>(node);
        let nodes = self.client.dynamic(&client::ApiResource::of::<Node>(), None);
        self.retried(|| nodes.create(&node)).await;
        self.states().insert(name.to_owned(), State { beats: true });
        self.renew(name).await;
    }

    /// The node does nothing any more, as if its machine had lost its power.
    pub fn stop(&self, name: &str) {
        self.set_beats(name, false);
    }

    /// The node is back.
    pub fn resume(&self, name: &str) {
        self.set_beats(name, true);
    }

    fn set_beats(&self, name: &str, beats: bool) {
        self.states().get_mut(name).expect("the node was added").beats = beats;
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beats(&self, name: &str) -> bool {
        self.states().get(name).is_some_and(|state| state.beats)
    }

    /// The nodes in turn, so that not all speak at once.
    async fn beat(self) {
        loop {
            let beating: Vec<String> =
                self.states().iter().filter(|(_, state)| state.beats).map(|(name, _)| name.clone()).collect();
            let between = HEARTBEAT / u32::try_from(beating.len().max(1)).expect("nodes are few");
            let mut turn = Duration::ZERO;
            let renewals: FuturesUnordered<_> = beating
                .iter()
                .map(|name| {
                    turn += between;
                    self.renew_at(turn, name)
                })
                .collect();
            tokio::join!(tokio::time::sleep(HEARTBEAT), renewals.collect::<()>());
        }
    }

    async fn renew_at(&self, turn: Duration, name: &str) {
        tokio::time::sleep(turn).await;
        if self.beats(name) {
            self.renew(name).await;
        }
    }

    /// Renews the lease, and says that the node is ready where it does not say so.
    async fn renew(&self, name: &str) {
        let now = clock::now();
        let renewed = tree!({ "spec": { "renewTime": (micro(now)) } });
        let leases = self.client.namespaced::<Lease>(LEASES);
        let answer = leases.patch(name, &Patch::Merge(renewed)).await;
        if answer.is_err_and(|error| error.is_not_found()) {
            let lease = tree!({
                "metadata": { "name": name, "namespace": LEASES },
                "spec": { "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": (micro(now)) }
            });
            let leases = self.client.dynamic(&client::ApiResource::of::<Lease>(), Some(LEASES));
            drop(leases.create(&of_kind::<Lease>(lease)).await);
        }
        let nodes = self.client.dynamic(&client::ApiResource::of::<Node>(), None);
        let Ok(node) = nodes.get(name).await else { return };
        let conditions = node.items_at(&["status", "conditions"]);
        let is_ready = |condition: &Tree| {
            condition.str_at(&["type"]) == Some("Ready") && condition.str_at(&["status"]) == Some("True")
        };
        if !conditions.iter().any(is_ready) {
            let ready = tree!({ "status": { "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "by script",
                "lastHeartbeatTime": (meta::rfc3339(now)), "lastTransitionTime": (meta::rfc3339(now))
            }] } });
            drop(nodes.patch_status(name, &Patch::Strategic(ready)).await);
        }
    }

    /// Asks until it is answered.
    async fn retried<T, F: Future<Output = Result<T, ApiError>>>(&self, ask: impl Fn() -> F) {
        while let Err(error) = ask().await {
            match error {
                ApiError::Transport(_) => {}
                error if error.is_already_exists() => return,
                error => panic!("make a node: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn micro(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Of a pod, what its life depends on: a whole one is many times as large.
#[derive(Deserialize)]
#[serde(from = "Pod")]
struct Lean {
    key: ObjectKey,
    uid: Box<str>,
    resource_version: Box<str>,
    annotations: BTreeMap<String, String>,
    is_deleting: bool,
    node: Box<str>,
    restart_policy: Box<str>,
    /// Their names and images.
    containers: Box<[(Box<str>, Box<str>)]>,
    phase: Box<str>,
    /// The status of its condition.
    ready: Box<str>,
    start_time: Option<Time>,
}

impl From<Pod> for Lean {
    fn from(pod: Pod) -> Self {
        let text = |text: Option<String>| text.unwrap_or_default().into_boxed_str();
        let (metadata, spec) = (pod.metadata, pod.spec.unwrap_or_default());
        let status = pod.status.unwrap_or_default();
        let containers = spec.containers.into_iter().map(|one| (one.name.into(), text(one.image)));
        let conditions = status.conditions.unwrap_or_default().into_iter();
        let ready =
            conditions.filter(|condition| condition.type_ == "Ready").map(|ready| ready.status).next();
        Self {
            key: ObjectKey::of(&metadata),
            uid: text(metadata.uid),
            resource_version: text(metadata.resource_version),
            annotations: metadata.annotations.unwrap_or_default(),
            is_deleting: metadata.deletion_timestamp.is_some(),
            node: text(spec.node_name),
            restart_policy: text(spec.restart_policy),
            containers: containers.collect(),
            phase: text(status.phase),
            ready: text(ready),
            start_time: status.start_time,
        }
    }
}

impl Reflected for Lean {
    fn key(&self) -> ObjectKey {
        self.key.clone()
    }

    fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

/// Runs every pod on its node.
struct Kubelets {
    nodes: Nodes,
    pods: Store<Lean>,
    /// When a pod was first seen, and when it was first seen to go, by uid.
    begun: Mutex<BTreeMap<Box<str>, Times>>,
}

#[derive(Clone, Copy)]
struct Times {
    started: Instant,
    deleted: Option<Instant>,
}

impl Reconcile for Kubelets {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(pod) = self.pods.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        if !self.nodes.beats(&pod.node) {
            return Ok(Outcome::After(HEARTBEAT));
        }
        let (life, next) = life(&pod, self.times(&pod));
        let pods = self.nodes.client.namespaced::<Pod>(&key.namespace);
        match life {
            Life::Gone => match pods.delete(&key.name, &DeleteOptions::grace(0).of_uid(&*pod.uid)).await {
                Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
                _ => {}
            },
            Life::In(phase, code) => {
                let status = status(&pod, phase, code);
                if differs(&pod, &status) {
                    let patch = Patch::Strategic(tree!({ "status": status }));
                    match pods.patch_status(&key.name, &patch).await {
                        Err(error) if !error.is_not_found() => return Err(error),
                        _ => {}
                    }
                }
            }
        }
        Ok(next.map_or(Outcome::Done, Outcome::After))
    }
}

impl Kubelets {
    fn times(&self, pod: &Lean) -> Times {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let times = begun.entry(pod.uid.clone()).or_insert(Times { started: Instant::now(), deleted: None });
        if pod.is_deleting {
            times.deleted.get_or_insert_with(Instant::now);
        }
        *times
    }
}

enum Life {
    Gone,
    /// In a phase, with the exit code of its containers.
    In(Phase, Option<i32>),
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Pending,
    Running,
    Ready,
    Succeeded,
    Failed,
}

/// Where a pod is in its life, and when to look again.
fn life(pod: &Lean, times: Times) -> (Life, Option<Duration>) {
    let seconds = |key: &str, default: Duration| {
        let text = pod.annotations.get(key);
        text.map_or(default, |text| Duration::from_secs(text.parse().expect("a script has whole seconds")))
    };
    let has = |key: &str| pod.annotations.contains_key(key);
    if let Some(deleted) = times.deleted {
        let left = seconds(Script::END_AFTER, Duration::ZERO).saturating_sub(deleted.elapsed());
        let ended = left.is_zero();
        return if ended { (Life::Gone, None) } else { (Life::In(Phase::Running, None), Some(left)) };
    }
    let ready = seconds(Script::READY_AFTER, READY_AFTER);
    let lived = times.started.elapsed();
    if lived < ready {
        return (Life::In(Phase::Pending, None), Some(ready - lived));
    }
    if has(Script::EXIT) {
        let after = ready + seconds(Script::EXIT_AFTER, Duration::ZERO);
        if lived >= after {
            let code: i32 = pod.annotations[Script::EXIT].parse().expect("an exit code is a number");
            let ends = match &*pod.restart_policy {
                "Never" => true,
                policy => policy == "OnFailure" && code == 0,
            };
            let phase = match (ends, code) {
                (false, _) => Phase::Running,
                (true, 0) => Phase::Succeeded,
                (true, _) => Phase::Failed,
            };
            return (Life::In(phase, Some(code)), None);
        }
        return (Life::In(Phase::Ready, None), Some(after - lived));
    }
    let phase = if has(Script::NEVER_READY) { Phase::Running } else { Phase::Ready };
    (Life::In(phase, None), None)
}

fn status(pod: &Lean, phase: Phase, code: Option<i32>) -> Tree {
    let now = meta::rfc3339(clock::now());
    let truth = |holds: bool| if holds { "True" } else { "False" };
    let ready = phase == Phase::Ready;
    let ended = matches!(phase, Phase::Succeeded | Phase::Failed);
    let name = match phase {
        Phase::Pending => "Pending",
        Phase::Running | Phase::Ready => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    };
    let state = match (phase, code) {
        (Phase::Pending, _) => tree!({ "waiting": { "reason": "ContainerCreating" } }),
        (_, Some(code)) if ended => {
            tree!({ "terminated": { "exitCode": code, "finishedAt": (now.clone()) } })
        }
        _ => tree!({ "running": { "startedAt": (now.clone()) } }),
    };
    let containers = pod.containers.iter();
    let containers: Vec<Tree> = containers
        .map(|(name, image)| {
            tree!({
                "name": (&**name), "image": (&**image), "imageID": "",
                "ready": ready, "started": (phase != Phase::Pending), "restartCount": 0, "state": (state.clone())
            })
        })
        .collect();
    let condition = |kind: &str, holds: bool| {
        tree!({
            "type": kind, "status": (truth(holds)), "lastTransitionTime": (now.clone())
        })
    };
    let mut status = tree!({
        "phase": name,
        "conditions": [
            (condition("Initialized", true)), (condition("ContainersReady", ready)), (condition("Ready", ready))
        ],
        "containerStatuses": containers,
    });
    if phase != Phase::Pending {
        status.insert("podIP", address(&pod.uid));
        status.set_at(&["podIPs"], tree!([{ "ip": (address(&pod.uid)) }]));
        let started = pod.start_time.as_ref();
        status.insert("startTime", started.map_or(now, |time| meta::rfc3339(time.0)));
    }
    status
}

/// An address of the pod's own, of those that are for documentation.
fn address(uid: &str) -> String {
    let digest = uid.bytes().fold(7u32, |digest, byte| digest.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("198.{}.{}.{}", 18 + (digest & 1), digest >> 8 & 255, digest >> 16 & 255)
}

/// Whether a status says anything but other times.
fn differs(pod: &Lean, status: &Tree) -> bool {
    let mut conditions = status.items_at(&["conditions"]).iter();
    let ready = conditions.find(|condition| condition.str_at(&["type"]) == Some("Ready"));
    let ready = ready.and_then(|condition| condition.str_at(&["status"])).unwrap_or_default();
    status.str_at(&["phase"]) != Some(&*pod.phase) || *ready != *pod.ready
}
