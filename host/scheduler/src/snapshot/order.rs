//! The order in which nodes are looked at.

use std::collections::BTreeMap;

/// Takes one of each zone in turn, so that the nodes that are looked at first lie in all zones.
pub(super) fn interleave<Z: Ord, N>(zoned: impl Iterator<Item = (Z, N)>) -> Vec<N> {
    let mut zones: BTreeMap<Z, Vec<N>> = BTreeMap::new();
    for (zone, node) in zoned {
        zones.entry(zone).or_default().push(node);
    }
    let mut zones: Vec<_> = zones.into_values().map(Vec::into_iter).collect();
    let mut order = Vec::new();
    while !zones.is_empty() {
        zones.retain_mut(|nodes| nodes.next().map(|node| order.push(node)).is_some());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_take_turns() {
        let zoned = [("a", 1), ("a", 2), ("b", 3), ("a", 4), ("c", 5), ("c", 6)];
        assert_eq!(interleave(zoned.into_iter()), [1, 3, 5, 2, 6, 4]);
    }
}
