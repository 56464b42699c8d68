//! [`Pod`]: of a pod, what controllers read. A whole one takes ten times the memory, and there are many of them; lists keep
//! no room to grow, which would be most of what they take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{
    Affinity, ContainerPort, ContainerState, EphemeralVolumeSource, PersistentVolumeClaimVolumeSource,
    PodCondition, PodIP, PodReadinessGate, PodResourceClaim, PodResourceClaimStatus, ResourceRequirements,
    Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use serde::{Deserialize, Deserializer};

/// A view of a pod; changes to a pod are patches.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Pod {
    #[serde(deserialize_with = "unmanaged")]
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) node_name: Option<String>,
    pub(crate) restart_policy: Option<String>,
    pub(crate) hostname: Option<String>,
    pub(crate) subdomain: Option<String>,
    pub(crate) host_network: Option<bool>,
    pub(crate) priority: Option<i32>,
    pub(crate) service_account_name: Option<String>,
    pub(crate) containers: Box<[Container]>,
    pub(crate) init_containers: Box<[Container]>,
    pub(crate) volumes: Box<[Volume]>,
    pub(crate) tolerations: Box<[Toleration]>,
    pub(crate) readiness_gates: Box<[PodReadinessGate]>,
    pub(crate) overhead: Option<BTreeMap<String, Quantity>>,
    pub(crate) resources: Option<ResourceRequirements>,
    pub(crate) priority_class_name: Option<String>,
    pub(crate) resource_claims: Box<[PodResourceClaim]>,
    pub(crate) active_deadline_seconds: Option<i64>,
    pub(crate) termination_grace_period_seconds: Option<i64>,
    /// The one node that its affinity lets it go to by name, as that of a DaemonSet's pod does.
    #[serde(rename = "affinity", deserialize_with = "named_node")]
    pub(crate) bound_to: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: Option<String>,
    pub(crate) ports: Box<[ContainerPort]>,
    pub(crate) resources: Option<ResourceRequirements>,
    pub(crate) restart_policy: Option<String>,
}

/// Of volumes only those that are claims.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    pub(crate) ephemeral: Option<EphemeralVolumeSource>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) qos_class: Option<String>,
    pub(crate) conditions: Box<[PodCondition]>,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Box<[PodIP]>,
    pub(crate) start_time: Option<Time>,
    pub(crate) container_statuses: Box<[ContainerStatus]>,
    pub(crate) init_container_statuses: Box<[ContainerStatus]>,
    pub(crate) resource_claim_statuses: Box<[PodResourceClaimStatus]>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    pub(crate) ready: bool,
    pub(crate) restart_count: i32,
    pub(crate) state: Option<ContainerState>,
    pub(crate) last_state: Option<ContainerState>,
}

/// Of the affinity all but the name of a node is left out.
fn named_node<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let affinity = Option::<Affinity>::deserialize(from)?;
    let required = affinity
        .and_then(|affinity| affinity.node_affinity?.required_during_scheduling_ignored_during_execution);
    let terms = required.into_iter().flat_map(|selector| selector.node_selector_terms);
    let mut fields = terms.flat_map(|term| term.match_fields.unwrap_or_default());
    let named = fields.find(|field| field.key == "metadata.name" && field.operator == "In");
    Ok(named.and_then(|field| match &field.values.unwrap_or_default()[..] {
        [name] => Some(name.clone()),
        _ => None,
    }))
}

/// Managed fields are the larger part of most metadata, and no controller reads them.
fn unmanaged<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    ObjectMeta::deserialize(from).map(|metadata| ObjectMeta { managed_fields: None, ..metadata })
}

impl Resource for Pod {
    const API_VERSION: &'static str = "v1";
    const GROUP: &'static str = "";
    const KIND: &'static str = "Pod";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "pods";
    type Scope = NamespaceResourceScope;
}

impl Metadata for Pod {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Pod {
    pub(crate) fn phase(&self) -> &str {
        self.status.phase.as_deref().unwrap_or_default()
    }

    /// Whether it has run to its end, well or not.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase(), "Succeeded" | "Failed")
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it runs, or is about to, and is not going.
    pub(crate) fn is_active(&self) -> bool {
        !self.has_ended() && !self.is_deleting()
    }

    pub(crate) fn condition(&self, kind: &str) -> Option<&PodCondition> {
        self.status.conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// Its condition `Ready`.
    pub(crate) fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|condition| condition.status == "True")
    }

    /// Whether it is going and has not come to its end.
    pub(crate) fn is_terminating(&self) -> bool {
        self.is_deleting() && !self.has_ended()
    }

    /// How long until it has been for so many seconds. `None` where it is not ready.
    fn until_available(&self, min_ready_seconds: i32, now: Timestamp) -> Option<SignedDuration> {
        let ready = self.condition("Ready").filter(|condition| condition.status == "True")?;
        if min_ready_seconds == 0 {
            return Some(SignedDuration::ZERO);
        }
        let since = ready.last_transition_time.as_ref()?.0;
        Some(SignedDuration::from_secs(i64::from(min_ready_seconds)) - now.duration_since(since))
    }

    /// Whether it has been ready for so many seconds.
    pub(crate) fn is_available(&self, min_ready_seconds: i32, now: Timestamp) -> bool {
        self.until_available(min_ready_seconds, now).is_some_and(|left| left <= SignedDuration::ZERO)
    }

    /// The controller that owns it.
    pub(crate) fn controller(&self) -> Option<&OwnerReference> {
        controller_of(&self.metadata)
    }
}

/// When the next of some pods that are ready will have been for so many seconds.
pub(crate) fn next_available(pods: &[Arc<Pod>], min_ready_seconds: i32, now: Timestamp) -> Option<Duration> {
    let left = pods.iter().filter_map(|pod| pod.until_available(min_ready_seconds, now));
    left.filter(|left| left.is_positive()).filter_map(|left| Duration::try_from(left).ok()).min()
}

/// The owner of an object that is its controller.
pub(crate) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}
