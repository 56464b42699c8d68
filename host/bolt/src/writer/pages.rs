//! Gives pages their numbers and writes them.

use std::io::{self, Seek, SeekFrom, Write};

use super::WriteError;
use super::node::Node;
use crate::meta::Meta;
use crate::page::{PageHeader, PageId, PageKind};

/// The page size of the machines that etcd runs on.
pub(super) const PAGE_SIZE: usize = 4096;

/// Nothing is ever freed, but a list of the free pages spares bbolt from reading the whole file to find them.
const FREELIST: PageId = PageId(2);
const META_PAGES: usize = 2;

#[derive(Debug)]
pub(super) struct Pages<W> {
    file: W,
    next: PageId,
    buffer: Vec<u8>,
    /// Whether a page could not be written: what it held is lost.
    broken: bool,
}

/// How many pages so many bytes take.
pub(super) fn pages_of(bytes: usize) -> usize {
    bytes.div_ceil(PAGE_SIZE)
}

impl<W: Write + Seek> Pages<W> {
    pub(super) fn new(file: W) -> Result<Self, WriteError> {
        let mut pages = Self { file, next: FREELIST, buffer: Vec::new(), broken: false };
        pages.begin().map_err(|source| WriteError::Meta { source })?;
        Ok(pages)
    }

    /// Writes a list of no free pages, and leaves the meta pages blank.
    fn begin(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&[0; META_PAGES * PAGE_SIZE])?;
        self.write_page(&PageHeader::new(FREELIST, PageKind::Freelist), [])?;
        self.next.0 += 1;
        Ok(())
    }

    pub(super) fn write(&mut self, node: &Node) -> Result<PageId, WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        let (page, pages) = (self.next, pages_of(node.len()));
        self.buffer.clear();
        node.encode(page, (pages - 1) as u32, &mut self.buffer);
        self.buffer.resize(pages * PAGE_SIZE, 0);
        if let Err(source) = self.file.write_all(&self.buffer) {
            self.broken = true;
            return Err(WriteError::Page { page, source });
        }
        self.next.0 += pages as u64;
        Ok(page)
    }

    /// Writes the meta pages, with which the file is whole.
    pub(super) fn finish(mut self, root: PageId) -> Result<W, WriteError> {
        self.write_meta(root).map_err(|source| WriteError::Meta { source })?;
        Ok(self.file)
    }

    fn write_meta(&mut self, root: PageId) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        for txid in 0..META_PAGES as u64 {
            let meta =
                Meta { page_size: PAGE_SIZE as u32, root, freelist: FREELIST, pages: self.next.0, txid };
            let header = PageHeader::new(PageId(txid), PageKind::Meta);
            self.write_page(&header, meta.words().iter().flat_map(|word| word.bytes()))?;
        }
        self.file.flush()
    }

    fn write_page(&mut self, header: &PageHeader, content: impl IntoIterator<Item = u8>) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend(header.word().bytes());
        self.buffer.extend(content);
        self.buffer.resize(PAGE_SIZE, 0);
        self.file.write_all(&self.buffer)
    }
}
