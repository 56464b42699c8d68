//! The kubelet's configuration and what it stands on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use client::Client;
use cri::Runtime;
use cri::containerd::CgroupDriver;
use supervise::Scope;
use tokio::sync::watch;

use crate::handle::{KubeletHandle, KubeletStatus};
use crate::kubelet::KubeletTask;
use crate::machine::Machine;

/// The kubelet API's port: `services and ports` of MicroK8s.
pub const PORT: u16 = 10250;
/// Upstream's limit, which the /24 of a node is made for.
pub const MAX_PODS: u32 = 110;
/// The domain of a cluster that was not given another.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
/// Where cgroup trees of pods begin: the top, as upstream.
pub const CGROUP_ROOT: &str = "/";

/// Plain validated values; paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub node_name: String,
    /// The addresses of the node, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// `var/lib/kubelet` of the data directory: volumes and other files of pods.
    pub root: PathBuf,
    /// `var/log/pods` of the data directory.
    pub pod_logs: PathBuf,
    /// Empty: pods resolve as the node does.
    pub cluster_dns: Vec<IpAddr>,
    pub cluster_domain: String,
    /// Where the kubelet API is served, as the Node object says it.
    pub port: u16,
    /// Labels of the Node beyond those of the machine.
    pub labels: BTreeMap<String, String>,
    pub max_pods: u32,
    pub cgroup_root: String,
    pub cgroup_driver: CgroupDriver,
}

/// What the kubelet stands on.
pub struct Deps {
    /// Speaks as `system:node:NAME`.
    pub client: Client,
    /// A handle on a runtime that may come and go.
    pub runtime: Runtime,
    /// Why nobody starts the runtime and what to install, while that is so.
    pub runtime_missing: watch::Receiver<Option<String>>,
    /// Where the kubelet's tasks run.
    pub scope: Scope,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("create {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("read the facts of the machine")]
    Machine(#[source] std::io::Error),
}

impl Config {
    /// The defaults of a node; where its files are is always said.
    pub fn new(node_name: String, addresses: Vec<IpAddr>, root: PathBuf, pod_logs: PathBuf) -> Self {
        Self {
            node_name,
            addresses,
            root,
            pod_logs,
            cluster_dns: Vec::new(),
            cluster_domain: CLUSTER_DOMAIN.to_owned(),
            port: PORT,
            labels: BTreeMap::new(),
            max_pods: MAX_PODS,
            cgroup_root: CGROUP_ROOT.to_owned(),
            cgroup_driver: CgroupDriver::Cgroupfs,
        }
    }

    /// Makes the folders and reads the machine's facts; nothing runs yet.
    pub fn build(self, deps: Deps) -> Result<(KubeletHandle, KubeletTask), BuildError> {
        for path in [&self.root, &self.pod_logs] {
            let made = std::fs::create_dir_all(path);
            made.map_err(|source| BuildError::Folder { path: path.clone(), source })?;
        }
        let machine = Arc::new(Machine::read(&self.root).map_err(BuildError::Machine)?);
        let (status, seen) = watch::channel(KubeletStatus::new());
        let handle = KubeletHandle::new(&self.node_name, machine.clone(), deps.runtime.clone(), seen);
        let task = KubeletTask::new(self, machine, deps, status);
        Ok((handle, task))
    }
}
