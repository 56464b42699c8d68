//! Keeps flow control at what the watch cache has, and moves seats to where they are wanted.

use std::sync::Arc;
use std::time::Duration;

use objects::resource::Verb;
use objects::{Tree, meta, tree};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::FlowControl;
use crate::call::{Call, Place};
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

    /// Writes the status of one of its objects. Who changed it in between made news, after which it is judged again.
    async fn write_status(&self, object: &Tree) {
        let Some(resource) = self.resource.clone() else { return };
        let place = Place { name: meta::name(object), subresource: "status", ..Place::default() };
        match self.rest.answer(Call::own(resource, Verb::Update, place, object)).await {
            Err(status) if status.code != 409 && status.code != 404 => {
                warn!(schema = meta::name(object), %status, "cannot tell whether a flow schema dangles");
            }
            _ => {}
        }
    }

    async fn changed(&mut self) {
        let Some(changed) = &mut self.changed else { return std::future::pending().await };
        if changed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// The schemas whose condition `Dangling` is to be written: whether the level that they name is there.
fn judged(levels: &[Tree], schemas: &[Tree]) -> Vec<Tree> {
    const KIND: &str = "Dangling";
    let judge = |schema: &Tree| {
        let level = schema.str_at(&["spec", "priorityLevelConfiguration", "name"]).unwrap_or_default();
        let is_there = levels.iter().any(|tree| meta::name(tree) == level);
        let (status, reason, what) = if is_there {
            ("False", "Found", "it exists")
        } else {
            ("True", "NotFound", "there is no such object")
        };
        let message = format!(
            "This FlowSchema references the PriorityLevelConfiguration object named {level:?} and {what}"
        );
        let mut conditions = schema.items_at(&["status", "conditions"]).to_vec();
        let old = conditions.iter().position(|condition| condition.str_at(&["type"]) == Some(KIND));
        let says = |condition: &Tree| {
            condition.str_at(&["status"]) == Some(status) && condition.str_at(&["message"]) == Some(&message)
        };
        if old.is_some_and(|at| says(&conditions[at])) {
            return None;
        }
        if let Some(at) = old {
            conditions.remove(at);
        }
        conditions.push(tree!({
            "type": KIND, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": (meta::rfc3339(supervise::clock::now()))
        }));
        let mut schema = schema.clone();
        schema.set_at(&["status", "conditions"], Tree::Array(conditions));
        Some(schema)
    };
    schemas.iter().filter_map(judge).collect()
}

/// What to do next.
enum Next {
    Configure,
    Adjust,
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
        loop {
            let (all_levels, all_schemas) = (levels.read(), schemas.read());
            flow.configure(&all_levels, &all_schemas);
            for schema in judged(&all_levels, &all_schemas) {
                schemas.write_status(&schema).await;
            }
            while let Next::Adjust = tokio::select! {
                () = levels.changed() => Next::Configure,
                () = schemas.changed() => Next::Configure,
                _ = period.tick() => Next::Adjust,
            } {
                flow.adjust();
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::judged;

    #[test]
    fn a_schema_dangles_while_its_level_is_not_there() {
        let schema =
            tree!({ "metadata": { "name": "s" }, "spec": { "priorityLevelConfiguration": { "name": "l" } } });
        let dangling = judged(&[], &[schema]).remove(0);
        assert_eq!(dangling.str_at(&["status", "conditions", "0", "status"]), Some("True"));
        let level = tree!({ "metadata": { "name": "l" } });
        let found = judged(std::slice::from_ref(&level), &[dangling]).remove(0);
        assert_eq!(found.str_at(&["status", "conditions", "0", "reason"]), Some("Found"));
        assert!(judged(&[level], &[found]).is_empty());
    }
}
