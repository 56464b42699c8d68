//! The controllers, with their ports.

use std::sync::Arc;

use controllers::{Clients, Config, Deps};
use reconcile::endpoints::Ports;
use supervise::{OnFailure, Unit};
use tokio::sync::watch;

use crate::adapt::clients;
use crate::units::{name, until_ended};

pub(crate) fn unit(clients: clients::Clients, ca_bundle: watch::Receiver<String>, ports: Ports) -> Unit {
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
        let mut task = Config::default().build(deps);
        let synced = task.synced();
        until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) })
    })
}
