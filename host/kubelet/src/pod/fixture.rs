//! Pods and lives of containers for the tests of the pure part.

use cri::{
    ContainerId, ContainerMetadata, ContainerState, ContainerStatus, Sandbox, SandboxId, SandboxMetadata,
    SandboxState,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

/// A pod `p` of namespace `ns` with this spec.
pub(crate) fn pod(spec: &str) -> Pod {
    let pod =
        format!(r#"{{"metadata":{{"name":"p","namespace":"ns","uid":"u","generation":1}},"spec":{spec}}}"#);
    serde_json::from_str(&pod).unwrap()
}

pub(crate) fn sandbox(state: SandboxState) -> Sandbox {
    Sandbox {
        id: SandboxId("s".to_owned()),
        metadata: SandboxMetadata::default(),
        state,
        created_at: at(0),
        labels: Default::default(),
        annotations: Default::default(),
    }
}

fn life(name: &str, attempt: u32, state: ContainerState) -> ContainerStatus {
    ContainerStatus {
        id: ContainerId(format!("{name}{attempt}")),
        sandbox: SandboxId("s".to_owned()),
        metadata: ContainerMetadata { name: name.to_owned(), attempt },
        state,
        created_at: Some(at(0)),
        started_at: Some(at(1)),
        finished_at: None,
        exit_code: 0,
        image: "docker.io/library/i:1".to_owned(),
        image_ref: "sha256:1".to_owned(),
        reason: String::new(),
        message: String::new(),
        labels: Default::default(),
        annotations: Default::default(),
        log_path: String::new(),
    }
}

pub(crate) fn running(name: &str, attempt: u32) -> ContainerStatus {
    life(name, attempt, ContainerState::Running)
}

/// Ended two seconds in.
pub(crate) fn exited(name: &str, attempt: u32, exit_code: i32) -> ContainerStatus {
    ContainerStatus { finished_at: Some(at(2)), exit_code, ..life(name, attempt, ContainerState::Exited) }
}
