//! What the runtime has of one pod.

use std::collections::BTreeMap;

use cri::{ContainerId, ContainerState, ContainerStatus, Sandbox, SandboxId, SandboxState};

/// The labels and annotations by which a later kubelet knows its own: upstream's names.
pub(crate) mod label {
    pub(crate) const POD_NAME: &str = "io.kubernetes.pod.name";
    pub(crate) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
    pub(crate) const POD_UID: &str = "io.kubernetes.pod.uid";
    pub(crate) const CONTAINER_NAME: &str = "io.kubernetes.container.name";
    pub(crate) const RESTART_COUNT: &str = "io.kubernetes.container.restartCount";
    pub(crate) const HASH: &str = "io.kubernetes.container.hash";
    pub(crate) const TERMINATION_PATH: &str = "io.kubernetes.container.terminationMessagePath";
    pub(crate) const TERMINATION_POLICY: &str = "io.kubernetes.container.terminationMessagePolicy";
    pub(crate) const GRACE: &str = "io.kubernetes.pod.terminationGracePeriod";
}

/// Sandboxes and containers of a pod, each the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observed {
    sandboxes: Vec<Sandbox>,
    containers: Vec<ContainerStatus>,
    /// What exited containers left to say.
    messages: BTreeMap<ContainerId, String>,
}

impl Observed {
    pub(crate) fn new(mut sandboxes: Vec<Sandbox>, mut containers: Vec<ContainerStatus>) -> Self {
        sandboxes.sort_by_key(|sandbox| std::cmp::Reverse((sandbox.metadata.attempt, sandbox.created_at)));
        containers
            .sort_by_key(|container| std::cmp::Reverse((container.metadata.attempt, container.created_at)));
        Self { sandboxes, containers, messages: BTreeMap::new() }
    }

    pub(crate) fn with_messages(mut self, messages: BTreeMap<ContainerId, String>) -> Self {
        self.messages = messages;
        self
    }

    pub(crate) fn message(&self, id: &ContainerId) -> Option<&str> {
        self.messages.get(id).map(String::as_str)
    }

    pub(crate) fn sandboxes(&self) -> &[Sandbox] {
        &self.sandboxes
    }

    pub(crate) fn containers(&self) -> &[ContainerStatus] {
        &self.containers
    }

    /// The newest sandbox, if its processes are there.
    pub(crate) fn ready_sandbox(&self) -> Option<&Sandbox> {
        self.sandboxes.first().filter(|sandbox| sandbox.state == SandboxState::Ready)
    }

    pub(crate) fn ready_sandboxes(&self) -> impl Iterator<Item = &Sandbox> {
        self.sandboxes.iter().filter(|sandbox| sandbox.state == SandboxState::Ready)
    }

    pub(crate) fn next_sandbox_attempt(&self) -> u32 {
        self.sandboxes.first().map_or(0, |sandbox| sandbox.metadata.attempt + 1)
    }

    /// Every life of a container, the newest first.
    pub(crate) fn lives<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ContainerStatus> {
        self.containers.iter().filter(move |container| container.metadata.name == name)
    }

    pub(crate) fn latest<'a>(&'a self, name: &'a str) -> Option<&'a ContainerStatus> {
        self.lives(name).next()
    }

    /// The newest life within one sandbox.
    pub(crate) fn latest_in<'a>(&'a self, name: &'a str, sandbox: &SandboxId) -> Option<&'a ContainerStatus> {
        self.lives(name).find(|life| life.sandbox == *sandbox)
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.containers.iter().filter(|container| is_alive(container.state))
    }
}

/// Whether there may be a process of the container's own.
pub(crate) fn is_alive(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Unknown)
}
