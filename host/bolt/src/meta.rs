//! The meta pages: pages 0 and 1 each describe a state of the whole file, of which the later valid one counts.

use thiserror::Error;

use crate::page::PageId;
use crate::word::Word;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;

/// The page sizes at which bbolt looks for the second meta page, as powers of two.
pub(crate) const PAGE_SIZE_BITS: std::ops::RangeInclusive<u32> = 10..=24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) page_size: u32,
    /// The root of the tree whose records are the buckets.
    pub(crate) root: PageId,
    pub(crate) freelist: PageId,
    /// How many pages are in use: the first that is not.
    pub(crate) pages: u64,
    pub(crate) txid: u64,
}

/// Why a meta page does not count.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MetaFault {
    #[error("it does not begin as a bbolt database does")]
    Magic,
    #[error("it has version {found} of the format, not {VERSION}")]
    Version { found: u32 },
    #[error("its checksum is not that of its contents")]
    Checksum,
    #[error("it declares pages of {found} bytes")]
    PageSize { found: u32 },
}

impl Meta {
    pub(crate) const WORDS: usize = 4;

    pub(crate) fn words(&self) -> [Word; Self::WORDS] {
        let mut words = [
            Word::of_quarters([MAGIC, VERSION, self.page_size, 0]),
            Word::of_halves([self.root.0, 0]),
            Word::of_halves([self.freelist.0, self.pages]),
            Word::of_halves([self.txid, 0]),
        ];
        words[3] = Word::of_halves([self.txid, checksum(&words)]);
        words
    }

    pub(crate) fn of_words(words: [Word; Self::WORDS]) -> Result<Self, MetaFault> {
        let ([magic, version, page_size, _], [root, _]) = (words[0].quarters(), words[1].halves());
        let ([freelist, pages], [txid, sum]) = (words[2].halves(), words[3].halves());
        if magic != MAGIC {
            return Err(MetaFault::Magic);
        }
        if version != VERSION {
            return Err(MetaFault::Version { found: version });
        }
        if sum != checksum(&words) {
            return Err(MetaFault::Checksum);
        }
        if !page_size.is_power_of_two() || !PAGE_SIZE_BITS.contains(&page_size.trailing_zeros()) {
            return Err(MetaFault::PageSize { found: page_size });
        }
        Ok(Self { page_size, root: PageId(root), freelist: PageId(freelist), pages, txid })
    }
}

/// FNV-1a over all that precedes the checksum.
fn checksum(words: &[Word; Meta::WORDS]) -> u64 {
    const COVERED: usize = Meta::WORDS * Word::LEN - size_of::<u64>();
    let bytes = words.iter().flat_map(|word| word.bytes()).take(COVERED);
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Meta = Meta { page_size: 4096, root: PageId(3), freelist: PageId(2), pages: 4, txid: 1 };

    #[test]
    fn a_meta_page_reads_back_as_it_was_written() {
        assert_eq!(Meta::of_words(META.words()), Ok(META));
    }

    #[test]
    fn a_change_of_any_word_is_noticed() {
        for word in 0..Meta::WORDS {
            let mut words = META.words();
            let [low, high] = words[word].halves();
            words[word] = Word::of_halves([low, high ^ 1 << 32]);
            assert!(Meta::of_words(words).is_err(), "word {word}");
        }
    }

    #[test]
    fn page_sizes_that_bbolt_never_looks_for_are_refused() {
        for page_size in [0, 512, 4097, 1 << 25] {
            let meta = Meta { page_size, ..META };
            assert_eq!(Meta::of_words(meta.words()), Err(MetaFault::PageSize { found: page_size }));
        }
    }
}
