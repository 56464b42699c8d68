//! [`Pools`]: the devices that drivers publish, which of them a node reaches, and what is left of what they share.

use std::collections::HashMap;
use std::sync::Arc;

use objects::Tree;
use objects::quantity::Quantity;

use super::in_use::InUse;
use crate::view::{DeviceId, DeviceView, NodeView, Reach, SliceView};

/// Driver and name.
type PoolKey<'a> = (&'a str, &'a str);

/// The slices of each pool's last generation.
pub(super) struct Pools<'a> {
    /// In the order of their keys, so that the same devices are taken whenever it is asked.
    pools: Vec<Pool<'a>>,
}

struct Pool<'a> {
    key: PoolKey<'a>,
    slices: Vec<&'a SliceView>,
    /// What no device in use draws, by set and counter.
    left: HashMap<(&'a str, &'a str), Quantity>,
}

/// A device that a node reaches.
#[derive(Clone)]
pub(super) struct Offered<'a> {
    pub(super) slice: &'a SliceView,
    pub(super) device: &'a DeviceView,
    pub(super) id: DeviceId,
    /// The place of its pool.
    pub(super) pool: usize,
}

/// What a node reaches.
pub(super) struct Offer<'a> {
    pub(super) devices: Vec<Offered<'a>>,
    /// A pool of which not everything is known yet.
    pub(super) incomplete: Option<String>,
}

impl<'a> Pools<'a> {
    pub(super) fn of(slices: impl Iterator<Item = &'a Arc<SliceView>>, in_use: &InUse) -> Self {
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
        let pool = |(key, slices): (PoolKey<'a>, Vec<&'a SliceView>)| {
            let left = left(key, &slices, in_use);
            Pool { key, slices, left }
        };
        Self { pools: pools.into_iter().map(pool).collect() }
    }

    /// What is left of a counter of a pool; `None` where there is no such counter.
    pub(super) fn left(&self, pool: usize, set: &str, counter: &str) -> Option<Quantity> {
        self.pools.get(pool)?.left.get(&(set, counter)).copied()
    }

    pub(super) fn on(&self, node: &NodeView) -> Offer<'a> {
        let mut offer = Offer { devices: Vec::new(), incomplete: None };
        for (place, Pool { key: (driver, pool), slices, .. }) in self.pools.iter().enumerate() {
            let before = offer.devices.len();
            let mut is_reached = false;
            for slice in slices {
                is_reached |= slice.reach.includes(node);
                let reached = slice.devices.iter().filter(|device| {
                    let reach = match slice.reach {
                        Reach::PerDevice => device.reach.as_ref(),
                        _ => Some(&slice.reach),
                    };
                    reach.is_some_and(|reach| reach.includes(node))
                });
                offer.devices.extend(reached.map(|device| Offered {
                    slice,
                    device,
                    id: id((driver, pool), device),
                    pool: place,
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

fn id((driver, pool): PoolKey<'_>, device: &DeviceView) -> DeviceId {
    DeviceId { driver: driver.into(), pool: pool.into(), device: device.name.clone() }
}

fn left<'a>(
    key: PoolKey<'a>,
    slices: &[&'a SliceView],
    in_use: &InUse,
) -> HashMap<(&'a str, &'a str), Quantity> {
    let mut left = HashMap::new();
    for set in slices.iter().flat_map(|slice| &slice.counters) {
        left.extend(set.counters.iter().map(|(counter, amount)| ((&*set.name, &**counter), *amount)));
    }
    let devices = slices.iter().flat_map(|slice| &slice.devices);
    let drawing = devices.filter(|device| !device.draws.is_empty() && in_use.is_used(&id(key, device)));
    for set in drawing.flat_map(|device| &device.draws) {
        for (counter, amount) in &set.counters {
            if let Some(left) = left.get_mut(&(&*set.name, &**counter)) {
                *left -= *amount;
            }
        }
    }
    left
}

impl Offered<'_> {
    /// The value of an attribute by its qualified name.
    pub(super) fn attribute(&self, qualified: &str) -> Option<&Tree> {
        let own = qualified.split_once('/').filter(|(domain, _)| *domain == &*self.slice.driver);
        self.device.attributes.get(qualified).or_else(|| self.device.attributes.get(own?.1))
    }
}
