//! Files that no writer makes, page by page.

use std::io::Cursor;

use super::walk::MAX_DEPTH;
use super::*;
use crate::meta::Meta;
use crate::page::{BranchElement, LeafElement, PageHeader, PageKind};

const PAGE_SIZE: u32 = 1024;

fn leaf(page: u64, records: &[(u32, &str, &str)]) -> Vec<u8> {
    let header = PageHeader { count: records.len() as u16, ..PageHeader::new(PageId(page), PageKind::Leaf) };
    let mut bytes = header.word().bytes().to_vec();
    let mut position = (records.len() * Word::LEN) as u32;
    for (flags, key, value) in records {
        let (key_len, value_len) = (key.len() as u32, value.len() as u32);
        bytes.extend(LeafElement { flags: *flags, position, key_len, value_len }.word().bytes());
        position = position + key_len + value_len - Word::LEN as u32;
    }
    bytes.extend(records.iter().flat_map(|(_, key, value)| [*key, *value]).collect::<String>().bytes());
    bytes
}

fn branch(page: u64, children: &[u64]) -> Vec<u8> {
    let header =
        PageHeader { count: children.len() as u16, ..PageHeader::new(PageId(page), PageKind::Branch) };
    let elements =
        children.iter().map(|child| BranchElement { position: 16, key_len: 0, child: PageId(*child) });
    let words = [header.word()].into_iter().chain(elements.map(|element| element.word()));
    words.flat_map(|word| word.bytes()).collect()
}

/// A file whose root at page 2 has one bucket, named `b`, with its root at page 3. `pages` are those from page 3 on.
fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let bucket = "\u{3}".to_owned() + &"\0".repeat(15);
    file_with_root(leaf(2, &[(LeafElement::BUCKET, "b", &bucket)]), pages)
}

fn file_with_root(root: Vec<u8>, pages: &[Vec<u8>]) -> Vec<u8> {
    let meta = |txid| {
        let (root, freelist, pages) = (PageId(2), PageId(u64::MAX), 3 + pages.len() as u64);
        let meta = Meta { page_size: PAGE_SIZE, root, freelist, pages, txid };
        let header = PageHeader::new(PageId(txid), PageKind::Meta).word();
        [header].into_iter().chain(meta.words()).flat_map(|word| word.bytes()).collect::<Vec<_>>()
    };
    let pages = [meta(0), meta(1), root].into_iter().chain(pages.iter().cloned());
    let padded = pages.map(|mut page| {
        page.resize(PAGE_SIZE as usize, 0);
        page
    });
    padded.collect::<Vec<_>>().concat()
}

/// The keys, or the first fault with the page that has it.
fn keys(file: Vec<u8>) -> Result<String, (u64, Fault)> {
    let read = |file| {
        let mut reader = Reader::open(Cursor::new(file), 100)?;
        let records = reader.records(b"b")?.expect("the bucket");
        let keys = records.map(|record| Ok(String::from_utf8(record?.key).unwrap()));
        keys.collect::<Result<String, ReadError>>()
    };
    read(file).map_err(|error| match error {
        ReadError::Malformed { page, source } => (page.0, source),
        error => panic!("{error:?}"),
    })
}

#[test]
fn leaves_are_read_from_left_to_right() {
    let pages =
        [branch(3, &[6, 4]), leaf(4, &[(0, "c", ""), (0, "d", "")]), leaf(5, &[]), leaf(6, &[(0, "a", "x")])];
    assert_eq!(keys(file(&pages)), Ok("acd".to_owned()));
}

#[test]
fn a_branch_that_leads_to_itself_is_a_fault() {
    assert_eq!(keys(file(&[branch(3, &[3, 3])])), Err((3, Fault::Visited)));
}

#[test]
fn branches_that_lead_to_one_another_are_a_fault() {
    assert_eq!(keys(file(&[branch(3, &[4]), branch(4, &[3])])), Err((3, Fault::Visited)));
}

#[test]
fn a_leaf_of_two_branches_is_a_fault() {
    assert_eq!(keys(file(&[branch(3, &[4, 4]), leaf(4, &[])])), Err((4, Fault::Visited)));
}

#[test]
fn a_page_within_the_overflow_of_another_is_a_fault() {
    let mut long = leaf(4, &[(0, "a", "")]);
    long[12] = 1;
    assert_eq!(keys(file(&[branch(3, &[4, 5]), long, leaf(5, &[(0, "b", "")])])), Err((5, Fault::Visited)));
}

#[test]
fn pages_beyond_the_end_are_a_fault() {
    assert_eq!(keys(file(&[branch(3, &[4])])), Err((4, Fault::BeyondEnd)));
    let mut long = leaf(3, &[]);
    long[12] = 1;
    assert_eq!(keys(file(&[long])), Err((3, Fault::BeyondEnd)));
}

#[test]
fn a_way_that_is_too_long_is_a_fault() {
    let pages = (3..100).map(|page| branch(page, &[page + 1])).collect::<Vec<_>>();
    assert_eq!(keys(file(&pages)), Err((3 + MAX_DEPTH as u64, Fault::TooDeep)));
}

#[test]
fn a_branch_without_children_is_a_fault() {
    assert_eq!(keys(file(&[branch(3, &[])])), Err((3, Fault::NoChildren)));
}

#[test]
fn a_page_of_another_number_is_a_fault() {
    assert_eq!(keys(file(&[leaf(7, &[])])), Err((3, Fault::OtherPage { found: PageId(7) })));
}

#[test]
fn a_page_of_another_kind_is_a_fault() {
    let header = PageHeader::new(PageId(3), PageKind::Freelist).word().bytes().to_vec();
    assert_eq!(keys(file(&[header])), Err((3, Fault::Flags { flags: 0x10 })));
}

#[test]
fn keys_that_do_not_ascend_are_a_fault() {
    let within = leaf(3, &[(0, "b", ""), (0, "b", "")]);
    assert_eq!(keys(file(&[within])), Err((3, Fault::KeyOrder { element: 1 })));
    let across = [branch(3, &[4, 5]), leaf(4, &[(0, "b", "")]), leaf(5, &[(0, "a", "")])];
    assert_eq!(keys(file(&across)), Err((5, Fault::KeyOrder { element: 0 })));
}

#[test]
fn an_empty_key_is_a_fault() {
    assert_eq!(keys(file(&[leaf(3, &[(0, "", "x")])])), Err((3, Fault::KeyLen { element: 0, len: 0 })));
}

#[test]
fn a_value_that_is_longer_than_asked_for_is_a_fault() {
    let value = "x".repeat(101);
    let fault = Fault::ValueLen { element: 0, len: 101, max: 100 };
    assert_eq!(keys(file(&[leaf(3, &[(0, "a", &value)])])), Err((3, fault)));
}

#[test]
fn records_that_share_bytes_are_a_fault() {
    let mut shared = leaf(3, &[(0, "a", ""), (0, "b", "")]);
    shared[2 * Word::LEN + 4] -= 1;
    assert_eq!(keys(file(&[shared])), Err((3, Fault::Bounds { element: 1 })));
}

#[test]
fn records_outside_of_the_page_are_a_fault() {
    let mut outside = leaf(3, &[(0, "a", "")]);
    outside[Word::LEN + 14] = 1;
    assert_eq!(keys(file(&[outside])), Err((3, Fault::Bounds { element: 0 })));
}

#[test]
fn more_elements_than_the_page_has_room_for_are_a_fault() {
    let mut full = leaf(3, &[]);
    full[10] = 64;
    assert_eq!(keys(file(&[full])), Err((3, Fault::TooShort { count: 64 })));
}

#[test]
fn bytes_between_records_are_passed_over() {
    let mut gap = leaf(3, &[(0, "a", ""), (0, "-", ""), (0, "c", "")]);
    gap.copy_within(3 * Word::LEN..4 * Word::LEN, 2 * Word::LEN);
    gap[10] = 2;
    gap[2 * Word::LEN + 4] += Word::LEN as u8;
    assert_eq!(keys(file(&[gap])), Ok("ac".to_owned()));
}

#[test]
fn a_bucket_in_a_bucket_is_a_fault() {
    let nested = leaf(3, &[(LeafElement::BUCKET, "a", "0123456789abcdef")]);
    assert_eq!(keys(file(&[nested])), Err((3, Fault::NestedBucket { element: 0 })));
}

#[test]
fn a_record_beside_the_buckets_is_a_fault() {
    let file = file_with_root(leaf(2, &[(0, "b", "value")]), &[]);
    assert_eq!(keys(file), Err((2, Fault::NoBucket { element: 0 })));
}

#[test]
fn a_bucket_without_a_header_is_a_fault() {
    let file = file_with_root(leaf(2, &[(LeafElement::BUCKET, "b", "short")]), &[]);
    assert_eq!(keys(file), Err((2, Fault::BucketHeader)));
}

#[test]
fn the_faults_of_an_inline_bucket_are_those_of_its_page() {
    let inline = |page: Vec<u8>| {
        let value = String::from_utf8([vec![0; Word::LEN], page].concat()).unwrap();
        file_with_root(leaf(2, &[(LeafElement::BUCKET, "b", &value)]), &[])
    };
    assert_eq!(keys(inline(leaf(0, &[(0, "a", "x"), (0, "c", "")]))), Ok("ac".to_owned()));
    assert_eq!(keys(inline(branch(0, &[0, 0]))), Err((2, Fault::Visited)));
    assert_eq!(keys(inline(branch(0, &[3]))), Err((2, Fault::BeyondEnd)));
    assert_eq!(
        keys(inline(leaf(0, &[(0, "c", ""), (0, "a", "")]))),
        Err((2, Fault::KeyOrder { element: 1 }))
    );
}

#[test]
fn nothing_follows_a_fault() {
    let file = file(&[leaf(3, &[(0, "b", ""), (0, "a", ""), (0, "c", "")])]);
    let mut reader = Reader::open(Cursor::new(file), 100).unwrap();
    let records = reader.records(b"b").unwrap().unwrap();
    let read = records.map(|record| record.is_ok()).collect::<Vec<_>>();
    assert_eq!(read, [true, false]);
}

#[test]
fn the_state_of_the_later_transaction_counts() {
    let old = file(&[leaf(3, &[(0, "a", "")]), leaf(4, &[])]);
    for (txid, page) in [(2, 0), (3, 1)] {
        let meta = Meta { page_size: PAGE_SIZE, root: PageId(2), freelist: PageId(2), pages: 3, txid };
        let mut file = old.clone();
        let bytes = meta.words().into_iter().flat_map(|word| word.bytes()).collect::<Vec<_>>();
        file[page * PAGE_SIZE as usize + Word::LEN..][..bytes.len()].copy_from_slice(&bytes);
        assert_eq!(keys(file), Err((3, Fault::BeyondEnd)));
    }
}

#[test]
fn more_pages_than_the_file_has_are_an_error() {
    let whole = file(&[leaf(3, &[])]);
    let cut = whole[..whole.len() - 1].to_vec();
    let error = Reader::open(Cursor::new(cut), 100).unwrap_err();
    assert!(matches!(error, ReadError::Truncated { pages: 4, page_size: PAGE_SIZE, .. }), "{error:?}");
}
