//! VolumeZone: volumes that say by labels in which zones they are.

use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::NodeView;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
/// Labels that name a zone or region, and the name of today.
const LABELS: &[(&str, &str)] = &[
    ("failure-domain.beta.kubernetes.io/zone", ZONE),
    ("failure-domain.beta.kubernetes.io/region", REGION),
    (ZONE, ZONE),
    (REGION, REGION),
];
/// Between the zones of a volume that is in several.
const BETWEEN: &str = "__";

/// Labels of the pod's volumes: the old name, the new name and the values.
#[derive(Clone, Default)]
pub(crate) struct ZoneState<'a> {
    wanted: Vec<(&'static str, &'static str, &'a str)>,
}

/// What is amiss with the claims themselves is VolumeBinding's to say.
pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let tables = &cycle.snapshot.tables;
    let volumes = cycle.pod.claims().filter_map(|name| {
        let claim = tables.claims.get(&ObjectKey::new(cycle.pod.namespace(), name))?;
        tables.volumes.get(&ObjectKey::new("", &**claim.volume.as_ref()?))
    });
    let wanted = volumes.flat_map(|volume| {
        LABELS.iter().filter_map(|(old, new)| Some((*old, *new, volume.labels.get(old)?)))
    });
    cycle.zones.wanted = wanted.collect();
    Ok(())
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    if cycle.zones.wanted.is_empty() || LABELS.iter().all(|(label, _)| node.labels.get(label).is_none()) {
        return Ok(());
    }
    let is_there = |(old, new, values): &(&str, &str, &str)| {
        let zone = node.labels.get(old).or_else(|| node.labels.get(new));
        zone.is_some_and(|zone| values.split(BETWEEN).any(|value| value == zone))
    };
    let fits = cycle.zones.wanted.iter().all(is_there);
    unless(fits, Objection::lasting("node(s) had no available volume zone"))
}
