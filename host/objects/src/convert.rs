//! The kinds that are served in more than one version: an object of one version as one of another.
//!
//! A pair of versions without a row differs in the name of the version alone, as those of custom resources do whose
//! conversion strategy is None.

mod autoscaler;
mod event;
mod metric;
#[cfg(test)]
mod tests;

use crate::meta;
use crate::resource::Resource;
use crate::tree::Tree;

/// Changes the fields of an object; the name of the version is changed by [`convert`].
type Change = fn(Tree) -> Tree;

struct Conversion {
    kind: &'static str,
    /// (group, version)
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
    change: Change,
}

const CONVERSIONS: &[Conversion] = &[
    Conversion {
        kind: "Event",
        from: ("", "v1"),
        to: ("events.k8s.io", "v1"),
        change: event::core_to_events,
    },
    Conversion {
        kind: "Event",
        from: ("events.k8s.io", "v1"),
        to: ("", "v1"),
        change: event::events_to_core,
    },
    Conversion {
        kind: "HorizontalPodAutoscaler",
        from: ("autoscaling", "v1"),
        to: ("autoscaling", "v2"),
        change: autoscaler::v1_to_v2,
    },
    Conversion {
        kind: "HorizontalPodAutoscaler",
        from: ("autoscaling", "v2"),
        to: ("autoscaling", "v1"),
        change: autoscaler::v2_to_v1,
    },
];

/// An object of the version `from` as one of the version `to` of the same resource.
pub fn convert(tree: Tree, from: &Resource, to: &Resource) -> Tree {
    let [source, target] = [from, to].map(|resource| (resource.group.as_ref(), resource.version.as_ref()));
    if source == target {
        return tree;
    }
    let row = CONVERSIONS.iter().find(|row| row.kind == to.kind && (row.from, row.to) == (source, target));
    let mut tree = match row {
        Some(row) => (row.change)(tree),
        None => tree,
    };
    meta::set_gvk(&mut tree, &to.gvk());
    tree
}
