//! `as=Table`: the printer columns of a kind, a row for each object.

use objects::meta;
use objects::print;
use objects::resource::Resource;
use objects::{Tree, tree};

use super::output::{Include, metadata_of};

/// A Table document with a row for each object.
pub(crate) fn document(
    resource: &Resource,
    list: Tree,
    include: Include,
    objects: impl IntoIterator<Item = Tree>,
) -> Tree {
    let now = jiff::Timestamp::now();
    let row = |object: Tree| {
        let cells = print::cells(resource, &object, now);
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
pub(crate) fn bookmark(resource: &Resource, object: Tree) -> Tree {
    let revision = meta::resource_version(&object).to_owned();
    let row = tree!({ "cells": [], "object": object });
    table(resource, tree!({ "resourceVersion": revision }), vec![row])
}

fn table(resource: &Resource, list: Tree, rows: Vec<Tree>) -> Tree {
    let columns = columns(resource);
    tree!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list,
        "columnDefinitions": columns, "rows": rows
    })
}

fn columns(resource: &Resource) -> Tree {
    let column = |column: &print::Column| {
        tree!({
            "name": (column.name), "type": (column.kind), "format": (column.format),
            "description": (column.description), "priority": (i64::from(column.priority))
        })
    };
    print::columns(resource).iter().map(column).collect::<Vec<Tree>>().into()
}
