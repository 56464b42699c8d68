//! [`Pools`]: the devices that drivers publish, and which of them a node reaches.

use std::collections::HashMap;
use std::sync::Arc;

use objects::Tree;

use crate::view::{DeviceId, DeviceView, NodeView, Reach, SliceView};

/// Driver and name.
type PoolKey<'a> = (&'a str, &'a str);

/// The slices of each pool's last generation.
pub(super) struct Pools<'a> {
    /// In the order of their keys, so that the same devices are taken whenever it is asked.
    pools: Vec<(PoolKey<'a>, Vec<&'a SliceView>)>,
}

/// A device that a node reaches.
#[derive(Clone)]
pub(super) struct Offered<'a> {
    pub(super) slice: &'a SliceView,
    pub(super) device: &'a DeviceView,
    pub(super) id: DeviceId,
}

/// What a node reaches.
pub(super) struct Offer<'a> {
    pub(super) devices: Vec<Offered<'a>>,
    /// A pool of which not everything is known yet.
    pub(super) incomplete: Option<String>,
}

impl<'a> Pools<'a> {
    pub(super) fn of(slices: impl Iterator<Item = &'a Arc<SliceView>>) -> Self {
        let mut by_pool: HashMap<PoolKey<'a>, Vec<&'a SliceView>> = HashMap::new();
        for slice in slices {
            by_pool.entry((&slice.driver, &slice.pool)).or_default().push(slice);
        }
        let mut pools: Vec<_> = by_pool.into_iter().collect();
        for (_, slices) in &mut pools {
            let last = slices.iter().map(|slice| slice.generation).max();
            slices.retain(|slice| Some(slice.generation) == last);
            slices.sort_by(|one, other| one.head.key.cmp(&other.head.key));
        }
        pools.sort_by_key(|(key, _)| *key);
        Self { pools }
    }

    pub(super) fn on(&self, node: &NodeView) -> Offer<'a> {
        let mut offer = Offer { devices: Vec::new(), incomplete: None };
        for ((driver, pool), slices) in &self.pools {
            let before = offer.devices.len();
            let mut is_reached = false;
            for slice in slices {
                is_reached |= slice.reach.includes(node);
                let reached = slice.devices.iter().filter(|device| {
                    let reach = match slice.reach {
                        Reach::PerDevice => device.reach.as_ref(),
                        _ => Some(&slice.reach),
                    };
                    // What shares counters with others cannot be told to be free here.
                    !device.is_part && reach.is_some_and(|reach| reach.includes(node))
                });
                offer.devices.extend(reached.map(|device| Offered {
                    slice,
                    device,
                    id: DeviceId {
                        driver: (*driver).into(),
                        pool: (*pool).into(),
                        device: device.name.clone(),
                    },
                }));
            }
            is_reached |= offer.devices.len() > before;
            let count = slices.first().map_or(0, |slice| slice.slices);
            if is_reached && i64::try_from(slices.len()).unwrap_or(i64::MAX) != count {
                offer.incomplete.get_or_insert_with(|| format!("{driver}/{pool}"));
            }
        }
        offer
    }
}

impl Offered<'_> {
    /// The value of an attribute by its qualified name.
    pub(super) fn attribute(&self, qualified: &str) -> Option<&Tree> {
        let own = qualified.split_once('/').filter(|(domain, _)| *domain == &*self.slice.driver);
        self.device.attributes.get(qualified).or_else(|| self.device.attributes.get(own?.1))
    }
}
