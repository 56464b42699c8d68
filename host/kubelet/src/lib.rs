//! The node agent: runs the pods that are bound to this node.
//!
//! What a pod needs next and how it looks is decided in `pod`, without effects; a worker for each pod carries it out
//! over the container runtime and reports to the API server.

mod cgroups;
mod config;
mod handle;
mod kubelet;
mod machine;
mod node;
mod pod;
mod server;
mod source;
mod volumes;
mod worker;

pub use config::{BuildError, CGROUP_ROOT, CLUSTER_DOMAIN, Config, Deps, MAX_PODS, PORT};
pub use handle::{ContainerView, FindError, KubeletHandle, KubeletStatus, Life, PodView};
pub use kubelet::KubeletTask;
pub use machine::{Cgroups, Machine, Usage};
pub use server::Servers;
