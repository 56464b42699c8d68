//! What every page begins with, and the elements of branches and leaves that follow it.
//!
//! A page is its header, its elements, and what the elements point to: keys in a branch, keys and values in a leaf. What
//! does not fit takes the pages that follow it, which then have no header of their own.

use std::fmt;

use crate::word::Word;

/// The number of a page; the page lies at that many times the page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u64);

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    Branch,
    Leaf,
    Meta,
    Freelist,
}

impl PageKind {
    const FLAGS: [(Self, u16); 4] =
        [(Self::Branch, 0x01), (Self::Leaf, 0x02), (Self::Meta, 0x04), (Self::Freelist, 0x10)];

    fn of_flags(flags: u16) -> Option<Self> {
        Self::FLAGS.into_iter().find(|(_, known)| *known == flags).map(|(kind, _)| kind)
    }

    fn flags(self) -> u16 {
        Self::FLAGS.into_iter().find(|(kind, _)| *kind == self).map_or(0, |(_, flags)| flags)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PageHeader {
    pub(crate) id: PageId,
    pub(crate) flags: u16,
    /// How many elements it has.
    pub(crate) count: u16,
    /// How many pages that follow belong to it.
    pub(crate) overflow: u32,
}

impl PageHeader {
    pub(crate) fn new(id: PageId, kind: PageKind) -> Self {
        Self { id, flags: kind.flags(), count: 0, overflow: 0 }
    }

    pub(crate) fn kind(&self) -> Option<PageKind> {
        PageKind::of_flags(self.flags)
    }

    pub(crate) fn of_word(word: Word) -> Self {
        let ([id, _], [_, _, flags_and_count, overflow]) = (word.halves(), word.quarters());
        let (flags, count) = (flags_and_count as u16, (flags_and_count >> 16) as u16);
        Self { id: PageId(id), flags, count, overflow }
    }

    pub(crate) fn word(&self) -> Word {
        let flags_and_count = u64::from(self.flags) | u64::from(self.count) << 16;
        Word::of_halves([self.id.0, flags_and_count | u64::from(self.overflow) << 32])
    }
}

/// An element of a leaf. Positions count from where the element itself begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeafElement {
    pub(crate) flags: u32,
    pub(crate) position: u32,
    pub(crate) key_len: u32,
    /// The value follows its key.
    pub(crate) value_len: u32,
}

impl LeafElement {
    /// The flag of an element whose value is a bucket.
    pub(crate) const BUCKET: u32 = 0x01;

    pub(crate) fn of_word(word: Word) -> Self {
        let [flags, position, key_len, value_len] = word.quarters();
        Self { flags, position, key_len, value_len }
    }

    pub(crate) fn word(&self) -> Word {
        Word::of_quarters([self.flags, self.position, self.key_len, self.value_len])
    }
}

/// An element of a branch: a child and the smallest key that may be in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BranchElement {
    pub(crate) position: u32,
    pub(crate) key_len: u32,
    pub(crate) child: PageId,
}

impl BranchElement {
    pub(crate) fn of_word(word: Word) -> Self {
        let ([position, key_len, ..], [_, child]) = (word.quarters(), word.halves());
        Self { position, key_len, child: PageId(child) }
    }

    pub(crate) fn word(&self) -> Word {
        Word::of_halves([u64::from(self.position) | u64::from(self.key_len) << 32, self.child.0])
    }
}

/// Where the records of a bucket are, as the first word of its value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketRoot {
    /// In a leaf that follows the word.
    Inline,
    Page(PageId),
}

impl BucketRoot {
    pub(crate) fn of_word(word: Word) -> Self {
        match word.halves() {
            [0, _] => Self::Inline,
            [page, _] => Self::Page(PageId(page)),
        }
    }

    /// The second half is a sequence that the users of a bucket count with; it begins at zero.
    pub(crate) fn word(self) -> Word {
        let page = match self {
            Self::Inline => 0,
            Self::Page(PageId(page)) => page,
        };
        Word::of_halves([page, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_id_flags_count_and_overflow() {
        let header = PageHeader { count: 0x0203, overflow: 7, ..PageHeader::new(PageId(9), PageKind::Leaf) };
        assert_eq!(header.word().bytes(), [9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 2, 7, 0, 0, 0]);
        let read = PageHeader::of_word(header.word());
        assert_eq!(
            (read.id, read.kind(), read.count, read.overflow),
            (PageId(9), Some(PageKind::Leaf), 0x0203, 7)
        );
    }

    #[test]
    fn flags_of_two_kinds_are_of_none() {
        assert_eq!(PageKind::of_flags(0x03), None);
        assert_eq!(PageKind::of_flags(0), None);
    }
}
