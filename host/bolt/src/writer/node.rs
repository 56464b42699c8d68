//! A page while it is being filled.

use crate::page::{BranchElement, LeafElement, PageHeader, PageId, PageKind};
use crate::word::Word;

/// What a node is filled with: a leaf with records, a branch with children.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    Record { flags: u32, key: &'a [u8], value: &'a [u8] },
    Child { first_key: &'a [u8], page: PageId },
}

impl<'a> Entry<'a> {
    fn parts(&self) -> [&'a [u8]; 2] {
        match *self {
            Self::Record { key, value, .. } => [key, value],
            Self::Child { first_key, .. } => [first_key, &[]],
        }
    }

    /// How much longer it makes a node.
    pub(super) fn len(&self) -> usize {
        Word::LEN + self.parts().map(<[u8]>::len).iter().sum::<usize>()
    }
}

#[derive(Debug)]
pub(super) struct Node {
    kind: PageKind,
    elements: Vec<Element>,
    /// Keys and values in the order of the elements.
    data: Vec<u8>,
}

/// An element that does not know yet how far from it its data will be.
#[derive(Debug)]
enum Element {
    Record { flags: u32, key_len: usize, value_len: usize },
    Child { key_len: usize, page: PageId },
}

impl Node {
    pub(super) fn new(kind: PageKind) -> Self {
        Self { kind, elements: Vec::new(), data: Vec::new() }
    }

    pub(super) fn kind(&self) -> PageKind {
        self.kind
    }

    /// The bytes that it takes on disk, without what fills its last page.
    pub(super) fn len(&self) -> usize {
        Word::LEN + self.elements.len() * Word::LEN + self.data.len()
    }

    pub(super) fn entries(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn first_key(&self) -> &[u8] {
        let len = self.elements.first().map_or(0, Element::key_len);
        &self.data[..len]
    }

    pub(super) fn push(&mut self, entry: Entry<'_>) {
        self.elements.push(match entry {
            Entry::Record { flags, key, value } => {
                Element::Record { flags, key_len: key.len(), value_len: value.len() }
            }
            Entry::Child { first_key, page } => Element::Child { key_len: first_key.len(), page },
        });
        for part in entry.parts() {
            self.data.extend_from_slice(part);
        }
    }

    pub(super) fn append(&mut self, mut after: Node) {
        self.elements.append(&mut after.elements);
        self.data.append(&mut after.data);
    }

    /// A node has a few hundred elements at most: they are of one page, or fill up the last page of large ones.
    pub(super) fn encode(&self, id: PageId, overflow: u32, out: &mut Vec<u8>) {
        let header =
            PageHeader { count: self.elements.len() as u16, overflow, ..PageHeader::new(id, self.kind) };
        out.extend(header.word().bytes());
        let mut position = self.elements.len() * Word::LEN;
        for element in &self.elements {
            out.extend(element.word(position as u32).bytes());
            position = position + element.data_len() - Word::LEN;
        }
        out.extend_from_slice(&self.data);
    }
}

impl Element {
    fn key_len(&self) -> usize {
        match *self {
            Self::Record { key_len, .. } | Self::Child { key_len, .. } => key_len,
        }
    }

    fn data_len(&self) -> usize {
        match *self {
            Self::Record { key_len, value_len, .. } => key_len + value_len,
            Self::Child { key_len, .. } => key_len,
        }
    }

    /// The casts lose nothing: `Writer::put` limits the lengths.
    fn word(&self, position: u32) -> Word {
        match *self {
            Self::Record { flags, key_len, value_len } => {
                let (key_len, value_len) = (key_len as u32, value_len as u32);
                LeafElement { flags, position, key_len, value_len }.word()
            }
            Self::Child { key_len, page } => {
                BranchElement { position, key_len: key_len as u32, child: page }.word()
            }
        }
    }
}
