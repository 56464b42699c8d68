//! `/stats/summary`: the node and its pods in one document.

use std::collections::BTreeMap;

use http::Response;
use jiff::Timestamp;
use net::Body;
use serde::Serialize;

use super::{Labels, of_pods, usage};
use crate::handle::KubeletHandle;
use crate::server::containers::Containers;
use crate::server::failure::Failure;
use crate::server::reply;

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

pub(in crate::server) async fn summary<C: Containers>(
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
