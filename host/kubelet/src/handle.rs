//! What others ask of a running kubelet: its pods, where a container's log and processes are, the machine, health.
//! A handle reads the snapshot that the kubelet keeps; it changes nothing and waits for nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cri::{ContainerId, ContainerState, Runtime, SandboxId};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use tokio::sync::watch;

use crate::machine::Machine;
use crate::pod::facts::{PodFacts, PodUid};
use crate::pod::status::reported;

/// The kubelet as it is now.
#[derive(Clone, Debug)]
pub struct KubeletStatus {
    /// Whether the Node object is written and its heartbeats are accepted.
    pub registered: bool,
    /// Why no pod can run, in words for the operator; `None` while the container runtime answers.
    pub runtime_error: Option<String>,
    /// Whether the pods of the API server were listed once.
    pub pods_known: bool,
    pub(crate) pods: BTreeMap<PodUid, Arc<PodView>>,
}

/// A pod as this kubelet sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodView {
    /// The object of the API server with the status that the kubelet has computed, which may be newer than the
    /// server's.
    pub pod: Arc<Pod>,
    /// The sandbox whose processes are there.
    pub sandbox: Option<SandboxId>,
    /// Every container that the runtime has of it, init containers too, each name's newest life first.
    pub containers: Vec<ContainerView>,
}

/// One life of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerView {
    pub name: String,
    pub id: ContainerId,
    pub attempt: u32,
    pub state: ContainerState,
    pub log_path: PathBuf,
}

/// Which life of a container is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Latest,
    /// `kubectl logs --previous`: the one before the latest.
    Previous,
}

/// Why a container cannot be given, worded as upstream's kubelet does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("pod does not exist")]
    NoPod,
    #[error("container {container:?} not found in pod {pod:?}")]
    NoContainer { container: String, pod: String },
    #[error("container {container:?} in pod {pod:?} is waiting to start: {reason}")]
    Waiting { container: String, pod: String, reason: String },
    #[error("previous terminated container {container:?} in pod {pod:?} not found")]
    NoPrevious { container: String, pod: String },
    /// It has ended or is not started: nothing can be run in it.
    #[error("container not found (\"{container}\")")]
    NotRunning { container: String },
}

impl FindError {
    /// Whether the object that was asked for is not there at all (HTTP 404); else the request came too early (400).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoPod | Self::NoContainer { .. } | Self::NotRunning { .. })
    }
}

/// A handle on the kubelet; clones are cheap.
#[derive(Clone)]
pub struct KubeletHandle {
    node_name: Arc<str>,
    machine: Arc<Machine>,
    runtime: Runtime,
    status: watch::Receiver<KubeletStatus>,
}

impl KubeletStatus {
    pub(crate) fn new() -> Self {
        Self { registered: false, runtime_error: None, pods_known: false, pods: BTreeMap::new() }
    }
}

impl PodView {
    /// Whether a container, or the sandbox, of this id is the pod's.
    pub(crate) fn has(&self, id: &ContainerId) -> bool {
        let sandbox = self.sandbox.as_ref().is_some_and(|sandbox| sandbox.0 == id.0);
        sandbox || self.containers.iter().any(|container| container.id == *id)
    }

    fn lives<'a>(&'a self, container: &'a str) -> impl Iterator<Item = &'a ContainerView> {
        self.containers.iter().filter(move |view| view.name == container)
    }

    fn status_of(&self, container: &str) -> Option<&ContainerStatus> {
        reported(&self.pod, container)
    }
}

impl KubeletHandle {
    pub(crate) fn new(
        node_name: &str,
        machine: Arc<Machine>,
        runtime: Runtime,
        status: watch::Receiver<KubeletStatus>,
    ) -> Self {
        Self { node_name: node_name.into(), machine, runtime, status }
    }

    pub fn node_name(&self) -> &str {
        &self.node_name
    }

    /// What the machine is and has.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The runtime that the containers live in, to run processes in them and to ask for their figures.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The snapshot itself, to wait for a change.
    pub fn status(&self) -> watch::Receiver<KubeletStatus> {
        self.status.clone()
    }

    /// Why the kubelet is not healthy (`/healthz`); a missing runtime makes the node NotReady, not the kubelet ill.
    pub fn health(&self) -> Result<(), &'static str> {
        match self.status.has_changed() {
            Ok(_) => Ok(()),
            Err(_) => Err("the kubelet's sync loop has ended"),
        }
    }

    /// Whether pods can run here: the node is registered, its pods are known, and the container runtime answers.
    pub fn is_ready(&self) -> bool {
        let status = self.status.borrow();
        status.registered && status.pods_known && status.runtime_error.is_none()
    }

    /// Every pod, in the order of their uids.
    pub fn pods(&self) -> Vec<Arc<PodView>> {
        self.status.borrow().pods.values().cloned().collect()
    }

    /// The pod of a name; while an old one of the same name still ends, the newer.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Arc<PodView>> {
        let status = self.status.borrow();
        let named =
            status.pods.values().filter(|view| view.pod.namespace() == namespace && view.pod.name() == name);
        named.max_by_key(|view| view.pod.metadata.creation_timestamp.clone()).cloned()
    }

    pub fn pod_of_uid(&self, uid: &str) -> Option<Arc<PodView>> {
        self.status.borrow().pods.get(&PodUid(uid.to_owned())).cloned()
    }

    /// The running life of a container: where `exec` and `attach` go.
    pub fn running(&self, namespace: &str, pod: &str, container: &str) -> Result<ContainerView, FindError> {
        let view = self.pod(namespace, pod).ok_or(FindError::NoPod)?;
        let latest = view.lives(container).next().filter(|life| life.state == ContainerState::Running);
        latest.cloned().ok_or_else(|| FindError::NotRunning { container: container.to_owned() })
    }

    /// The life of a container whose log is asked for.
    pub fn logged(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        life: Life,
    ) -> Result<ContainerView, FindError> {
        let view = self.pod(namespace, pod).ok_or(FindError::NoPod)?;
        let (pod, name) = (view.pod.name().to_owned(), container.to_owned());
        if view.pod.container(container).is_none() {
            return Err(FindError::NoContainer { container: name, pod });
        }
        let begun = |life: &&ContainerView| life.state != ContainerState::Created;
        let mut lives = view.lives(container).filter(begun);
        let latest = lives.next();
        match life {
            Life::Latest => latest.cloned().ok_or_else(|| {
                let waiting =
                    view.status_of(container).and_then(|status| status.state.as_ref()?.waiting.as_ref());
                let reason = waiting.and_then(|waiting| waiting.reason.clone());
                FindError::Waiting {
                    container: name,
                    pod,
                    reason: reason.unwrap_or_else(|| "ContainerCreating".to_owned()),
                }
            }),
            Life::Previous => lives.next().cloned().ok_or(FindError::NoPrevious { container: name, pod }),
        }
    }
}
