//! The field set of an object, and sets beside a type: its named fields, and what became atomic since.

use super::element::Element;
use super::fields::{FieldSet, Node};
use super::typing::{Kind, MapType, Typing, field, item, kind};
use crate::schema::ListType;
use crate::tree::Tree;

/// Every leaf and every item that an object has.
pub(super) fn field_set<T: Typing>(tree: &Tree, typing: T) -> FieldSet {
    collect(tree, typing).1
}

/// Whether the value itself is a leaf, and what is below it.
fn collect<T: Typing>(tree: &Tree, typing: T) -> (bool, FieldSet) {
    match (kind(typing, tree), tree) {
        (None, _) => (false, FieldSet::default()),
        (Some(Kind::Scalar(_) | Kind::Map(MapType::Atomic)), _) => (true, FieldSet::default()),
        (Some(Kind::Map(MapType::Granular)), _) => {
            let nodes = tree.fields().filter_map(|(name, value)| {
                let declared = typing.field(name);
                let (leaf, below) = collect(value, declared.or_else(|| typing.values())?);
                let empty = match value {
                    Tree::Null => true,
                    Tree::Object(fields) => fields.is_empty(),
                    _ => false,
                };
                let member = leaf || empty || declared.is_none();
                Some(Node { element: Element::Field(name.into()), member, below })
            });
            (false, FieldSet::new(nodes.collect()))
        }
        (Some(Kind::List(list @ (ListType::Set | ListType::Map), items)), _) => {
            (false, items_of(tree.items(), typing, list, items))
        }
        (Some(Kind::List(..)), _) => (true, FieldSet::default()),
    }
}

/// Items that are there more than once are owned together, as leaves.
fn items_of<T: Typing>(all: &[Tree], list: T, of: ListType, items: T) -> FieldSet {
    let keyed = all.iter().filter_map(|tree| Some((item(list, of, items, tree).ok()?, tree)));
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_by(|(one, _), (two, _)| one.cmp(two));
    let nodes = keyed.chunk_by(|(one, _), (two, _)| one == two).filter_map(|twins| {
        let (element, tree) = twins.first()?;
        let below = if twins.len() > 1 { FieldSet::default() } else { field_set(tree, items) };
        Some(Node { element: element.clone(), member: true, below })
    });
    FieldSet::new(nodes.collect())
}

/// Makes the named fields that lead to a member members too; keys of maps are no named fields.
pub(super) fn with_named_fields<T: Typing>(mut set: FieldSet, typing: T) -> FieldSet {
    name_fields(&mut set, Some(typing));
    set
}

fn name_fields<T: Typing>(set: &mut FieldSet, typing: Option<T>) {
    set.retain(|node| {
        if node.below.is_empty() {
            return;
        }
        let below = match &node.element {
            Element::Field(name) => {
                let declared = typing.and_then(|typing| typing.field(name.as_str()));
                node.member |= declared.is_some();
                declared.or_else(|| typing.and_then(Typing::values))
            }
            Element::Keys(_) => typing.and_then(Typing::list).map(|(_, items)| items),
            Element::Value(_) | Element::Index(_) => None,
        };
        name_fields(&mut node.below, below);
    });
}

/// Whoever owned fields below what is atomic now owns the whole of it. What became granular stays as it is.
pub(super) fn reconcile<T: Typing>(set: &mut FieldSet, typing: T) -> bool {
    let mut changed = false;
    set.retain(|node| changed |= reconcile_node(node, typing));
    changed
}

fn reconcile_node<T: Typing>(node: &mut Node, holder: T) -> bool {
    let typing = match &node.element {
        Element::Field(name) if holder.map().is_some() => field(holder, name.as_str()),
        _ => holder.list().map(|(_, items)| items),
    };
    let (Some(typing), false) = (typing, node.below.is_empty()) else {
        return false;
    };
    let atomic = match kind(typing, &Tree::Null) {
        Some(Kind::Map(of)) => of == MapType::Atomic,
        Some(Kind::List(of, _)) => !matches!(of, ListType::Set | ListType::Map),
        Some(Kind::Scalar(_)) | None => return false,
    };
    if atomic {
        (node.member, node.below) = (true, FieldSet::default());
    }
    atomic || reconcile(&mut node.below, typing)
}
