//! The pages of a file, and the state of it that counts.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use super::MetaFault;
use super::fault::{Fault, ReadError, Trouble};
use crate::meta::{Meta, PAGE_SIZE_BITS};
use crate::page::{PageHeader, PageId};
use crate::word::Word;

#[derive(Debug)]
pub(super) struct File<R> {
    source: BufReader<R>,
    page_size: u64,
    pages: u64,
    /// The page that this is a part of, for errors.
    holder: Option<PageId>,
}

impl File<Cursor<Vec<u8>>> {
    pub(super) fn inline(page: Vec<u8>, holder: PageId) -> Self {
        let page_size = page.len() as u64;
        let source = BufReader::new(Cursor::new(page));
        Self { source, page_size, pages: 1, holder: Some(holder) }
    }
}

impl<R: Read + Seek> File<R> {
    /// Gives the page of the root with it.
    pub(super) fn open(mut file: R) -> Result<(Self, PageId), ReadError> {
        let begin = |source| ReadError::Begin { source };
        let len = file.seek(SeekFrom::End(0)).map_err(begin)?;
        let meta = newest_meta(&mut file, len).map_err(begin)?;
        let Meta { page_size, pages, root, .. } = meta.map_err(|source| ReadError::Meta { source })?;
        if pages > len / u64::from(page_size) {
            return Err(ReadError::Truncated { pages, page_size, len });
        }
        let source = BufReader::with_capacity(page_size as usize, file);
        Ok((Self { source, page_size: u64::from(page_size), pages, holder: None }, root))
    }

    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    pub(super) fn page_size(&self) -> u64 {
        self.page_size
    }

    /// What a page is called in errors.
    pub(super) fn name(&self, page: PageId) -> PageId {
        self.holder.unwrap_or(page)
    }

    /// Where the contents of pages are read from, from where `header` has left it.
    pub(super) fn source(&mut self) -> &mut impl Read {
        &mut self.source
    }

    pub(super) fn header(&mut self, page: PageId) -> Result<PageHeader, Trouble> {
        if page.0 >= self.pages {
            return Err(Fault::BeyondEnd.into());
        }
        self.source.seek(SeekFrom::Start(page.0 * self.page_size))?;
        let header = PageHeader::of_word(Word::read(&mut self.source)?);
        if header.id != page {
            return Err(Fault::OtherPage { found: header.id }.into());
        }
        Ok(header)
    }
}

/// The valid meta page with the higher transaction id, or what is wrong with the first. Where the second lies, only a
/// valid one tells.
fn newest_meta(file: &mut (impl Read + Seek), len: u64) -> io::Result<Result<Meta, MetaFault>> {
    let first = meta_at(file, 0, len)?;
    let sizes = match first {
        Ok(meta) => meta.page_size.trailing_zeros()..=meta.page_size.trailing_zeros(),
        Err(_) => PAGE_SIZE_BITS,
    };
    for page_size in sizes.map(|bits| 1 << bits) {
        let second = meta_at(file, u64::from(page_size), len)?.ok();
        if let Some(second) = second.filter(|meta| meta.page_size == page_size) {
            return Ok(Ok(match first {
                Ok(first) if first.txid > second.txid => first,
                _ => second,
            }));
        }
    }
    Ok(first)
}

/// What lies where the file has ended is no meta page.
fn meta_at(file: &mut (impl Read + Seek), at: u64, len: u64) -> io::Result<Result<Meta, MetaFault>> {
    const LEN: u64 = ((1 + Meta::WORDS) * Word::LEN) as u64;
    if at + LEN > len {
        return Ok(Err(MetaFault::Magic));
    }
    file.seek(SeekFrom::Start(at + Word::LEN as u64))?;
    let words = [Word::read(file)?, Word::read(file)?, Word::read(file)?, Word::read(file)?];
    Ok(Meta::of_words(words))
}
