//! Reading and writing a tree by key and by path.

use super::{Key, Object, Tree};

impl Tree {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number; a float that is one counts.
    pub fn as_i64(&self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => Some(*value as i64),
            _ => None,
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&Vec<Tree>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Tree>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The items of an array; none for anything else.
    pub fn items(&self) -> &[Tree] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    /// The fields of an object; none for anything else.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.as_object().into_iter().flat_map(Object::iter)
    }

    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.as_object()?.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        self.as_object_mut()?.get_mut(key)
    }

    /// The value at a path of keys; a key of an array is an index.
    pub fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, key| match tree {
            Self::Object(fields) => fields.get(key),
            Self::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Tree> {
        path.iter().try_fold(self, |tree, key| match tree {
            Self::Object(fields) => fields.get_mut(key),
            Self::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The text at a path.
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    pub fn i64_at(&self, path: &[&str]) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    pub fn bool_at(&self, path: &[&str]) -> Option<bool> {
        self.at(path)?.as_bool()
    }

    /// The items of the array at a path; none where there is no array.
    pub fn items_at(&self, path: &[&str]) -> &[Tree] {
        self.at(path).map_or(&[], Tree::items)
    }

    /// Sets the value at a path of keys, making the objects on the way; whatever else stood in the way is replaced.
    pub fn set_at(&mut self, path: &[&str], value: impl Into<Tree>) {
        *self.make(path) = value.into();
    }

    /// The value at a path of keys, null and made with the objects on the way where there was none.
    pub fn make(&mut self, path: &[&str]) -> &mut Tree {
        path.iter().fold(self, |tree, key| tree.object_mut().entry(key, || Tree::Null))
    }

    /// This value as an object, made one if it is none.
    pub fn object_mut(&mut self) -> &mut Object {
        if !matches!(self, Self::Object(_)) {
            *self = Self::object();
        }
        match self {
            Self::Object(fields) => fields,
            _ => unreachable!("made an object above"),
        }
    }

    /// Sets a field of this value, made an object if it is none; returns what was there.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Tree>) -> Option<Tree> {
        self.object_mut().insert(key, value)
    }

    pub fn remove(&mut self, key: &str) -> Option<Tree> {
        self.as_object_mut()?.remove(key)
    }

    pub fn remove_at(&mut self, path: &[&str]) -> Option<Tree> {
        let (last, parents) = path.split_last()?;
        match self.at_mut(parents)? {
            Self::Object(fields) => fields.remove(last),
            Self::Array(items) => {
                let index = last.parse::<usize>().ok().filter(|index| *index < items.len())?;
                Some(items.remove(index))
            }
            _ => None,
        }
    }

    /// The value itself, with null left in its place.
    pub fn take(&mut self) -> Tree {
        std::mem::take(self)
    }
}
