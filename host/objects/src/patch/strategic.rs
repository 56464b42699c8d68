//! Strategic merge patch: objects merge field by field, lists by the merge keys of the schema table.
//!
//! Directives: `$patch` (replace, delete), `$retainKeys`, `$deleteFromPrimitiveList/<field>` and
//! `$setElementOrder/<field>`.

mod list;

use super::{PatchError, expected};
use crate::schema::{Field, Shape, Type};
use crate::tree::{Object, Tree};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// Applies a patch to an object of a type; on an error the tree is left half patched, so patch a copy.
pub fn apply(tree: &mut Tree, patch: &Tree, row: &'static Type) -> Result<(), PatchError> {
    let Tree::Object(patch) = patch else {
        let shape = patch.shape();
        return Err(PatchError::Malformed(format!(
            "json: cannot unmarshal {shape} into Go value of type map[string]interface {{}}"
        )));
    };
    merge(tree.object_mut(), patch, row.shape)
}

/// Merges a patch into the fields of a struct, or of a map.
fn merge(target: &mut Object, patch: &Object, shape: Shape) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(PATCH) {
        *target = match directive.as_str() {
            Some("replace") => {
                let mut replacement = patch.clone();
                replacement.remove(PATCH);
                replacement
            }
            Some("delete") => Object::new(),
            _ => return Err(unknown_directive(directive, patch)),
        };
        return Ok(());
    }
    if let Some(keys) = patch.get(RETAIN_KEYS) {
        retain_keys(target, patch, keys)?;
    }
    for (key, value) in patch.iter() {
        if let Some(name) = key.strip_prefix(SET_ORDER) {
            list::merge_ordered(target, patch, name, value, shape)?;
        } else if let Some(name) = key.strip_prefix(DELETE_FROM_LIST) {
            list::delete_values(target, name, value)?;
        } else if key != RETAIN_KEYS {
            let merged_in_order =
                matches!(value, Tree::Array(_)) && patch.contains_key(&format!("{SET_ORDER}{key}"));
            if !merged_in_order {
                merge_field(target, key, value, shape)?;
            }
        }
    }
    Ok(())
}

fn merge_field(target: &mut Object, key: &str, patch: &Tree, shape: Shape) -> Result<(), PatchError> {
    if patch.is_null() {
        target.remove(key);
        return Ok(());
    }
    // Only what merges needs to be known: of anything else the patch is taken, whatever the field is.
    match (target.get_mut(key), patch) {
        (Some(Tree::Object(old)), Tree::Object(patch)) => {
            let rules = Rules::of(shape, key)?;
            if rules.replaces {
                *old = patch.clone();
            } else {
                merge(old, patch, rules.inner)?;
            }
        }
        (Some(Tree::Array(old)), Tree::Array(patch)) => {
            let rules = Rules::of(shape, key)?;
            *old =
                if rules.merges { list::merge(std::mem::take(old), patch, &rules)? } else { patch.clone() };
        }
        (Some(old), patch) if old.shape() == patch.shape() => *old = patch.clone(),
        (_, patch) => match without_directives(patch) {
            Some(value) => drop(target.insert(key, value)),
            None => drop(target.remove(key)),
        },
    }
    Ok(())
}

/// How a field merges.
struct Rules {
    /// Lists merge by element.
    merges: bool,
    /// Objects are replaced whole.
    replaces: bool,
    key: Option<&'static str>,
    /// The shape of the object, or of the elements of the list.
    inner: Shape,
    name: String,
}

impl Rules {
    fn of(shape: Shape, key: &str) -> Result<Self, PatchError> {
        let field = match shape.resolve() {
            Shape::Struct(id) => {
                let row = id.get();
                row.field(key).ok_or_else(|| {
                    PatchError::Unsupported(format!(
                        "unable to find api field in struct {} for the json field {key:?}",
                        row.go_name()
                    ))
                })?
            }
            Shape::Map(_) => {
                let inner = shape.values().unwrap_or(Shape::Any);
                return Ok(Self { merges: false, replaces: false, key: None, inner, name: key.to_owned() });
            }
            _ => {
                return Ok(Self {
                    merges: false,
                    replaces: false,
                    key: None,
                    inner: Shape::Any,
                    name: key.to_owned(),
                });
            }
        };
        Ok(Self::of_field(field))
    }

    fn of_field(field: &'static Field) -> Self {
        use crate::schema::PatchStrategy;
        Self {
            merges: field.patch.merges(),
            replaces: field.patch == PatchStrategy::Replace,
            key: field.patch_key,
            inner: field.shape.items().unwrap_or(field.shape),
            name: field.name.to_owned(),
        }
    }
}

fn unknown_directive(directive: &Tree, patch: &Object) -> PatchError {
    let directive = directive.as_str().map_or_else(|| directive.to_json_string(), str::to_owned);
    PatchError::Unsupported(format!(
        "unknown patch type: {directive} in map: {}",
        Tree::Object(patch.clone())
    ))
}

/// Keeps the keys that the directive names, all of which the patch may set.
fn retain_keys(target: &mut Object, patch: &Object, keys: &Tree) -> Result<(), PatchError> {
    let malformed = || PatchError::Malformed("invalid patch format of retainKeys".to_owned());
    let keys = keys.as_array().ok_or_else(malformed)?;
    let kept = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
    let stray = patch.iter().any(|(name, value)| {
        name != RETAIN_KEYS
            && !value.is_null()
            && !name.starts_with(DELETE_FROM_LIST)
            && !name.starts_with(SET_ORDER)
            && !kept(name)
    });
    if stray {
        return Err(malformed());
    }
    target.retain(|name, _| kept(name));
    Ok(())
}

/// A value of a patch that has nothing to merge with: nulls and whatever has a directive are left out.
fn without_directives(patch: &Tree) -> Option<Tree> {
    match patch {
        Tree::Object(fields) if fields.contains_key(PATCH) => None,
        Tree::Object(fields) => {
            let is_directive = |key: &str| {
                key == RETAIN_KEYS || key.starts_with(SET_ORDER) || key.starts_with(DELETE_FROM_LIST)
            };
            let mut kept = Object::with_capacity(fields.len());
            for (key, value) in fields.iter().filter(|(key, value)| !value.is_null() && !is_directive(key)) {
                if let Some(value) = without_directives(value) {
                    kept.insert(key, value);
                }
            }
            Some(Tree::Object(kept))
        }
        Tree::Array(items) => Some(Tree::Array(items.iter().filter_map(without_directives).collect())),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests;
