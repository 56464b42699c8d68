//! What is remembered of a pod between two looks at it: what failed, what is under way. A restarted kubelet starts
//! with none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cri::ContainerId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::backoff::Backoff;
use super::observed::Observed;
use super::plan::Wait;
use super::probe::Probes;
use super::resize::Resize;

#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// By the name of the container.
    pub(crate) restarts: Backoff,
    /// By the name of the image.
    pub(crate) pulls: Backoff,
    /// Why a container could not be made, by its name.
    pub(crate) failures: BTreeMap<String, Failure>,
    /// Why the pod has no sandbox or no volumes.
    pub(crate) pod_failure: Option<Failure>,
    /// Containers whose image is being pulled, or was pulled for their next start.
    pub(crate) pulling: BTreeSet<String>,
    pub(crate) pulled: BTreeSet<String>,
    /// Containers that were told to stop, and how long they were given.
    pub(crate) stopping: BTreeMap<ContainerId, Duration>,
    pub(crate) probes: Probes,
    pub(crate) resize: Resize,
    /// Waits that events were told of, by the container's name.
    pub(crate) announced: BTreeMap<String, Wait>,
}

/// A step that failed, what the status says of it, and when it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) retry_at: Timestamp,
    /// How the wait for the next attempt is told, and from when.
    pub(crate) then: Option<(Timestamp, Wait)>,
}

/// Everything that the next step of a pod follows from.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) standing: Standing,
    pub(crate) observed: &'a Observed,
    pub(crate) memory: &'a Memory,
    pub(crate) now: Timestamp,
}

/// Whether the API server still has the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Wanted,
    /// The object is gone: what is left of the pod on this node has no owner.
    Gone,
}
