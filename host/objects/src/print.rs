//! Server-side printing: the columns of each kind and the cells of an object, as `kubectl get` shows them.
//!
//! One row of [`rows`] a kind; a kind without one has a name and a creation time. Cells are for all columns, the
//! wide ones too: the client leaves out what it does not show.

mod admission;
mod cluster;
mod duration;
mod endpoints;
mod event;
mod job;
mod network;
mod node;
mod plain;
mod pod;
mod rbac;
mod rows;
mod scaling;
mod service;
mod storage;
mod volume;
mod workload;

use jiff::Timestamp;

use crate::meta;
use crate::resource::Resource;
use crate::selector::label::LabelSelector;
use crate::tree::Tree;

pub use duration::human_duration;

/// A column of a meta/v1 Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// An OpenAPI type: `string`, `integer`, `date`, …
    pub kind: &'static str,
    /// `name` for the column that names the object.
    pub format: &'static str,
    /// 0 is always shown, 1 in wide output.
    pub priority: u8,
    pub description: &'static str,
}

struct Printer {
    columns: &'static [Column],
    /// One cell for each column.
    cells: fn(&Tree, Timestamp) -> Vec<Tree>,
}

const NONE: &str = "<none>";
const UNKNOWN: &str = "<unknown>";

const NAME: Column = Column { format: "name", ..text("Name", "The name of the object.") };
const AGE: Column = text("Age", "How long ago the object was created.");

const fn text(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 0, description }
}

const fn integer(name: &'static str, description: &'static str) -> Column {
    Column { kind: "integer", ..text(name, description) }
}

const fn boolean(name: &'static str, description: &'static str) -> Column {
    Column { kind: "boolean", ..text(name, description) }
}

const fn wide(column: Column) -> Column {
    Column { priority: 1, ..column }
}

/// The columns of a resource, in their order.
pub fn columns(resource: &Resource) -> &'static [Column] {
    rows::find(&resource.group, &resource.kind).columns
}

/// The cells of one object, one for each column.
pub fn cells(resource: &Resource, tree: &Tree, now: Timestamp) -> Vec<Tree> {
    (rows::find(&resource.group, &resource.kind).cells)(tree, now)
}

/// The conditions of an object's row: a pod that is over is `Completed`, and hidden by no one.
pub fn conditions(resource: &Resource, tree: &Tree) -> Vec<Tree> {
    if (resource.group.as_ref(), resource.kind.as_ref()) != ("", "Pod") {
        return Vec::new();
    }
    pod::conditions(tree)
}

fn name_cell(tree: &Tree) -> Tree {
    Tree::from(meta::name(tree))
}

fn age_cell(tree: &Tree, now: Timestamp) -> Tree {
    Tree::from(since(meta::creation_timestamp(tree), now))
}

/// How long ago, or that it is not known.
fn since(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map_or_else(|| UNKNOWN.to_owned(), |time| human_duration(now.duration_since(time)))
}

fn time_at(tree: &Tree, path: &[&str]) -> Option<Timestamp> {
    meta::parse_rfc3339(tree.str_at(path)?)
}

/// The text at a path, or what stands for a missing one.
fn text_or<'a>(tree: &'a Tree, path: &[&str], missing: &'a str) -> &'a str {
    tree.str_at(path).filter(|text| !text.is_empty()).unwrap_or(missing)
}

fn int_at(tree: &Tree, path: &[&str]) -> i64 {
    tree.i64_at(path).unwrap_or(0)
}

/// The flag at a path, or what it is where there is none.
fn flag(tree: &Tree, path: &[&str], missing: bool) -> Tree {
    tree.bool_at(path).unwrap_or(missing).into()
}

/// How many fields or items are at a path.
fn count_at(tree: &Tree, path: &[&str]) -> usize {
    tree.at(path).map_or(0, |value| value.items().len() + value.fields().count())
}

fn count_cell(count: usize) -> Tree {
    Tree::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `a=b,c=d`, sorted, or none.
fn labels_at(tree: &Tree, path: &[&str]) -> String {
    let mut pairs: Vec<String> = tree
        .at(path)
        .into_iter()
        .flat_map(Tree::fields)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    or_none(pairs.join(","))
}

/// A label selector as text, or none.
fn selector_at(tree: &Tree, path: &[&str]) -> String {
    let Some(selector) = tree.at(path) else { return NONE.to_owned() };
    LabelSelector::from_object(selector)
        .map_or_else(|_| "<error>".to_owned(), |selector| or_none(selector.sorted().to_string()))
}

fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}

fn joined<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
