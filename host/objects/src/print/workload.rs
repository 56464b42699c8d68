//! What makes pods of a template.

use super::{
    AGE, Column, NAME, NONE, Printer, age_cell, int_at, integer, joined, labels_at, name_cell, selector_at,
    text, text_or, wide,
};
use crate::meta;
use crate::tree::Tree;

pub(super) const CONTAINERS: Column =
    wide(text("Containers", "The names of the containers of the template."));
pub(super) const IMAGES: Column = wide(text("Images", "The images of the containers of the template."));
pub(super) const SELECTOR: Column = wide(text("Selector", "The labels of its pods."));

pub(super) const POD_TEMPLATE: Printer = Printer {
    columns: &[
        NAME,
        text("Containers", "The names of the containers of the template."),
        text("Images", "The images of the containers of the template."),
        text("Pod Labels", "The labels of the pods that are made of it."),
    ],
    cells: |tree, _| {
        let [containers, images] = template_cells(tree, &["template"]);
        vec![name_cell(tree), containers, images, labels_at(tree, &["template", "metadata", "labels"]).into()]
    },
};

const DESIRED: Column = integer("Desired", "How many pods there should be.");
const CURRENT: Column = integer("Current", "How many pods there are.");
const READY: Column = integer("Ready", "How many pods are ready.");
const UPDATED: &str = "How many pods are of the newest template.";
const AVAILABLE: &str = "How many pods have been ready for long enough.";

const REPLICAS: &[Column] = &[NAME, DESIRED, CURRENT, READY, AGE, CONTAINERS, IMAGES, SELECTOR];

pub(super) const REPLICATION_CONTROLLER: Printer = Printer {
    columns: REPLICAS,
    cells: |tree, now| {
        let mut cells = vec![name_cell(tree), int_at(tree, &["spec", "replicas"]).into()];
        cells.extend(counts(tree, &["replicas", "readyReplicas"]));
        cells.push(age_cell(tree, now));
        cells.extend(template_cells(tree, TEMPLATE));
        cells.push(labels_at(tree, &["spec", "selector"]).into());
        cells
    },
};

pub(super) const REPLICA_SET: Printer = Printer {
    columns: REPLICAS,
    cells: |tree, now| {
        let mut cells = vec![name_cell(tree), int_at(tree, &["spec", "replicas"]).into()];
        cells.extend(counts(tree, &["replicas", "readyReplicas"]));
        cells.push(age_cell(tree, now));
        cells.extend(template_cells(tree, TEMPLATE));
        cells.push(selector_at(tree, &["spec", "selector"]).into());
        cells
    },
};

pub(super) const DEPLOYMENT: Printer = Printer {
    columns: &[
        NAME,
        text("Ready", "How many pods are ready, of how many there should be."),
        text("Up-to-date", UPDATED),
        text("Available", AVAILABLE),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |tree, now| {
        let mut cells = vec![name_cell(tree), ready_of_desired(tree)];
        cells.extend(counts(tree, &["updatedReplicas", "availableReplicas"]));
        cells.push(age_cell(tree, now));
        cells.extend(template_cells(tree, TEMPLATE));
        cells.push(selector_at(tree, &["spec", "selector"]).into());
        cells
    },
};

pub(super) const STATEFUL_SET: Printer = Printer {
    columns: &[
        NAME,
        text("Ready", "How many pods are ready, of how many there should be."),
        AGE,
        CONTAINERS,
        IMAGES,
    ],
    cells: |tree, now| {
        let mut cells = vec![name_cell(tree), ready_of_desired(tree), age_cell(tree, now)];
        cells.extend(template_cells(tree, TEMPLATE));
        cells
    },
};

pub(super) const DAEMON_SET: Printer = Printer {
    columns: &[
        NAME,
        DESIRED,
        CURRENT,
        READY,
        integer("Up-to-date", UPDATED),
        integer("Available", AVAILABLE),
        text("Node Selector", "The labels of the nodes that run it."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |tree, now| {
        let mut cells = vec![name_cell(tree)];
        cells.extend(counts(
            tree,
            &[
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ],
        ));
        cells.push(labels_at(tree, &["spec", "template", "spec", "nodeSelector"]).into());
        cells.push(age_cell(tree, now));
        cells.extend(template_cells(tree, TEMPLATE));
        cells.push(selector_at(tree, &["spec", "selector"]).into());
        cells
    },
};

pub(super) const CONTROLLER_REVISION: Printer = Printer {
    columns: &[
        NAME,
        text("Controller", "What the revision is of."),
        text("Revision", "Which revision it is."),
        AGE,
    ],
    cells: |tree, now| {
        let controller = meta::controller_of(tree).map_or_else(
            || NONE.to_owned(),
            |owner| {
                let kind = match owner.api_version.split_once('/') {
                    Some((group, _)) => format!("{}.{group}", owner.kind),
                    None => owner.kind.to_owned(),
                };
                format!("{}/{}", kind.to_lowercase(), owner.name)
            },
        );
        vec![name_cell(tree), controller.into(), int_at(tree, &["revision"]).into(), age_cell(tree, now)]
    },
};

const TEMPLATE: &[&str] = &["spec", "template"];

fn counts(tree: &Tree, fields: &[&str]) -> impl Iterator<Item = Tree> {
    fields.iter().map(|field| int_at(tree, &["status", field]).into())
}

fn ready_of_desired(tree: &Tree) -> Tree {
    let (ready, desired) = (int_at(tree, &["status", "readyReplicas"]), int_at(tree, &["spec", "replicas"]));
    format!("{ready}/{desired}").into()
}

/// The names and the images of the containers of a template.
pub(super) fn template_cells(tree: &Tree, template: &[&str]) -> [Tree; 2] {
    let containers = tree.at(template).map_or(&[][..], |template| template.items_at(&["spec", "containers"]));
    ["name", "image"]
        .map(|field| joined(containers.iter().map(|container| text_or(container, &[field], ""))).into())
}
