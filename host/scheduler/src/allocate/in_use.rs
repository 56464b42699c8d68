//! [`InUse`]: the devices that claims have, and how much of those that are shared.

use std::collections::{HashMap, HashSet};

use objects::quantity::Quantity;

use crate::view::{DeviceId, Taken};

#[derive(Clone, Debug, Default)]
pub(crate) struct InUse {
    whole: HashSet<DeviceId>,
    /// Of each capacity, what all shares together consume.
    shared: HashMap<DeviceId, HashMap<Box<str>, Quantity>>,
}

impl InUse {
    pub(crate) fn of<'t>(taken: impl Iterator<Item = &'t Taken>) -> Self {
        let mut in_use = Self::default();
        for one in taken {
            in_use.whole.extend(one.whole.iter().cloned());
            for share in &one.shares {
                let consumed = in_use.shared.entry(share.device.clone()).or_default();
                for (name, amount) in &share.consumed {
                    *consumed.entry(name.clone()).or_default() += *amount;
                }
            }
        }
        in_use
    }

    /// Whether a claim has it for itself alone.
    pub(super) fn is_taken(&self, device: &DeviceId) -> bool {
        self.whole.contains(device)
    }

    /// Whether any claim has it, or a share of it.
    pub(super) fn is_used(&self, device: &DeviceId) -> bool {
        self.is_taken(device) || self.shared.contains_key(device)
    }

    /// What is consumed of one of its capacities.
    pub(super) fn consumed(&self, device: &DeviceId, capacity: &str) -> Quantity {
        let consumed = self.shared.get(device).and_then(|consumed| consumed.get(capacity));
        consumed.copied().unwrap_or_default()
    }
}
