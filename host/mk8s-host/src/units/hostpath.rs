//! The provisioner of volumes that are folders of this node.

use std::path::PathBuf;

use hostpath::{Config, Deps, IDENTITY};
use supervise::{OnFailure, Unit};

use crate::adapt::clients::Clients;
use crate::units::{name, until_ended};

pub(crate) fn unit(clients: Clients, node_name: String, root: PathBuf) -> Unit {
    Unit::new(name::HOSTPATH, &[name::ADDONS], OnFailure::Restart, move |context| {
        let config = Config { node_name: node_name.clone(), root: root.clone() };
        let task = config.build(Deps { client: clients.service(IDENTITY) });
        async move {
            let task = task?;
            let synced = task.synced();
            until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) }).await
        }
    })
}
