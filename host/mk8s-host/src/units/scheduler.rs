//! The scheduler, with its ports.

use std::sync::Arc;

use anyhow::{Context, Result};
use args::{Effective, Service};
use reconcile::endpoints::Ports;
use scheduler::{Config, Deps};
use supervise::{OnFailure, Unit};

use crate::adapt::clients::Clients;
use crate::adapt::counsel::AddonCounsel;
use crate::units::election::Election;
use crate::units::{name, until_ended};

/// What the arguments come to, and the file of profiles that they name.
pub(crate) fn config(effective: &Effective) -> Result<Config> {
    let args = effective.service(Service::KubeScheduler);
    let config = match args.text("config") {
        "" => Config::default(),
        path => {
            let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
            Config::parse(&text).with_context(|| format!("kube-scheduler --config={path}"))?
        }
    };
    Ok(config.forgetting_after(args.duration("pod-max-in-unschedulable-pods-duration")))
}

pub(crate) fn unit(
    config: Config,
    clients: Clients,
    addons: AddonCounsel,
    ports: Ports,
    election: Option<Election>,
) -> Unit {
    let addons = Arc::new(addons);
    Unit::new(name::SCHEDULER, &[name::ADDONS], OnFailure::Restart, move |context| {
        let client = clients.component("system:kube-scheduler");
        let candidate = election.as_ref().map(Election::candidate);
        let task = config.clone().build(Deps {
            client,
            ports: ports.clone(),
            candidate,
            counsel: Some(addons.clone()),
        });
        let synced = task.synced();
        until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) })
    })
}
