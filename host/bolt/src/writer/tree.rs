//! A tree that grows from the left: records fill a leaf, full leaves fill a branch above them, and so on up.

use std::io::{Seek, Write};
use std::mem;

use super::WriteError;
use super::node::{Entry, Node};
use super::pages::{Pages, pages_of};
use crate::page::PageKind;

/// bbolt cannot remove keys from below a branch of one child, and wants as many keys of a leaf that is not the root.
pub(super) const MIN_ENTRIES: usize = 2;

/// One level of a tree, with those above it.
#[derive(Debug)]
pub(super) struct Tree {
    /// A node that takes no more, held back for as long as `open` has too few entries to be a node of its own.
    full: Option<Node>,
    open: Node,
    above: Option<Box<Tree>>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::of(PageKind::Leaf)
    }
}

impl Tree {
    fn of(kind: PageKind) -> Self {
        Self { full: None, open: Node::new(kind), above: None }
    }

    /// Adds an entry whose key is greater than all before.
    pub(super) fn push(
        &mut self,
        entry: Entry<'_>,
        pages: &mut Pages<impl Write + Seek>,
    ) -> Result<(), WriteError> {
        if self.open.entries() >= MIN_ENTRIES && !has_room(&self.open, &entry) {
            let next = Node::new(self.open.kind());
            self.full = Some(mem::replace(&mut self.open, next));
        }
        self.open.push(entry);
        let Some(full) = self.full.take_if(|_| self.open.entries() >= MIN_ENTRIES) else { return Ok(()) };
        let above = self.above.get_or_insert_with(|| Box::new(Self::of(PageKind::Branch)));
        above.adopt(&full, pages)
    }

    /// Writes all but the root, and gives that.
    pub(super) fn close(self, pages: &mut Pages<impl Write + Seek>) -> Result<Node, WriteError> {
        let last = match self.full {
            Some(mut full) => {
                full.append(self.open);
                full
            }
            None => self.open,
        };
        let Some(mut above) = self.above else { return Ok(last) };
        above.adopt(&last, pages)?;
        above.close(pages)
    }

    fn adopt(&mut self, child: &Node, pages: &mut Pages<impl Write + Seek>) -> Result<(), WriteError> {
        let page = pages.write(child)?;
        self.push(Entry::Child { first_key: child.first_key(), page }, pages)
    }
}

/// Whether the entry fits into the pages that the node takes anyway.
fn has_room(node: &Node, entry: &Entry<'_>) -> bool {
    pages_of(node.len() + entry.len()) <= pages_of(node.len())
}
