//! The old value in the place of a new one.

use std::collections::HashMap;

use objects::Tree;

use crate::list_type::canonical;
use crate::schema::{ListType, Schema};

/// An old value with the schema by which its parts are told apart.
#[derive(Clone, Copy)]
pub struct Old<'a> {
    pub tree: &'a Tree,
    pub schema: &'a Schema,
}

impl<'a> Old<'a> {
    /// The same field of the old value.
    pub fn field(self, name: &str) -> Option<Self> {
        Some(Self { tree: self.tree.get(name)?, schema: self.schema.field(name)? })
    }

    /// The items of the old value, by their keys where it is an associative list; items of other lists have no
    /// place that lasts.
    pub fn items(self) -> OldItems<'a> {
        let mut by_key = HashMap::new();
        if let (ListType::Map(keys), Some(_)) = (&self.schema.list, &self.schema.items)
            && !keys.is_empty()
        {
            for item in self.tree.items() {
                if let Some(key) = key(item, keys) {
                    by_key.entry(key).or_insert(item);
                }
            }
        }
        OldItems { by_key, schema: self.schema }
    }

    /// Whether the new value says the same; the order of an associative list says nothing.
    pub fn is_same(self, new: &Tree) -> bool {
        match (new, self.tree) {
            (Tree::Array(items), Tree::Array(old)) => {
                if self.schema.list_keys().is_empty() || self.schema.items.is_none() {
                    return items == old;
                }
                let old_items = self.items();
                let same = |item| old_items.get(item).is_some_and(|old| old.is_same(item));
                items.len() == old.len() && items.iter().all(same)
            }
            (Tree::Object(fields), Tree::Object(old)) => {
                let same =
                    |(name, value): (&str, &Tree)| self.field(name).is_some_and(|old| old.is_same(value));
                fields.len() == old.len() && fields.iter().all(same)
            }
            (new, old) => new == old,
        }
    }
}

/// The items of an old list.
pub struct OldItems<'a> {
    by_key: HashMap<String, &'a Tree>,
    schema: &'a Schema,
}

impl<'a> OldItems<'a> {
    /// The old item in the place of a new one.
    pub fn get(&self, item: &Tree) -> Option<Old<'a>> {
        let tree = self.by_key.get(&key(item, self.schema.list_keys())?)?;
        Some(Old { tree, schema: self.schema.items.as_deref()? })
    }
}

/// The keys of an item; `None` where one is missing or no scalar.
fn key(item: &Tree, keys: &[Box<str>]) -> Option<String> {
    let mut text = String::new();
    for name in keys {
        let value = item.get(name)?;
        if matches!(value, Tree::Null | Tree::Array(_) | Tree::Object(_)) {
            return None;
        }
        text.push_str(&canonical(value));
        text.push('\0');
    }
    Some(text)
}
