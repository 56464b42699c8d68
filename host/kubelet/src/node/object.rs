//! How the machine looks as a Node: a function of its facts.

use std::collections::BTreeMap;

use cri::Version;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerImage, DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus,
    NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use objects::quantity::{Notation, Quantity};

use crate::config::Config;
use crate::machine::{ARCHITECTURE, Machine, Usage};

/// The release of Kubernetes whose kubelet this one behaves as.
const KUBELET_VERSION: &str = "v1.36.0";

/// Below these a node is under pressure: the hard eviction thresholds that MicroK8s gives its kubelet.
const MEMORY_LEFT: u64 = 100 << 20;
const DISK_LEFT: u64 = 1 << 30;

/// Whether the container runtime can be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeState {
    Unknown,
    Up(Version),
    Down(String),
}

/// One row of the conditions: type, whether the bad (for Ready: good) state holds, and the words for both.
struct Condition {
    kind: &'static str,
    holds: bool,
    reason: &'static str,
    message: String,
}

pub(crate) fn labels(config: &Config, _machine: &Machine) -> BTreeMap<String, String> {
    let pairs = [
        ("beta.kubernetes.io/arch", ARCHITECTURE),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", ARCHITECTURE),
        ("kubernetes.io/hostname", &config.node_name),
        ("kubernetes.io/os", "linux"),
    ];
    let own = pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.chain(config.labels.clone()).collect()
}

pub(crate) fn node(config: &Config, machine: &Machine, status: NodeStatus) -> Node {
    Node {
        metadata: ObjectMeta {
            name: Some(config.node_name.clone()),
            labels: Some(labels(config, machine)),
            ..ObjectMeta::default()
        },
        status: Some(status),
        ..Node::default()
    }
}

/// What pods may use of the machine: all of it, as nothing is reserved.
pub(crate) fn allocatable(config: &Config, machine: &Machine) -> BTreeMap<&'static str, Quantity> {
    let bytes = |bytes: u64| Quantity::new(i64::try_from(bytes).unwrap_or(i64::MAX), Notation::BinarySi);
    BTreeMap::from([
        ("cpu", Quantity::new(machine.cpus.into(), Notation::DecimalSi)),
        ("ephemeral-storage", bytes(machine.disk_bytes)),
        ("memory", bytes(machine.memory_bytes)),
        ("pods", Quantity::new(config.max_pods.into(), Notation::DecimalSi)),
    ])
}

pub(crate) fn status(
    config: &Config,
    machine: &Machine,
    usage: Option<Usage>,
    runtime: &RuntimeState,
    images: Vec<ContainerImage>,
    last: Option<&NodeStatus>,
    now: Timestamp,
) -> NodeStatus {
    let resources: BTreeMap<_, _> = allocatable(config, machine)
        .into_iter()
        .map(|(name, quantity)| (name.to_owned(), ApiQuantity(quantity.to_string())))
        .collect();
    let address = |kind: &str, address: String| NodeAddress { type_: kind.to_owned(), address };
    let internal = config.addresses.iter().map(|ip| address("InternalIP", ip.to_string()));
    let runtime_version = match runtime {
        RuntimeState::Up(version) => {
            format!("{}://{}", version.name, version.version.trim_start_matches('v'))
        }
        _ => last
            .and_then(|last| last.node_info.as_ref())
            .map_or_else(|| "containerd://Unknown".to_owned(), |info| info.container_runtime_version.clone()),
    };
    NodeStatus {
        addresses: Some(internal.chain([address("Hostname", config.node_name.clone())]).collect()),
        allocatable: Some(resources.clone()),
        capacity: Some(resources),
        conditions: Some(conditions(usage, runtime, last, now)),
        daemon_endpoints: Some(NodeDaemonEndpoints {
            kubelet_endpoint: Some(DaemonEndpoint { port: config.port.into() }),
        }),
        images: Some(images).filter(|images| !images.is_empty()),
        node_info: Some(NodeSystemInfo {
            architecture: ARCHITECTURE.to_owned(),
            boot_id: machine.boot_id.clone(),
            container_runtime_version: runtime_version,
            kernel_version: machine.kernel_version.clone(),
            kube_proxy_version: String::new(),
            kubelet_version: KUBELET_VERSION.to_owned(),
            machine_id: machine.machine_id.clone(),
            operating_system: "linux".to_owned(),
            os_image: machine.os_image.clone(),
            swap: None,
            system_uuid: machine.system_uuid.clone(),
        }),
        ..NodeStatus::default()
    }
}

fn rows(usage: Option<Usage>, runtime: &RuntimeState) -> [Condition; 4] {
    let (memory, disk, processes) = usage.map_or((false, false, false), |usage| {
        (
            usage.memory_available < MEMORY_LEFT,
            usage.disk_available < DISK_LEFT,
            usage.processes >= usage.processes_limit,
        )
    });
    let pressure = |kind, holds, [bad, good]: [&'static str; 2], [bad_message, good_message]: [&str; 2]| {
        let (reason, message) = if holds { (bad, bad_message) } else { (good, good_message) };
        Condition { kind, holds, reason, message: message.to_owned() }
    };
    let ready = match runtime {
        RuntimeState::Up(_) => {
            let message = "kubelet is posting ready status".to_owned();
            Condition { kind: "Ready", holds: true, reason: "KubeletReady", message }
        }
        RuntimeState::Unknown => {
            let message = "container runtime status check may not have completed yet".to_owned();
            Condition { kind: "Ready", holds: false, reason: "KubeletNotReady", message }
        }
        RuntimeState::Down(why) => {
            let message = format!("container runtime is down: {why}");
            Condition { kind: "Ready", holds: false, reason: "KubeletNotReady", message }
        }
    };
    [
        pressure(
            "MemoryPressure",
            memory,
            ["KubeletHasInsufficientMemory", "KubeletHasSufficientMemory"],
            ["kubelet has insufficient memory available", "kubelet has sufficient memory available"],
        ),
        pressure(
            "DiskPressure",
            disk,
            ["KubeletHasDiskPressure", "KubeletHasNoDiskPressure"],
            ["kubelet has disk pressure", "kubelet has no disk pressure"],
        ),
        pressure(
            "PIDPressure",
            processes,
            ["KubeletHasInsufficientPID", "KubeletHasSufficientPID"],
            ["kubelet has insufficient PID available", "kubelet has sufficient PID available"],
        ),
        ready,
    ]
}

fn conditions(
    usage: Option<Usage>,
    runtime: &RuntimeState,
    last: Option<&NodeStatus>,
    now: Timestamp,
) -> Vec<NodeCondition> {
    let rows = rows(usage, runtime).into_iter().map(|row| {
        let status = if row.holds { "True" } else { "False" };
        let before = condition(last, row.kind);
        let since = before
            .filter(|before| before.status == status)
            .and_then(|before| before.last_transition_time.clone());
        NodeCondition {
            type_: row.kind.to_owned(),
            status: status.to_owned(),
            reason: Some(row.reason.to_owned()),
            message: Some(row.message),
            last_transition_time: since.or(Some(Time(now))),
            last_heartbeat_time: before
                .and_then(|before| before.last_heartbeat_time.clone())
                .or(Some(Time(now))),
        }
    });
    let mut all: Vec<_> = rows.collect();
    all.extend(foreign(last).cloned());
    all
}

fn condition<'a>(status: Option<&'a NodeStatus>, kind: &str) -> Option<&'a NodeCondition> {
    status?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

/// Conditions that others speak for.
fn foreign(status: Option<&NodeStatus>) -> impl Iterator<Item = &NodeCondition> {
    const OWN: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];
    let all = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    all.iter().filter(|condition| !OWN.contains(&condition.type_.as_str()))
}

/// Takes over what others wrote into the status, and when its conditions began to hold.
pub(crate) fn adopt_foreign(status: &mut NodeStatus, old: Option<&NodeStatus>) {
    let conditions = status.conditions.get_or_insert_default();
    for condition in conditions.iter_mut() {
        let before =
            self::condition(old, &condition.type_).filter(|before| before.status == condition.status);
        if let Some(since) = before.and_then(|before| before.last_transition_time.clone()) {
            condition.last_transition_time = Some(since);
        }
    }
    let missing = |each: &&NodeCondition| !conditions.iter().any(|condition| condition.type_ == each.type_);
    let added: Vec<_> = foreign(old).filter(missing).cloned().collect();
    conditions.extend(added);
    status.volumes_attached = old.and_then(|old| old.volumes_attached.clone());
}

pub(crate) fn with_heartbeat(mut status: NodeStatus, now: Timestamp) -> NodeStatus {
    const OWN: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];
    for condition in status.conditions.iter_mut().flatten().filter(|each| OWN.contains(&each.type_.as_str()))
    {
        condition.last_heartbeat_time = Some(Time(now));
    }
    status
}

/// Whether nothing but heartbeats tells the two apart, and what only others write.
pub(crate) fn says_the_same(last: &NodeStatus, status: &NodeStatus) -> bool {
    let mut status = status.clone();
    status.volumes_attached.clone_from(&last.volumes_attached);
    *last == status
}

#[cfg(test)]
mod tests;
