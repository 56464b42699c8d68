//! The path of the value under a walk. It grows and shrinks with the walk, so that a path costs an allocation only
//! where it is told.

use std::fmt::{Display, Write};

use objects::validate::Path;

/// A path as text; the steps differ in how they are written.
#[derive(Debug, Default)]
pub(crate) struct Trail(String);

/// Where a trail was before a step.
#[must_use]
pub(crate) struct Mark(usize);

impl Trail {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_string())
    }

    fn write(&mut self, step: std::fmt::Arguments<'_>) -> Mark {
        let mark = Mark(self.0.len());
        if self.0.write_fmt(step).is_err() {
            unreachable!("writing to a string does not fail");
        }
        mark
    }

    /// `.name`, without the dot at the root.
    pub(crate) fn child(&mut self, name: &str) -> Mark {
        if self.0.is_empty() { self.write(format_args!("{name}")) } else { self.dotted(name) }
    }

    /// `.name`, at the root too.
    pub(crate) fn dotted(&mut self, name: &str) -> Mark {
        self.write(format_args!(".{name}"))
    }

    /// `[key]`
    pub(crate) fn subscript(&mut self, key: impl Display) -> Mark {
        self.write(format_args!("[{key}]"))
    }

    /// `.name[key]`, or `.name` where there is no key.
    pub(crate) fn keyword(&mut self, name: &str, key: Option<&str>) -> Mark {
        match (key, self.0.is_empty()) {
            (None, _) => self.child(name),
            (Some(key), true) => self.write(format_args!("{name}[{key}]")),
            (Some(key), false) => self.write(format_args!(".{name}[{key}]")),
        }
    }

    pub(crate) fn back(&mut self, mark: Mark) {
        self.0.truncate(mark.0);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as errors have it; upstream's nil path for the root.
    pub(crate) fn path(&self) -> Path {
        if self.0.is_empty() { Path::none() } else { Path::new(&self.0) }
    }

    /// The path of a field below.
    pub(crate) fn path_of(&self, name: &str) -> Path {
        if self.0.is_empty() { Path::new(name) } else { Path::new(&self.0).child(name) }
    }

    /// The path of an item below.
    pub(crate) fn path_at(&self, index: usize) -> Path {
        if self.0.is_empty() { Path::new(&format!("[{index}]")) } else { Path::new(&self.0).index(index) }
    }
}
