//! Devices, as their drivers publish them, and classes of devices.

use objects::Tree;
use objects::placement::NodeSelector;
use objects::quantity::Quantity;

use super::{Head, NodeView, some_text, text};

/// From which nodes devices can be used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reach {
    Node(Box<str>),
    Nodes {
        selector: NodeSelector,
        /// As it is written.
        tree: Tree,
    },
    All,
    /// Each device says so itself.
    PerDevice,
}

impl Reach {
    /// Of a slice, or of a device that says so itself.
    fn read(tree: &Tree) -> Option<Self> {
        if let Some(node) = some_text(tree, &["nodeName"]) {
            return Some(Self::Node(node));
        }
        if let Some(selector) = tree.at(&["nodeSelector"]).filter(|selector| !selector.is_null()) {
            return Some(Self::Nodes { selector: NodeSelector::read(selector), tree: selector.clone() });
        }
        let is_set = |field| tree.bool_at(&[field]) == Some(true);
        if is_set("allNodes") {
            return Some(Self::All);
        }
        is_set("perDeviceNodeSelection").then_some(Self::PerDevice)
    }

    pub(crate) fn includes(&self, node: &NodeView) -> bool {
        match self {
            Self::Node(name) => **name == *node.name(),
            Self::Nodes { selector, .. } => selector.matches(node.name(), |key| node.labels.get(key)),
            Self::All => true,
            Self::PerDevice => false,
        }
    }
}

/// Amounts by their names.
pub(crate) type Amounts = Box<[(Box<str>, Quantity)]>;

/// Counters of a set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CounterSet {
    pub(crate) name: Box<str>,
    pub(crate) counters: Amounts,
}

/// What of it is a quantity.
pub(crate) fn amounts<'t>(
    entries: impl Iterator<Item = (&'t str, &'t Tree)>,
    quantity: impl Fn(&'t Tree) -> Option<&'t str>,
) -> Amounts {
    let amount = |(name, entry): (&str, &'t Tree)| Some((name.into(), quantity(entry)?.parse().ok()?));
    entries.filter_map(amount).collect()
}

fn counter_sets(tree: &Tree, field: &str, name: &str) -> Box<[CounterSet]> {
    let sets = tree.items_at(&[field]).iter();
    let set = |set| CounterSet {
        name: text(set, &[name]).into(),
        counters: amounts(set.get("counters").into_iter().flat_map(Tree::fields), |counter| {
            counter.str_at(&["value"])
        }),
    };
    sets.map(set).collect()
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeviceView {
    pub(crate) name: Box<str>,
    /// Where the slice leaves that to its devices.
    pub(crate) reach: Option<Reach>,
    pub(crate) attributes: Tree,
    pub(crate) capacity: Tree,
    pub(crate) taints: Tree,
    /// What it is made of, of what it shares with other devices of its pool.
    pub(crate) draws: Box<[CounterSet]>,
    /// Whether several requests may have a share of it.
    pub(crate) is_shared: bool,
}

impl DeviceView {
    fn read(device: &Tree) -> Self {
        let part = |field: &str| device.get(field).cloned().unwrap_or(Tree::Null);
        Self {
            name: text(device, &["name"]).into(),
            reach: Reach::read(device),
            attributes: part("attributes"),
            capacity: part("capacity"),
            taints: part("taints"),
            draws: counter_sets(device, "consumesCounters", "counterSet"),
            is_shared: device.bool_at(&["allowMultipleAllocations"]) == Some(true),
        }
    }
}

/// A ResourceSlice: some devices of a pool.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct SliceView {
    pub(crate) head: Head,
    pub(crate) driver: Box<str>,
    pub(crate) pool: Box<str>,
    pub(crate) generation: i64,
    /// How many slices the pool has.
    pub(crate) slices: i64,
    pub(crate) reach: Reach,
    pub(crate) devices: Box<[DeviceView]>,
    /// What devices of the pool draw on.
    pub(crate) counters: Box<[CounterSet]>,
}

impl SliceView {
    pub(crate) fn read(slice: &Tree) -> Self {
        let spec = slice.get("spec").unwrap_or(&Tree::Null);
        let number = |field| spec.i64_at(&["pool", field]).unwrap_or_default();
        Self {
            head: Head::of(slice),
            driver: text(spec, &["driver"]).into(),
            pool: text(spec, &["pool", "name"]).into(),
            generation: number("generation"),
            slices: number("resourceSliceCount"),
            reach: Reach::read(spec).unwrap_or(Reach::PerDevice),
            devices: spec.items_at(&["devices"]).iter().map(DeviceView::read).collect(),
            counters: counter_sets(spec, "sharedCounters", "name"),
        }
    }
}

/// A DeviceClass.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct DeviceClassView {
    pub(crate) head: Head,
    /// Expressions that a device of the class fulfils.
    pub(crate) selectors: Box<[Box<str>]>,
    pub(crate) config: Box<[Tree]>,
}

impl DeviceClassView {
    pub(crate) fn read(class: &Tree) -> Self {
        Self {
            head: Head::of(class),
            selectors: selectors(class.items_at(&["spec", "selectors"])),
            config: class.items_at(&["spec", "config"]).into(),
        }
    }
}

/// The expressions of selectors.
pub(crate) fn selectors(selectors: &[Tree]) -> Box<[Box<str>]> {
    selectors.iter().map(|selector| text(selector, &["cel", "expression"]).into()).collect()
}

/// A device among all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DeviceId {
    pub(crate) driver: Box<str>,
    pub(crate) pool: Box<str>,
    pub(crate) device: Box<str>,
}

/// A share of a device that others have shares of too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) device: DeviceId,
    /// Of its capacities.
    pub(crate) consumed: Amounts,
}

/// What an allocation takes for its claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Devices that it has alone.
    pub(crate) whole: Box<[DeviceId]>,
    pub(crate) shares: Box<[Share]>,
}

impl Taken {
    pub(crate) fn of(allocation: &Tree) -> Self {
        let results = allocation.items_at(&["devices", "results"]).iter();
        let taken = results.filter(|result| result.bool_at(&["adminAccess"]) != Some(true));
        let id = |result: &Tree| DeviceId {
            driver: text(result, &["driver"]).into(),
            pool: text(result, &["pool"]).into(),
            device: text(result, &["device"]).into(),
        };
        let (shares, whole): (Vec<_>, Vec<_>) =
            taken.partition(|result| some_text(result, &["shareID"]).is_some());
        let share = |result: &Tree| {
            let consumed = result.get("consumedCapacity").into_iter().flat_map(Tree::fields);
            Share { device: id(result), consumed: amounts(consumed, Tree::as_str) }
        };
        Self { whole: whole.into_iter().map(id).collect(), shares: shares.into_iter().map(share).collect() }
    }
}

/// The key of a class or slice is its name alone.
pub(crate) fn class_key(name: &str) -> reconcile::ObjectKey {
    reconcile::ObjectKey::new("", name)
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    #[test]
    fn devices_are_where_their_slice_says_or_where_they_say_themselves() {
        let node = NodeView::read(&tree!({ "metadata": { "name": "n", "labels": { "zone": "a" } } }));
        let reach = |tree: Tree| Reach::read(&tree).is_some_and(|reach| reach.includes(&node));
        assert!(reach(tree!({ "nodeName": "n" })));
        assert!(!reach(tree!({ "nodeName": "m" })));
        assert!(reach(tree!({ "allNodes": true })));
        let zone = |zone: &str| {
            let expression = tree!({ "key": "zone", "operator": "In", "values": [zone] });
            tree!({ "nodeSelector": { "nodeSelectorTerms": [{ "matchExpressions": [expression] }] } })
        };
        assert!(reach(zone("a")) && !reach(zone("b")));
        assert!(!reach(tree!({ "perDeviceNodeSelection": true })));
        assert!(!reach(tree!({})));
    }

    #[test]
    fn a_device_that_is_looked_at_by_an_administrator_is_not_taken() {
        let allocation = tree!({ "devices": { "results": [
            { "request": "r", "driver": "d", "pool": "p", "device": "one" },
            { "request": "r", "driver": "d", "pool": "p", "device": "two", "adminAccess": true }
        ] } });
        let names: Vec<_> = Taken::of(&allocation).whole.iter().map(|id| id.device.clone()).collect();
        assert_eq!(names, ["one".into()]);
    }
}
