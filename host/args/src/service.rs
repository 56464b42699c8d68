//! Services that have a file of arguments.

use crate::table::{self, Flag};

/// A service; its name is the one of its file in `args/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Kubelet,
    KubeProxy,
    Containerd,
    Etcd,
    ClusterAgent,
}

impl Service {
    pub const ALL: [Self; 8] = [
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Containerd,
        Self::Etcd,
        Self::ClusterAgent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Containerd => "containerd",
            Self::Etcd => "etcd",
            Self::ClusterAgent => "cluster-agent",
        }
    }

    /// The service of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Whether this host runs it: the arguments of the others are understood and have no effect.
    pub fn runs_here(self) -> bool {
        !self.flags().is_empty()
    }

    /// Flags that mean something here.
    pub fn flags(self) -> &'static [Flag] {
        self.table().flags
    }

    pub(crate) fn table(self) -> &'static table::Table {
        match self {
            Self::KubeApiserver => &table::kube_apiserver::TABLE,
            Self::KubeControllerManager => &table::kube_controller_manager::TABLE,
            Self::KubeScheduler => &table::kube_scheduler::TABLE,
            Self::Kubelet => &table::kubelet::TABLE,
            Self::KubeProxy => &table::kube_proxy::TABLE,
            Self::Containerd => &table::containerd::TABLE,
            Self::Etcd => &table::etcd::TABLE,
            Self::ClusterAgent => &table::cluster_agent::TABLE,
        }
    }

    /// What the first start writes into the service's file.
    pub fn default_text(self) -> String {
        let name = self.name();
        let effect = if self.runs_here() {
            format!(
                "What is not said here has its default: `mk8s-host config show {name}` shows all values in force."
            )
        } else {
            format!("{name} does not run on this host yet: what is said here has no effect.")
        };
        format!(
            "# Arguments of {name}, one a line: --flag=value\n# {effect}\n# ${{SNAP_DATA}} and ${{SNAP_COMMON}} stand for the \
             data directory. Read when mk8s-host starts.\n"
        )
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
