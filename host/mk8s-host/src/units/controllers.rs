//! The controllers, with their ports.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use args::{Effective, Service};
use controllers::{Clients, ClusterSigning, Config, Deps, Selection};
use pki::Pki;
use reconcile::endpoints::Ports;
use supervise::{OnFailure, Unit};
use tokio::sync::watch;

use crate::adapt::clients;
use crate::units::{name, until_ended};

/// What the arguments come to; requests are signed with the CA of the data directory.
pub(crate) fn config(effective: &Effective, data_dir: &Path) -> Result<Config> {
    let args = effective.service(Service::KubeControllerManager);
    let controllers = args.list("controllers");
    let controllers = Selection::parse(controllers.iter().map(String::as_str));
    let controllers = controllers.context("kube-controller-manager --controllers")?;
    let syncs = |flag: &str| {
        let syncs = usize::try_from(args.number(flag)).ok().and_then(NonZeroUsize::new);
        syncs.with_context(|| format!("kube-controller-manager --{flag} is 0"))
    };
    let signing = ClusterSigning { pki: Pki::new(data_dir), duration: ClusterSigning::DURATION };
    Ok(Config {
        controllers,
        cluster_signing: Some(signing),
        namespace_syncs: syncs("concurrent-namespace-syncs")?,
        replication_controller_syncs: syncs("concurrent-rc-syncs")?,
        replica_set_syncs: syncs("concurrent-replicaset-syncs")?,
        deployment_syncs: syncs("concurrent-deployment-syncs")?,
        daemon_set_syncs: syncs("concurrent-daemonset-syncs")?,
        stateful_set_syncs: syncs("concurrent-statefulset-syncs")?,
        ..Config::default()
    })
}

pub(crate) fn unit(
    config: Config,
    clients: clients::Clients,
    ca_bundle: watch::Receiver<String>,
    ports: Ports,
) -> Unit {
    Unit::new(name::CONTROLLERS, &[name::ADDONS], OnFailure::Restart, move |context| {
        let deps = Deps {
            clients: Clients {
                manager: clients.component("system:kube-controller-manager"),
                controller: Arc::new({
                    let clients = clients.clone();
                    move |name| clients.controller(name)
                }),
            },
            root_ca: ca_bundle.clone(),
            ports: ports.clone(),
        };
        let mut task = config.clone().build(deps);
        let synced = task.synced();
        until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) })
    })
}
