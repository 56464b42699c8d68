//! The provisioner `microk8s.io/hostpath`: volumes of claims are folders of the node, made when a pod wants them and
//! removed with their claim. One runs on each node, and does what is that node's.

mod folders;
mod plan;
mod provisioner;

pub use plan::{CLASS, PROVISIONER};
pub use provisioner::{BuildError, Config, Deps, HostpathTask, IDENTITY};
