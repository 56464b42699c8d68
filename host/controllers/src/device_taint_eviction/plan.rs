//! How long the users of claims stand the taints of the devices that they have. Pure.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::resource::v1::{
    DeviceRequestAllocationResult, DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice,
};
use reconcile::ObjectKey;

use crate::node::NO_EXECUTE;
use crate::toleration::Wish;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Goes {
        /// How long it may still stay.
        left: Duration,
        /// By how much its time is over.
        late: Duration,
    },
}

/// What a claim has.
pub(super) fn devices(claim: &ResourceClaim) -> impl Iterator<Item = &DeviceRequestAllocationResult> {
    let allocation = claim.status.as_ref().and_then(|status| status.allocation.as_ref());
    let devices = allocation.and_then(|allocation| allocation.devices.as_ref());
    devices.and_then(|devices| devices.results.as_ref()).into_iter().flatten()
}

/// The pods that a claim is reserved for.
pub(super) fn users(claim: &ResourceClaim) -> impl Iterator<Item = ObjectKey> {
    let namespace = claim.metadata.namespace.as_deref().unwrap_or_default();
    let users = claim.status.as_ref().and_then(|status| status.reserved_for.as_ref());
    let pods = users.into_iter().flatten().filter(|user| user.resource == "pods");
    pods.map(move |user| ObjectKey::new(namespace, user.name.as_str()))
}

pub(super) fn is_used_by(claim: &ResourceClaim, uid: &str) -> bool {
    let users = claim.status.as_ref().and_then(|status| status.reserved_for.as_ref());
    users.into_iter().flatten().any(|user| user.uid == uid)
}

/// The taints of a slice that send pods away, by device.
pub(super) fn tainted(slice: &ResourceSlice) -> Vec<(&str, Vec<&DeviceTaint>)> {
    let devices = slice.spec.devices.iter().flatten();
    let all = devices.map(|device| (device.name.as_str(), executing(&device.taints).collect()));
    all.filter(|(_, taints): &(_, Vec<_>)| !taints.is_empty()).collect()
}

fn executing(taints: &Option<Vec<DeviceTaint>>) -> impl Iterator<Item = &DeviceTaint> {
    taints.iter().flatten().filter(|taint| taint.effect == NO_EXECUTE)
}

/// Taints count as of the last generation of the device's pool.
fn taints_of<'s>(
    device: &DeviceRequestAllocationResult,
    slices: &'s [Arc<ResourceSlice>],
) -> impl Iterator<Item = &'s DeviceTaint> {
    let of_pool = |slice: &&Arc<ResourceSlice>| {
        slice.spec.driver == device.driver && slice.spec.pool.name == device.pool
    };
    let last = slices.iter().filter(of_pool).map(|slice| slice.spec.pool.generation).max();
    let slices: Vec<_> =
        slices.iter().filter(of_pool).filter(|slice| Some(slice.spec.pool.generation) == last).collect();
    let name = device.device.clone();
    let devices = slices.into_iter().flat_map(|slice| slice.spec.devices.iter().flatten());
    devices.filter(move |device| device.name == name).flat_map(|device| executing(&device.taints))
}

pub(super) fn fate(claims: &[Arc<ResourceClaim>], slices: &[Arc<ResourceSlice>], now: Timestamp) -> Fate {
    let ends = claims.iter().flat_map(|claim| devices(claim)).flat_map(|device| {
        let tolerations = device.tolerations.as_deref().unwrap_or_default();
        taints_of(device, slices).filter_map(|taint| end(taint, tolerations, now))
    });
    let Some(end) = ends.min() else { return Fate::Stays };
    let time = |time: SignedDuration| Duration::try_from(time).unwrap_or(Duration::ZERO);
    Fate::Goes { left: time(end.duration_since(now)), late: time(now.duration_since(end)) }
}

/// Until when a taint is stood; nothing where it is for good.
fn end(taint: &DeviceTaint, tolerations: &[DeviceToleration], now: Timestamp) -> Option<Timestamp> {
    let since = taint.time_added.as_ref().map_or(now, |time| time.0);
    let mut standing = tolerations.iter().filter(|toleration| stands(toleration, taint)).peekable();
    if standing.peek().is_none() {
        return Some(since);
    }
    let seconds = standing.map(|toleration| toleration.toleration_seconds).min_by_key(|seconds| {
        // Who sets no time stands it longest.
        seconds.unwrap_or(i64::MAX)
    })??;
    since.checked_add(SignedDuration::from_secs(seconds.max(0))).ok()
}

fn stands(toleration: &DeviceToleration, taint: &DeviceTaint) -> bool {
    let wish = Wish {
        key: toleration.key.as_deref(),
        operator: toleration.operator.as_deref(),
        value: toleration.value.as_deref(),
        effect: toleration.effect.as_deref(),
    };
    wish.stands(&taint.key, taint.value.as_deref(), &taint.effect)
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    /// The fate, a minute after the epoch, of who has a device with this taint since the epoch.
    fn check(taint: Tree, tolerations: Tree, expected: Fate) {
        let mut taint = taint;
        taint.insert("timeAdded", "1970-01-01T00:00:00Z");
        let slice = |generation: i64, taints: Tree| -> Arc<ResourceSlice> {
            let pool = tree!({ "name": "p", "generation": generation, "resourceSliceCount": 1 });
            let devices = tree!([{ "name": "a", "taints": taints }, { "name": "b" }]);
            let spec = tree!({ "driver": "d", "pool": pool, "devices": devices });
            Arc::new(from_tree(&tree!({ "metadata": {}, "spec": spec })).unwrap())
        };
        let old =
            slice(1, tree!([{ "key": "old", "effect": "NoExecute", "timeAdded": "1970-01-01T00:00:00Z" }]));
        let result =
            tree!({ "request": "r", "driver": "d", "pool": "p", "device": "a", "tolerations": tolerations });
        let status = tree!({ "allocation": { "devices": { "results": [result] } } });
        let claim = from_tree(&tree!({ "metadata": {}, "spec": {}, "status": status })).unwrap();
        let now = Timestamp::from_second(60).unwrap();
        assert_eq!(fate(&[Arc::new(claim)], &[old, slice(2, tree!([taint]))], now), expected);
    }

    fn goes(left: u64, late: u64) -> Fate {
        Fate::Goes { left: Duration::from_secs(left), late: Duration::from_secs(late) }
    }

    #[test]
    fn a_taint_is_stood_as_long_as_the_claim_tolerates_it() {
        let hot = || tree!({ "key": "hot", "effect": "NoExecute" });
        check(hot(), tree!([]), goes(0, 60));
        check(hot(), tree!([{ "key": "cold", "operator": "Exists" }]), goes(0, 60));
        check(hot(), tree!([{ "operator": "Exists" }]), Fate::Stays);
        check(hot(), tree!([{ "key": "hot", "operator": "Exists", "tolerationSeconds": 100 }]), goes(40, 0));
        check(hot(), tree!([{ "key": "hot", "operator": "Exists", "tolerationSeconds": 10 }]), goes(0, 50));
        check(tree!({ "key": "hot", "effect": "NoSchedule" }), tree!([]), Fate::Stays);
        check(tree!({ "key": "hot", "effect": "None" }), tree!([]), Fate::Stays);
    }
}
