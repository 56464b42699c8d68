//! NodeVolumeLimits: how many volumes of a CSI driver a node takes.

use std::collections::{HashMap, HashSet};

use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
use crate::cycle::Cycle;
use crate::snapshot::{NodeState, Tables};
use crate::view::{NodeView, PodView};

/// The volumes of a pod as its driver counts them: the driver, and what tells one volume from another.
fn attached<'a>(pod: &'a PodView, tables: &'a Tables) -> impl Iterator<Item = (&'a str, String)> {
    pod.claims().filter_map(move |name| {
        let key = ObjectKey::new(pod.namespace(), name);
        let claim = tables.claims.get(&key)?;
        if let Some(volume) = &claim.volume {
            let volume = tables.volumes.get(&ObjectKey::new("", &**volume))?;
            let (driver, handle) = volume.csi.as_ref()?;
            return Some((&**driver, handle.to_string()));
        }
        let class = tables.classes.get(&ObjectKey::new("", &**claim.class.as_ref()?))?;
        Some((&*class.provisioner, format!("claim {key}")))
    })
}

pub(super) fn filter(cycle: &Cycle<'_>, node: &NodeState, view: &NodeView) -> Verdict {
    let tables = &cycle.snapshot.tables;
    let Some(csi) = tables.csi_nodes.get(&view.head.key).filter(|csi| !csi.limits.is_empty()) else {
        return Ok(());
    };
    let mut more: HashSet<_> = attached(cycle.pod, tables).collect();
    if more.is_empty() {
        return Ok(());
    }
    let there: HashSet<_> = node.pods.iter().flat_map(|pod| attached(pod, tables)).collect();
    more.retain(|volume| !there.contains(volume));
    let mut counts: HashMap<&str, i64> = HashMap::new();
    there.iter().chain(&more).for_each(|(driver, _)| *counts.entry(driver).or_default() += 1);
    let has_room = |driver: &str| {
        let limit = csi.limits.iter().find(|(name, _)| &**name == driver);
        limit.is_none_or(|(_, limit)| counts[driver] <= *limit)
    };
    unless(
        more.iter().all(|(driver, _)| has_room(driver)),
        Objection::resolvable("node(s) exceed max volume count"),
    )
}
