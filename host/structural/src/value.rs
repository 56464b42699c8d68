//! Values against their schema, in the words of kube-openapi's validation as apiextensions tells them.
//!
//! An update is refused only for what it changes: where the old object has the same value in the same place, what is
//! wrong with it is passed over. Places are told apart by field, and by key in associative lists.

mod junctor;
mod number;
mod ratchet;

use std::collections::HashSet;

use objects::Tree;
use objects::validate::{FieldError, Path};

use crate::list_type::duplicates;
use crate::schema::{Additional, Checks, Schema, Type};
use crate::trail::Trail;
pub(crate) use number::go_float;
pub use ratchet::{Old, OldItems};

/// How many errors are told of one object.
const MAX_ERRORS: usize = 100;
/// How many members of an enum are told in an error.
const MAX_MEMBERS: usize = 500;
/// How many values are looked at, one in each branch of a junctor anew: what a schema may cost.
const MAX_STEPS: usize = 10_000_000;

/// What is wrong with a value. `path` is where it is; `None` for a whole object.
pub fn validate_value(tree: &Tree, schema: &Schema, path: Option<&Path>) -> Vec<FieldError> {
    validate(tree, None, schema, path)
}

/// What is wrong with a value that is written over an old one, and was not wrong before.
pub fn validate_value_update(
    tree: &Tree,
    old: &Tree,
    schema: &Schema,
    path: Option<&Path>,
) -> Vec<FieldError> {
    let errors = validate(tree, None, schema, path);
    if errors.is_empty() { errors } else { validate(tree, Some(old), schema, path) }
}

fn validate(tree: &Tree, old: Option<&Tree>, schema: &Schema, path: Option<&Path>) -> Vec<FieldError> {
    Walk { trail: Trail::default(), base: path.cloned(), steps: 0 }.run(tree, old, schema)
}

/// What validating a value gave.
#[derive(Default)]
struct Outcome {
    errors: Vec<FieldError>,
    /// How many validators it passed: among the branches of a junctor the best one tells its errors.
    matches: u32,
}

impl Outcome {
    fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    fn push(&mut self, error: FieldError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    fn merge(&mut self, other: Self) {
        self.matches = self.matches.saturating_add(other.matches);
        other.errors.into_iter().for_each(|error| self.push(error));
    }

    fn count(&mut self) {
        self.matches = self.matches.saturating_add(1);
    }
}

struct Walk {
    /// As kube-openapi's messages write it.
    trail: Trail,
    base: Option<Path>,
    steps: usize,
}

impl Walk {
    fn run(mut self, tree: &Tree, old: Option<&Tree>, schema: &Schema) -> Vec<FieldError> {
        let mut errors = self.value(tree, schema, old.map(|tree| Old { tree, schema })).errors;
        if self.steps > MAX_STEPS {
            return vec![self.composite(format!("takes more than {MAX_STEPS} steps to validate"))];
        }
        let mut told = HashSet::new();
        errors.retain(|error| told.insert(error.to_string()));
        errors
    }

    /// A field, an item or the whole: what the old object has too is not told.
    fn value(&mut self, tree: &Tree, schema: &Schema, old: Option<Old<'_>>) -> Outcome {
        let mut outcome = self.node(tree, schema, old);
        if !outcome.is_valid() && old.is_some_and(|old| old.is_same(tree)) {
            outcome.errors.clear();
        }
        outcome
    }

    fn node(&mut self, tree: &Tree, schema: &Schema, old: Option<Old<'_>>) -> Outcome {
        let checks = schema.checks();
        let mut outcome = Outcome::default();
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return outcome;
        }
        if tree.is_null() {
            self.kind(tree, schema, checks, &mut outcome);
            self.membership(tree, checks, &mut outcome);
            return outcome;
        }
        if schema.kind.is_some() || schema.int_or_string || checks.format.is_some() {
            self.kind(tree, schema, checks, &mut outcome);
            outcome.count();
        }
        self.junctors(tree, checks, &mut outcome);
        outcome.count();
        match tree {
            Tree::Str(text) => self.text(text, checks, &mut outcome),
            Tree::Int(_) | Tree::Float(_) => {
                self.number(tree, schema, checks, &mut outcome);
                outcome.count();
            }
            Tree::Array(items) => self.items(items, schema, checks, old, &mut outcome),
            _ => {}
        }
        self.membership(tree, checks, &mut outcome);
        outcome.count();
        if let Tree::Object(_) = tree {
            self.fields(tree, schema, checks, old, &mut outcome);
            outcome.count();
        }
        outcome.count();
        outcome
    }

    /// Where the value is, as errors have it.
    fn path(&self) -> Path {
        let trail = self.trail.as_str();
        let trail = trail.strip_prefix('.').unwrap_or(trail);
        match (&self.base, trail) {
            (None, "") => Path::none(),
            (None, trail) => Path::new(trail),
            (Some(base), "") => base.clone(),
            (Some(base), trail) => base.child(trail),
        }
    }

    /// An error with a message that begins with the path: `spec.a in body should …`.
    fn invalid(&self, value: impl Into<Tree>, should: impl std::fmt::Display) -> FieldError {
        FieldError::invalid(&self.path(), value, format!("{} in body {should}", self.trail.as_str()))
    }

    /// An error that is told of no field, but names it in its message.
    fn composite(&self, message: impl Into<String>) -> FieldError {
        FieldError::invalid(self.base.as_ref().unwrap_or(&Path::none()), "", message)
    }

    /// An error that shows a type for a value.
    fn mismatch(&self, expected: &str, actual: &str) -> FieldError {
        let message = format!("{} in body must be of type {expected}: {actual:?}", self.trail.as_str());
        FieldError::type_invalid(&self.path(), actual, message)
    }

    fn kind(&self, tree: &Tree, schema: &Schema, checks: &Checks, outcome: &mut Outcome) {
        let expected: &[Type] = match (&schema.kind, schema.int_or_string) {
            (_, true) => &[Type::Integer, Type::String],
            (Some(kind), false) => std::slice::from_ref(kind),
            (None, false) => &[],
        };
        let has = |kind: Type| expected.contains(&kind);
        let names = || expected.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",");
        let (actual, format) = match tree {
            Tree::Null => {
                if !expected.is_empty() && !schema.nullable {
                    outcome.push(self.mismatch(&names(), "null"));
                }
                return outcome.count();
            }
            Tree::Bool(_) => (Type::Boolean, ""),
            Tree::Int(_) => (Type::Integer, "int64"),
            Tree::Float(_) => (Type::Number, "float64"),
            Tree::Str(_) => (Type::String, ""),
            Tree::Array(_) => (Type::Array, ""),
            Tree::Object(_) => (Type::Object, ""),
        };
        let numeric = match tree {
            Tree::Float(value) => has(Type::Integer) && number::is_whole(*value),
            Tree::Int(_) => has(Type::Number),
            _ => false,
        };
        let sequence = matches!(tree, Tree::Str(_) | Tree::Array(_));
        let fits = has(actual) || numeric;
        match &checks.format {
            Some(expected) if !sequence && !fits && format != expected.name.as_ref() => {
                outcome.push(self.mismatch(&expected.name, format));
            }
            // A text or an array is for the format to judge, which does not judge arrays.
            Some(_) if sequence && !has(Type::Number) && !has(Type::Integer) => outcome.count(),
            _ if fits => outcome.count(),
            _ => outcome.push(self.mismatch(&names(), actual.as_str())),
        }
    }

    fn text(&self, text: &str, checks: &Checks, outcome: &mut Outcome) {
        let chars = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(max) = checks.max_length.filter(|max| chars() > *max) {
            outcome.push(FieldError::too_long(&self.path(), usize::try_from(max).unwrap_or(0)));
        } else if let Some(min) = checks.min_length.filter(|min| chars() < *min) {
            outcome.push(self.invalid(text, format_args!("should be at least {min} chars long")));
        } else if let Some(pattern) = checks.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
            outcome.push(self.invalid(text, format_args!("should match '{}'", pattern.text)));
        }
        outcome.count();
        if let Some(format) = checks.format.as_ref().filter(|format| format.is_of_text()) {
            if !format.accepts(text) {
                outcome.push(self.mismatch(&format.name, text));
            }
            outcome.count();
        }
    }

    fn membership(&self, tree: &Tree, checks: &Checks, outcome: &mut Outcome) {
        let Some(members) = checks.members.as_ref().filter(|members| !members.contains(tree)) else { return };
        let shown: Vec<String> = members
            .values
            .iter()
            .take(MAX_MEMBERS)
            .map(|value| value.as_str().map_or_else(|| value.to_json_string(), str::to_owned))
            .collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        outcome.push(FieldError::not_supported(&self.path(), tree.clone(), &shown));
    }

    fn items(
        &mut self,
        items: &[Tree],
        schema: &Schema,
        checks: &Checks,
        old: Option<Old<'_>>,
        outcome: &mut Outcome,
    ) {
        if let Some(below) = &schema.items {
            let old_items = old.map(|old| old.items());
            for (index, item) in items.iter().enumerate() {
                let mark = self.trail.subscript(index);
                let old = old_items.as_ref().and_then(|old| old.get(item));
                outcome.merge(self.value(item, below, old));
                self.trail.back(mark);
            }
        }
        let size = count(items.len());
        if let Some(min) = checks.min_items.filter(|min| size < *min) {
            outcome.push(self.invalid(size, format_args!("should have at least {min} items")));
        }
        if let Some(max) = checks.max_items.filter(|max| size > *max) {
            outcome.push(too_many(&self.path(), items.len(), max));
        }
        if checks.unique_items && duplicates(items).next().is_some() {
            outcome.push(self.invalid("", "shouldn't contain duplicates"));
        }
        outcome.matches = outcome.matches.saturating_add(2);
    }

    fn fields(
        &mut self,
        tree: &Tree,
        schema: &Schema,
        checks: &Checks,
        old: Option<Old<'_>>,
        outcome: &mut Outcome,
    ) {
        let len = tree.as_object().map_or(0, objects::Object::len);
        if let Some(min) = checks.min_properties.filter(|min| count(len) < *min) {
            outcome.push(self.invalid(count(len), format_args!("should have at least {min} properties")));
        }
        if let Some(max) = checks.max_properties.filter(|max| count(len) > *max) {
            outcome.push(too_many(&self.path(), len, max));
        }
        for (name, value) in tree.fields() {
            let (below, mark) = match (schema.property(name), &schema.additional) {
                (Some(property), _) => (property, self.trail.child(name)),
                (None, Additional::Values(below)) => (below, self.trail.dotted(name)),
                (None, Additional::Forbidden) => {
                    let message = format!("{}.{name} in body is a forbidden property", self.trail.as_str());
                    outcome.push(FieldError::invalid(&self.path(), name, message));
                    continue;
                }
                (None, Additional::Unstated | Additional::Allowed) => continue,
            };
            // A change of the type itself is never passed over: conversion has made both sides alike.
            let is_type = ["apiVersion", "kind"].contains(&self.trail.as_str());
            let old = old.filter(|_| !is_type).and_then(|old| old.field(name));
            outcome.merge(self.value(value, below, old));
            self.trail.back(mark);
        }
        let there: HashSet<&str> = if checks.required.is_empty() {
            HashSet::new()
        } else {
            tree.fields().map(|(name, _)| name).collect()
        };
        for name in checks.required.iter().filter(|name| !there.contains(name.as_ref())) {
            let mark = self.trail.dotted(name);
            outcome.push(FieldError::required(&self.path(), ""));
            self.trail.back(mark);
        }
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn too_many(path: &Path, actual: usize, max: i64) -> FieldError {
    FieldError::too_many(path, actual, usize::try_from(max).unwrap_or(0))
}

#[cfg(test)]
mod tests;
