//! The elements of a page, and the keys and values of a leaf one after the other.

use std::io::{self, Read};
use std::iter::Enumerate;
use std::vec;

use super::fault::{Fault, Trouble};
use crate::MAX_KEY_LEN;
use crate::page::{LeafElement, PageHeader, PageId};
use crate::word::Word;

/// A leaf of which some records have been read.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) page: PageId,
    slots: Enumerate<vec::IntoIter<Slot>>,
    /// How much of the page has been read.
    read: u64,
}

#[derive(Debug)]
struct Slot {
    element: LeafElement,
    /// Where its key begins in the page.
    start: u64,
}

/// An element with what it points to.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) index: usize,
    pub(super) flags: u32,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// The elements of a page of `len` bytes, whose header has just been read.
pub(super) fn elements(source: &mut impl Read, header: &PageHeader, len: u64) -> Result<Vec<Word>, Trouble> {
    if elements_end(header.count) > len {
        return Err(Fault::TooShort { count: header.count }.into());
    }
    Ok((0..header.count).map(|_| Word::read(source)).collect::<io::Result<_>>()?)
}

fn elements_end(count: u16) -> u64 {
    (1 + u64::from(count)) * Word::LEN as u64
}

impl Leaf {
    /// Reads where the records of a leaf of `len` bytes are. bbolt writes them in the order of their elements.
    pub(super) fn read(source: &mut impl Read, header: &PageHeader, len: u64) -> Result<Self, Trouble> {
        let elements = elements(source, header, len)?;
        let read = elements_end(header.count);
        let mut end = read;
        let mut slots = Vec::with_capacity(elements.len());
        for (index, word) in elements.into_iter().enumerate() {
            let element = LeafElement::of_word(word);
            let start = (1 + index as u64) * Word::LEN as u64 + u64::from(element.position);
            if start < end {
                return Err(Fault::Bounds { element: index }.into());
            }
            end = start + u64::from(element.key_len) + u64::from(element.value_len);
            slots.push(Slot { element, start });
        }
        if end > len {
            return Err(Fault::Bounds { element: slots.len().saturating_sub(1) }.into());
        }
        Ok(Self { page: header.id, slots: slots.into_iter().enumerate(), read })
    }

    /// The next record; `source` is where this left it.
    pub(super) fn next(
        &mut self,
        source: &mut impl Read,
        max_value_len: usize,
    ) -> Result<Option<Content>, Trouble> {
        let Some((index, Slot { element, start })) = self.slots.next() else { return Ok(None) };
        let LeafElement { flags, key_len, value_len, .. } = element;
        if key_len == 0 || key_len as usize > MAX_KEY_LEN {
            return Err(Fault::KeyLen { element: index, len: key_len }.into());
        }
        if value_len as usize > max_value_len {
            return Err(Fault::ValueLen { element: index, len: value_len, max: max_value_len }.into());
        }
        io::copy(&mut source.take(start - self.read), &mut io::sink())?;
        let (mut key, mut value) = (vec![0; key_len as usize], vec![0; value_len as usize]);
        source.read_exact(&mut key)?;
        source.read_exact(&mut value)?;
        self.read = start + (key.len() + value.len()) as u64;
        Ok(Some(Content { index, flags, key, value }))
    }
}
