//! The bookkeeping of a write: its manager owns what it changed, and others no more.

use super::check::TypeError;
use super::collect::reconcile;
use super::compare::Changes;
use super::error::Conflicts;
use super::fields::FieldSet;
use super::managers::{self, Entry, ManagerId, Managers, Operation};
use super::reset::{Reset, strip_meta};
use super::typing::Typing;
use super::value::same;
use super::versions::Versions;
use super::{NO_OBJECT, Write};
use crate::tree::Tree;

/// Does the bookkeeping of a create, update or patch: `new` with its managers. `live` is `None` on create.
///
/// What `new` says of its managers counts, but not where it says nothing, cannot be read, or comes through a
/// subresource. An object without managers gets none before something is applied to it.
pub fn update<T: Typing>(write: &Write<'_, T>, live: Option<&Tree>, mut new: Tree) -> Tree {
    let sent = managers::take(&mut new);
    let list = match followed(write, live, &new, sent.as_ref()) {
        Ok(Some(managers)) => managers.encode(),
        // Nothing changed, or what cannot be followed.
        Ok(None) | Err(_) => live.map(|live| Tree::Array(managers::encoded(live).to_vec())),
    };
    managers::put(&mut new, list);
    new
}

/// The managers of an object that was written; `None` leaves those that it had.
fn followed<T: Typing>(
    write: &Write<'_, T>,
    live: Option<&Tree>,
    new: &Tree,
    sent: Option<&Tree>,
) -> Result<Option<Managers>, TypeError> {
    let of_live = live.map_or(&[][..], managers::encoded);
    let sent = match sent.filter(|sent| write.subresource.is_empty() && sent.items() != of_live) {
        Some(sent) if managers::is_reset(sent) => Some(Managers::default()),
        Some(sent) => Managers::decode(sent.items()).ok().filter(|managers| !managers.is_empty()),
        None => None,
    };
    if live.is_some() && of_live.is_empty() && sent.is_none() {
        return Ok(None);
    }
    let versions = write.versions();
    let step = Step::new(write.reset, &versions, live.unwrap_or(&NO_OBJECT), new)?;
    if sent.is_none() && step.is_empty() {
        return Ok(None);
    }
    let managers = sent.unwrap_or_else(|| Managers::decode(of_live).unwrap_or_default());
    if live.is_some() && managers.is_empty() {
        return Ok(Some(managers));
    }
    step.follow(write, managers, write.manager).map(Some)
}

/// From one object to the next, in the paths of each version.
pub(super) struct Step<'a, T> {
    reset: Reset<'a>,
    versions: &'a Versions<'a, T>,
    old: &'a Tree,
    new: &'a Tree,
    written: Touched,
    others: Vec<(String, Option<Touched>)>,
}

struct Touched {
    removed: FieldSet,
    /// Added or modified.
    set: FieldSet,
}

impl Touched {
    fn new(mut changes: Changes, reset: Reset<'_>) -> Self {
        for set in changes.sets() {
            strip_meta(set);
            reset.strip(set);
        }
        Self { removed: changes.removed, set: changes.modified.union(changes.added) }
    }
}

impl<'a, T: Typing> Step<'a, T> {
    pub(super) fn new(
        reset: Reset<'a>,
        versions: &'a Versions<'a, T>,
        old: &'a Tree,
        new: &'a Tree,
    ) -> Result<Self, TypeError> {
        let changes = versions.compare(old, new, versions.written())?.unwrap_or_default();
        Ok(Self { reset, versions, old, new, written: Touched::new(changes, reset), others: Vec::new() })
    }

    fn is_empty(&self) -> bool {
        self.written.removed.is_empty() && self.written.set.is_empty()
    }

    /// What the step did in the paths of a version; `None` where the version is not known.
    fn at(&mut self, version: &str) -> Result<Option<&Touched>, TypeError> {
        if self.versions.is_written(version) {
            return Ok(Some(&self.written));
        }
        let known = match self.others.iter().position(|(other, _)| other == version) {
            Some(known) => known,
            None => {
                let changes = self.versions.compare(self.old, self.new, version)?;
                let touched = changes.map(|changes| Touched::new(changes, self.reset));
                self.others.push((version.to_owned(), touched));
                self.others.len() - 1
            }
        };
        Ok(self.others[known].1.as_ref())
    }

    /// What managers other than one own of what the step touched.
    pub(super) fn conflicts(
        &mut self,
        managers: &Managers,
        own: &ManagerId,
    ) -> Result<Option<Conflicts>, TypeError> {
        let mut owned = Vec::new();
        for entry in managers.entries().iter().filter(|entry| entry.id != *own) {
            if let Some(touched) = self.at(&entry.api_version)? {
                owned.push((entry.id.clone(), entry.fields.intersection(&touched.set)));
            }
        }
        Ok(Conflicts::new(owned))
    }

    /// Takes what the step touched from the managers other than one.
    pub(super) fn take(&mut self, managers: &mut Managers, own: Option<&ManagerId>) -> Result<(), TypeError> {
        let mut result = Ok(());
        managers.retain(|entry| {
            if own.is_some_and(|own| entry.id == *own) || result.is_err() {
                return !entry.fields.is_empty();
            }
            match self.at(&entry.api_version) {
                Ok(Some(touched)) => {
                    entry.fields.subtract(&touched.set);
                    entry.fields.subtract(&touched.removed);
                    !entry.fields.is_empty()
                }
                Ok(None) => false,
                Err(error) => {
                    result = Err(error);
                    true
                }
            }
        });
        result
    }

    /// The managers after an update by one.
    pub(super) fn follow(
        mut self,
        write: &Write<'_, T>,
        mut managers: Managers,
        name: &str,
    ) -> Result<Managers, TypeError> {
        adapt(&mut managers, self.versions, self.old);
        self.take(&mut managers, None)?;
        let fields = self.written.set;
        if !fields.is_empty() {
            let id = write.manager(name, Operation::Update);
            let before = managers.remove(&id).map(|entry| entry.fields).unwrap_or_default();
            managers.put(Entry {
                id,
                api_version: self.versions.written().to_owned(),
                time: write.now(),
                fields: fields.union(before),
            });
        }
        managers.cap_updaters();
        Ok(managers)
    }
}

/// Brings the sets of managers to what the types are now; versions that are not known any more have no managers.
pub(super) fn adapt<T: Typing>(managers: &mut Managers, versions: &Versions<'_, T>, live: &Tree) {
    managers.retain(|entry| match versions.convert(live, &entry.api_version) {
        Some((_, typing)) => {
            reconcile(&mut entry.fields, typing);
            true
        }
        None => false,
    });
}

/// Takes back the times of a write that changed nothing else, so that it changes nothing at all.
pub fn keep_timestamps(old: &Tree, new: &mut Tree) {
    let timeless = |entry: &Tree| {
        let mut entry = entry.clone();
        entry.remove("time");
        entry
    };
    let (before, after) = (managers::encoded(old), managers::encoded(new));
    let only_times = before != after
        && before.len() == after.len()
        && before.iter().zip(after).all(|(one, two)| timeless(one) == timeless(two));
    if !only_times {
        return;
    }
    let list = managers::take(new);
    managers::put(new, Some(Tree::Array(before.to_vec())));
    if !same(old, new) {
        managers::put(new, list);
    }
}
