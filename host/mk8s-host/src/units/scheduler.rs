//! The scheduler, with its ports.

use reconcile::endpoints::Ports;
use scheduler::{Config, Deps};
use supervise::{OnFailure, Unit};

use crate::adapt::clients::Clients;
use crate::units::{name, until_ended};

pub(crate) fn unit(clients: Clients, ports: Ports) -> Unit {
    Unit::new(name::SCHEDULER, &[name::ADDONS], OnFailure::Restart, move |context| {
        let client = clients.component("system:kube-scheduler");
        let task = Config::default().build(Deps { client, ports: ports.clone() });
        let synced = task.synced();
        until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) })
    })
}
