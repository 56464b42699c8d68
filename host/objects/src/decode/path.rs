//! The path of a value as decoding errors write it: `spec.containers[0].image`.

use std::fmt::{self, Write};

/// Grows and shrinks with the walk through a value.
#[derive(Default)]
pub(super) struct Path {
    text: String,
    /// Where each step began.
    steps: Vec<usize>,
}

impl Path {
    pub(super) fn push_key(&mut self, key: &str) {
        self.steps.push(self.text.len());
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(key);
    }

    pub(super) fn push_index(&mut self, index: usize) {
        self.steps.push(self.text.len());
        if write!(self.text, "[{index}]").is_err() {
            unreachable!("writing to a string does not fail");
        }
    }

    pub(super) fn pop(&mut self) {
        if let Some(len) = self.steps.pop() {
            self.text.truncate(len);
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
