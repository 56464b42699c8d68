//! Databases as plain data, written and read in one go.

use std::io::Cursor;

use bolt::{MAX_VALUE_LEN, ReadError, Reader, Record, Writer};

pub(crate) const PAGE_SIZE: usize = 4096;

pub(crate) type Buckets = Vec<(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>)>;

/// A database of one bucket.
pub(crate) fn bucket(records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Buckets {
    vec![(b"bucket".to_vec(), records.into_iter().collect())]
}

/// So many records with keys of 8 bytes.
pub(crate) fn numbered(count: u64, value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..count).map(|number| (number.to_be_bytes().to_vec(), value.to_vec())).collect()
}

pub(crate) fn write(buckets: &Buckets) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new())).expect("a file in memory");
    for (name, records) in buckets {
        writer.open_bucket(name).expect("another bucket");
        for (key, value) in records {
            writer.put(key, value).expect("a greater key");
        }
    }
    writer.finish().expect("a file in memory").into_inner()
}

pub(crate) fn read(file: &[u8]) -> Result<Buckets, ReadError> {
    let mut reader = Reader::open(Cursor::new(file), MAX_VALUE_LEN)?;
    let names = reader.buckets().collect::<Result<Vec<_>, _>>()?;
    let mut buckets = Buckets::new();
    for name in names {
        let records = reader.records(&name)?.expect("a bucket that is listed");
        let records = records.map(|record| record.map(|Record { key, value }| (key, value)));
        let records = records.collect::<Result<_, _>>()?;
        buckets.push((name, records));
    }
    Ok(buckets)
}
