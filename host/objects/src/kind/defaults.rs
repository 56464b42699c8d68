//! Defaults by type, applied wherever a value of that type is: a table of those that depend on nothing, then a
//! function where they depend on other fields of the value.
//!
//! A type of `data/defaults.txt` is a line, its defaults the indented lines below it: `field value`, the value as
//! JSON. Upstream's Go structs tell a missing value from a zero one only in pointers; `field? value` is a pointer,
//! whose zero stays, and any other default also replaces the zero value. The static defaults of the schema table
//! are applied as pointers'.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::pod::defaults as pod;
use super::service;
use crate::quantity::{Notation, Quantity};
use crate::schema::{Field, Shape, Type};
use crate::tree::Tree;

const TEXT: &str = include_str!("../../data/defaults.txt");

struct Default {
    field: &'static str,
    value: Tree,
    replaces_zero: bool,
}

type Derive = fn(&mut Tree);

/// The defaults that depend on other fields of the value, by its type.
const DERIVED: &[(&str, Derive)] = &[
    ("core.v1.Container", pod::pull_policy),
    ("core.v1.EphemeralContainer", pod::pull_policy),
    ("core.v1.PodSpec", pod::service_account),
    ("core.v1.Volume", pod::volume),
    ("core.v1.ServicePort", service::target_port),
];

static TABLE: LazyLock<HashMap<&'static str, Vec<Default>>> = LazyLock::new(read);

fn read() -> HashMap<&'static str, Vec<Default>> {
    let mut table: HashMap<&'static str, Vec<Default>> = HashMap::new();
    let mut current = "";
    for line in TEXT.lines() {
        let Some((field, json)) = line.strip_prefix(' ').and_then(|line| line.split_once(' ')) else {
            current = line;
            continue;
        };
        let Ok(value) = Tree::from_json(json.as_bytes()) else { continue };
        let name = field.trim_end_matches('?');
        let row = Default { field: name, value, replaces_zero: name == field };
        table.entry(current).or_default().push(row);
    }
    table
}

/// Fills in the defaults of a value and of everything in it, but for the metadata of objects.
pub(super) fn apply(tree: &mut Tree, row: &'static Type) {
    if !matches!(tree, Tree::Object(_)) {
        return;
    }
    for field in row.fields() {
        let value = field.default.filter(|_| tree.get(field.name).is_none());
        let value = value.and_then(|json| Tree::from_json(json.as_bytes()).ok());
        // A zero that is no pointer is not written.
        if let Some(value) = value.filter(|value| field.pointer || !value.is_empty_value()) {
            tree.insert(field.name, value);
        }
    }
    for default in TABLE.get(row.name).into_iter().flatten() {
        let missing = match tree.get(default.field) {
            None => true,
            Some(value) => default.replaces_zero && value.is_empty_value(),
        };
        if missing {
            tree.insert(default.field, default.value.clone());
        }
    }
    complete(tree, row);
    if let Some((_, derive)) = DERIVED.iter().find(|(name, _)| *name == row.name) {
        derive(tree);
    }
    for (name, value) in tree.object_mut().iter_mut().filter(|(name, _)| *name != "metadata") {
        if let Some(field) = row.field(name) {
            walk(value, field.shape);
        }
    }
}

/// Puts in what Go writes always, whether it was said or not: structs that it holds by value, and required fields.
pub(super) fn complete(tree: &mut Tree, row: &'static Type) {
    for field in row.fields().iter().filter(|field| field.name != "metadata") {
        if tree.get(field.name).is_none()
            && let Some(zero) = always(field)
        {
            tree.insert(field.name, zero);
        }
    }
}

/// What Go writes of a field that was not said; none where it leaves the field out.
fn always(field: &Field) -> Option<Tree> {
    match field.shape.resolve() {
        Shape::Struct(id) if field.by_value => Some(zero(id.get())),
        _ if !field.required || field.pointer => None,
        Shape::String => Some(Tree::from("")),
        Shape::Bool => Some(Tree::from(false)),
        Shape::Int32 | Shape::Int64 => Some(Tree::from(0)),
        Shape::Array(_) | Shape::Map(_) => Some(Tree::Null),
        _ => None,
    }
}

/// The zero value of a struct.
fn zero(row: &'static Type) -> Tree {
    let mut tree = Tree::object();
    for field in row.fields() {
        if let Some(value) = always(field) {
            tree.insert(field.name, value);
        }
    }
    tree
}

fn walk(tree: &mut Tree, shape: Shape) {
    match tree {
        Tree::Array(items) => {
            if let Some(inner) = shape.items().filter(|inner| inner.innermost_struct().is_some()) {
                items.iter_mut().for_each(|item| walk(item, inner));
            }
        }
        Tree::Object(fields) => match (shape.as_struct(), shape.values()) {
            (Some(row), _) => apply(tree, row),
            (None, Some(inner)) if inner.innermost_struct().is_some() => {
                fields.values_mut().for_each(|value| walk(value, inner));
            }
            (None, Some(inner)) if inner.resolve() == Shape::Quantity => {
                fields.values_mut().for_each(round_up_to_milli);
            }
            _ => {}
        },
        _ => {}
    }
}

/// Amounts of resources are whole thousandths.
fn round_up_to_milli(amount: &mut Tree) {
    let Some(quantity) = amount.as_str().and_then(|text| text.parse::<Quantity>().ok()) else { return };
    let milli = Quantity::from_milli(quantity.milli_value(), Notation::DecimalSi);
    if quantity.milli_value().abs() < i64::MAX / 2 && milli != quantity {
        let rounded = Quantity::from_milli(quantity.milli_value(), quantity.notation());
        *amount = Tree::from(rounded.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::{DERIVED, TABLE, TEXT};
    use crate::schema;

    #[test]
    fn every_row_names_a_field_of_the_schema_and_a_value() {
        let rows = TABLE.values().map(Vec::len).sum::<usize>();
        assert_eq!(rows, TEXT.lines().filter(|line| line.starts_with(' ')).count());
        for (name, defaults) in TABLE.iter() {
            let row = schema::by_name(name).unwrap_or_else(|| panic!("{name} is no type"));
            for default in defaults {
                assert!(row.field(default.field).is_some(), "{name} has no {}", default.field);
            }
        }
        for (name, _) in DERIVED {
            assert!(schema::by_name(name).is_some(), "{name} is no type");
        }
    }
}
