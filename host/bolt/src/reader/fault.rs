//! What can be wrong with a file, and where.

use std::io;

use thiserror::Error;

use super::MetaFault;
use super::walk::MAX_DEPTH;
use crate::MAX_KEY_LEN;
use crate::page::PageId;

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("find the meta pages")]
    Begin { source: io::Error },
    /// Of the two meta pages, this is why the first does not count.
    #[error("find a valid meta page")]
    Meta { source: MetaFault },
    #[error("find {pages} pages of {page_size} bytes in a file of {len} bytes")]
    Truncated { pages: u64, page_size: u32, len: u64 },
    #[error("read page {page}")]
    Page { page: PageId, source: io::Error },
    #[error("understand page {page}")]
    Malformed { page: PageId, source: Fault },
}

/// Why a page is not one that bbolt writes, or that is read here. Elements count from zero.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    #[error("it ends after the last page")]
    BeyondEnd,
    #[error("it, or a page that belongs to it, is a part of the tree already")]
    Visited,
    #[error("it calls itself page {found}")]
    OtherPage { found: PageId },
    #[error("its flags {flags:#x} are neither those of a branch nor those of a leaf")]
    Flags { flags: u16 },
    #[error("it is a branch without children")]
    NoChildren,
    #[error("more than {MAX_DEPTH} branches lead to it")]
    TooDeep,
    #[error("it is too short for {count} elements")]
    TooShort { count: u16 },
    #[error("element {element} lies outside of it or within the one before")]
    Bounds { element: usize },
    #[error("the key of element {element} has {len} bytes, not 1 to {MAX_KEY_LEN}")]
    KeyLen { element: usize, len: u32 },
    #[error("the value of element {element} has {len} bytes, more than {max}")]
    ValueLen { element: usize, len: u32, max: usize },
    #[error("the key of element {element} is not greater than the one before")]
    KeyOrder { element: usize },
    #[error("element {element} is a bucket inside of a bucket")]
    NestedBucket { element: usize },
    #[error("element {element} is a record outside of the buckets")]
    NoBucket { element: usize },
    #[error("the value of a bucket in it does not say where its records are")]
    BucketHeader,
}

/// What ends the reading of a page, before it is known which.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Trouble {
    pub(super) fn at(self, page: PageId) -> ReadError {
        match self {
            Self::Io(source) => ReadError::Page { page, source },
            Self::Fault(source) => ReadError::Malformed { page, source },
        }
    }
}

impl ReadError {
    pub(super) fn fault(page: PageId, source: Fault) -> Self {
        Self::Malformed { page, source }
    }
}
