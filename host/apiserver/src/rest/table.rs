//! `as=Table`: the printer columns of a kind, a row for each object.

use objects::meta;
use objects::print;
use objects::{Tree, tree};

use super::output::{Include, metadata_of};
use crate::registry::Served;

/// A Table document with a row for each object.
pub(crate) fn document(
    resource: &Served,
    list: Tree,
    include: Include,
    objects: impl IntoIterator<Item = Tree>,
) -> Tree {
    let now = jiff::Timestamp::now();
    let row = |object: Tree| {
        let cells = match resource.custom() {
            Some(version) => version.columns.cells(&object, now),
            None => print::cells(resource, &object, now),
        };
        let conditions = print::conditions(resource, &object);
        let object = match include {
            Include::None => return tabulated(cells, conditions),
            Include::Metadata => metadata_of(&object),
            Include::Object => object,
        };
        let mut row = tabulated(cells, conditions);
        row.insert("object", object);
        row
    };
    let rows: Vec<Tree> = objects.into_iter().map(row).collect();
    table(resource, list, rows)
}

/// A row without its object.
fn tabulated(cells: Vec<Tree>, conditions: Vec<Tree>) -> Tree {
    let mut row = tree!({ "cells": cells });
    if !conditions.is_empty() {
        row.insert("conditions", conditions);
    }
    row
}

/// The Table of a bookmark: one row with nothing but the metadata in its object.
pub(crate) fn bookmark(resource: &Served, object: Tree) -> Tree {
    let revision = meta::resource_version(&object).to_owned();
    let row = tree!({ "cells": [], "object": object });
    table(resource, tree!({ "resourceVersion": revision }), vec![row])
}

fn table(resource: &Served, list: Tree, rows: Vec<Tree>) -> Tree {
    let columns = columns(resource);
    tree!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list,
        "columnDefinitions": columns, "rows": rows
    })
}

fn columns(resource: &Served) -> Tree {
    let definition = |name: &str, kind: &str, format: &str, description: &str, priority: i64| {
        tree!({
            "name": name, "type": kind, "format": format, "description": description, "priority": priority
        })
    };
    let columns: Vec<Tree> = match resource.custom() {
        Some(version) => version
            .columns
            .headers()
            .iter()
            .map(|row| definition(&row.name, &row.kind, &row.format, &row.description, row.priority))
            .collect(),
        None => print::columns(resource)
            .iter()
            .map(|row| definition(row.name, row.kind, row.format, row.description, row.priority.into()))
            .collect(),
    };
    columns.into()
}
