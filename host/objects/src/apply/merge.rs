//! Merging an applied configuration into an object.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::check::TypeError;
use super::element::Element;
use super::typing::{Kind, MapType, Typing, field, item, kind};
use crate::schema::ListType;
use crate::tree::{Object, Tree};

/// The object with what is applied in it, both checked. Nothing goes: a null leaf replaces, a null list or map with
/// something in it does not.
pub(super) fn merge<T: Typing>(live: &Tree, applied: &Tree, typing: T) -> Result<Tree, TypeError> {
    match kind(typing, applied).ok_or_else(TypeError::no_kind)? {
        Kind::Map(MapType::Granular) => match (live, applied) {
            (Tree::Object(live), Tree::Object(applied)) => {
                merge_fields(live, applied, typing).map(Tree::Object)
            }
            (Tree::Object(fields), _) if !fields.is_empty() => Ok(live.clone()),
            _ => Ok(applied.clone()),
        },
        Kind::List(list @ (ListType::Set | ListType::Map), items) => match (live.items(), applied.items()) {
            ([], _) => Ok(applied.clone()),
            (_, []) => Ok(live.clone()),
            (live, applied) => merge_items(live, applied, typing, list, items).map(Tree::Array),
        },
        Kind::Map(MapType::Atomic) | Kind::List(..) | Kind::Scalar(_) => Ok(applied.clone()),
    }
}

fn merge_fields<T: Typing>(live: &Object, applied: &Object, typing: T) -> Result<Object, TypeError> {
    let mut merged = live.clone();
    for (name, wanted) in applied.iter() {
        let value = match live.get(name) {
            Some(value) => {
                let of_field = field(typing, name).ok_or_else(|| TypeError::undeclared(name))?;
                merge(value, wanted, of_field).map_err(|error| error.below(&Element::Field(name.into())))?
            }
            None => wanted.clone(),
        };
        merged.insert(name, value);
    }
    Ok(merged)
}

/// What is applied keeps its order; what is live alone stays as near as it can to where it was.
fn merge_items<T: Typing>(
    live: &[Tree],
    applied: &[Tree],
    list: T,
    of: ListType,
    items: T,
) -> Result<Vec<Tree>, TypeError> {
    let keyed = |all: &[Tree]| -> Result<Vec<Element>, TypeError> {
        let key = |(index, tree)| item(list, of, items, tree).map_err(|why| TypeError::item(index, &why));
        all.iter().enumerate().map(key).collect()
    };
    let (live_keys, applied_keys) = (keyed(live)?, keyed(applied)?);
    let wanted: BTreeSet<_> = applied_keys.iter().collect();
    let present = twins(&live_keys, live);
    // The applied items that are live too, in the order in which they are wanted.
    let mut shared: VecDeque<_> = applied_keys.iter().filter(|key| present.contains_key(key)).collect();
    let mut taken = BTreeSet::new();
    let mut merged = Vec::with_capacity(live.len().max(applied.len()));
    let mut own_items = live_keys.iter().zip(live).peekable();
    let mut next_items = applied_keys.iter().zip(applied).peekable();
    loop {
        match (own_items.peek().copied(), next_items.peek().copied()) {
            (None, None) => break,
            // Its turn comes with the applied items.
            (Some((own, _)), Some((next, _)))
                if own != next && wanted.contains(own) && shared.front().is_some_and(|key| *key != own) =>
            {
                own_items.next();
            }
            (Some((own, item)), _) if !wanted.contains(own) => {
                merged.push(item.clone());
                own_items.next();
            }
            (own, Some((next, item))) => {
                merged.push(match present.get(next) {
                    Some(live) => merge(live, item, items).map_err(|error| error.below(next))?,
                    None => item.clone(),
                });
                if own.is_some_and(|(own, _)| own == next || taken.contains(own)) {
                    own_items.next();
                }
                taken.insert(next);
                shared.pop_front_if(|key| *key == next);
                next_items.next();
            }
            // It was taken with the applied items.
            (Some(_), None) => drop(own_items.next()),
        }
    }
    Ok(merged)
}

/// The items by their keys; an applied item does not merge with one that is there more than once, but replaces it.
fn twins<'a>(keys: &'a [Element], items: &'a [Tree]) -> BTreeMap<&'a Element, &'a Tree> {
    static NOTHING: Tree = Tree::Null;
    let mut found = BTreeMap::new();
    for (key, item) in keys.iter().zip(items) {
        found.entry(key).and_modify(|item| *item = &NOTHING).or_insert(item);
    }
    found
}
