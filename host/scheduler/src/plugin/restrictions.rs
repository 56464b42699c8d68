//! VolumeRestrictions: disks that a node cannot give to two pods, and claims that are for one pod.

use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{Disk, NodeView, PodView, PodVolume};

/// Other pods that use the pod's claims that are for one pod.
#[derive(Clone, Default)]
pub(crate) struct RestrictionState {
    users: i64,
    claims: Vec<ObjectKey>,
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let snapshot = cycle.snapshot;
    let keys = cycle.pod.claims().map(|name| ObjectKey::new(cycle.pod.namespace(), name));
    let is_of_one =
        |key: &ObjectKey| snapshot.tables.claims.get(key).is_some_and(|claim| claim.is_of_one_pod);
    let claims: Vec<_> = keys.filter(is_of_one).collect();
    let users = claims.iter().map(|key| snapshot.claim_uses(key)).sum();
    cycle.restrictions = RestrictionState { users, claims };
    Ok(())
}

pub(super) fn shift<'a>(cycle: &mut Cycle<'a>, pod: &'a PodView, _: &'a NodeState, by: i64) {
    let state = &mut cycle.restrictions;
    let uses = |claim: &&ObjectKey| {
        claim.namespace == pod.namespace() && pod.claims().any(|name| name == claim.name)
    };
    state.users += by * state.claims.iter().filter(uses).count() as i64;
}

pub(super) fn filter(cycle: &Cycle<'_>, node: &NodeState, _: &NodeView) -> Verdict {
    let is_free = cycle.pod.volumes.is_empty() || !node.pods.iter().any(|pod| disks_conflict(cycle.pod, pod));
    unless(is_free, Objection::resolvable("node(s) had no available disk"))?;
    let alone = Objection::resolvable(
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
    );
    unless(cycle.restrictions.users <= 0, alone)
}

/// Whether two pods cannot be on one node for their disks.
pub(crate) fn disks_conflict(one: &PodView, other: &PodView) -> bool {
    let clash = |disk: &Disk, taken: &Disk| disk.id == taken.id && !(disk.shares && taken.shares);
    disks(one).any(|disk| disks(other).any(|taken| clash(disk, taken)))
}

fn disks(pod: &PodView) -> impl Iterator<Item = &Disk> {
    pod.volumes.iter().filter_map(|volume| match volume {
        PodVolume::Disk(disk) => Some(disk),
        PodVolume::Claim { .. } => None,
    })
}
