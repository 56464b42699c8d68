//! Reads the records of a database in key order, and takes nothing that the file says for granted.
//!
//! Whatever the file is, reading it ends: no page is read twice in one walk, and no two records of a page share bytes. The
//! memory it takes is that of one record, of the elements on the way to it, and of one bit for each page. The list of free
//! pages and the keys in branches are not looked at.

mod fault;
mod file;
mod leaf;
mod visited;
mod walk;

#[cfg(test)]
mod tests;

use std::io::{Cursor, Read, Seek};
use std::iter;

pub use crate::meta::MetaFault;
use crate::page::{BucketRoot, PageId};
use crate::word::Word;
pub use fault::{Fault, ReadError};
use file::File;
use walk::{Expected, Item, Walk};

/// A database whose buckets can be read from start to end. A bucket inside of a bucket is an error when it is come upon.
#[derive(Debug)]
pub struct Reader<R> {
    file: File<R>,
    root: PageId,
    max_value_len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// The records of one bucket in ascending order of their keys. It ends after an error.
#[derive(Debug)]
pub struct Records<'a, R> {
    source: Source<'a, R>,
    walk: Walk,
}

#[derive(Debug)]
enum Source<'a, R> {
    File(&'a mut File<R>),
    /// An inline bucket, which is like a file of one page.
    Inline(File<Cursor<Vec<u8>>>),
}

impl<R: Read + Seek> Reader<R> {
    /// Finds the state that was written last. `file` is buffered here; it may go on after the end of the database, as the
    /// snapshots of etcd do. A record with a value longer than `max_value_len` is an error before it takes memory.
    pub fn open(file: R, max_value_len: usize) -> Result<Self, ReadError> {
        let (file, root) = File::open(file)?;
        Ok(Self { file, root, max_value_len })
    }

    /// The names of the buckets in ascending order.
    pub fn buckets(&mut self) -> impl Iterator<Item = Result<Vec<u8>, ReadError>> {
        self.headers().map(|item| item.map(|item| item.key))
    }

    /// The records of a bucket; `None` where there is no such bucket.
    pub fn records(&mut self, bucket: &[u8]) -> Result<Option<Records<'_, R>>, ReadError> {
        let found = self.headers().find(|item| item.as_ref().map_or(true, |item| item.key == bucket));
        let Some(item) = found.transpose()? else { return Ok(None) };
        let Some((root, inline)) = item.value.split_first_chunk() else {
            return Err(ReadError::fault(item.page, Fault::BucketHeader));
        };
        let (source, root, pages) = match BucketRoot::of_word(Word::of_bytes(*root)) {
            BucketRoot::Page(root) => {
                let pages = self.file.pages();
                (Source::File(&mut self.file), root, pages)
            }
            BucketRoot::Inline => (Source::Inline(File::inline(inline.to_vec(), item.page)), PageId(0), 1),
        };
        let walk = Walk::new(root, pages, Expected::Record, self.max_value_len);
        Ok(Some(Records { source, walk }))
    }

    /// The records of the root, all of which are buckets.
    fn headers(&mut self) -> impl Iterator<Item = Result<Item, ReadError>> {
        // An inline bucket is a part of a page.
        let max_value_len = self.file.page_size() as usize;
        let mut walk = Walk::new(self.root, self.file.pages(), Expected::Bucket, max_value_len);
        iter::from_fn(move || walk.next(&mut self.file))
    }
}

impl<R: Read + Seek> Iterator for Records<'_, R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match &mut self.source {
            Source::File(file) => self.walk.next(file),
            Source::Inline(file) => self.walk.next(file),
        }?;
        Some(item.map(|Item { key, value, .. }| Record { key, value }))
    }
}
