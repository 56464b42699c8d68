//! What makes pods of a template.

use super::{
    AGE, NAME, Printer, age_cell, int_at, integer, joined, labels_at, name_cell, text, text_or, wide,
};
use crate::tree::Tree;

pub(super) const POD_TEMPLATE: Printer = Printer {
    columns: &[
        NAME,
        text("Containers", "The names of the containers of the template."),
        text("Images", "The images of the containers of the template."),
        text("Pod Labels", "The labels of the pods that are made of it."),
    ],
    cells: |tree, _| {
        let containers = tree.items_at(&["template", "spec", "containers"]);
        vec![
            name_cell(tree),
            joined_of(containers, "name").into(),
            joined_of(containers, "image").into(),
            labels_at(tree, &["template", "metadata", "labels"]).into(),
        ]
    },
};

pub(super) const REPLICATION_CONTROLLER: Printer = Printer {
    columns: &[
        NAME,
        integer("Desired", "How many pods there should be."),
        integer("Current", "How many pods there are."),
        integer("Ready", "How many pods are ready."),
        AGE,
        wide(text("Containers", "The names of the containers of the template.")),
        wide(text("Images", "The images of the containers of the template.")),
        wide(text("Selector", "The labels of its pods.")),
    ],
    cells: |tree, now| {
        let containers = tree.items_at(&["spec", "template", "spec", "containers"]);
        vec![
            name_cell(tree),
            int_at(tree, &["spec", "replicas"]).into(),
            int_at(tree, &["status", "replicas"]).into(),
            int_at(tree, &["status", "readyReplicas"]).into(),
            age_cell(tree, now),
            joined_of(containers, "name").into(),
            joined_of(containers, "image").into(),
            labels_at(tree, &["spec", "selector"]).into(),
        ]
    },
};

fn joined_of(containers: &[Tree], field: &str) -> String {
    joined(containers.iter().map(|container| text_or(container, &[field], "")))
}
