//! The events that a worker tells of its pod, in upstream's words.

use std::collections::BTreeMap;

use client::events::EventType;
use k8s_openapi::api::core::v1::{ObjectReference, Pod};

use super::Worker;
use crate::pod::facts::PodFacts;
use crate::pod::plan::Wait;

/// What an event is about: the pod, or one of its containers.
fn reference(pod: &Pod, container: Option<&str>) -> ObjectReference {
    let list = |name: &str| {
        let [init, ephemeral] = [
            pod.init_containers().iter().any(|each| each.name == name),
            pod.ephemeral_containers().iter().any(|each| each.name == name),
        ];
        match (init, ephemeral) {
            (true, _) => "initContainers",
            (_, true) => "ephemeralContainers",
            _ => "containers",
        }
    };
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(pod.namespace().to_owned()),
        name: Some(pod.name().to_owned()),
        uid: Some(pod.uid().0),
        resource_version: pod.metadata.resource_version.clone(),
        field_path: container.map(|name| format!("spec.{}{{{name}}}", list(name))),
    }
}

impl Worker {
    pub(super) fn notice(
        &self,
        pod: &Pod,
        container: Option<&str>,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.context.recorder.record(reference(pod, container), EventType::Normal, reason, message);
    }

    pub(super) fn notice_warning(
        &self,
        pod: &Pod,
        container: Option<&str>,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.context.recorder.record(reference(pod, container), EventType::Warning, reason, message);
    }

    pub(super) fn notice_sandbox_failure(&self, pod: &Pod, why: &str) {
        let message = format!("Failed to create pod sandbox: {why}");
        self.notice_warning(pod, None, "FailedCreatePodSandBox", message);
    }

    /// Says once for each wait that a container backs off.
    pub(super) fn announce_waits(&mut self, pod: &Pod, waits: &BTreeMap<String, Wait>) {
        for (name, wait) in waits {
            if self.memory.announced.get(name) == Some(wait) {
                continue;
            }
            self.memory.announced.insert(name.clone(), wait.clone());
            if wait.reason == "CrashLoopBackOff" {
                let message =
                    format!("Back-off restarting failed container {name} in pod {}", pod.full_name());
                self.notice_warning(pod, Some(name), "BackOff", message);
            }
        }
        self.memory.announced.retain(|name, _| waits.contains_key(name));
    }
}
