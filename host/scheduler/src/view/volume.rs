//! Claims, volumes and their classes.

use objects::placement::{NodeSelector, NodeSelectorTerm};
use objects::quantity::Quantity;
use objects::selector::LabelSelector;
use objects::{Tree, meta};
use reconcile::ObjectKey;

use super::terms::selector;
use super::{Head, Labels, some_text, text, texts};

const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const ONE_POD: &str = "ReadWriteOncePod";

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct ClaimView {
    pub(crate) head: Head,
    /// The volume that it has or is to have.
    pub(crate) volume: Option<Box<str>>,
    pub(crate) is_bound: bool,
    pub(crate) is_lost: bool,
    pub(crate) is_deleting: bool,
    /// Whether one pod alone may use it.
    pub(crate) is_of_one_pod: bool,
    pub(crate) class: Option<Box<str>>,
    pub(crate) modes: Box<[Box<str>]>,
    pub(crate) is_block: bool,
    pub(crate) storage: i64,
    pub(crate) selector: Option<LabelSelector>,
    /// The node that its volume is to be made for.
    pub(crate) selected_node: Option<Box<str>>,
    /// The pod that it was made for.
    pub(crate) controller: Option<Box<str>>,
}

impl ClaimView {
    pub(crate) fn read(claim: &Tree) -> Self {
        let volume = some_text(claim, &["spec", "volumeName"]);
        let modes = texts(claim, &["spec", "accessModes"]);
        Self {
            head: Head::of(claim),
            is_bound: volume.is_some() && meta::annotation(claim, BIND_COMPLETED).is_some(),
            volume,
            is_lost: text(claim, &["status", "phase"]) == "Lost",
            is_deleting: meta::is_deleting(claim),
            is_of_one_pod: modes.iter().any(|mode| &**mode == ONE_POD),
            class: class_of(claim),
            modes,
            is_block: text(claim, &["spec", "volumeMode"]) == "Block",
            storage: amount(claim, &["spec", "resources", "requests", "storage"]),
            selector: selector(claim.at(&["spec", "selector"])),
            selected_node: meta::annotation(claim, SELECTED_NODE).map(Into::into),
            controller: meta::controller_of(claim).map(|owner| owner.uid.into()),
        }
    }
}

/// A PersistentVolume.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct VolumeView {
    pub(crate) head: Head,
    pub(crate) labels: Labels,
    /// The claim that has it, or is to have it.
    pub(crate) claim: Option<ObjectKey>,
    pub(crate) is_available: bool,
    pub(crate) is_deleting: bool,
    pub(crate) class: Option<Box<str>>,
    pub(crate) modes: Box<[Box<str>]>,
    pub(crate) is_block: bool,
    pub(crate) storage: i64,
    pub(crate) nodes: Option<NodeSelector>,
    /// Its driver and the driver's name of it.
    pub(crate) csi: Option<(Box<str>, Box<str>)>,
}

impl VolumeView {
    pub(crate) fn read(volume: &Tree) -> Self {
        let claim = volume.at(&["spec", "claimRef"]).filter(|claim| !claim.is_null());
        Self {
            head: Head::of(volume),
            labels: Labels::of(volume),
            claim: claim.map(|claim| ObjectKey::new(text(claim, &["namespace"]), text(claim, &["name"]))),
            is_available: matches!(text(volume, &["status", "phase"]), "" | "Pending" | "Available"),
            is_deleting: meta::is_deleting(volume),
            class: class_of(volume),
            modes: texts(volume, &["spec", "accessModes"]),
            is_block: text(volume, &["spec", "volumeMode"]) == "Block",
            storage: amount(volume, &["spec", "capacity", "storage"]),
            nodes: volume.at(&["spec", "nodeAffinity", "required"]).map(NodeSelector::read),
            csi: some_text(volume, &["spec", "csi", "driver"])
                .map(|driver| (driver, text(volume, &["spec", "csi", "volumeHandle"]).into())),
        }
    }

    /// Whether a node of this name and these labels reaches it.
    pub(crate) fn is_reached_from(&self, name: &str, labels: &Labels) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.matches(name, |key| labels.get(key)))
    }
}

/// A StorageClass.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct ClassView {
    pub(crate) head: Head,
    pub(crate) provisioner: Box<str>,
    /// Whether a claim waits until a pod wants it.
    pub(crate) waits: bool,
    /// Where its volumes can be made; none: everywhere.
    topologies: Vec<NodeSelectorTerm>,
}

impl ClassView {
    pub(crate) fn read(class: &Tree) -> Self {
        Self {
            head: Head::of(class),
            provisioner: text(class, &["provisioner"]).into(),
            waits: text(class, &["volumeBindingMode"]) == "WaitForFirstConsumer",
            topologies: class.items_at(&["allowedTopologies"]).iter().map(topology).collect(),
        }
    }

    /// Whether a volume can be made for a node.
    pub(crate) fn provisions_for(&self, name: &str, labels: &Labels) -> bool {
        !matches!(&*self.provisioner, "" | "kubernetes.io/no-provisioner")
            && (self.topologies.is_empty()
                || self.topologies.iter().any(|term| term.matches(name, &|key: &str| labels.get(key))))
    }
}

/// A TopologySelectorTerm as a term about nodes.
fn topology(term: &Tree) -> NodeSelectorTerm {
    let expression = |one: &Tree| {
        objects::tree!({
            "key": (text(one, &["key"])),
            "operator": "In",
            "values": (one.at(&["values"]).cloned().unwrap_or_default()),
        })
    };
    let all: Vec<Tree> = term.items_at(&["matchLabelExpressions"]).iter().map(expression).collect();
    NodeSelectorTerm::read(&objects::tree!({ "matchExpressions": all }))
}

fn class_of(object: &Tree) -> Option<Box<str>> {
    let old = meta::annotation(object, OLD_CLASS).map(Into::into);
    old.or_else(|| some_text(object, &["spec", "storageClassName"]))
}

/// A quantity as a whole number.
pub(super) fn some_amount(object: &Tree, path: &[&str]) -> Option<i64> {
    Some(object.str_at(path)?.parse::<Quantity>().ok()?.value())
}

fn amount(object: &Tree, path: &[&str]) -> i64 {
    some_amount(object, path).unwrap_or(0)
}
