//! Who owns what after writes, and what becomes of the objects.

mod applying;
mod client_side;
mod lists;
mod properties;
mod refused;
mod scaling;
mod sets;
mod updating;

use jiff::{Timestamp, ToSpan};

use super::fields::show;
use super::managers::{Managers, encoded};
use super::{ApplyError, Builtin, OnConflict, Reset, Write, apply, update};
use crate::decode::check;
use crate::resource::GroupVersionKind;
use crate::schema::{Type, by_gvk};
use crate::tree::Tree;

pub(super) fn parse(text: &str) -> Tree {
    Tree::from_json(text.as_bytes()).unwrap()
}

/// One object of a kind, written by clients one after the other, a minute between them.
pub(super) struct Subject {
    pub(super) gvk: GroupVersionKind,
    row: &'static Type,
    pub(super) live: Option<Tree>,
    writes: i64,
}

impl Subject {
    pub(super) fn new(group: &'static str, version: &'static str, kind: &'static str) -> Self {
        let row = by_gvk(group, version, kind).unwrap();
        Self { gvk: GroupVersionKind::new(group, version, kind), row, live: None, writes: 0 }
    }

    pub(super) fn config_map() -> Self {
        Self::new("", "v1", "ConfigMap")
    }

    pub(super) fn deployment() -> Self {
        Self::new("apps", "v1", "Deployment")
    }

    /// The body with apiVersion, kind and a name.
    pub(super) fn body(&self, text: &str) -> Tree {
        let mut tree = parse(text);
        tree.insert("apiVersion", self.gvk.group_version().to_string());
        tree.insert("kind", self.gvk.kind.as_ref());
        tree.set_at(&["metadata", "name"], "a");
        tree
    }

    fn write<'a>(&'a self, manager: &'a str) -> Write<'a, Builtin> {
        let start: Timestamp = "2026-01-02T15:00:00Z".parse().unwrap();
        Write {
            gvk: &self.gvk,
            typing: Builtin::of(self.row),
            manager,
            subresource: "",
            time: start + self.writes.minutes(),
            reset: Reset::Nothing,
            convert: None,
        }
    }

    fn store(&mut self, mut tree: Tree) -> &mut Self {
        check(&mut tree, self.row).unwrap();
        self.live = Some(tree);
        self
    }

    pub(super) fn update(&mut self, manager: &str, text: &str) -> &mut Self {
        self.update_with(manager, |_| {}, text)
    }

    pub(super) fn update_with(
        &mut self,
        manager: &str,
        change: impl FnOnce(&mut Write<'_, Builtin>),
        text: &str,
    ) -> &mut Self {
        self.writes += 1;
        let mut new = self.body(text);
        check(&mut new, self.row).unwrap();
        let mut write = self.write(manager);
        change(&mut write);
        let new = update(&write, self.live.as_ref(), new);
        self.store(new)
    }

    pub(super) fn try_apply(
        &mut self,
        manager: &str,
        text: &str,
        on_conflict: OnConflict,
    ) -> Result<&mut Self, ApplyError> {
        self.writes += 1;
        let merged = apply(&self.write(manager), self.live.as_ref(), &self.body(text), on_conflict)?;
        Ok(self.store(merged))
    }

    pub(super) fn apply(&mut self, manager: &str, text: &str) -> &mut Self {
        self.try_apply(manager, text, OnConflict::Refuse).unwrap()
    }

    pub(super) fn force(&mut self, manager: &str, text: &str) -> &mut Self {
        self.try_apply(manager, text, OnConflict::Force).unwrap()
    }

    pub(super) fn refused(&mut self, manager: &str, text: &str) -> String {
        match self.try_apply(manager, text, OnConflict::Refuse) {
            Ok(_) => panic!("was applied"),
            Err(error) => error.to_status().to_tree().to_json_string(),
        }
    }

    pub(super) fn live(&self) -> &Tree {
        self.live.as_ref().unwrap()
    }

    /// The object without what identifies it, and below it a line for each manager.
    pub(super) fn shown(&self) -> String {
        let mut tree = self.live().clone();
        for path in [&["kind"][..], &["apiVersion"], &["metadata", "name"], &["metadata", "managedFields"]] {
            tree.remove_at(path);
        }
        if tree.get("metadata").is_some_and(Tree::is_empty_value) {
            tree.remove("metadata");
        }
        format!("{tree}\n{}", owners(self.live()))
    }
}

/// A line for each manager: its name, operation, minute and paths.
pub(super) fn owners(tree: &Tree) -> String {
    let managers = Managers::decode(encoded(tree)).unwrap();
    let lines = managers.entries().iter().map(|entry| {
        let paths: Vec<_> = entry.fields.paths().iter().map(|path| show(path)).collect();
        let minute = entry.time.as_deref().map_or("-", |time| &time[14..16]);
        let slash = if entry.id.subresource.is_empty() { "" } else { "/" };
        format!(
            "{}{slash}{} {:?} {minute}: {}\n",
            entry.id.name,
            entry.id.subresource,
            entry.id.operation,
            paths.join(" ")
        )
    });
    lines.collect()
}
