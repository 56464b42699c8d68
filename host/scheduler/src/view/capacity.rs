//! What is told of the room in which volumes can be made.

use objects::Tree;
use objects::selector::LabelSelector;

use super::terms::selector;
use super::volume::some_amount;
use super::{Head, Labels, text};

/// A CSIDriver.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct DriverView {
    pub(crate) head: Head,
    /// Whether it tells how much room there is, so that a volume is made nowhere else.
    pub(crate) tells_room: bool,
}

impl DriverView {
    pub(crate) fn read(driver: &Tree) -> Self {
        Self {
            head: Head::of(driver),
            tells_room: driver.bool_at(&["spec", "storageCapacity"]) == Some(true),
        }
    }
}

/// A CSIStorageCapacity.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct CapacityView {
    pub(crate) head: Head,
    pub(crate) class: Box<str>,
    /// The largest volume; `None` where nothing is told.
    largest: Option<i64>,
    /// `None` selects no node.
    nodes: Option<LabelSelector>,
}

impl CapacityView {
    pub(crate) fn read(capacity: &Tree) -> Self {
        Self {
            head: Head::of(capacity),
            class: text(capacity, &["storageClassName"]).into(),
            largest: some_amount(capacity, &["maximumVolumeSize"])
                .or_else(|| some_amount(capacity, &["capacity"])),
            nodes: selector(capacity.get("nodeTopology")),
        }
    }

    /// Whether a volume of this size can be made for a node of these labels.
    pub(crate) fn holds(&self, storage: i64, labels: &Labels) -> bool {
        self.largest.is_some_and(|largest| largest >= storage)
            && self.nodes.as_ref().is_some_and(|nodes| nodes.matches(|key| labels.get(key)))
    }
}
