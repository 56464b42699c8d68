//! A place in an object under validation, its path and what is there, and the rules that any place may have.

use super::amount::quantity;
use super::field::{FieldError, Path};
use super::meta::IMMUTABLE;
use crate::quantity::Quantity;
use crate::tree::Tree;

/// What a number below zero is refused with.
pub(crate) const NEGATIVE: &str = "must be greater than or equal to 0";

static NOTHING: Tree = Tree::Null;

/// `must be between 1 and 65535, inclusive`
pub(crate) fn in_range(least: i64, most: i64) -> String {
    format!("must be between {least} and {most}, inclusive")
}

/// The one message of what is refused.
pub(crate) fn refused(is_refused: bool, message: impl FnOnce() -> String) -> Vec<String> {
    if is_refused { vec![message()] } else { Vec::new() }
}

/// A value and where it is; null where there is none.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) path: Path,
    pub(crate) tree: &'a Tree,
}

impl<'a> At<'a> {
    /// A field of the whole object.
    pub(crate) fn top(object: &'a Tree, name: &str) -> Self {
        Self { path: Path::new(name), tree: object.get(name).unwrap_or(&NOTHING) }
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Self { path: self.path.child(name), tree: self.tree.get(name).unwrap_or(&NOTHING) }
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = At<'a>> + use<'a> {
        let path = self.path.clone();
        self.tree.items().iter().enumerate().map(move |(index, tree)| At { path: path.index(index), tree })
    }

    /// A place several names below.
    pub(crate) fn children(&self, names: &[&str]) -> Self {
        names.iter().fold(self.clone(), |at, name| at.child(name))
    }

    /// The values of a map with their keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, At<'a>)> + use<'a> {
        let path = self.path.clone();
        self.tree.fields().map(move |(key, tree)| (key, At { path: path.key(key), tree }))
    }

    /// Whether nothing, or what means nothing, is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.tree.is_empty_value()
    }

    pub(crate) fn text(&self) -> &'a str {
        self.tree.as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self) -> Option<i64> {
        self.tree.as_i64()
    }

    /// Whether anything is written here, were it empty.
    pub(crate) fn exists(&self) -> bool {
        !self.tree.is_null()
    }

    pub(crate) fn is_true(&self) -> bool {
        self.tree.as_bool() == Some(true)
    }

    /// The amount here, which decoding has made a canonical text.
    pub(crate) fn quantity(&self) -> Option<Quantity> {
        quantity(self.tree)
    }

    /// Refuses what is here, once for each message.
    pub(crate) fn refuse(&self, errors: &mut Vec<FieldError>, messages: Vec<String>) {
        let refused = |message| FieldError::invalid(&self.path, self.tree.clone(), message);
        errors.extend(messages.into_iter().map(refused));
    }

    /// Refuses what is here.
    pub(crate) fn invalid(&self, errors: &mut Vec<FieldError>, why: impl Into<String>) {
        errors.push(FieldError::invalid(&self.path, self.tree.clone(), why));
    }

    /// Refuses that anything is here.
    pub(crate) fn forbidden(&self, errors: &mut Vec<FieldError>, why: &str) {
        errors.push(FieldError::forbidden(&self.path, why));
    }

    /// Nothing may be here.
    pub(crate) fn absent(&self, errors: &mut Vec<FieldError>, why: &str) {
        if !self.is_empty() {
            self.forbidden(errors, why);
        }
    }

    /// Whether something is here; refused where it is not.
    pub(crate) fn required(&self, errors: &mut Vec<FieldError>, why: &str) -> bool {
        if self.is_empty() {
            errors.push(FieldError::required(&self.path, why));
        }
        !self.is_empty()
    }

    /// Whether anything is written here, were it empty; refused where nothing is.
    pub(crate) fn is_told(&self, errors: &mut Vec<FieldError>, why: &str) -> bool {
        if !self.exists() {
            errors.push(FieldError::required(&self.path, why));
        }
        self.exists()
    }

    /// A text that may be missing follows a rule.
    pub(crate) fn follows(&self, errors: &mut Vec<FieldError>, rule: fn(&str) -> Vec<String>) {
        if !self.text().is_empty() {
            self.refuse(errors, rule(self.text()));
        }
    }

    /// A text that may not be missing follows a rule.
    pub(crate) fn name(&self, errors: &mut Vec<FieldError>, rule: fn(&str) -> Vec<String>) {
        if self.required(errors, "") {
            self.follows(errors, rule);
        }
    }

    /// A text that may be missing is one of those.
    pub(crate) fn one_of(&self, errors: &mut Vec<FieldError>, supported: &[&str]) {
        if !self.text().is_empty() && !supported.contains(&self.text()) {
            errors.push(FieldError::not_supported(&self.path, self.text(), supported));
        }
    }

    /// One of those, and empty is none of them; only nothing at all passes.
    pub(crate) fn if_set_one_of(&self, errors: &mut Vec<FieldError>, supported: &[&str]) {
        if self.exists() && !supported.contains(&self.text()) {
            errors.push(FieldError::not_supported(&self.path, self.text(), supported));
        }
    }

    /// A number, zero where it is missing, is above zero.
    pub(crate) fn positive(&self, errors: &mut Vec<FieldError>) {
        let number = self.number().unwrap_or(0);
        if number <= 0 {
            errors.push(FieldError::invalid(&self.path, number, "must be greater than zero"));
        }
    }

    /// A number that may be missing follows a rule.
    pub(crate) fn counts(&self, errors: &mut Vec<FieldError>, rule: fn(i64) -> Vec<String>) {
        if let Some(number) = self.number() {
            self.refuse(errors, rule(number));
        }
    }

    /// A text that may not be missing is one of those.
    pub(crate) fn exactly(&self, errors: &mut Vec<FieldError>, supported: &[&str]) {
        if self.required(errors, "") {
            self.one_of(errors, supported);
        }
    }

    /// A number that may be missing is not below zero.
    pub(crate) fn not_negative(&self, errors: &mut Vec<FieldError>) {
        if self.number().is_some_and(|number| number < 0) {
            self.invalid(errors, NEGATIVE);
        }
    }

    /// A number that may be missing is in a range.
    pub(crate) fn within(&self, errors: &mut Vec<FieldError>, min: i64, max: i64) {
        if self.number().is_some_and(|number| number < min || number > max) {
            self.invalid(errors, in_range(min, max));
        }
    }

    /// An amount that may be missing is not below zero.
    pub(crate) fn is_nonnegative_quantity(&self, errors: &mut Vec<FieldError>) {
        if self.quantity().is_some_and(|amount| amount.is_negative()) {
            self.invalid(errors, NEGATIVE);
        }
    }

    /// An amount that may be missing is above zero.
    pub(crate) fn is_positive_quantity(&self, errors: &mut Vec<FieldError>) {
        if self.quantity().is_some_and(|amount| amount <= Quantity::ZERO) {
            self.invalid(errors, "must be greater than zero");
        }
    }

    /// A list or map has no more than so many members.
    pub(crate) fn at_most(&self, errors: &mut Vec<FieldError>, max: usize) {
        let count = self.tree.items().len() + self.tree.fields().count();
        if count > max {
            errors.push(FieldError::too_many(&self.path, count, max));
        }
    }

    /// What is here is what was there, where nothing and null are the same.
    pub(crate) fn stays(&self, errors: &mut Vec<FieldError>, old: &At<'_>) {
        if self.tree != old.tree {
            self.invalid(errors, IMMUTABLE);
        }
    }

    /// A text that may be missing does not occur among those seen, and is seen from now on.
    pub(crate) fn unique(&self, errors: &mut Vec<FieldError>, seen: &mut Vec<&'a str>) {
        if self.text().is_empty() {
            return;
        }
        if seen.contains(&self.text()) {
            errors.push(FieldError::duplicate(&self.path, self.text()));
        } else {
            seen.push(self.text());
        }
    }
}
