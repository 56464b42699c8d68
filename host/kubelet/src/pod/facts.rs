//! What a Pod object says of itself: identity, policies, quality of service.

use std::borrow::Cow;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, EphemeralContainer, Pod, PodSpec, ResourceRequirements};
use objects::quantity::Quantity;

/// The uid of a pod; what everything on the node is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PodUid(pub(crate) String);

/// What upstream grants a pod that says nothing.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QosClass {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl QosClass {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// Shorthands on the API type.
pub(crate) trait PodFacts {
    fn uid(&self) -> PodUid;
    fn name(&self) -> &str;
    fn namespace(&self) -> &str;
    fn spec(&self) -> Option<&PodSpec>;
    fn containers(&self) -> &[Container];
    fn init_containers(&self) -> &[Container];
    /// What was put into the running pod to look at it.
    fn ephemeral_containers(&self) -> &[EphemeralContainer];
    fn restart_policy(&self) -> RestartPolicy;
    fn is_being_deleted(&self) -> bool;
    /// How long its containers get to end: what the deletion says, else what the spec says.
    fn grace(&self) -> Duration;
    fn phase(&self) -> &str;
    fn qos(&self) -> QosClass;

    fn service_account(&self) -> &str {
        let spec = self.spec();
        spec.and_then(|spec| spec.service_account_name.as_deref())
            .filter(|name| !name.is_empty())
            .unwrap_or("default")
    }

    fn full_name(&self) -> String {
        format!("{}_{}({})", self.name(), self.namespace(), self.uid().0)
    }

    fn is_terminal(&self) -> bool {
        matches!(self.phase(), "Succeeded" | "Failed")
    }

    fn container(&self, name: &str) -> Option<Cow<'_, Container>> {
        let lasting =
            self.init_containers().iter().chain(self.containers()).find(|container| container.name == name);
        let ephemeral = || self.ephemeral_containers().iter().find(|container| container.name == name);
        lasting.map(Cow::Borrowed).or_else(|| ephemeral().map(|each| Cow::Owned(plain(each))))
    }
}

impl PodFacts for Pod {
    fn uid(&self) -> PodUid {
        PodUid(self.metadata.uid.clone().unwrap_or_default())
    }

    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn spec(&self) -> Option<&PodSpec> {
        self.spec.as_ref()
    }

    fn containers(&self) -> &[Container] {
        self.spec().map(|spec| spec.containers.as_slice()).unwrap_or_default()
    }

    fn init_containers(&self) -> &[Container] {
        self.spec().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default()
    }

    fn ephemeral_containers(&self) -> &[EphemeralContainer] {
        self.spec().and_then(|spec| spec.ephemeral_containers.as_deref()).unwrap_or_default()
    }

    fn restart_policy(&self) -> RestartPolicy {
        match self.spec().and_then(|spec| spec.restart_policy.as_deref()) {
            Some("Never") => RestartPolicy::Never,
            Some("OnFailure") => RestartPolicy::OnFailure,
            _ => RestartPolicy::Always,
        }
    }

    fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    fn grace(&self) -> Duration {
        let said = self
            .metadata
            .deletion_grace_period_seconds
            .or_else(|| self.spec().and_then(|spec| spec.termination_grace_period_seconds));
        said.map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(seconds.max(0).unsigned_abs()))
    }

    fn phase(&self) -> &str {
        self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
    }

    fn qos(&self) -> QosClass {
        let all = self.init_containers().iter().chain(self.containers());
        let resources: Vec<_> =
            all.map(|container| container.resources.clone().unwrap_or_default()).collect();
        if resources.iter().all(|each| !is_bounded(each)) {
            return QosClass::BestEffort;
        }
        if resources.iter().all(is_guaranteed) { QosClass::Guaranteed } else { QosClass::Burstable }
    }
}

const COUNTED: [&str; 2] = ["cpu", "memory"];

fn amount(
    list: Option<
        &std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>,
    >,
    name: &str,
) -> Option<Quantity> {
    let quantity: Quantity = list?.get(name)?.0.parse().ok()?;
    (!quantity.is_zero()).then_some(quantity)
}

fn is_bounded(resources: &ResourceRequirements) -> bool {
    COUNTED.iter().any(|name| {
        amount(resources.limits.as_ref(), name).is_some()
            || amount(resources.requests.as_ref(), name).is_some()
    })
}

fn is_guaranteed(resources: &ResourceRequirements) -> bool {
    COUNTED.iter().all(|name| {
        let limit = amount(resources.limits.as_ref(), name);
        let request = amount(resources.requests.as_ref(), name).or(limit);
        limit.is_some_and(|limit| request.is_some_and(|request| request.milli_value() == limit.milli_value()))
    })
}

/// An init container that keeps running beside the pod's containers.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// An ephemeral container as what it is run as. What else a container may have, it may not.
pub(crate) fn plain(ephemeral: &EphemeralContainer) -> Container {
    let EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        name,
        security_context,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
        ..
    } = ephemeral.clone();
    Container {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        name,
        security_context,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
        ..Container::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qos(resources: &str) -> &'static str {
        let pod = format!(r#"{{"spec":{{"containers":[{{"name":"c","resources":{resources}}}]}}}}"#);
        serde_json::from_str::<Pod>(&pod).unwrap().qos().as_str()
    }

    #[test]
    fn quality_of_service_follows_requests_and_limits() {
        assert_eq!(qos("{}"), "BestEffort");
        assert_eq!(qos(r#"{"requests":{"cpu":"0"}}"#), "BestEffort");
        assert_eq!(qos(r#"{"requests":{"cpu":"1"}}"#), "Burstable");
        assert_eq!(qos(r#"{"limits":{"cpu":"1","memory":"1Gi"}}"#), "Guaranteed");
        assert_eq!(qos(r#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1000m"}}"#), "Guaranteed");
        assert_eq!(qos(r#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}}"#), "Burstable");
    }
}
