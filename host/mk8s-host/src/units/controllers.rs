//! The controllers, with their ports.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use args::{Effective, Service};
use controllers::{Clients, Config, Deps, Selection};
use reconcile::endpoints::Ports;
use supervise::{OnFailure, Unit};
use tokio::sync::watch;

use crate::adapt::clients;
use crate::units::{name, until_ended};

/// What the arguments come to.
pub(crate) fn config(effective: &Effective) -> Result<Config> {
    let args = effective.service(Service::KubeControllerManager);
    let controllers = args.list("controllers");
    let controllers = Selection::parse(controllers.iter().map(String::as_str));
    let controllers = controllers.context("kube-controller-manager --controllers")?;
    let syncs = args.number("concurrent-namespace-syncs");
    let namespace_syncs = usize::try_from(syncs).ok().and_then(NonZeroUsize::new);
    let namespace_syncs =
        namespace_syncs.context("kube-controller-manager --concurrent-namespace-syncs is 0")?;
    Ok(Config { controllers, namespace_syncs, ..Config::default() })
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
