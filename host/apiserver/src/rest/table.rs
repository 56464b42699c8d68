//! `as=Table`: the printer columns of a kind, a row for each object.

use objects::meta;
use objects::print;
use objects::{Tree, tree};

use super::output::{Include, metadata_of};
use crate::call::MetaVersion;
use crate::registry::Served;

/// Whether a Table describes its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Headers {
    Shown,
    /// The event before has described them.
    Known,
}

/// What a Table is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) version: MetaVersion,
    pub(crate) include: Include,
    pub(crate) headers: Headers,
}

/// A Table document with a row for each object.
pub(crate) fn document(
    resource: &Served,
    list: Tree,
    form: Form,
    objects: impl IntoIterator<Item = Tree>,
) -> Tree {
    let now = supervise::clock::now();
    let row = |object: Tree| {
        let cells = match resource.custom() {
            Some(version) => version.columns.cells(&object, now),
            None => print::cells(resource, &object, now),
        };
        let conditions = print::conditions(resource, &object);
        let object = match form.include {
            Include::None => return tabulated(cells, conditions),
            Include::Metadata => metadata_of(&object, form.version),
            Include::Object => object,
        };
        let mut row = tabulated(cells, conditions);
        row.insert("object", object);
        row
    };
    let rows: Vec<Tree> = objects.into_iter().map(row).collect();
    table(resource, list, form, rows)
}

/// A Table of a Scale.
pub(crate) fn of_scale(scale: Tree, version: MetaVersion, include: Include) -> Tree {
    let numbers = [&["spec", "replicas"][..], &["status", "replicas"]];
    let [desired, available] = numbers.map(|path| scale.i64_at(path).unwrap_or(0));
    let created = meta::creation_timestamp(&scale);
    let age = created.map(|time| print::human_duration(supervise::clock::now().duration_since(time)));
    let cells = vec![
        Tree::from(meta::name(&scale)),
        Tree::from(desired),
        Tree::from(available),
        Tree::from(age.unwrap_or_else(|| "<unknown>".to_owned())),
    ];
    let columns = [
        ("Name", "string", "name", "Name must be unique within a namespace."),
        ("Desired", "integer", "", "Number of desired pods."),
        ("Available", "integer", "", "Number of observed pods."),
        ("Age", "string", "", "When the object was created."),
    ];
    let columns: Vec<Tree> = columns
        .iter()
        .map(|(name, kind, format, description)| {
            tree!({ "name": (*name), "type": (*kind), "format": (*format), "description": (*description), "priority": 0 })
        })
        .collect();
    let list = tree!({ "resourceVersion": (meta::resource_version(&scale).to_owned()) });
    let mut row = tabulated(cells, Vec::new());
    match include {
        Include::None => {}
        Include::Metadata => drop(row.insert("object", metadata_of(&scale, version))),
        Include::Object => drop(row.insert("object", scale)),
    }
    tree!({
        "kind": "Table", "apiVersion": (version.as_str()), "metadata": list,
        "columnDefinitions": columns, "rows": [row]
    })
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
pub(crate) fn bookmark(resource: &Served, form: Form, object: Tree) -> Tree {
    let revision = meta::resource_version(&object).to_owned();
    let row = tree!({ "cells": [], "object": object });
    table(resource, tree!({ "resourceVersion": revision }), form, vec![row])
}

fn table(resource: &Served, list: Tree, form: Form, rows: Vec<Tree>) -> Tree {
    let columns = match form.headers {
        Headers::Shown => columns(resource),
        Headers::Known => Tree::Null,
    };
    tree!({
        "kind": "Table", "apiVersion": (form.version.as_str()), "metadata": list,
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
