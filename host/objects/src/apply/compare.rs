//! What changed between two versions of an object, as sets of paths.

use std::mem::discriminant;

use super::check::TypeError;
use super::element::Element;
use super::fields::{FieldSet, Node};
use super::typing::{Kind, MapType, Typing, field, item, kind};
use super::value::{same, same_items};
use crate::schema::ListType;
use crate::tree::{Key, Object, Tree};

/// The paths that only the old version has, that have another value now, and that only the new version has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

impl Changes {
    pub(super) fn sets(&mut self) -> [&mut FieldSet; 3] {
        [&mut self.removed, &mut self.modified, &mut self.added]
    }
}

/// Compares two objects. What is equal costs the walk and no more.
pub(super) fn compare<T: Typing>(old: &Tree, new: &Tree, typing: T) -> Result<Changes, TypeError> {
    let [removed, modified, added] = changes(Some(old), Some(new), typing)?.0;
    Ok(Changes { removed: removed.below, modified: modified.below, added: added.below })
}

/// What changed at a place.
#[derive(Debug, Default)]
struct Difference([Part; 3]);

/// Whether the place itself is in a set, and what is below it.
#[derive(Debug, Default)]
struct Part {
    member: bool,
    below: FieldSet,
}

const REMOVED: usize = 0;
const MODIFIED: usize = 1;
const ADDED: usize = 2;

impl Difference {
    fn of(set: usize) -> Self {
        let mut difference = Self::default();
        difference.0[set].member = true;
        difference
    }

    fn union(self, other: Self) -> Self {
        let mut both = self;
        for (part, other) in both.0.iter_mut().zip(other.0) {
            part.member |= other.member;
            part.below = std::mem::take(&mut part.below).union(other.below);
        }
        both
    }
}

/// The differences of the steps below a place.
#[derive(Default)]
struct Below([Vec<Node>; 3]);

impl Below {
    fn put(&mut self, element: impl Fn() -> Element, difference: Difference) {
        for (nodes, part) in self.0.iter_mut().zip(difference.0) {
            if part.member || !part.below.is_empty() {
                nodes.push(Node { element: element(), member: part.member, below: part.below });
            }
        }
    }

    fn finish(self) -> Difference {
        Difference(self.0.map(|nodes| Part { member: false, below: FieldSet::new(nodes) }))
    }
}

/// `None` is what is not there at all; null is there.
fn changes<T: Typing>(old: Option<&Tree>, new: Option<&Tree>, typing: T) -> Result<Difference, TypeError> {
    let known = |tree: &Tree| kind(typing, tree).ok_or_else(TypeError::no_kind);
    match (old, new) {
        (None, None) => Ok(Difference::default()),
        (Some(one), None) | (None, Some(one)) => changes_as(known(one)?, old, new, typing),
        (Some(one), Some(two)) => {
            let (before, after) = (known(one)?, known(two)?);
            let difference = changes_as(after, old, new, typing)?;
            if discriminant(&before) == discriminant(&after) {
                return Ok(difference);
            }
            Ok(difference.union(changes_as(before, old, new, typing)?))
        }
    }
}

fn changes_as<T: Typing>(
    kind: Kind<T>,
    old: Option<&Tree>,
    new: Option<&Tree>,
    typing: T,
) -> Result<Difference, TypeError> {
    let below = match kind {
        Kind::Map(MapType::Granular) => {
            let (before, after) = (old.and_then(Tree::as_object), new.and_then(Tree::as_object));
            if before.is_none_or(Object::is_empty) && after.is_none_or(Object::is_empty) {
                return Ok(leaf(old, new));
            }
            changed_fields(before, after, typing)?
        }
        Kind::List(list @ (ListType::Set | ListType::Map), items) => {
            match (old.map_or(&[][..], Tree::items), new.map_or(&[][..], Tree::items)) {
                ([], []) => return Ok(leaf(old, new)),
                (old, new) if same_items(old, new) => Difference::default(),
                (old, new) => changed_items(old, new, typing, list, items)?,
            }
        }
        Kind::Map(MapType::Atomic) | Kind::List(..) | Kind::Scalar(_) => return Ok(leaf(old, new)),
    };
    let [mut removed, modified, mut added] = below.0;
    removed.member = new.is_none();
    added.member = old.is_none();
    Ok(Difference([removed, modified, added]))
}

fn leaf(old: Option<&Tree>, new: Option<&Tree>) -> Difference {
    match (old, new) {
        (None, _) => Difference::of(ADDED),
        (_, None) => Difference::of(REMOVED),
        (Some(old), Some(new)) if same(old, new) => Difference::default(),
        (Some(_), Some(_)) => Difference::of(MODIFIED),
    }
}

fn changed_fields<T: Typing>(
    old: Option<&Object>,
    new: Option<&Object>,
    typing: T,
) -> Result<Difference, TypeError> {
    let mut changed = Below::default();
    let mut put = |name: &Key, before: Option<&Tree>, after: Option<&Tree>| {
        let of_field = field(typing, name.as_str()).ok_or_else(|| TypeError::undeclared(name.as_str()))?;
        // Where the object itself is not there, none of its fields is.
        let before = before.or_else(|| old.and_then(|_| of_field.absent()));
        let after = after.or_else(|| new.and_then(|_| of_field.absent()));
        let element = || Element::Field(name.clone());
        let difference = changes(before, after, of_field).map_err(|error| error.below(&element()))?;
        changed.put(element, difference);
        Ok(())
    };
    for (at, (name, before)) in old.into_iter().flat_map(Object::pairs).enumerate() {
        let after = new.and_then(|new| new.get_near(at, name));
        if !after.is_some_and(|after| equal_scalars(before, after)) {
            put(name, Some(before), after)?;
        }
    }
    for (at, (name, after)) in new.into_iter().flat_map(Object::pairs).enumerate() {
        if old.and_then(|old| old.get_near(at, name)).is_none() {
            put(name, None, Some(after))?;
        }
    }
    Ok(changed.finish())
}

/// Most fields are, and then their types need not be looked up.
fn equal_scalars(one: &Tree, two: &Tree) -> bool {
    !matches!(one, Tree::Array(_) | Tree::Object(_)) && same(one, two)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Old,
    New,
}

/// The order of items does not count. Items that are there more than once count as one leaf.
fn changed_items<T: Typing>(
    old: &[Tree],
    new: &[Tree],
    list: T,
    of: ListType,
    items: T,
) -> Result<Difference, TypeError> {
    let mut keyed = Vec::with_capacity(old.len() + new.len());
    for (version, all) in [(Version::Old, old), (Version::New, new)] {
        for (index, tree) in all.iter().enumerate() {
            let element = item(list, of, items, tree).map_err(|why| TypeError::item(index, &why))?;
            keyed.push((element, version, tree));
        }
    }
    keyed.sort_by(|(one, ..), (two, ..)| one.cmp(two));
    let mut changed = Below::default();
    for twins in keyed.chunk_by(|(one, ..), (two, ..)| one == two) {
        let split = twins.partition_point(|(_, version, _)| *version == Version::Old);
        let (before, after) = twins.split_at(split);
        let Some((element, ..)) = twins.first() else {
            continue;
        };
        let difference = match (before, after) {
            ([] | [_], [] | [_]) => changes(tree_of(before), tree_of(after), items),
            ([_, _, ..], [_, _, ..]) => {
                let equal = before.len() == after.len()
                    && before.iter().zip(after).all(|((.., one), (.., two))| same(one, two));
                Ok(if equal { Difference::default() } else { Difference::of(MODIFIED) })
            }
            ([_, _, ..], _) => {
                changes(None, tree_of(after), items).map(|now| now.union(Difference::of(REMOVED)))
            }
            (_, [_, _, ..]) => {
                changes(tree_of(before), None, items).map(|then| then.union(Difference::of(ADDED)))
            }
        };
        changed.put(|| element.clone(), difference.map_err(|error| error.below(element))?);
    }
    Ok(changed.finish())
}

fn tree_of<'a>(twins: &[(Element, Version, &'a Tree)]) -> Option<&'a Tree> {
    twins.first().map(|(.., tree)| *tree)
}
