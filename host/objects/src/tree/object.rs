//! [`Object`]: the fields of a tree, in the order they came.

use indexmap::IndexMap;

use super::{Key, Tree};

/// Fields that are searched through. Almost every object has fewer, and is smaller and faster without an index; one with
/// a hundred thousand keys, which any client can send, would take minutes.
const SEARCHED: usize = 32;

/// An ordered map from key to value; a key occurs once. Equality does not look at the order.
#[derive(Clone, Debug, Default)]
pub struct Object(Fields);

#[derive(Clone, Debug)]
enum Fields {
    /// No more than [`SEARCHED`] when it grows.
    Few(Vec<(Key, Tree)>),
    Many(Box<IndexMap<Key, Tree>>),
}

impl Default for Fields {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Object {
    pub const fn new() -> Self {
        Self(Fields::Few(Vec::new()))
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self(Fields::Few(Vec::with_capacity(capacity.min(SEARCHED))))
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Fields::Few(pairs) => pairs.len(),
            Fields::Many(map) => map.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, key: &str) -> Option<&Tree> {
        match &self.0 {
            Fields::Few(pairs) => pairs.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value),
            Fields::Many(map) => map.get(key),
        }
    }

    /// The value at the key, looked for first at a position: two versions of an object have their keys in one order.
    pub(crate) fn get_near(&self, position: usize, key: &Key) -> Option<&Tree> {
        match &self.0 {
            Fields::Few(pairs) => match pairs.get(position) {
                Some((name, value)) if name == key => Some(value),
                _ => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            },
            Fields::Many(map) => match map.get_index(position) {
                Some((name, value)) if name == key => Some(value),
                _ => map.get(key),
            },
        }
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        match &mut self.0 {
            Fields::Few(pairs) => {
                pairs.iter_mut().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
            }
            Fields::Many(map) => map.get_mut(key),
        }
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value in the key's old place, or at the end; returns what was there.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Tree>) -> Option<Tree> {
        let (key, value) = (key.into(), value.into());
        match &mut self.0 {
            Fields::Few(pairs) => {
                if let Some((_, old)) = pairs.iter_mut().find(|(name, _)| *name == key) {
                    return Some(std::mem::replace(old, value));
                }
                self.push(key, value);
                None
            }
            Fields::Many(map) => map.insert(key, value),
        }
    }

    /// Adds a key that is not there.
    fn push(&mut self, key: Key, value: Tree) -> &mut Tree {
        if let Fields::Few(pairs) = &mut self.0
            && pairs.len() == SEARCHED
        {
            self.0 = Fields::Many(Box::new(std::mem::take(pairs).into_iter().collect()));
        }
        match &mut self.0 {
            Fields::Few(pairs) => {
                pairs.push((key, value));
                &mut pairs.last_mut().expect("pushed above").1
            }
            Fields::Many(map) => map.entry(key).or_insert(value),
        }
    }

    /// Puts a value at the front, where `apiVersion` and `kind` belong.
    pub fn insert_first(&mut self, key: impl Into<Key>, value: impl Into<Tree>) {
        let (key, value) = (key.into(), value.into());
        match &mut self.0 {
            Fields::Few(pairs) => {
                pairs.retain(|(name, _)| *name != key);
                pairs.insert(0, (key, value));
            }
            Fields::Many(map) => drop(map.shift_insert(0, key, value)),
        }
    }

    /// Takes as long as there are keys; for many keys there is [`retain`](Self::retain).
    pub fn remove(&mut self, key: &str) -> Option<Tree> {
        match &mut self.0 {
            Fields::Few(pairs) => {
                let position = pairs.iter().position(|(name, _)| name.as_str() == key)?;
                Some(pairs.remove(position).1)
            }
            Fields::Many(map) => map.shift_remove(key),
        }
    }

    /// The value at the key, made by `value` if there is none.
    pub fn entry(&mut self, key: &str, value: impl FnOnce() -> Tree) -> &mut Tree {
        let position = match &self.0 {
            Fields::Few(pairs) => pairs.iter().position(|(name, _)| name.as_str() == key),
            Fields::Many(map) => map.get_index_of(key),
        };
        let Some(at) = position else { return self.push(Key::from(key), value()) };
        match &mut self.0 {
            Fields::Few(pairs) => &mut pairs[at].1,
            Fields::Many(map) => &mut map[at],
        }
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Tree) -> bool) {
        match &mut self.0 {
            Fields::Few(pairs) => pairs.retain_mut(|(name, value)| keep(name.as_str(), value)),
            Fields::Many(map) => map.retain(|name, value| keep(name.as_str(), value)),
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &Tree> {
        self.pairs().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Tree> {
        self.iter_mut().map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.pairs().map(|(name, value)| (name.as_str(), value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Tree)> {
        let (few, many) = match &mut self.0 {
            Fields::Few(pairs) => (Some(pairs.iter_mut()), None),
            Fields::Many(map) => (None, Some(map.iter_mut())),
        };
        let few = few.into_iter().flatten().map(|(name, value)| (name.as_str(), value));
        few.chain(many.into_iter().flatten().map(|(name, value)| (name.as_str(), value)))
    }

    /// Sorts the keys, as Go prints a map.
    pub fn sort_keys(&mut self) {
        match &mut self.0 {
            Fields::Few(pairs) => pairs.sort_by(|one, two| one.0.cmp(&two.0)),
            Fields::Many(map) => map.sort_keys(),
        }
    }

    pub(crate) fn pairs(&self) -> Pairs<'_> {
        match &self.0 {
            Fields::Few(pairs) => Pairs::Few(pairs.iter()),
            Fields::Many(map) => Pairs::Many(map.iter()),
        }
    }
}

/// The fields in their order.
pub(crate) enum Pairs<'a> {
    Few(std::slice::Iter<'a, (Key, Tree)>),
    Many(indexmap::map::Iter<'a, Key, Tree>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a Key, &'a Tree);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(pairs) => pairs.next().map(|(key, value)| (key, value)),
            Self::Many(pairs) => pairs.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(pairs) => pairs.size_hint(),
            Self::Many(pairs) => pairs.size_hint(),
        }
    }
}

impl ExactSizeIterator for Pairs<'_> {}

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
        let pairs = match self.0 {
            Fields::Few(pairs) => pairs,
            Fields::Many(map) => map.into_iter().collect(),
        };
        pairs.into_iter()
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
