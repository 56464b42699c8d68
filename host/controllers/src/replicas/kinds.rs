//! [`Replicated`]: what the two kinds have in common.

use std::num::NonZeroUsize;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{
    PodTemplateSpec, ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
};
use objects::selector::LabelSelector;
use objects::tree::to_tree;
use serde::Serialize;

use crate::conditions::Condition;
use crate::config::Config;
use crate::dependents::{Selects, selector_of};
use crate::status::counted;

pub(crate) trait Replicated: Selects {
    type Condition: Condition + Clone;
    type Status: Serialize + Send + Sync;
    /// What its queue is in the metrics, and its controller in events.
    const QUEUE: &'static str;
    const COMPONENT: &'static str;

    /// Objects that are worked on at the same time.
    fn workers(config: &Config) -> NonZeroUsize;
    fn replicas(&self) -> usize;
    fn min_ready_seconds(&self) -> i32;
    fn template(&self) -> Option<&PodTemplateSpec>;
    fn conditions(&self) -> Vec<Self::Condition>;
    fn status(&self) -> Self::Status;
    fn status_of(&self, counts: &Counts, conditions: Vec<Self::Condition>) -> Self::Status;
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) replicas: usize,
    pub(crate) fully_labeled: usize,
    pub(crate) ready: usize,
    pub(crate) available: usize,
    pub(crate) terminating: usize,
}

/// A row for each kind: its condition and status, its names, and what its status has beside.
macro_rules! replicated {
    ($($kind:ident $condition:ident $status:ident $queue:literal $component:literal $workers:ident { $($field:ident),* })*) => {$(
        impl Replicated for $kind {
            type Condition = $condition;
            type Status = $status;
            const QUEUE: &'static str = $queue;
            const COMPONENT: &'static str = $component;

            fn workers(config: &Config) -> NonZeroUsize {
                config.$workers
            }

            fn replicas(&self) -> usize {
                let replicas = self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                usize::try_from(replicas).unwrap_or(0)
            }

            fn min_ready_seconds(&self) -> i32 {
                self.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
            }

            fn template(&self) -> Option<&PodTemplateSpec> {
                self.spec.as_ref()?.template.as_ref()
            }

            fn conditions(&self) -> Vec<$condition> {
                self.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default()
            }

            fn status(&self) -> $status {
                self.status.clone().unwrap_or_default()
            }

            fn status_of(&self, counts: &Counts, conditions: Vec<$condition>) -> $status {
                let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
                $status {
                    replicas: number(counts.replicas),
                    fully_labeled_replicas: counted(counts.fully_labeled),
                    ready_replicas: counted(counts.ready),
                    available_replicas: counted(counts.available),
                    observed_generation: self.metadata.generation,
                    conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
                    $($field: Some(number(counts.terminating)),)*
                }
            }
        }
    )*};
}

replicated! {
    ReplicaSet ReplicaSetCondition ReplicaSetStatus
        "replicaset" "replicaset-controller" replica_set_syncs { terminating_replicas }
    ReplicationController ReplicationControllerCondition ReplicationControllerStatus
        "replicationmanager" "replication-controller" replication_controller_syncs {}
}

impl Selects for ReplicaSet {
    fn selector(&self) -> Option<LabelSelector> {
        selector_of(&self.spec.as_ref()?.selector)
    }
}

impl Selects for ReplicationController {
    fn selector(&self) -> Option<LabelSelector> {
        let labels = to_tree(self.spec.as_ref()?.selector.as_ref()?).ok()?;
        let selector = LabelSelector::from_map(&labels);
        (!selector.is_everything()).then_some(selector)
    }
}
