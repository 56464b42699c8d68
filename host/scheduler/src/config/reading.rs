//! [`Reading`]: a place of the file, read with its path at hand.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use objects::Tree;
use objects::validate::{FieldError, Path};

pub(super) struct Reading<'a> {
    pub(super) path: Path,
    tree: Option<&'a Tree>,
    is_root: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn root(tree: &'a Tree) -> Self {
        Self { path: Path::none(), tree: Some(tree), is_root: true }
    }

    pub(super) fn child(&self, name: &str) -> Self {
        let path = if self.is_root { Path::new(name) } else { self.path.child(name) };
        let tree = self.tree.and_then(|tree| tree.get(name)).filter(|tree| !tree.is_null());
        Self { path, tree, is_root: false }
    }

    pub(super) fn tree(&self) -> Option<&'a Tree> {
        self.tree
    }

    /// What is there, to be shown.
    pub(super) fn value(&self) -> Tree {
        self.tree.cloned().unwrap_or_default()
    }

    /// Objects to every field but these.
    pub(super) fn knows(&self, fields: &[&str], errors: &mut Vec<String>) {
        let Some(tree) = self.tree else { return };
        if tree.as_object().is_none() {
            errors.push(self.wrong("must be an object"));
        }
        for (name, _) in tree.fields().filter(|(name, _)| !fields.contains(name)) {
            errors.push(format!("unknown field \"{}\"", self.child(name).path));
        }
    }

    pub(super) fn text(&self, errors: &mut Vec<String>) -> Option<&'a str> {
        self.typed(Tree::as_str, "must be a string", errors)
    }

    pub(super) fn flag(&self, errors: &mut Vec<String>) -> Option<bool> {
        self.typed(Tree::as_bool, "must be a boolean", errors)
    }

    /// `detail` is what is wrong with a number out of the range.
    pub(super) fn number(
        &self,
        range: RangeInclusive<i64>,
        detail: &str,
        errors: &mut Vec<String>,
    ) -> Option<i64> {
        let number = self.typed(Tree::as_i64, "must be an integer", errors)?;
        if range.contains(&number) {
            return Some(number);
        }
        errors.push(self.wrong(detail));
        None
    }

    pub(super) fn duration(&self, errors: &mut Vec<String>) -> Option<Duration> {
        let text = self.text(errors)?;
        let read = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
        if read.is_none() {
            errors.push(self.wrong("must be a duration"));
        }
        read
    }

    pub(super) fn items(&self, errors: &mut Vec<String>) -> Vec<Self> {
        let item = |(index, tree)| Self { path: self.path.index(index), tree: Some(tree), is_root: false };
        let items = self.typed(Tree::as_array, "must be a list", errors);
        items.into_iter().flatten().enumerate().map(item).collect()
    }

    pub(super) fn texts(&self, errors: &mut Vec<String>) -> Vec<String> {
        let items = self.items(errors);
        items.iter().filter_map(|item| item.text(errors)).map(str::to_owned).collect()
    }

    pub(super) fn wrong(&self, detail: &str) -> String {
        FieldError::invalid(&self.path, self.value(), detail).to_string()
    }

    fn typed<T>(
        &self,
        read: impl Fn(&'a Tree) -> Option<T>,
        detail: &str,
        errors: &mut Vec<String>,
    ) -> Option<T> {
        let tree = self.tree?;
        let value = read(tree);
        if value.is_none() {
            errors.push(self.wrong(detail));
        }
        value
    }
}
