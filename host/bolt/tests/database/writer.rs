//! What the writer refuses, and what becomes of a file that is not finished.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use bolt::{MAX_KEY_LEN, MAX_VALUE_LEN, ReadError, Reader, WriteError, Writer};

use crate::fixture::{PAGE_SIZE, bucket, numbered, read};

fn writer() -> Writer<Cursor<Vec<u8>>> {
    let mut writer = Writer::new(Cursor::new(Vec::new())).expect("a file in memory");
    writer.open_bucket(b"bucket").expect("the first bucket");
    writer
}

#[test]
fn keys_must_ascend() {
    let mut writer = writer();
    writer.put(b"b", b"1").unwrap();
    for key in [b"b", b"a"] {
        assert!(matches!(writer.put(key, b"2"), Err(WriteError::KeyOrder { .. })));
    }
    writer.put(b"ba", b"3").unwrap();
}

#[test]
fn each_bucket_has_an_order_of_its_own() {
    let mut writer = writer();
    writer.put(b"b", b"").unwrap();
    writer.open_bucket(b"other").unwrap();
    writer.put(b"a", b"").unwrap();
}

#[test]
fn empty_keys_and_names_are_refused() {
    let mut writer = writer();
    assert!(matches!(writer.put(b"", b"value"), Err(WriteError::EmptyKey)));
    assert!(matches!(writer.open_bucket(b""), Err(WriteError::EmptyKey)));
}

#[test]
fn what_is_too_long_for_bbolt_is_refused() {
    let mut writer = writer();
    let key = vec![1; MAX_KEY_LEN + 1];
    assert!(matches!(writer.put(&key, b""), Err(WriteError::LongKey { len }) if len == key.len()));
    let value = vec![0; MAX_VALUE_LEN + 1];
    assert!(matches!(writer.put(b"a", &value), Err(WriteError::LongValue { len }) if len == value.len()));
}

#[test]
fn a_bucket_is_opened_once() {
    let mut writer = writer();
    writer.open_bucket(b"other").unwrap();
    assert!(matches!(writer.open_bucket(b"other"), Err(WriteError::BucketExists { .. })));
    assert!(matches!(writer.open_bucket(b"bucket"), Err(WriteError::BucketExists { .. })));
}

#[test]
fn records_need_a_bucket() {
    let mut writer = Writer::new(Cursor::new(Vec::new())).unwrap();
    assert!(matches!(writer.put(b"key", b"value"), Err(WriteError::NoBucket)));
}

#[test]
fn a_refused_record_leaves_the_database_as_it_was() {
    let mut writer = writer();
    writer.put(&0_u64.to_be_bytes(), b"value").unwrap();
    writer.put(b"", b"value").unwrap_err();
    writer.put(&0_u64.to_be_bytes(), b"value").unwrap_err();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(read(&file).unwrap(), bucket(numbered(1, b"value")));
}

/// A file that takes so many bytes, and no write that goes beyond.
#[derive(Debug)]
struct Full {
    file: Cursor<Vec<u8>>,
    left: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_page_that_could_not_be_written_is_named_and_ends_the_database() {
    let file = Full { file: Cursor::new(Vec::new()), left: 5 * PAGE_SIZE };
    let mut writer = Writer::new(file).unwrap();
    writer.open_bucket(b"bucket").unwrap();
    let mut records = numbered(10, &[0; 3000]).into_iter();
    let failed = records.find_map(|(key, value)| writer.put(&key, &value).err());
    assert!(matches!(failed, Some(WriteError::Page { page, .. }) if page.0 == 5), "{failed:?}");
    assert!(matches!(writer.finish(), Err(WriteError::Broken)));
}

#[test]
fn a_file_that_was_not_finished_is_no_database() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut file).unwrap();
    writer.open_bucket(b"bucket").unwrap();
    for (key, value) in numbered(100, &[1; 500]) {
        writer.put(&key, &value).unwrap();
    }
    drop(writer);
    assert!(file.get_ref().len() > 10 * PAGE_SIZE);
    assert!(matches!(Reader::open(file, PAGE_SIZE), Err(ReadError::Meta { .. })));
}
