//! DynamicResources: a pod goes where the devices of its claims can be used; claims that have none yet get theirs on the
//! node that the pod goes to.

use std::sync::Arc;

use objects::placement::NodeSelector;
use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
use crate::allocate::{Allocated, Asked, InUse};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::{DeviceClaimView, DeviceUse, NodeView, PodView};

/// The API takes no more.
const MOST_USERS: usize = 256;

/// The claims of the pod, looked up.
#[derive(Clone, Default)]
pub(crate) struct DeviceState<'a> {
    /// Where the devices of each claim that has some can be used.
    nodes: Vec<&'a NodeSelector>,
    /// What the claims that have none ask for.
    asked: Option<Arc<Asked<'a>>>,
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    if cycle.pod.devices.is_empty() {
        return Ok(());
    }
    let (pod, snapshot) = (cycle.pod, cycle.snapshot);
    let table = &snapshot.tables.device_claims;
    let mut state = DeviceState::default();
    let mut without: Vec<&Arc<DeviceClaimView>> = Vec::new();
    for used in &pod.devices {
        let claim = used.claim.as_ref().map(|name| table.get(&ObjectKey::new(pod.namespace(), &**name)));
        let claim = find(pod, used, claim).map_err(Objection::lasting)?;
        let is_full = claim.users.len() >= MOST_USERS && !claim.is_used_by(&pod.head.uid);
        unless(!(claim.is_allocated && is_full), Objection::lasting("resourceclaim in use"))?;
        state.nodes.extend(&claim.nodes);
        let key = &claim.head.key;
        if claim.is_allocated || without.iter().any(|other| other.head.key == *key) {
            continue;
        }
        if snapshot.allocating.is_for_another(key, &pod.head.uid) {
            let reason = format!("resource claim {key} is in the process of being allocated");
            return Err(Objection::lasting(reason));
        }
        without.push(claim);
    }
    if !without.is_empty() {
        let own = snapshot.allocating.taken_beside(&pod.head.uid);
        let in_use = InUse::of(table.values().map(|claim| &claim.taken).chain(own));
        let (classes, slices) = (&snapshot.tables.device_classes, &snapshot.tables.slices);
        let asked = Asked::new(&without, classes, slices, in_use).map_err(Objection::lasting)?;
        state.asked = Some(Arc::new(asked));
    }
    cycle.devices = state;
    Ok(())
}

/// The claim, if it is one that the pod may use.
fn find<'c>(
    pod: &PodView,
    used: &DeviceUse,
    claim: Option<Option<&'c Arc<DeviceClaimView>>>,
) -> Result<&'c Arc<DeviceClaimView>, String> {
    let pod_key = &pod.head.key;
    let Some(claim) = claim else { return Err(format!("pod \"{pod_key}\": ResourceClaim not created yet")) };
    let Some(claim) = claim else {
        let name = used.claim.as_deref().unwrap_or_default();
        return Err(format!("resourceclaim \"{name}\" not found"));
    };
    let name = &claim.head.key.name;
    if claim.is_deleting {
        return Err(format!("resourceclaim \"{name}\" is being deleted"));
    }
    if used.is_own && claim.owner.as_deref() != Some(&*pod.head.uid) {
        let key = &claim.head.key;
        return Err(format!("ResourceClaim {key} was not created for pod {pod_key} (pod is not owner)"));
    }
    Ok(claim)
}

pub(super) fn filter(cycle: &Cycle<'_>, _: &NodeState, node: &NodeView) -> Verdict {
    if cycle.pod.devices.is_empty() {
        return Ok(());
    }
    let is_there = |nodes: &&NodeSelector| nodes.matches(node.name(), |key| node.labels.get(key));
    let are_there = cycle.devices.nodes.iter().all(is_there);
    unless(are_there, Objection::lasting("resourceclaim not available on the node"))?;
    match cycle.devices.asked.as_ref().map(|asked| asked.allocate(node)) {
        Some(Err(why)) => Err(Objection::lasting(why)),
        Some(Ok(None)) => Err(Objection::lasting("cannot allocate all claims")),
        Some(Ok(Some(_))) | None => Ok(()),
    }
}

/// The devices of the claims that have none, on a node that has them.
pub(crate) fn plan(cycle: &Cycle<'_>, node: &NodeView) -> Vec<Allocated> {
    let allocated = cycle.devices.asked.as_ref().and_then(|asked| asked.allocate(node).ok());
    allocated.flatten().unwrap_or_default()
}
