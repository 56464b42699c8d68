//! What the node and its containers use: metrics for scrapers, the summary, and what the machine is.

mod exposition;
mod usage;

use std::collections::BTreeMap;

use cri::{ContainerState, ContainerStats};
use http::Response;
use jiff::Timestamp;
use net::Body;
use serde::Serialize;

use super::containers::{Containers, POD_NAME, POD_NAMESPACE, POD_UID};
use super::failure::Failure;
use super::reply;
use crate::handle::KubeletHandle;
use crate::machine::Machine;
use exposition::Exposition;
use usage::NodeUsage;

/// Prometheus' text format, as these paths have always had it.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A container of a pod.
struct Labels<'a> {
    namespace: &'a str,
    pod: &'a str,
    uid: &'a str,
    container: &'a str,
}

impl<'a> Labels<'a> {
    /// `None` for what is no container of a pod.
    fn of(stats: &'a ContainerStats) -> Option<Self> {
        let label = |name: &str| stats.labels.get(name).map(String::as_str);
        Some(Self {
            namespace: label(POD_NAMESPACE)?,
            pod: label(POD_NAME)?,
            uid: label(POD_UID)?,
            container: &stats.name,
        })
    }
}

fn of_pods(stats: &[ContainerStats]) -> impl Iterator<Item = (Labels<'_>, &ContainerStats)> {
    stats.iter().filter_map(|stats| Some((Labels::of(stats)?, stats)))
}

#[expect(clippy::cast_precision_loss, reason = "a rounding of one part in 2^52 of a running total")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

/// What cAdvisor's families say of containers.
pub(super) async fn cadvisor<C: Containers>(runtime: &C) -> Result<Response<Body>, Failure> {
    type Read = fn(&ContainerStats) -> f64;
    const FAMILIES: &[(&str, &str, &str, Read)] = &[
        ("container_cpu_usage_seconds_total", "counter", "Processor time used", |stats| {
            seconds(stats.cpu_nanoseconds)
        }),
        ("container_memory_working_set_bytes", "gauge", "Memory that cannot be reclaimed", |stats| {
            bytes(stats.memory_working_set)
        }),
        ("container_memory_usage_bytes", "gauge", "Memory in use, caches included", |stats| {
            bytes(stats.memory_usage)
        }),
        ("container_memory_rss", "gauge", "Anonymous memory", |stats| bytes(stats.memory_rss)),
        ("container_fs_usage_bytes", "gauge", "Size of the writable layer", |stats| {
            bytes(stats.writable_layer)
        }),
    ];
    let stats = runtime.stats().await?;
    let mut text = Exposition::default();
    for (name, kind, help, read) in FAMILIES {
        text.family(name, kind, help);
        for (Labels { namespace, pod, container, .. }, stats) in of_pods(&stats) {
            let labels =
                [("container", container), ("name", &*stats.id.0), ("namespace", namespace), ("pod", pod)];
            text.sample(name, &labels, read(stats));
        }
    }
    Ok(reply::of(TEXT, text.finish()))
}

/// The families that metrics-server reads.
pub(super) async fn resource<C: Containers>(runtime: &C) -> Result<Response<Body>, Failure> {
    let (stats, containers) = (runtime.stats().await?, runtime.list().await?);
    let usage = usage()?;
    let started: BTreeMap<_, _> = containers
        .into_iter()
        .filter(|container| container.state == ContainerState::Running)
        .filter_map(|container| Some((container.id, container.started_at?)))
        .collect();
    let mut text = Exposition::default();
    let mut of_containers = |name: &str, kind, help, read: &dyn Fn(&ContainerStats) -> Option<f64>| {
        text.family(name, kind, help);
        for (Labels { namespace, pod, container, .. }, stats) in of_pods(&stats) {
            if let Some(value) = read(stats) {
                text.sample(name, &[("container", container), ("namespace", namespace), ("pod", pod)], value);
            }
        }
    };
    of_containers("container_cpu_usage_seconds_total", "counter", "Processor time used", &|stats| {
        Some(seconds(stats.cpu_nanoseconds))
    });
    of_containers(
        "container_memory_working_set_bytes",
        "gauge",
        "Memory that cannot be reclaimed",
        &|stats| Some(bytes(stats.memory_working_set)),
    );
    of_containers("container_start_time_seconds", "gauge", "Start, in seconds since 1970", &|stats| {
        started.get(&stats.id).map(|at| at.as_duration().as_secs_f64())
    });
    let mut pods: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for (Labels { namespace, pod, .. }, stats) in of_pods(&stats) {
        let (cpu, memory) = pods.entry((namespace, pod)).or_default();
        *cpu += stats.cpu_nanoseconds;
        *memory += stats.memory_working_set;
    }
    text.family("pod_cpu_usage_seconds_total", "counter", "Processor time used");
    for ((namespace, pod), (cpu, _)) in &pods {
        text.sample("pod_cpu_usage_seconds_total", &[("namespace", namespace), ("pod", pod)], seconds(*cpu));
    }
    text.family("pod_memory_working_set_bytes", "gauge", "Memory that cannot be reclaimed");
    for ((namespace, pod), (_, memory)) in &pods {
        text.sample(
            "pod_memory_working_set_bytes",
            &[("namespace", namespace), ("pod", pod)],
            bytes(*memory),
        );
    }
    for (name, kind, help, value) in [
        ("node_cpu_usage_seconds_total", "counter", "Processor time used", seconds(usage.cpu_nanoseconds)),
        (
            "node_memory_working_set_bytes",
            "gauge",
            "Memory that cannot be reclaimed",
            bytes(usage.memory_working_set()),
        ),
        ("resource_scrape_error", "gauge", "1 if the figures are not complete", 0.0),
    ] {
        text.family(name, kind, help);
        text.sample(name, &[], value);
    }
    Ok(reply::of(TEXT, text.finish()))
}

/// `stats/v1alpha1` Summary, the fields that are known.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    node: NodeSummary<'a>,
    pods: Vec<PodSummary<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeSummary<'a> {
    node_name: &'a str,
    start_time: Timestamp,
    cpu: Cpu,
    memory: Memory,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSummary<'a> {
    pod_ref: PodRef<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<Timestamp>,
    containers: Vec<ContainerSummary<'a>>,
    cpu: Cpu,
    memory: Memory,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct PodRef<'a> {
    name: &'a str,
    namespace: &'a str,
    uid: &'a str,
}

#[derive(Serialize)]
struct ContainerSummary<'a> {
    name: &'a str,
    cpu: Cpu,
    memory: Memory,
    rootfs: Filesystem,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cpu {
    time: Timestamp,
    usage_core_nano_seconds: u64,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_bytes: Option<u64>,
    usage_bytes: u64,
    working_set_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_bytes: Option<u64>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Filesystem {
    time: Timestamp,
    used_bytes: u64,
}

pub(super) async fn summary<C: Containers>(
    handle: &KubeletHandle,
    runtime: &C,
) -> Result<Response<Body>, Failure> {
    let stats = runtime.stats().await?;
    let (usage, now) = (usage()?, Timestamp::now());
    let mut containers: BTreeMap<PodRef<'_>, Vec<ContainerSummary<'_>>> = BTreeMap::new();
    for (Labels { namespace, pod, uid, container }, stats) in of_pods(&stats) {
        let time = stats.at.unwrap_or(now);
        containers.entry(PodRef { name: pod, namespace, uid }).or_default().push(ContainerSummary {
            name: container,
            cpu: Cpu { time, usage_core_nano_seconds: stats.cpu_nanoseconds },
            memory: Memory {
                time,
                available_bytes: None,
                usage_bytes: stats.memory_usage,
                working_set_bytes: stats.memory_working_set,
                rss_bytes: Some(stats.memory_rss),
            },
            rootfs: Filesystem { time, used_bytes: stats.writable_layer },
        });
    }
    let started = |uid: &str| Some(handle.pod_of_uid(uid)?.pod.status.as_ref()?.start_time.as_ref()?.0);
    let pods = containers.into_iter().map(|(pod_ref, containers)| {
        let sum = |read: fn(&ContainerSummary<'_>) -> u64| containers.iter().map(read).sum();
        PodSummary {
            start_time: started(pod_ref.uid),
            cpu: Cpu { time: now, usage_core_nano_seconds: sum(|each| each.cpu.usage_core_nano_seconds) },
            memory: Memory {
                time: now,
                available_bytes: None,
                usage_bytes: sum(|each| each.memory.usage_bytes),
                working_set_bytes: sum(|each| each.memory.working_set_bytes),
                rss_bytes: Some(sum(|each| each.memory.rss_bytes.unwrap_or_default())),
            },
            pod_ref,
            containers,
        }
    });
    Ok(reply::json(&Summary {
        node: NodeSummary {
            node_name: handle.node_name(),
            start_time: usage.booted,
            cpu: Cpu { time: now, usage_core_nano_seconds: usage.cpu_nanoseconds },
            memory: Memory {
                time: now,
                available_bytes: Some(usage.memory_available),
                usage_bytes: usage.memory_total.saturating_sub(usage.memory_free),
                working_set_bytes: usage.memory_working_set(),
                rss_bytes: None,
            },
        },
        pods: pods.collect(),
    }))
}

/// The part of cAdvisor's MachineInfo that is known.
pub(super) fn machine(machine: &Machine) -> Response<Body> {
    #[derive(Serialize)]
    struct Info<'a> {
        num_cores: u32,
        memory_capacity: u64,
        swap_capacity: u64,
        machine_id: &'a str,
        system_uuid: &'a str,
        boot_id: &'a str,
    }
    reply::json(&Info {
        num_cores: machine.cpus,
        memory_capacity: machine.memory_bytes,
        swap_capacity: machine.swap_bytes,
        machine_id: &machine.machine_id,
        system_uuid: &machine.system_uuid,
        boot_id: &machine.boot_id,
    })
}

fn usage() -> Result<NodeUsage, Failure> {
    NodeUsage::read().map_err(|source| Failure::Read { what: "/proc".to_owned(), source })
}
