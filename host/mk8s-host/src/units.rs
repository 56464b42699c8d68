//! The units of a node, each with what it needs and how it is built anew at every start.

pub(crate) mod addons;
pub(crate) mod apiserver;
pub(crate) mod certificates;
pub(crate) mod containerd;
pub(crate) mod control;
pub(crate) mod controllers;
pub(crate) mod datastore;
pub(crate) mod election;
pub(crate) mod etcd;
pub(crate) mod hostpath;
pub(crate) mod kubelet;
pub(crate) mod scheduler;
pub(crate) mod snapshots;

use supervise::{BoxError, UnitContext};

/// Names of units, as `status` and other units call them.
pub(crate) mod name {
    pub(crate) const ADDONS: &str = "addons";
    pub(crate) const API_SERVER: &str = "apiserver";
    pub(crate) const CERTIFICATES: &str = "certificates";
    pub(crate) const CONTAINERD: &str = "containerd";
    pub(crate) const CONTROL: &str = "control";
    pub(crate) const CONTROLLERS: &str = "controllers";
    pub(crate) const DATASTORE: &str = "datastore";
    pub(crate) const ETCD: &str = "etcd";
    pub(crate) const HOSTPATH: &str = "hostpath";
    pub(crate) const KUBELET: &str = "kubelet";
    pub(crate) const SCHEDULER: &str = "scheduler";
    pub(crate) const SNAPSHOTS: &str = "snapshots";
}

/// Runs a service to its end and tells when it got ready.
async fn until_ended(
    context: UnitContext,
    ready: impl Future<Output = ()>,
    run: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), BoxError> {
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => return ended,
        () = ready => context.ready(),
    }
    run.await
}
