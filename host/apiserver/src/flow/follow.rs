//! Keeps flow control at what the watch cache has, and moves seats to where they are wanted.

use std::sync::Arc;
use std::time::Duration;

use objects::Tree;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::FlowControl;
use crate::registry::Served;
use crate::rest::Rest;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
const VERSION: &str = "v1";

/// How often seats are lent and taken back: upstream's.
const PERIOD: Duration = Duration::from_secs(10);

/// One of the two resources, if this API server has it.
struct Source {
    rest: Rest,
    resource: Option<Arc<Served>>,
    changed: Option<watch::Receiver<u64>>,
}

impl Source {
    fn open(rest: &Rest, plural: &str) -> Self {
        let resource = rest.registry().find(GROUP, VERSION, plural);
        let changed = resource.as_ref().and_then(|resource| rest.view().changes(resource));
        Self { rest: rest.clone(), resource, changed }
    }

    fn read(&mut self) -> Vec<Tree> {
        if let Some(changed) = &mut self.changed {
            changed.mark_unchanged();
        }
        self.resource.as_ref().map(|resource| self.rest.list_trees(resource)).unwrap_or_default()
    }

    async fn changed(&mut self) {
        let Some(changed) = &mut self.changed else { return std::future::pending().await };
        if changed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Runs until `stop`.
pub(crate) async fn follow(flow: FlowControl, rest: Rest, stop: CancellationToken) {
    let follow = async {
        if rest.synced().await.is_err() {
            return;
        }
        let mut levels = Source::open(&rest, "prioritylevelconfigurations");
        let mut schemas = Source::open(&rest, "flowschemas");
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        flow.configure(&levels.read(), &schemas.read());
        loop {
            tokio::select! {
                () = levels.changed() => flow.configure(&levels.read(), &schemas.read()),
                () = schemas.changed() => flow.configure(&levels.read(), &schemas.read()),
                _ = period.tick() => flow.adjust(),
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}
