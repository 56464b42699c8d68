//! Reading a range of keys: the request, its answer and its errors.

use std::sync::Arc;

use thiserror::Error;

use crate::{KeyRange, KeyValue, Revision};

/// etcd's `RangeRequest`. `RangeRequest::new(range)` reads the whole range as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRequest {
    pub range: KeyRange,
    /// The point in history to read at; `None` is the present.
    pub revision: Option<Revision>,
    /// The most keys to return; `None` is all.
    pub limit: Option<usize>,
    pub selection: Selection,
    /// `None` is the order of keys.
    pub sort: Option<Sort>,
    /// Keys that were last changed outside of it are left out, but counted.
    pub modified: Window,
    /// Keys that were created outside of it are left out, but counted.
    pub created: Window,
}

/// Revisions from `min` to `max`, both included; `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub min: Option<Revision>,
    pub max: Option<Revision>,
}

impl Window {
    pub(crate) const ALL: Self = Self { min: None, max: None };

    pub(crate) fn contains(self, revision: Revision) -> bool {
        self.min.is_none_or(|min| min <= revision) && self.max.is_none_or(|max| revision <= max)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    Full,
    /// Values are returned empty.
    KeysOnly,
    /// Nothing is returned but the count.
    CountOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub by: SortBy,
    pub direction: Direction,
}

impl Sort {
    /// Puts keys in this order; equal ones stay as they are.
    pub fn order(self, kvs: &mut [Arc<KeyValue>]) {
        kvs.sort_by(|a, b| {
            let ordering = match self.by {
                SortBy::Key => a.key.cmp(&b.key),
                SortBy::Version => a.version.cmp(&b.version),
                SortBy::CreateRevision => a.create_revision.cmp(&b.create_revision),
                SortBy::ModRevision => a.mod_revision.cmp(&b.mod_revision),
                SortBy::Value => a.value.cmp(&b.value),
            };
            match self.direction {
                Direction::Ascending => ordering,
                Direction::Descending => ordering.reverse(),
            }
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    Key,
    Version,
    CreateRevision,
    ModRevision,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl RangeRequest {
    #[must_use]
    pub fn new(range: KeyRange) -> Self {
        Self {
            range,
            revision: None,
            limit: None,
            selection: Selection::Full,
            sort: None,
            modified: Window::ALL,
            created: Window::ALL,
        }
    }

    #[must_use]
    pub fn at(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    #[must_use]
    pub fn select(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    #[must_use]
    pub fn sort(mut self, by: SortBy, direction: Direction) -> Self {
        self.sort = Some(Sort { by, direction });
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeResult {
    /// The present revision of the store when the range was read, also where an older one was asked for.
    pub revision: Revision,
    pub kvs: Vec<Arc<KeyValue>>,
    /// Keys in the whole range, whatever the limit.
    pub count: usize,
    /// Whether the limit left keys out that the windows would have let through.
    pub more: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    #[error("revision {requested} has been compacted, the oldest is {compacted}")]
    Compacted { requested: Revision, compacted: Revision },
    #[error("revision {requested} is in the future, the present is {current}")]
    Future { requested: Revision, current: Revision },
}
