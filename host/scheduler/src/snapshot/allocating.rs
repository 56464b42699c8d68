//! [`Allocating`]: claims whose devices were decided on, until the API server tells of it. Such devices are nobody else's.

use std::collections::HashMap;

use reconcile::ObjectKey;

use crate::allocate::Allocated;
use crate::view::Taken;

#[derive(Clone, Debug, Default)]
pub(crate) struct Allocating(HashMap<ObjectKey, Pending>);

#[derive(Clone, Debug)]
struct Pending {
    /// The uid of the pod that the decision was for.
    pod: Box<str>,
    taken: Taken,
}

impl Allocating {
    /// Devices were decided on for a pod; what was before for it counts no longer.
    pub(crate) fn begin(&mut self, pod: &str, allocated: &[Allocated]) {
        self.forget(pod);
        for one in allocated {
            let pending = Pending { pod: pod.into(), taken: Taken::of(&one.allocation) };
            self.0.insert(one.claim.clone(), pending);
        }
    }

    /// The pod is gone, or gets other devices. Until then it may be that the API server has what was written for it.
    pub(crate) fn forget(&mut self, pod: &str) {
        self.0.retain(|_, pending| *pending.pod != *pod);
    }

    /// The API server told of the claim's devices, or that there is no claim.
    pub(crate) fn settle(&mut self, claim: &ObjectKey) {
        self.0.remove(claim);
    }

    /// Whether the claim is about to get devices for another pod.
    pub(crate) fn is_for_another(&self, claim: &ObjectKey, pod: &str) -> bool {
        self.0.get(claim).is_some_and(|pending| *pending.pod != *pod)
    }

    /// What was decided on for others than a pod.
    pub(crate) fn taken_beside(&self, pod: &str) -> impl Iterator<Item = &Taken> {
        self.0.values().filter(move |pending| *pending.pod != *pod).map(|pending| &pending.taken)
    }
}
