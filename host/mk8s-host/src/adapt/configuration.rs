//! Puts the addons' edits in force: at once where the flag's row says so, by a restart of one unit where it says that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use addons::ports::{self, PortError};
use args::{AddonEdits, Effect, Effective, Mistakes, Service};
use engine::Facts;
use futures_util::future::BoxFuture;
use supervise::{TreeHandle, UnitState};
use tracing::{info, warn};

use crate::adapt::authorization::Modes;
use crate::configuration::Configuration;
use crate::slot::Slot;
use crate::units::name;

/// A restarted unit that is not ready by then does not get ready.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct LiveConfiguration {
    configuration: Configuration,
    modes: Modes,
    tree: Slot<TreeHandle>,
    facts: Facts,
}

impl LiveConfiguration {
    pub(crate) fn new(
        configuration: Configuration,
        modes: Modes,
        tree: Slot<TreeHandle>,
        facts: Facts,
    ) -> Self {
        Self { configuration, modes, tree, facts }
    }

    async fn put(&self, after: Arc<Effective>) -> Result<(), PortError> {
        let changes = self.configuration.effective().changes(&after);
        let restarts: BTreeSet<_> = changes
            .iter()
            .filter(|change| change.flag.effect == Effect::Restart)
            .filter_map(|change| unit_of(change.service))
            .collect();
        for change in &changes {
            info!("{change}");
        }
        self.modes.replace(&after);
        self.configuration.replace(after);
        for unit in restarts {
            self.restart(unit).await?;
        }
        Ok(())
    }

    async fn restart(&self, unit: &str) -> Result<(), PortError> {
        let tree = self.tree.wait().await;
        let mut status = tree.status();
        let of = |status: &supervise::TreeStatus| status.unit(unit).map(|unit| (unit.restarts, unit.state));
        let Some((before, _)) = of(&status.borrow()) else { return Ok(()) };
        tree.restart(unit).await;
        let is_back = |status: &supervise::TreeStatus| {
            of(status).is_some_and(|(restarts, state)| restarts > before && state == UnitState::Ready)
        };
        match tokio::time::timeout(PATIENCE, status.wait_for(is_back)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(PortError("the host is stopping".to_owned())),
            Err(_) => Err(PortError(format!("{unit} did not get ready within {PATIENCE:?} of its restart"))),
        }
    }
}

impl ports::Configuration for LiveConfiguration {
    fn fold(&self, edits: &[AddonEdits]) -> Result<Effective, Mistakes> {
        self.configuration.fold(edits)
    }

    fn apply(&self, after: Arc<Effective>) -> BoxFuture<'_, Result<(), PortError>> {
        Box::pin(async move {
            let before = self.configuration.effective();
            let put = self.put(after).await;
            if let Err(why) = &put {
                warn!(%why, "the configuration of before comes back");
                self.put(before).await?;
            }
            put
        })
    }

    fn effective(&self) -> Arc<Effective> {
        self.configuration.effective()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

/// The unit that reads a service's arguments when it starts.
fn unit_of(service: Service) -> Option<&'static str> {
    match service {
        Service::KubeApiserver => Some(name::API_SERVER),
        Service::KubeControllerManager => Some(name::CONTROLLERS),
        Service::KubeScheduler => Some(name::SCHEDULER),
        Service::Kubelet => Some(name::KUBELET),
        Service::Containerd => Some(name::CONTAINERD),
        Service::KubeProxy | Service::Etcd | Service::ClusterAgent => None,
    }
}
