//! What a walk over a schema finds wrong, by path.

use objects::Tree;
use objects::validate::{FieldError, Path};

use crate::trail::Trail;

/// How many errors are told of one schema.
const MAX_ERRORS: usize = 100;

/// Errors with the path at which the walk is.
pub(crate) struct Findings {
    pub(crate) trail: Trail,
    pub(crate) errors: Vec<FieldError>,
}

impl Findings {
    pub(crate) fn at(path: &Path) -> Self {
        Self { trail: Trail::at(path), errors: Vec::new() }
    }

    pub(crate) fn push(&mut self, error: FieldError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    pub(crate) fn required(&mut self, name: &str, detail: impl Into<String>) {
        self.push(FieldError::required(&self.trail.path_of(name), detail));
    }

    pub(crate) fn forbidden(&mut self, name: &str, detail: impl Into<String>) {
        self.push(FieldError::forbidden(&self.trail.path_of(name), detail));
    }

    pub(crate) fn invalid(&mut self, name: &str, value: impl Into<Tree>, detail: impl Into<String>) {
        self.push(FieldError::invalid(&self.trail.path_of(name), value, detail));
    }

    /// Walks on into a keyword.
    pub(crate) fn within(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        let mark = self.trail.child(name);
        walk(self);
        self.trail.back(mark);
    }

    /// Walks on into a keyword with a key or an index.
    pub(crate) fn within_at(
        &mut self,
        name: &str,
        key: impl std::fmt::Display,
        walk: impl FnOnce(&mut Self),
    ) {
        let mark = self.trail.keyword(name, Some(&key.to_string()));
        walk(self);
        self.trail.back(mark);
    }
}
