//! [`NodeView`], and what a node says of its CSI drivers.

use objects::Tree;
use objects::placement::Taint;
use objects::resources;

use super::{Head, Labels, text};
use crate::amounts::{Amounts, PODS};

const ZONES: &[(&str, &str)] = &[
    ("topology.kubernetes.io/region", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"),
];

/// A node as scheduling sees it.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct NodeView {
    pub(crate) head: Head,
    pub(crate) labels: Labels,
    pub(crate) is_unschedulable: bool,
    pub(crate) taints: Vec<Taint>,
    pub(crate) allocatable: Amounts,
    /// How many pods it takes.
    pub(crate) room: i64,
    /// Names of images that it has, sorted, with their size.
    pub(crate) images: Box<[(Box<str>, i64)]>,
}

impl NodeView {
    pub(crate) fn read(node: &Tree) -> Self {
        let allocatable = resources::Amounts::read(node.at(&["status", "allocatable"]));
        let mut images: Vec<(Box<str>, i64)> = Vec::new();
        for image in node.items_at(&["status", "images"]) {
            let size = image.i64_at(&["sizeBytes"]).unwrap_or(0);
            images.extend(
                image.items_at(&["names"]).iter().filter_map(|name| Some((name.as_str()?.into(), size))),
            );
        }
        images.sort();
        Self {
            head: Head::of(node),
            labels: Labels::of(node),
            is_unschedulable: node.bool_at(&["spec", "unschedulable"]) == Some(true),
            taints: Taint::of_node(node),
            room: allocatable.get(PODS).map_or(0, |pods| pods.value()),
            allocatable: Amounts::read(&allocatable),
            images: images.into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.head.key.name
    }

    /// Whether a decision could turn out different than on the node as it was; its heartbeat makes no difference.
    pub(crate) fn differs(&self, old: &Self) -> bool {
        let seen = |node: &Self| Self { head: Head::default(), ..node.clone() };
        seen(self) != seen(old)
    }

    /// Region and zone, as far as its labels say.
    pub(crate) fn zone(&self) -> (&str, &str) {
        let label = |key: &str| self.labels.get(key).unwrap_or_default();
        let zones = ZONES.iter().map(|(region, zone)| (label(region), label(zone)));
        zones.into_iter().find(|zone| *zone != ("", "")).unwrap_or_default()
    }

    pub(crate) fn size_of(&self, image: &str) -> Option<i64> {
        let found = self.images.binary_search_by(|(name, _)| (**name).cmp(image)).ok()?;
        Some(self.images[found].1)
    }
}

/// How many volumes of each CSI driver a node takes.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct CsiNodeView {
    pub(crate) head: Head,
    /// Of the drivers that have a limit.
    pub(crate) limits: Box<[(Box<str>, i64)]>,
}

impl CsiNodeView {
    pub(crate) fn read(node: &Tree) -> Self {
        let limit =
            |driver: &Tree| Some((text(driver, &["name"]).into(), driver.i64_at(&["allocatable", "count"])?));
        let limits = node.items_at(&["spec", "drivers"]).iter().filter_map(limit).collect();
        Self { head: Head::of(node), limits }
    }
}
