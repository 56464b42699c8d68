//! Taking out of an object what its applier no longer applies.

use std::collections::BTreeMap;

use super::collect::{field_set, with_named_fields};
use super::element::Element;
use super::fields::FieldSet;
use super::managers::Managers;
use super::typing::{Kind, MapType, Typing, field, item, kind};
use super::versions::Versions;
use crate::schema::ListType;
use crate::tree::Tree;

/// The object without the fields and items of a set. A list or map that lost all it had is null.
pub(super) fn remove<T: Typing>(tree: Tree, set: &FieldSet, typing: T) -> Tree {
    match (kind(typing, &tree), tree) {
        (Some(Kind::Scalar(_)), leaf) => leaf,
        (Some(Kind::Map(MapType::Granular)), Tree::Object(mut fields)) => {
            fields.retain(|name, value| {
                let Some(node) = set.get(&Element::Field(name.into())) else {
                    return true;
                };
                if let (false, Some(of_field)) = (node.member, field(typing, name)) {
                    *value = remove(value.take(), &node.below, of_field);
                }
                !node.member
            });
            if fields.is_empty() { Tree::Null } else { Tree::Object(fields) }
        }
        (Some(Kind::List(list @ (ListType::Set | ListType::Map), items)), Tree::Array(mut all)) => {
            all.retain_mut(|tree| {
                let key = item(typing, list, items, tree).ok();
                let Some(node) = key.and_then(|key| set.get(&key)) else {
                    return true;
                };
                if !node.member {
                    *tree = remove(tree.take(), &node.below, items);
                }
                !node.member
            });
            if all.is_empty() { Tree::Null } else { Tree::Array(all) }
        }
        _ => Tree::Null,
    }
}

/// Removes what the applier owned last time and does not apply now, unless somebody else owns it.
///
/// `last` is what it owned, at `version`; `managers` have what it owns now.
pub(super) fn prune<T: Typing>(
    merged: Tree,
    versions: &Versions<'_, T>,
    managers: &Managers,
    last: FieldSet,
    version: &str,
) -> Tree {
    let Some((merged_then, typing)) = versions.convert(&merged, version) else {
        return merged;
    };
    let last = with_named_fields(last, typing);
    let mut pruned = remove(merged_then.clone().into_owned(), &last, typing);

    // Whatever anybody owns comes back, at the version of the last time first: another may lack what it needs.
    let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
    for entry in managers.entries() {
        let set = owned.entry(&entry.api_version).or_default();
        *set = std::mem::take(set).union(entry.fields.clone());
    }
    let first = owned.remove_entry(version);
    for (at, owned) in first.into_iter().chain(owned) {
        let (Some((whole, typing)), Some((rest, _))) =
            (versions.convert(&merged, at), versions.convert(&pruned, at))
        else {
            continue;
        };
        let kept =
            with_named_fields(field_set(&rest, typing), typing).union(with_named_fields(owned, typing));
        let gone = with_named_fields(field_set(&whole, typing), typing).difference(&kept);
        pruned = remove(whole.into_owned(), &gone, typing);
    }

    // So does what nobody owns, and the applier did not own.
    let Some((pruned, _)) = versions.convert(&pruned, version) else {
        return merged;
    };
    let kept = with_named_fields(field_set(&pruned, typing), typing);
    let gone =
        with_named_fields(field_set(&merged_then, typing), typing).difference(&kept).intersection(&last);
    let pruned = remove(merged_then.into_owned(), &gone, typing);
    match versions.convert(&pruned, versions.written()) {
        Some((pruned, _)) => pruned.into_owned(),
        None => merged,
    }
}
