//! The checks of `bbolt check`, and what bbolt needs of a file that it is to write to.

use std::io::Cursor;

use super::*;
use crate::meta::Meta;
use crate::page::{BranchElement, PageHeader};
use crate::word::Word;

/// A written file, page by page.
struct Checked {
    file: Vec<u8>,
    reached: Vec<bool>,
}

impl Checked {
    fn word(&self, at: usize) -> Word {
        Word::of_bytes(self.file[at..][..Word::LEN].try_into().unwrap())
    }

    /// Follows the tree below a page, of which all keys are within the bounds. It tells how many levels of branches that
    /// has, down to the leaves of the buckets.
    fn tree(&mut self, page: PageId, low: &[u8], high: Option<&[u8]>, root: bool) -> usize {
        let start = page.0 as usize * PAGE_SIZE;
        let header = PageHeader::of_word(self.word(start));
        assert_eq!(header.id, page);
        let pages = header.overflow as usize + 1;
        for reached in &mut self.reached[page.0 as usize..][..pages] {
            assert!(!std::mem::replace(reached, true), "page {page} is reached twice");
        }
        assert!(root || header.count >= 2, "page {page} has less than two entries");
        let words =
            (1..=usize::from(header.count)).map(|index| start + index * Word::LEN).collect::<Vec<_>>();
        match header.kind() {
            Some(PageKind::Branch) => self.branch(&words, low, high),
            Some(PageKind::Leaf) => self.leaf(&words, low, high),
            kind => panic!("page {page} is {kind:?}"),
        }
    }

    fn branch(&mut self, words: &[usize], low: &[u8], high: Option<&[u8]>) -> usize {
        assert!(words.len() >= 2, "a branch of one child");
        let elements = words.iter().map(|at| {
            let element = BranchElement::of_word(self.word(*at));
            let key = self.file[at + element.position as usize..][..element.key_len as usize].to_vec();
            (key, element.child)
        });
        let elements = elements.collect::<Vec<_>>();
        assert!(elements.is_sorted_by(|a, b| a.0 < b.0));
        assert!(&elements[0].0[..] >= low && high.is_none_or(|high| &elements[words.len() - 1].0[..] < high));
        let below = elements.iter().enumerate().map(|(index, (key, child))| {
            let next = elements.get(index + 1).map(|(key, _)| &key[..]);
            self.tree(*child, key, next.or(high), false)
        });
        1 + below.max().unwrap()
    }

    fn leaf(&mut self, words: &[usize], low: &[u8], high: Option<&[u8]>) -> usize {
        let (mut last, mut levels) = (None, 0);
        for at in words {
            let element = LeafElement::of_word(self.word(*at));
            let start = at + element.position as usize;
            let (key, value) = self.file[start..].split_at(element.key_len as usize);
            let (key, value) = (key.to_vec(), value[..element.value_len as usize].to_vec());
            assert!(&key[..] >= low && high.is_none_or(|high| &key[..] < high));
            assert!(last.is_none_or(|last| last < key), "keys ascend");
            if element.flags == LeafElement::BUCKET {
                let root = Word::of_bytes(*value.first_chunk().unwrap());
                if let BucketRoot::Page(root) = BucketRoot::of_word(root) {
                    levels = levels.max(self.tree(root, &[], None, true));
                }
            }
            last = Some(key);
        }
        levels
    }
}

/// Every page is reached once, or is one of those that are not a part of the tree. Tells the levels of branches.
fn check(fill: impl FnOnce(&mut Writer<Cursor<Vec<u8>>>) -> Result<(), WriteError>) -> usize {
    let mut writer = Writer::new(Cursor::new(Vec::new())).unwrap();
    fill(&mut writer).unwrap();
    let file = writer.finish().unwrap().into_inner();
    let reached = vec![false; file.len() / PAGE_SIZE];
    let mut checked = Checked { file, reached };
    let meta = [0, PAGE_SIZE].map(|page| {
        let words = [1, 2, 3, 4].map(|index| checked.word(page + index * Word::LEN));
        Meta::of_words(words).unwrap()
    });
    assert_eq!(meta[1], Meta { txid: 1, ..meta[0] });
    assert_eq!((meta[0].pages, meta[0].txid), (checked.reached.len() as u64, 0));
    checked.reached[..3].fill(true);
    let levels = checked.tree(meta[0].root, &[], None, true);
    assert!(checked.reached.iter().all(|reached| *reached), "a page is lost");
    levels
}

fn check_numbered(count: u64, value: &[u8]) {
    check(|writer| {
        writer.open_bucket(b"bucket")?;
        (0..count).try_for_each(|number| writer.put(&number.to_be_bytes(), value))
    });
}

#[test]
fn every_page_is_reached_and_no_branch_has_one_child() {
    // So small that a page has few entries, and a leaf follows a leaf at every count.
    for count in 0..300 {
        check_numbered(count, &[0; 900]);
    }
    for count in [10_000, 12_345, 50_000] {
        check_numbered(count, &[0; 30]);
    }
}

#[test]
fn levels_grow_as_records_do() {
    let levels = |count: u16| {
        check(|writer| {
            writer.open_bucket(b"bucket")?;
            (0..count).try_for_each(|number| writer.put(&number.to_be_bytes().repeat(500), b"value"))
        })
    };
    assert_eq!([1, 4, 6, 18, 70, 400].map(levels), [0, 0, 1, 2, 3, 4]);
}

#[test]
fn branches_of_few_large_keys_have_two_children_each() {
    for count in 1..40_u16 {
        check(|writer| {
            writer.open_bucket(b"bucket")?;
            (0..count).try_for_each(|number| writer.put(&number.to_be_bytes().repeat(3000), b"value"))
        });
    }
}

#[test]
fn many_buckets_make_a_tree_at_the_root() {
    check(|writer| {
        for bucket in 0..500_u64 {
            writer.open_bucket(format!("bucket {bucket}").as_bytes())?;
            (0..bucket).try_for_each(|number| writer.put(&number.to_be_bytes(), b"value"))?;
        }
        Ok(())
    });
}

#[test]
fn small_buckets_take_no_page_of_their_own() {
    let pages = |value: &[u8]| {
        let mut writer = Writer::new(Cursor::new(Vec::new())).unwrap();
        writer.open_bucket(b"bucket").unwrap();
        writer.put(b"key", value).unwrap();
        writer.finish().unwrap().into_inner().len() / PAGE_SIZE
    };
    let room = MAX_INLINE_LEN - 2 * Word::LEN - b"key".len();
    assert_eq!(pages(&vec![0; room]), 4);
    assert_eq!(pages(&vec![0; room + 1]), 5);
}
