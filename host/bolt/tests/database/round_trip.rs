//! What was written is read.

use std::collections::BTreeMap;
use std::io::Cursor;

use bolt::{MAX_KEY_LEN, Reader};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::fixture::{Buckets, PAGE_SIZE, bucket, numbered, read, write};

fn check(buckets: Buckets) {
    assert!(read(&write(&buckets)).expect("a whole database") == buckets, "the buckets differ");
}

#[test]
fn a_database_may_have_no_buckets() {
    check(Buckets::new());
}

#[test]
fn a_bucket_may_be_empty() {
    check(vec![(b"a".to_vec(), Vec::new()), (b"b".to_vec(), numbered(1, b"")), (b"c".to_vec(), Vec::new())]);
}

#[test]
fn a_bucket_that_is_not_there_is_not_found() {
    let file = write(&bucket(numbered(3, b"value")));
    let mut reader = Reader::open(Cursor::new(file), PAGE_SIZE).unwrap();
    assert!(reader.records(b"bucke").unwrap().is_none());
    assert!(reader.records(b"bucket2").unwrap().is_none());
}

#[test]
fn values_of_all_lengths_around_the_ends_of_pages_are_whole() {
    for pages in 0..4 {
        for end in [PAGE_SIZE / 4, PAGE_SIZE / 2, PAGE_SIZE] {
            for below in 0..80 {
                let value = vec![7; (pages * PAGE_SIZE + end).saturating_sub(below)];
                check(bucket(numbered(1 + below as u64 % 6, &value)));
            }
        }
    }
}

#[test]
fn a_value_may_take_many_pages_between_small_ones() {
    let large = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>();
    let records = (0..40_u64).map(|n| {
        let value = if n % 3 == 1 { large.clone() } else { vec![n as u8; 100] };
        (n.to_be_bytes().to_vec(), value)
    });
    check(bucket(records));
}

#[test]
fn trees_of_every_small_size_are_whole() {
    for count in 0..700 {
        check(bucket(numbered(count, b"some value")));
    }
}

#[test]
fn trees_of_several_levels_are_whole() {
    check(bucket(numbered(50_000, &[1; 200])));
    for count in (0..600).step_by(7) {
        let key = |number: u16| number.to_be_bytes().repeat(500);
        check(bucket((0..count).map(|number| (key(number), vec![1; 10]))));
    }
}

#[test]
fn keys_may_be_larger_than_a_page() {
    let key = |n: u8| [vec![n; MAX_KEY_LEN - 1], vec![0]].concat();
    check(bucket((0..=255).map(|n| (key(n), vec![n]))));
}

#[test]
fn buckets_are_read_in_order_of_their_names() {
    let one = |name: &str| (name.as_bytes().to_vec(), numbered(1, name.as_bytes()));
    let file = write(&vec![one("b"), one("c"), one("a")]);
    assert_eq!(read(&file).unwrap(), vec![one("a"), one("b"), one("c")]);
}

#[test]
fn there_may_be_more_buckets_than_a_page_has_room_for() {
    check((100..900).map(|n| (format!("bucket {n}").into_bytes(), numbered(n % 50, b"12345678"))).collect());
}

#[test]
fn what_follows_the_database_is_not_its_matter() {
    let buckets = bucket(numbered(1000, b"value"));
    let file = [write(&buckets), vec![0xff; 32]].concat();
    assert_eq!(read(&file).unwrap(), buckets);
}

fn records() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let len =
        prop_oneof![8 => 0..60_usize, 3 => 60..1500_usize, 1 => 4000..4200_usize, 1 => 8000..20_000_usize];
    let value = (any::<u8>(), len).prop_map(|(byte, len)| vec![byte; len]);
    let key = prop_oneof![6 => vec(any::<u8>(), 1..40), 1 => vec(any::<u8>(), 1..3000)];
    btree_map(key, value, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_buckets_are_read_as_they_were_written(buckets in btree_map(vec(any::<u8>(), 1..30), records(), 0..5)) {
        let plain = |(name, records): (Vec<u8>, BTreeMap<_, _>)| (name, records.into_iter().collect());
        check(buckets.into_iter().map(plain).collect());
    }
}
