//! [`Object`]: the fields of a tree, in the order they came.

use super::{Key, Tree};

/// An ordered map from key to value; a key occurs once. Equality does not look at the order.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(Key, Tree)>);

impl Object {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.0.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
    }

    /// The value at the key, looked for first at a position: two versions of an object have their keys in one order.
    pub(crate) fn get_near(&self, position: usize, key: &Key) -> Option<&Tree> {
        match self.0.get(position) {
            Some((name, value)) if name == key => Some(value),
            _ => self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value),
        }
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        self.0.iter_mut().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value in the key's old place, or at the end; returns what was there.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Tree>) -> Option<Tree> {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Puts a value at the front, where `apiVersion` and `kind` belong.
    pub fn insert_first(&mut self, key: impl Into<Key>, value: impl Into<Tree>) {
        let key = key.into();
        self.0.retain(|(name, _)| *name != key);
        self.0.insert(0, (key, value.into()));
    }

    pub fn remove(&mut self, key: &str) -> Option<Tree> {
        let position = self.0.iter().position(|(name, _)| name.as_str() == key)?;
        Some(self.0.remove(position).1)
    }

    /// The value at the key, made by `value` if there is none.
    pub fn entry(&mut self, key: &str, value: impl FnOnce() -> Tree) -> &mut Tree {
        let position = match self.0.iter().position(|(name, _)| name.as_str() == key) {
            Some(position) => position,
            None => {
                self.0.push((Key::from(key), value()));
                self.0.len() - 1
            }
        };
        &mut self.0[position].1
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Tree) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name.as_str(), value));
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub fn values(&self) -> impl Iterator<Item = &Tree> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Tree> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Tree)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Sorts the keys, as Go prints a map.
    pub fn sort_keys(&mut self) {
        self.0.sort_by(|one, two| one.0.cmp(&two.0));
    }

    pub(crate) fn pairs(&self) -> std::slice::Iter<'_, (Key, Tree)> {
        self.0.iter()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = self.pairs().enumerate();
        self.len() == other.len() && pairs.all(|(at, (key, value))| other.get_near(at, key) == Some(value))
    }
}

impl IntoIterator for Object {
    type Item = (Key, Tree);
    type IntoIter = std::vec::IntoIter<(Key, Tree)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Key, Tree)> for Object {
    fn from_iter<I: IntoIterator<Item = (Key, Tree)>>(pairs: I) -> Self {
        let mut object = Self::new();
        object.extend(pairs);
        object
    }
}

impl Extend<(Key, Tree)> for Object {
    fn extend<I: IntoIterator<Item = (Key, Tree)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}
