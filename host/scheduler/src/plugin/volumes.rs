//! VolumeBinding: a pod goes where its volumes are or can be had.

use std::collections::HashSet;
use std::sync::Arc;

use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
use crate::cycle::Cycle;
use crate::snapshot::{NodeState, Snapshot, Tables};
use crate::view::{CapacityView, ClaimView, ClassView, NodeView, PodVolume, VolumeView};

const NO_VOLUME: &str = "node(s) didn't find available persistent volumes to bind";
const NO_SPACE: &str = "node(s) did not have enough free storage";

/// The claims of the pod, looked up.
#[derive(Clone, Default)]
pub(crate) struct VolumeState<'a> {
    /// Volumes of claims that have one; `None` for one that is not there.
    bound: Vec<Option<&'a VolumeView>>,
    /// Claims that wait for a pod.
    waiting: Vec<&'a ClaimView>,
}

/// What is to be done for a pod's volumes before it can be bound to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VolumePlan {
    /// Claims and the volumes that they are to have.
    pub(crate) bind: Vec<(ObjectKey, Box<str>)>,
    /// Claims whose volume is to be made for the node.
    pub(crate) provision: Vec<ObjectKey>,
}

impl VolumePlan {
    pub(crate) fn is_empty(&self) -> bool {
        self.bind.is_empty() && self.provision.is_empty()
    }
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let (pod, tables) = (cycle.pod, &cycle.snapshot.tables);
    let mut state = VolumeState::default();
    let mut is_late = false;
    for volume in &pod.volumes {
        let PodVolume::Claim { name, ephemeral } = volume else { continue };
        let Some(claim) = tables.claims.get(&ObjectKey::new(pod.namespace(), &**name)) else {
            let message = match ephemeral {
                true => format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                ),
                false => format!("persistentvolumeclaim {name:?} not found"),
            };
            return Err(Objection::lasting(message));
        };
        if let Some(wrong) = amiss(claim, *ephemeral, cycle) {
            return Err(Objection::lasting(wrong));
        }
        let class = claim.class.as_ref().and_then(|class| tables.classes.get(&ObjectKey::new("", &**class)));
        match &claim.volume {
            Some(volume) if claim.is_bound => {
                state.bound.push(tables.volumes.get(&ObjectKey::new("", &**volume)).map(|volume| &**volume));
            }
            // A volume that is asked for by name is bound by its controller.
            None if class.is_some_and(|class| class.waits) => state.waiting.push(claim),
            _ => is_late = true,
        }
    }
    unless(!is_late, Objection::lasting("pod has unbound immediate PersistentVolumeClaims"))?;
    cycle.volumes = state;
    Ok(())
}

/// What keeps a claim from being used.
fn amiss(claim: &ClaimView, ephemeral: bool, cycle: &Cycle<'_>) -> Option<String> {
    let (name, pod) = (&claim.head.key.name, cycle.pod);
    let is_anothers = ephemeral && claim.controller.as_deref() != Some(&*pod.head.uid);
    match () {
        () if claim.is_lost => {
            let volume = claim.volume.as_deref().unwrap_or_default();
            Some(format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"))
        }
        () if claim.is_deleting => Some(format!("persistentvolumeclaim {name:?} is being deleted")),
        () if is_anothers => Some(format!(
            "PVC {} was not created for pod {} (pod is not owner)",
            claim.head.key, pod.head.key
        )),
        () => None,
    }
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    for volume in &cycle.volumes.bound {
        let Some(volume) = volume else {
            return Err(Objection::lasting(
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            ));
        };
        let reached = volume.is_reached_from(node.name(), &node.labels);
        unless(reached, Objection::lasting("node(s) didn't match PersistentVolume's node affinity"))?;
    }
    plan(cycle, node).map(drop).map_err(Objection::lasting)
}

/// How the claims that wait get their volumes on a node.
///
/// # Errors
/// What one of them lacks.
pub(crate) fn plan(cycle: &Cycle<'_>, node: &NodeView) -> Result<VolumePlan, &'static str> {
    let tables = &cycle.snapshot.tables;
    let mut plan = VolumePlan::default();
    let mut taken: HashSet<&str> = HashSet::new();
    let mut waiting = cycle.volumes.waiting.clone();
    waiting.sort_by_key(|claim| claim.storage);
    for claim in waiting {
        if claim.selected_node.as_deref().is_some_and(|selected| selected != node.name()) {
            return Err(NO_VOLUME);
        }
        let key = claim.head.key.clone();
        let found = match claim.selected_node {
            Some(_) => None,
            None => best_volume(cycle.snapshot, claim, node, &taken),
        };
        if let Some(volume) = found {
            taken.insert(&volume.head.key.name);
            plan.bind.push((key, volume.head.key.name.as_str().into()));
            continue;
        }
        let class = claim.class.as_ref().and_then(|name| tables.classes.get(&ObjectKey::new("", &**name)));
        let class = class.filter(|class| class.provisions_for(node.name(), &node.labels)).ok_or(NO_VOLUME)?;
        if !has_space(tables, class, claim.storage, node) {
            return Err(NO_SPACE);
        }
        plan.provision.push(key);
    }
    Ok(plan)
}

/// Whether the class's driver has the room for another volume, if it tells of its room.
fn has_space(tables: &Tables, class: &ClassView, storage: i64, node: &NodeView) -> bool {
    let driver = tables.csi_drivers.get(&ObjectKey::new("", &*class.provisioner));
    let is_told = driver.is_some_and(|driver| driver.tells_room) && storage > 0;
    let of_class = |capacity: &&Arc<CapacityView>| *capacity.class == *class.head.key.name;
    let mut capacities = tables.capacities.values().filter(of_class);
    !is_told || capacities.any(|capacity| capacity.holds(storage, &node.labels))
}

/// The smallest volume that does; one that is kept for the claim comes first.
fn best_volume<'a>(
    snapshot: &'a Snapshot,
    claim: &ClaimView,
    node: &NodeView,
    taken: &HashSet<&str>,
) -> Option<&'a VolumeView> {
    let key = &claim.head.key;
    let does = |volume: &&VolumeView| {
        let name = volume.head.key.name.as_str();
        let is_promised = snapshot.promised.get(name).is_some_and(|other| other != key);
        let is_kept = volume.claim.as_ref() == Some(key);
        let is_free = is_kept || (volume.claim.is_none() && volume.is_available);
        is_free
            && !is_promised
            && !taken.contains(name)
            && !volume.is_deleting
            && volume.is_block == claim.is_block
            && volume.storage >= claim.storage
            && (is_kept || volume.class.as_deref().unwrap_or("") == claim.class.as_deref().unwrap_or(""))
            && claim.modes.iter().all(|mode| volume.modes.contains(mode))
            && claim.selector.as_ref().is_none_or(|selector| selector.matches(|key| volume.labels.get(key)))
            && volume.is_reached_from(node.name(), &node.labels)
    };
    let volumes = snapshot.tables.volumes.values().map(|volume| &**volume);
    volumes
        .filter(does)
        .min_by_key(|volume| (volume.claim.as_ref() != Some(key), volume.storage, &volume.head.key.name))
}
