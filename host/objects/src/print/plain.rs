//! The kinds whose columns are fields: no more is to be said than where a value is.

use super::{AGE, Column, NAME, NONE, Printer, age_cell, count_at, count_cell, name_cell, text, text_or};
use crate::meta;
use crate::tree::Tree;

/// Kinds without columns of their own.
pub(super) static ANY: Printer = Printer {
    columns: &[NAME, Column { kind: "date", ..text("Created At", "When the object was created.") }],
    cells: |tree, _| {
        let created = meta::creation_timestamp(tree).map(meta::rfc3339);
        vec![name_cell(tree), created.map_or(Tree::Null, Tree::from)]
    },
};

pub(super) const COMPONENT_STATUS: Printer = Printer {
    columns: &[
        NAME,
        text("Status", "Whether the component is healthy."),
        text("Message", "What its health check answered."),
        text("Error", "Why it is not healthy."),
    ],
    cells: |tree, _| {
        let healthy = tree
            .items_at(&["conditions"])
            .iter()
            .find(|condition| condition.str_at(&["type"]) == Some("Healthy"));
        let status = match healthy.and_then(|condition| condition.str_at(&["status"])) {
            Some("True") => "Healthy",
            Some("False") => "Unhealthy",
            _ => "Unknown",
        };
        let field = |name: &str| healthy.and_then(|condition| condition.str_at(&[name])).unwrap_or_default();
        vec![name_cell(tree), status.into(), field("message").into(), field("error").into()]
    },
};

pub(super) const CONFIG_MAP: Printer = Printer {
    columns: &[NAME, text("Data", "How many keys it has."), AGE],
    cells: |tree, now| {
        let count = count_at(tree, &["data"]) + count_at(tree, &["binaryData"]);
        vec![name_cell(tree), count_cell(count), age_cell(tree, now)]
    },
};

pub(super) const SECRET: Printer = Printer {
    columns: &[NAME, text("Type", "What kind of secret it is."), text("Data", "How many keys it has."), AGE],
    cells: |tree, now| {
        vec![
            name_cell(tree),
            text_or(tree, &["type"], "").into(),
            count_cell(count_at(tree, &["data"])),
            age_cell(tree, now),
        ]
    },
};

pub(super) const NAMESPACE: Printer = Printer {
    columns: &[NAME, text("Status", "Where in its life the namespace is."), AGE],
    cells: |tree, now| {
        vec![name_cell(tree), text_or(tree, &["status", "phase"], "").into(), age_cell(tree, now)]
    },
};

pub(super) const SERVICE_ACCOUNT: Printer = Printer {
    columns: &[NAME, text("Secrets", "How many secrets it lists."), AGE],
    cells: |tree, now| vec![name_cell(tree), count_cell(count_at(tree, &["secrets"])), age_cell(tree, now)],
};

pub(super) const LEASE: Printer = Printer {
    columns: &[NAME, text("Holder", "Who holds the lease."), AGE],
    cells: |tree, now| {
        vec![name_cell(tree), text_or(tree, &["spec", "holderIdentity"], "").into(), age_cell(tree, now)]
    },
};

pub(super) const RESOURCE_QUOTA: Printer = Printer {
    columns: &[
        NAME,
        text("Request", "What is used of each bounded request and count."),
        text("Limit", "What is used of each bounded limit."),
        AGE,
    ],
    cells: |tree, now| {
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        let mut hard: Vec<_> = tree.at(&["status", "hard"]).into_iter().flat_map(Tree::fields).collect();
        hard.sort_by_key(|(resource, _)| *resource);
        for (resource, bound) in hard {
            let used = text_or(tree, &["status", "used", resource], "0");
            let shown = format!("{resource}: {used}/{}", bound.as_str().unwrap_or(NONE));
            if resource.starts_with("limits.") { limits.push(shown) } else { requests.push(shown) }
        }
        vec![name_cell(tree), requests.join(", ").into(), limits.join(", ").into(), age_cell(tree, now)]
    },
};
