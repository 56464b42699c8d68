//! What the node and its containers use: metrics for scrapers, the summary, and what the machine is.

mod exposition;
mod metrics;
mod summary;
mod usage;

use cri::ContainerStats;
use http::Response;
use net::Body;
use serde::Serialize;

use super::containers::{POD_NAME, POD_NAMESPACE, POD_UID};
use super::failure::Failure;
use super::reply;
use crate::machine::Machine;
use usage::NodeUsage;

pub(super) use metrics::{cadvisor, resource};
pub(super) use summary::summary;

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
