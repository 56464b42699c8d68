//! Lists: of values, of a tree's array, or two of them one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use objects::Tree;

use super::{Evaluated, Key, Map, Value};
use crate::error::EvalError;
use crate::schema::{ListKind, SchemaRef, Shape};

/// A list; cloning it copies no element.
#[derive(Clone)]
pub enum List<'a> {
    Items(Arc<Vec<Value<'a>>>),
    /// The numbers from zero on.
    Range(usize),
    Tree(TreeList<'a>),
    /// What adding to a set or to a list with keys gives: one of the same kind.
    Keyed(Arc<(Vec<Value<'a>>, ListKind)>),
    /// A sum is not copied together: expressions may add large lists often.
    Sum(Arc<Sum<'a>>),
}

/// An array of an object.
#[derive(Clone)]
pub struct TreeList<'a> {
    pub(super) trees: &'a [Tree],
    /// The schema of the list, not of its items.
    pub(super) schema: Option<SchemaRef>,
}

impl<'a> TreeList<'a> {
    fn get(&self, index: usize) -> Option<Evaluated<'a>> {
        let tree = self.trees.get(index)?;
        Some(match self.schema.as_ref().map(|schema| schema.shape()) {
            Some(Shape::List { items, .. }) => Value::from_tree(tree, Some(&items)),
            _ => Value::from_tree(tree, None),
        })
    }
}

pub struct Sum<'a> {
    first: List<'a>,
    second: List<'a>,
    len: usize,
}

impl<'a> From<Vec<Value<'a>>> for List<'a> {
    fn from(items: Vec<Value<'a>>) -> Self {
        Self::Items(Arc::new(items))
    }
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Items(items) => items.len(),
            Self::Range(len) => *len,
            Self::Keyed(list) => list.0.len(),
            Self::Tree(list) => list.trees.len(),
            Self::Sum(sum) => sum.len,
        }
    }

    /// The element at an index; none beyond the end.
    pub(crate) fn get(&self, mut index: usize) -> Option<Evaluated<'a>> {
        let mut list = self;
        loop {
            match list {
                Self::Items(items) => return items.get(index).cloned().map(Ok),
                Self::Range(len) => return (index < *len).then(|| Ok(Value::from(index))),
                Self::Keyed(list) => return list.0.get(index).cloned().map(Ok),
                Self::Tree(list) => return list.get(index),
                Self::Sum(sum) if index < sum.first.len() => list = &sum.first,
                Self::Sum(sum) => {
                    index -= sum.first.len();
                    list = &sum.second;
                }
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Evaluated<'a>> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    pub(super) fn kind(&self) -> ListKind {
        match self {
            Self::Tree(TreeList { schema: Some(schema), .. }) => match schema.shape() {
                Shape::List { kind, .. } => kind,
                _ => ListKind::Atomic,
            },
            Self::Keyed(list) => list.1.clone(),
            _ => ListKind::Atomic,
        }
    }

    /// Appends, without a copy if nobody else holds the list.
    pub(crate) fn push(&mut self, value: Value<'a>) -> Result<(), EvalError> {
        if let Self::Items(items) = self {
            Arc::make_mut(items).push(value);
        } else {
            let mut items: Vec<_> = self.iter().collect::<Result<_, _>>()?;
            items.push(value);
            *self = Self::from(items);
        }
        Ok(())
    }

    /// `self + other`: one after the other, or what the list type of `self` makes of it.
    pub(crate) fn add(self, other: Self) -> Result<Self, EvalError> {
        match self.kind() {
            ListKind::Atomic if other.len() == 0 => Ok(self),
            ListKind::Atomic if self.len() == 0 && other.kind() == ListKind::Atomic => Ok(other),
            ListKind::Atomic => {
                let len = self.len() + other.len();
                Ok(Self::Sum(Arc::new(Sum { first: self, second: other, len })))
            }
            ListKind::Set => self.union(&other),
            ListKind::Map(keys) => self.merge(&other, &keys),
        }
    }

    /// All of `self`, then what of `other` is not in it.
    fn union(&self, other: &Self) -> Result<Self, EvalError> {
        let mut items: Vec<_> = self.iter().collect::<Result<_, _>>()?;
        let mut seen: BTreeSet<_> = items.iter().map(set_key).collect();
        for item in other.iter() {
            let item = item?;
            if seen.insert(set_key(&item)) {
                items.push(item);
            }
        }
        Ok(Self::Keyed(Arc::new((items, ListKind::Set))))
    }

    /// The elements of `self`, replaced by those of `other` that have the same keys, then the others.
    fn merge(&self, other: &Self, keys: &Arc<[Box<str>]>) -> Result<Self, EvalError> {
        let mut items: Vec<_> = self.iter().collect::<Result<_, _>>()?;
        let mut places: BTreeMap<_, _> =
            items.iter().enumerate().map(|(place, item)| (map_key(item, keys), place)).collect();
        for item in other.iter() {
            let item = item?;
            match places.get(&map_key(&item, keys)) {
                Some(place) => items[*place] = item,
                None => {
                    places.insert(map_key(&item, keys), items.len());
                    items.push(item);
                }
            }
        }
        Ok(Self::Keyed(Arc::new((items, ListKind::Map(keys.clone())))))
    }
}

/// What tells elements of a set apart: the value itself if it is a scalar, else how it is shown.
pub(super) fn set_key(value: &Value<'_>) -> (bool, String) {
    match Key::of(value) {
        Some(key) => (true, format!("{key:?}")),
        None => (false, format!("{value:?}")),
    }
}

/// The values of an element's keys; absent ones count too.
pub(super) fn map_key(element: &Value<'_>, keys: &[Box<str>]) -> Vec<Option<(bool, String)>> {
    let field = |key: &str| match element {
        Value::Map(Map::Tree(map)) => map.raw(key).map(|tree| (true, format!("{tree:?}"))),
        Value::Map(map) => {
            let found = map.get(&Value::from(key)).ok()??;
            Some((true, found.to_tree().map_or_else(|_| set_key(&found).1, |tree| format!("{tree:?}"))))
        }
        other => Some(set_key(other)),
    };
    keys.iter().map(|key| field(key)).collect()
}
