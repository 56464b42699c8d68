//! Writes a whole database from front to back: each page as soon as it is full, the meta pages last, so that a file that
//! was not finished is not a database.

mod node;
mod pages;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use thiserror::Error;

use crate::page::{BucketRoot, LeafElement, PageId, PageKind};
use crate::{MAX_KEY_LEN, MAX_VALUE_LEN};
use node::{Entry, Node};
use pages::{PAGE_SIZE, Pages};
use tree::Tree;

/// A leaf that is no longer than this is written beside the name of its bucket, as bbolt does.
const MAX_INLINE_LEN: usize = PAGE_SIZE / 4;

/// Writes a database of pages of 4096 bytes. The memory it takes is that of a few pages, of the largest values and of the
/// names of the buckets.
#[derive(Debug)]
pub struct Writer<W> {
    pages: Pages<W>,
    /// The values of the finished buckets by name.
    buckets: BTreeMap<Vec<u8>, Vec<u8>>,
    open: Option<OpenBucket>,
}

#[derive(Debug)]
struct OpenBucket {
    name: Vec<u8>,
    tree: Tree,
    last_key: Vec<u8>,
}

#[derive(Debug, Error)]
pub enum WriteError {
    #[error("write page {page}")]
    Page { page: PageId, source: io::Error },
    #[error("write the meta pages")]
    Meta { source: io::Error },
    #[error("go on after a page could not be written")]
    Broken,
    #[error("open bucket {} a second time", name.escape_ascii())]
    BucketExists { name: Vec<u8> },
    #[error("put a record before a bucket is open")]
    NoBucket,
    #[error("put an empty key or name")]
    EmptyKey,
    #[error("put a key or name of {len} bytes, of at most {MAX_KEY_LEN}")]
    LongKey { len: usize },
    #[error("put a value of {len} bytes, of at most {MAX_VALUE_LEN}")]
    LongValue { len: usize },
    #[error("put key {} into bucket {} after one that is not smaller", key.escape_ascii(), bucket.escape_ascii())]
    KeyOrder { bucket: Vec<u8>, key: Vec<u8> },
}

impl<W: Write + Seek> Writer<W> {
    /// Writes to `file` from its start. What an older and longer file has after the end of the database stays there, so
    /// it should be empty.
    pub fn new(file: W) -> Result<Self, WriteError> {
        Ok(Self { pages: Pages::new(file)?, buckets: BTreeMap::new(), open: None })
    }

    /// Begins a bucket and ends the one before. Buckets may come in any order, and may stay empty.
    pub fn open_bucket(&mut self, name: &[u8]) -> Result<(), WriteError> {
        check_key(name)?;
        self.close_bucket()?;
        if self.buckets.contains_key(name) {
            return Err(WriteError::BucketExists { name: name.to_owned() });
        }
        self.open = Some(OpenBucket { name: name.to_owned(), tree: Tree::default(), last_key: Vec::new() });
        Ok(())
    }

    /// Adds a record to the bucket that was opened last. Its key must be greater, byte by byte, than the one before.
    /// After an error of the file the database cannot be finished; after the others one may go on.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        let bucket = self.open.as_mut().ok_or(WriteError::NoBucket)?;
        check_key(key)?;
        if value.len() > MAX_VALUE_LEN {
            return Err(WriteError::LongValue { len: value.len() });
        }
        if key <= &bucket.last_key[..] {
            return Err(WriteError::KeyOrder { bucket: bucket.name.clone(), key: key.to_owned() });
        }
        bucket.last_key.clear();
        bucket.last_key.extend_from_slice(key);
        bucket.tree.push(Entry::Record { flags: 0, key, value }, &mut self.pages)
    }

    /// Makes the database whole, and gives the file back for the caller to make durable. Its length is a multiple of the
    /// page size.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.close_bucket()?;
        let mut root = Tree::default();
        for (name, value) in &self.buckets {
            root.push(Entry::Record { flags: LeafElement::BUCKET, key: name, value }, &mut self.pages)?;
        }
        let root = root.close(&mut self.pages)?;
        let root = self.pages.write(&root)?;
        self.pages.finish(root)
    }

    fn close_bucket(&mut self) -> Result<(), WriteError> {
        let Some(bucket) = self.open.take() else { return Ok(()) };
        let root = bucket.tree.close(&mut self.pages)?;
        self.buckets.insert(bucket.name, bucket_value(&root, &mut self.pages)?);
        Ok(())
    }
}

fn bucket_value(root: &Node, pages: &mut Pages<impl Write + Seek>) -> Result<Vec<u8>, WriteError> {
    let mut value = Vec::new();
    if root.kind() == PageKind::Leaf && root.len() <= MAX_INLINE_LEN {
        value.extend(BucketRoot::Inline.word().bytes());
        root.encode(PageId(0), 0, &mut value);
    } else {
        value.extend(BucketRoot::Page(pages.write(root)?).word().bytes());
    }
    Ok(value)
}

fn check_key(key: &[u8]) -> Result<(), WriteError> {
    match key.len() {
        0 => Err(WriteError::EmptyKey),
        len if len > MAX_KEY_LEN => Err(WriteError::LongKey { len }),
        _ => Ok(()),
    }
}
