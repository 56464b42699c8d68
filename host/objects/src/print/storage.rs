//! Storage: classes, drivers, what a node has of them, and attachments.

use super::{
    AGE, Column, NAME, NONE, Printer, age_cell, boolean, count_at, count_cell, flag, integer, joined,
    name_cell, text, text_or,
};
use crate::meta;
use crate::tree::Tree;

const UNSET: &str = "<unset>";
/// Either marks the class of claims that name none.
const DEFAULT_ANNOTATIONS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

pub(super) const STORAGE_CLASS: Printer = Printer {
    columns: &[
        NAME,
        text("Provisioner", "Who makes volumes of the class."),
        text("ReclaimPolicy", "What becomes of a volume when its claim is gone."),
        text("VolumeBindingMode", "When a claim gets its volume."),
        text("AllowVolumeExpansion", "Whether a volume may grow."),
        AGE,
    ],
    cells: |class, now| {
        let is_default = DEFAULT_ANNOTATIONS.iter().any(|key| meta::annotation(class, key) == Some("true"));
        let name = format!("{}{}", meta::name(class), if is_default { " (default)" } else { "" });
        vec![
            name.into(),
            text_or(class, &["provisioner"], "").into(),
            text_or(class, &["reclaimPolicy"], "Delete").into(),
            text_or(class, &["volumeBindingMode"], "Immediate").into(),
            flag(class, &["allowVolumeExpansion"], false),
            age_cell(class, now),
        ]
    },
};

pub(super) const VOLUME_ATTRIBUTES_CLASS: Printer = Printer {
    columns: &[NAME, text("DriverName", "The driver that knows the attributes."), AGE],
    cells: |class, now| {
        vec![name_cell(class), text_or(class, &["driverName"], "").into(), age_cell(class, now)]
    },
};

pub(super) const CSI_NODE: Printer = Printer {
    columns: &[NAME, integer("Drivers", "How many drivers the node has."), AGE],
    cells: |node, now| {
        vec![name_cell(node), count_cell(count_at(node, &["spec", "drivers"])), age_cell(node, now)]
    },
};

pub(super) const CSI_DRIVER: Printer = Printer {
    columns: &[
        NAME,
        boolean("AttachRequired", "Whether volumes are attached before they are mounted."),
        boolean("PodInfoOnMount", "Whether the driver is told of the pod."),
        boolean("StorageCapacity", "Whether the driver says how much there is."),
        text("TokenRequests", "The audiences of the tokens that the driver gets."),
        boolean("RequiresRepublish", "Whether a mounted volume is published again and again."),
        text("Modes", "For how long its volumes can live."),
        AGE,
    ],
    cells: |driver, now| {
        let spec = |field| ["spec", field];
        let modes = joined(driver.items_at(&spec("volumeLifecycleModes")).iter().filter_map(Tree::as_str));
        let tokens = driver.at(&spec("tokenRequests")).map_or_else(
            || UNSET.to_owned(),
            |tokens| joined(tokens.items().iter().map(|token| text_or(token, &["audience"], ""))),
        );
        vec![
            name_cell(driver),
            flag(driver, &spec("attachRequired"), true),
            flag(driver, &spec("podInfoOnMount"), false),
            flag(driver, &spec("storageCapacity"), false),
            tokens.into(),
            flag(driver, &spec("requiresRepublish"), false),
            if modes.is_empty() { NONE.into() } else { modes.into() },
            age_cell(driver, now),
        ]
    },
};

pub(super) const CSI_STORAGE_CAPACITY: Printer = Printer {
    columns: &[
        NAME,
        text("StorageClassName", "The class whose volumes there is room for."),
        text("Capacity", "How much room there is."),
    ],
    cells: |capacity, _| {
        vec![
            name_cell(capacity),
            text_or(capacity, &["storageClassName"], "").into(),
            text_or(capacity, &["capacity"], UNSET).into(),
        ]
    },
};

pub(super) const VOLUME_ATTACHMENT: Printer = Printer {
    columns: &[
        NAME,
        Column { format: "name", ..text("Attacher", "The driver that attaches.") },
        text("PV", "The volume."),
        text("Node", "The node that it is attached to."),
        boolean("Attached", "Whether it is attached."),
        AGE,
    ],
    cells: |attachment, now| {
        vec![
            name_cell(attachment),
            text_or(attachment, &["spec", "attacher"], "").into(),
            text_or(attachment, &["spec", "source", "persistentVolumeName"], "").into(),
            text_or(attachment, &["spec", "nodeName"], "").into(),
            flag(attachment, &["status", "attached"], false),
            age_cell(attachment, now),
        ]
    },
};
