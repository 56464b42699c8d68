//! Files of which some bytes are wrong: whatever is read of them, reading ends and does not panic.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::fixture::{Buckets, PAGE_SIZE, numbered, read, write};

/// Small, with all that there is: branches, leaves with overflow, inline and empty buckets.
fn sample() -> Buckets {
    vec![
        (b"empty".to_vec(), Vec::new()),
        (b"inline".to_vec(), numbered(3, b"value")),
        (b"large".to_vec(), numbered(2, &[1; PAGE_SIZE])),
        (b"tree".to_vec(), numbered(20, &[2; 300])),
    ]
}

#[test]
fn every_byte_may_be_wrong() {
    let mut file = write(&sample());
    let mut noticed = 0;
    for at in 0..file.len() {
        for mask in [0x01, 0xff] {
            file[at] ^= mask;
            noticed += usize::from(read(&file).is_err());
            file[at] ^= mask;
        }
    }
    assert!(noticed > 1000, "only {noticed} errors");
}

#[test]
fn a_file_may_end_anywhere() {
    let file = write(&sample());
    for len in 0..file.len() {
        read(&file[..len]).expect_err("a part of a file is not a database");
    }
}

#[test]
fn one_of_the_meta_pages_may_be_lost() {
    let whole = write(&sample());
    for page in 0..2 {
        let mut file = whole.clone();
        file[page * PAGE_SIZE..][..PAGE_SIZE].fill(0xa5);
        assert!(read(&file).unwrap() == sample());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Words of the file are replaced by small numbers, as pages, counts and lengths are.
    #[test]
    fn many_words_may_be_wrong(changes in vec((2 * PAGE_SIZE / 4..16 * PAGE_SIZE / 4, 0..40_u32), 1..20)) {
        let mut file = write(&sample());
        let words = file.as_chunks_mut::<4>().0;
        for (at, number) in changes {
            let at = at % words.len();
            words[at] = number.to_le_bytes();
        }
        let _result = read(&file);
    }

    #[test]
    fn bytes_may_be_anything(bytes in vec(any::<u8>(), 0..3 * PAGE_SIZE), keep in 0..3 * PAGE_SIZE) {
        let mut file = write(&sample());
        let keep = keep.min(file.len());
        file.truncate(keep);
        file.extend(bytes);
        let _result = read(&file);
    }
}
