//! How a version of a key is written to disk: four little-endian 64-bit numbers, then the value.

use bytes::Bytes;
use mvcc::{KeyValue, LeaseId, Revision};

const HEADER: usize = 32;

pub(crate) fn encoded_len(kv: &KeyValue) -> usize {
    HEADER + kv.value.len()
}

/// `out` is exactly `encoded_len` long.
pub(crate) fn encode(kv: &KeyValue, out: &mut [u8]) {
    let (header, value) = out.split_at_mut(HEADER);
    let numbers = [kv.create_revision.0, kv.mod_revision.0, kv.version, kv.lease.0];
    for (field, number) in header.chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_le_bytes());
    }
    value.copy_from_slice(&kv.value);
}

/// `None` for a record that `encode` did not write.
pub(crate) fn decode(key: &[u8], record: &[u8]) -> Option<KeyValue> {
    let (header, value) = record.split_at_checked(HEADER)?;
    let mut numbers = header.chunks_exact(8).map(|field| field.try_into().map(i64::from_le_bytes));
    let mut next = || numbers.next()?.ok();
    Some(KeyValue {
        key: Bytes::copy_from_slice(key),
        create_revision: Revision(next()?),
        mod_revision: Revision(next()?),
        version: next()?,
        lease: LeaseId(next()?),
        value: Bytes::copy_from_slice(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let kv = KeyValue {
            key: "/registry/a".into(),
            value: "{}".into(),
            create_revision: Revision(2),
            mod_revision: Revision(i64::MAX),
            version: 3,
            lease: LeaseId(-4),
        };
        let mut record = vec![0; encoded_len(&kv)];
        encode(&kv, &mut record);
        assert_eq!(decode(&kv.key, &record), Some(kv));
    }

    #[test]
    fn a_record_without_a_whole_header_is_refused() {
        assert_eq!(decode(b"key", &[0; HEADER - 1]), None);
    }
}
