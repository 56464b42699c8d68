//! Lists that merge by element: by merge key, or as sets of values.

use super::{
    PATCH, PatchError, Rules, expected, merge as merge_object, unknown_directive, without_directives,
};
use crate::schema::Shape;
use crate::tree::{Object, Tree};

/// Merges the elements of a patch into a list. Elements of the patch come in its order, the others keep
/// theirs.
pub(super) fn merge(target: Vec<Tree>, patch: &[Tree], rules: &Rules) -> Result<Vec<Tree>, PatchError> {
    let is_object = |item: &Tree| matches!(item, Tree::Object(_));
    let live = target.clone();
    let (merged, order): (Vec<Tree>, Vec<Tree>) = match patch.iter().chain(&target).next() {
        None => return Ok(target),
        Some(first) if is_object(first) => merge_objects(target, patch, rules)?,
        Some(_) => (union(target, patch), patch.to_vec()),
    };
    let key = if live.iter().chain(&order).any(is_object) { rules.key } else { None };
    Ok(ordered(merged, &order, &live, key))
}

/// The list field that `$setElementOrder` is about: merged as always, then put in that order.
pub(super) fn merge_ordered(
    target: &mut Object,
    patch: &Object,
    name: &str,
    order: &Tree,
    shape: Shape,
) -> Result<(), PatchError> {
    let Tree::Array(order) = order else { return Err(PatchError::Unsupported(expected("slice", order))) };
    let rules = Rules::of(shape, name)?;
    let live = match target.get(name) {
        Some(Tree::Array(items)) => Some(items.clone()),
        Some(Tree::Null) | None => None,
        Some(other) => return Err(PatchError::Unsupported(expected("slice", other))),
    };
    let change = match patch.get(name) {
        Some(Tree::Array(items)) => Some(items),
        _ => None,
    };
    check_order(change.map_or(&[], Vec::as_slice), order, rules.key)?;
    let merged = match (&live, change) {
        (None, None) => return Ok(()),
        (Some(live), None) => live.clone(),
        (None, Some(change)) => change.iter().filter_map(without_directives).collect(),
        (Some(live), Some(change)) if rules.merges => merge(live.clone(), change, &rules)?,
        (Some(_), Some(change)) => change.clone(),
    };
    target.insert(name, Tree::Array(ordered(merged, order, &live.unwrap_or_default(), rules.key)));
    Ok(())
}

/// Takes the values of `$deleteFromPrimitiveList` out of a list.
pub(super) fn delete_values(target: &mut Object, name: &str, values: &Tree) -> Result<(), PatchError> {
    let Tree::Array(values) = values else {
        return Err(PatchError::Malformed("invalid patch format of primitive list".to_owned()));
    };
    if let Some(Tree::Array(items)) = target.get_mut(name) {
        items.retain(|item| !values.contains(item));
    }
    Ok(())
}

fn union(mut target: Vec<Tree>, patch: &[Tree]) -> Vec<Tree> {
    for value in patch {
        if !target.contains(value) {
            target.push(value.clone());
        }
    }
    target
}

/// The merged elements, and the elements of the patch without its directives.
fn merge_objects(
    mut target: Vec<Tree>,
    patch: &[Tree],
    rules: &Rules,
) -> Result<(Vec<Tree>, Vec<Tree>), PatchError> {
    let Some(key) = rules.key else {
        return Err(PatchError::Unsupported(format!(
            "cannot merge lists without merge key for {}",
            rules.name
        )));
    };
    let (mut changes, mut replaces) = (Vec::new(), false);
    for item in patch {
        let Tree::Object(fields) = item else { return Err(PatchError::Unsupported(expected("map", item))) };
        match fields.get(PATCH).map(|directive| (directive, directive.as_str())) {
            None => changes.push(item.clone()),
            Some((_, Some("delete"))) => {
                let value = fields.get(key).ok_or_else(|| no_merge_key(item, key))?;
                target.retain(|item| item.get(key) != Some(value));
            }
            Some((_, Some("replace"))) => replaces = true,
            Some((_, Some("merge"))) => {
                return Err(PatchError::Unsupported(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            Some((directive, _)) => return Err(unknown_directive(directive, fields)),
        }
    }
    if replaces {
        return Ok((changes, Vec::new()));
    }
    for change in &changes {
        let value = change.get(key).ok_or_else(|| no_merge_key(change, key))?;
        let position = target.iter().position(|item| item.get(key) == Some(value));
        match (position.and_then(|position| target.get_mut(position)), change) {
            (Some(Tree::Object(old)), Tree::Object(change)) => merge_object(old, change, rules.inner)?,
            _ => target.extend(without_directives(change)),
        }
    }
    Ok((target, changes))
}

fn no_merge_key(item: &Tree, key: &str) -> PatchError {
    PatchError::Unsupported(format!("map: {item} does not contain declared merge key: {key}"))
}

/// What identifies an element: its merge key, or itself.
fn identity<'a>(item: &'a Tree, key: Option<&str>) -> Option<&'a Tree> {
    match (item, key) {
        (Tree::Object(fields), Some(key)) => fields.get(key),
        (item, _) => Some(item),
    }
}

fn position(list: &[Tree], item: &Tree, key: Option<&str>) -> Option<usize> {
    let wanted = identity(item, key)?;
    list.iter().position(|other| identity(other, key) == Some(wanted))
}

/// Elements that `order` names in that order; each of the others before the first of them that it preceded in
/// the live list.
fn ordered(merged: Vec<Tree>, order: &[Tree], live: &[Tree], key: Option<&str>) -> Vec<Tree> {
    let (mut named, mut others): (Vec<Tree>, Vec<Tree>) =
        merged.into_iter().partition(|item| position(order, item, key).is_some());
    named.sort_by_key(|item| position(order, item, key));
    others.sort_by_key(|item| position(live, item, key));
    let mut others = others.into_iter().peekable();
    let mut all = Vec::with_capacity(named.len() + others.len());
    for item in named {
        let place = position(live, &item, key);
        let precedes = |other: &Tree| matches!((position(live, other, key), place), (Some(other), Some(place)) if other < place);
        while let Some(other) = others.next_if(precedes) {
            all.push(other);
        }
        all.push(item);
    }
    all.extend(others);
    all
}

/// The elements of the patch must come in the order that the directive gives.
fn check_order(patch: &[Tree], order: &[Tree], key: Option<&str>) -> Result<(), PatchError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    let plain = patch.iter().filter(|item| item.get(PATCH).is_none());
    for item in plain {
        let wanted = identity(item, key);
        if !rest.any(|other| identity(other, key) == wanted) {
            return Err(PatchError::Unsupported(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                Tree::Array(patch.to_vec()),
                Tree::Array(order.to_vec())
            )));
        }
    }
    Ok(())
}
