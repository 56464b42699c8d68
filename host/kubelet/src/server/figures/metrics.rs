//! `/metrics/cadvisor` and `/metrics/resource`: families about containers, pods and the node.

use std::collections::BTreeMap;

use cri::{ContainerState, ContainerStats};
use http::Response;
use net::Body;

use super::exposition::Exposition;
use super::{Labels, of_pods, usage};
use crate::server::containers::Containers;
use crate::server::failure::Failure;
use crate::server::reply;

/// Prometheus' text format, as these paths have always had it.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One family: its name, its type, what it says, and how it is read.
struct Family<T> {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    read: fn(&T) -> f64,
}

const fn family<T>(
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    read: fn(&T) -> f64,
) -> Family<T> {
    Family { name, kind, help, read }
}

const CPU: &str = "Processor time used";
const WORKING_SET: &str = "Memory that cannot be reclaimed";

const CADVISOR: &[Family<ContainerStats>] = &[
    family("container_cpu_usage_seconds_total", "counter", CPU, |stats| seconds(stats.cpu_nanoseconds)),
    family("container_memory_working_set_bytes", "gauge", WORKING_SET, |stats| {
        bytes(stats.memory_working_set)
    }),
    family("container_memory_usage_bytes", "gauge", "Memory in use, caches included", |stats| {
        bytes(stats.memory_usage)
    }),
    family("container_memory_rss", "gauge", "Anonymous memory", |stats| bytes(stats.memory_rss)),
    family("container_fs_usage_bytes", "gauge", "Size of the writable layer", |stats| {
        bytes(stats.writable_layer)
    }),
];

/// Of something that metrics-server asks for: a container, a pod or the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    cpu_nanoseconds: u64,
    memory_working_set: u64,
}

const OF_CONTAINERS: &[Family<Used>] = &[
    family("container_cpu_usage_seconds_total", "counter", CPU, |used| seconds(used.cpu_nanoseconds)),
    family("container_memory_working_set_bytes", "gauge", WORKING_SET, |used| bytes(used.memory_working_set)),
];
const OF_PODS: &[Family<Used>] = &[
    family("pod_cpu_usage_seconds_total", "counter", CPU, |used| seconds(used.cpu_nanoseconds)),
    family("pod_memory_working_set_bytes", "gauge", WORKING_SET, |used| bytes(used.memory_working_set)),
];
const OF_THE_NODE: &[Family<Used>] = &[
    family("node_cpu_usage_seconds_total", "counter", CPU, |used| seconds(used.cpu_nanoseconds)),
    family("node_memory_working_set_bytes", "gauge", WORKING_SET, |used| bytes(used.memory_working_set)),
];
const STARTED: &[Family<f64>] =
    &[family("container_start_time_seconds", "gauge", "Start, in seconds since 1970", |started| *started)];
const ERRORS: &[Family<f64>] =
    &[family("resource_scrape_error", "gauge", "1 if the figures are not complete", |errors| *errors)];

type Sample<'a, T> = (Vec<(&'a str, &'a str)>, T);

/// Every family with every sample.
fn write<T>(text: &mut Exposition, families: &[Family<T>], samples: &[Sample<'_, T>]) {
    for Family { name, kind, help, read } in families {
        text.family(name, kind, help);
        for (labels, of) in samples {
            text.sample(name, labels, read(of));
        }
    }
}

/// What cAdvisor's families say of containers.
pub(in crate::server) async fn cadvisor<C: Containers>(runtime: &C) -> Result<Response<Body>, Failure> {
    let stats = runtime.stats().await?;
    let samples: Vec<_> = of_pods(&stats)
        .map(|(Labels { namespace, pod, container, .. }, stats)| {
            let labels =
                [("container", container), ("name", &*stats.id.0), ("namespace", namespace), ("pod", pod)];
            (labels.to_vec(), stats.clone())
        })
        .collect();
    let mut text = Exposition::default();
    write(&mut text, CADVISOR, &samples);
    Ok(reply::of(TEXT, text.finish()))
}

/// The families that metrics-server reads.
pub(in crate::server) async fn resource<C: Containers>(runtime: &C) -> Result<Response<Body>, Failure> {
    let (stats, containers) = (runtime.stats().await?, runtime.list().await?);
    let running = containers.into_iter().filter(|container| container.state == ContainerState::Running);
    let started: BTreeMap<_, _> =
        running.filter_map(|container| Some((container.id, container.started_at?))).collect();

    let mut used = Vec::new();
    let mut starts = Vec::new();
    let mut pods: BTreeMap<(&str, &str), Used> = BTreeMap::new();
    for (Labels { namespace, pod, container, .. }, stats) in of_pods(&stats) {
        let labels = vec![("container", container), ("namespace", namespace), ("pod", pod)];
        if let Some(at) = started.get(&stats.id) {
            starts.push((labels.clone(), at.as_duration().as_secs_f64()));
        }
        let ContainerStats { cpu_nanoseconds, memory_working_set, .. } = *stats;
        used.push((labels, Used { cpu_nanoseconds, memory_working_set }));
        let sum = pods.entry((namespace, pod)).or_default();
        sum.cpu_nanoseconds += cpu_nanoseconds;
        sum.memory_working_set += memory_working_set;
    }
    let pods: Vec<_> = pods
        .into_iter()
        .map(|((namespace, pod), used)| (vec![("namespace", namespace), ("pod", pod)], used))
        .collect();
    let node = usage()?;
    let node = Used { cpu_nanoseconds: node.cpu_nanoseconds, memory_working_set: node.memory_working_set() };

    let mut text = Exposition::default();
    write(&mut text, OF_CONTAINERS, &used);
    write(&mut text, STARTED, &starts);
    write(&mut text, OF_PODS, &pods);
    write(&mut text, OF_THE_NODE, &[(Vec::new(), node)]);
    write(&mut text, ERRORS, &[(Vec::new(), 0.0)]);
    Ok(reply::of(TEXT, text.finish()))
}

#[expect(clippy::cast_precision_loss, reason = "a rounding of one part in 2^52 of a running total")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}
