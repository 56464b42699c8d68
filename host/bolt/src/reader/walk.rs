//! The way through a tree, from the leaf of the smallest key to that of the greatest.

use std::io::{Read, Seek};
use std::vec;

use super::fault::{Fault, ReadError, Trouble};
use super::file::File;
use super::leaf::{self, Content, Leaf};
use super::visited::Visited;
use crate::page::{BranchElement, LeafElement, PageId, PageKind};

/// More than any file needs whose branches have two children.
pub(super) const MAX_DEPTH: usize = 64;

/// What all elements of the leaves are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Bucket,
    Record,
}

#[derive(Debug)]
pub(super) struct Walk {
    expected: Expected,
    max_value_len: usize,
    visited: Visited,
    /// The children that are still to come, of each branch on the way to where the walk is.
    branches: Vec<vec::IntoIter<PageId>>,
    leaf: Option<Leaf>,
    last_key: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) page: PageId,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Walk {
    pub(super) fn new(root: PageId, pages: u64, expected: Expected, max_value_len: usize) -> Self {
        Self {
            expected,
            max_value_len,
            visited: Visited::none_of(pages),
            branches: vec![vec![root].into_iter()],
            leaf: None,
            last_key: Vec::new(),
        }
    }

    /// Reads on in `file`, which is the same each time and is read by no other walk meanwhile. The walk ends after an
    /// error.
    pub(super) fn next(&mut self, file: &mut File<impl Read + Seek>) -> Option<Result<Item, ReadError>> {
        let item = self.step(file).transpose();
        if matches!(item, Some(Err(_))) {
            self.branches.clear();
            self.leaf = None;
        }
        item
    }

    fn step(&mut self, file: &mut File<impl Read + Seek>) -> Result<Option<Item>, ReadError> {
        loop {
            if let Some(page) = self.leaf.as_ref().map(|leaf| file.name(leaf.page)) {
                match self.record(file).map_err(|trouble| trouble.at(page))? {
                    Some(Content { key, value, .. }) => return Ok(Some(Item { page, key, value })),
                    None => self.leaf = None,
                }
            }
            let Some(page) = self.next_page() else { return Ok(None) };
            self.enter(page, file).map_err(|trouble| trouble.at(file.name(page)))?;
        }
    }

    fn next_page(&mut self) -> Option<PageId> {
        while let Some(children) = self.branches.last_mut() {
            if let Some(child) = children.next() {
                return Some(child);
            }
            self.branches.pop();
        }
        None
    }

    fn enter(&mut self, page: PageId, file: &mut File<impl Read + Seek>) -> Result<(), Trouble> {
        let header = file.header(page)?;
        self.visited.enter(page, header.overflow)?;
        let len = (1 + u64::from(header.overflow)) * file.page_size();
        match header.kind() {
            Some(PageKind::Leaf) => self.leaf = Some(Leaf::read(file.source(), &header, len)?),
            Some(PageKind::Branch) if header.count == 0 => return Err(Fault::NoChildren.into()),
            Some(PageKind::Branch) if self.branches.len() > MAX_DEPTH => return Err(Fault::TooDeep.into()),
            Some(PageKind::Branch) => {
                let elements = leaf::elements(file.source(), &header, len)?;
                let children = elements.into_iter().map(|word| BranchElement::of_word(word).child);
                self.branches.push(children.collect::<Vec<_>>().into_iter());
            }
            _ => return Err(Fault::Flags { flags: header.flags }.into()),
        }
        Ok(())
    }

    fn record(&mut self, file: &mut File<impl Read + Seek>) -> Result<Option<Content>, Trouble> {
        let Some(leaf) = &mut self.leaf else { return Ok(None) };
        let Some(content) = leaf.next(file.source(), self.max_value_len)? else { return Ok(None) };
        let element = content.index;
        match (self.expected, content.flags & LeafElement::BUCKET != 0) {
            (Expected::Bucket, false) => return Err(Fault::NoBucket { element }.into()),
            (Expected::Record, true) => return Err(Fault::NestedBucket { element }.into()),
            _ => {}
        }
        if content.key <= self.last_key {
            return Err(Fault::KeyOrder { element }.into());
        }
        self.last_key.clone_from(&content.key);
        Ok(Some(content))
    }
}
