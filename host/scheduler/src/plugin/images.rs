//! ImageLocality: nodes that have the pod's images.

use super::{BEST, views};
use crate::cycle::Cycle;
use crate::snapshot::NodeState;
use crate::view::NodeView;

/// Less than that is not worth it.
const LEAST: i64 = 23 << 20;
/// More of one container makes no difference.
const MOST: i64 = 1000 << 20;

/// The bytes that need no download; an image that few nodes have counts for less, so that those do not get all pods.
pub(super) fn score(cycle: &Cycle<'_>, nodes: &[&NodeState]) -> Vec<i64> {
    let total = cycle.snapshot.order().len() as f64;
    let images: Vec<(&str, f64)> = cycle
        .pod
        .images
        .iter()
        .map(|image| (&**image, cycle.snapshot.nodes_with(image) as f64 / total))
        .collect();
    let most = MOST * images.len().max(1) as i64;
    let held = |node: &NodeView| -> i64 {
        let sizes =
            images.iter().filter_map(|(image, share)| Some((node.size_of(image)? as f64 * share) as i64));
        sizes.sum()
    };
    views(nodes).map(|(_, node)| (held(node).clamp(LEAST, most) - LEAST) * BEST / (most - LEAST)).collect()
}
