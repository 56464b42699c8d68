//! DynamicResources: a pod goes where the devices of its claims can be used, once somebody allocated them. Devices are
//! not allocated here.

use std::sync::Arc;

use objects::placement::NodeSelector;
use reconcile::ObjectKey;

use super::{Objection, Verdict, unless};
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
    are_allocated: bool,
}

pub(super) fn prepare(cycle: &mut Cycle<'_>) -> Verdict {
    let (pod, table) = (cycle.pod, &cycle.snapshot.tables.device_claims);
    let mut state = DeviceState { nodes: Vec::new(), are_allocated: true };
    for used in &pod.devices {
        let claim = used.claim.as_ref().map(|name| table.get(&ObjectKey::new(pod.namespace(), &**name)));
        let claim = find(pod, used, claim).map_err(Objection::lasting)?;
        let is_full = claim.users.len() >= MOST_USERS && !claim.is_used_by(&pod.head.uid);
        unless(!(claim.is_allocated && is_full), Objection::lasting("resourceclaim in use"))?;
        state.are_allocated &= claim.is_allocated;
        state.nodes.extend(&claim.nodes);
    }
    cycle.devices = state;
    Ok(())
}

/// The claim, if it is one that the pod may use.
fn find<'c>(
    pod: &PodView,
    used: &DeviceUse,
    claim: Option<Option<&'c Arc<DeviceClaimView>>>,
) -> Result<&'c DeviceClaimView, String> {
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
    unless(cycle.devices.are_allocated, Objection::lasting("cannot allocate all claims"))
}
