//! Entries, of which the payloads of frames are made: a tag, then fields of fixed width or with their length, all
//! little-endian. A number that is negative is one of etcd's, which are signed.

use bytes::{Buf, BufMut, Bytes};
use mvcc::{Commit, Event, KeyValue, LeaseId, Redo, Revision};

use crate::Alarm;

/// What happened, or what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Commit {
        revision: Revision,
        changes: Vec<Redo>,
    },
    Compacted(Revision),
    Granted {
        lease: LeaseId,
        ttl: i64,
    },
    Revoked(LeaseId),
    Raised(Alarm),
    Disarmed(Alarm),
    /// Of an image alone: a key as it was at the image's revision.
    Version(KeyValue),
    /// Of an image alone: nothing follows.
    End {
        versions: u64,
    },
}

mod tag {
    pub(super) const COMMIT: u8 = 1;
    pub(super) const COMPACTED: u8 = 2;
    pub(super) const GRANTED: u8 = 3;
    pub(super) const REVOKED: u8 = 4;
    pub(super) const RAISED: u8 = 5;
    pub(super) const DISARMED: u8 = 6;
    pub(super) const VERSION: u8 = 7;
    pub(super) const END: u8 = 8;
    pub(super) const PUT: u8 = 16;
    pub(super) const DELETE: u8 = 17;
}

pub(crate) fn put_commit(commit: &Commit, out: &mut Vec<u8>) {
    out.put_u8(tag::COMMIT);
    out.put_i64_le(commit.revision.0);
    out.put_u32_le(length(commit.events.len()));
    for event in &commit.events {
        match event {
            Event::Put { kv, .. } => {
                out.put_u8(tag::PUT);
                put_version(kv, out);
            }
            Event::Delete(deletion) => {
                out.put_u8(tag::DELETE);
                put_bytes(&deletion.key, out);
            }
        }
    }
}

pub(crate) fn put_version_entry(kv: &KeyValue, out: &mut Vec<u8>) {
    out.put_u8(tag::VERSION);
    put_version(kv, out);
}

/// Entries without keys.
pub(crate) fn put(entry: &Entry, out: &mut Vec<u8>) {
    match entry {
        Entry::Compacted(Revision(revision)) => put_numbers(tag::COMPACTED, &[*revision], out),
        Entry::Granted { lease, ttl } => put_numbers(tag::GRANTED, &[lease.0, *ttl], out),
        Entry::Revoked(LeaseId(lease)) => put_numbers(tag::REVOKED, &[*lease], out),
        Entry::Raised(alarm) => put_numbers(tag::RAISED, &[alarm.number()], out),
        Entry::Disarmed(alarm) => put_numbers(tag::DISARMED, &[alarm.number()], out),
        Entry::End { versions } => put_numbers(tag::END, &[versions.cast_signed()], out),
        Entry::Commit { revision, changes } => {
            out.put_u8(tag::COMMIT);
            out.put_i64_le(revision.0);
            out.put_u32_le(length(changes.len()));
            changes.iter().for_each(|change| put_change(change, out));
        }
        Entry::Version(kv) => put_version_entry(kv, out),
    }
}

fn put_change(change: &Redo, out: &mut Vec<u8>) {
    match change {
        Redo::Put(kv) => {
            out.put_u8(tag::PUT);
            put_version(kv, out);
        }
        Redo::Delete(key) => {
            out.put_u8(tag::DELETE);
            put_bytes(key, out);
        }
    }
}

fn put_numbers(tag: u8, numbers: &[i64], out: &mut Vec<u8>) {
    out.put_u8(tag);
    numbers.iter().for_each(|number| out.put_i64_le(*number));
}

fn put_version(kv: &KeyValue, out: &mut Vec<u8>) {
    put_bytes(&kv.key, out);
    put_bytes(&kv.value, out);
    for number in [kv.create_revision.0, kv.mod_revision.0, kv.version, kv.lease.0] {
        out.put_i64_le(number);
    }
    out.put_u32_le(kv.sub);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.put_u32_le(length(bytes.len()));
    out.put_slice(bytes);
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("whatever is in a frame is within its limit")
}

/// The next entry of a payload; `None` for one that is malformed.
pub(crate) fn take(input: &mut &[u8]) -> Option<Entry> {
    Some(match input.try_get_u8().ok()? {
        tag::COMMIT => {
            let revision = Revision(number(input)?);
            let count = input.try_get_u32_le().ok()?;
            Entry::Commit {
                revision,
                changes: (0..count).map(|_| take_change(input)).collect::<Option<_>>()?,
            }
        }
        tag::COMPACTED => Entry::Compacted(Revision(number(input)?)),
        tag::GRANTED => Entry::Granted { lease: LeaseId(number(input)?), ttl: number(input)? },
        tag::REVOKED => Entry::Revoked(LeaseId(number(input)?)),
        tag::RAISED => Entry::Raised(Alarm::of_number(number(input)?)?),
        tag::DISARMED => Entry::Disarmed(Alarm::of_number(number(input)?)?),
        tag::VERSION => Entry::Version(take_version(input)?),
        tag::END => Entry::End { versions: number(input)?.cast_unsigned() },
        _ => return None,
    })
}

fn take_change(input: &mut &[u8]) -> Option<Redo> {
    match input.try_get_u8().ok()? {
        tag::PUT => take_version(input).map(Redo::Put),
        tag::DELETE => take_bytes(input).map(Redo::Delete),
        _ => None,
    }
}

fn take_version(input: &mut &[u8]) -> Option<KeyValue> {
    Some(KeyValue {
        key: take_bytes(input)?,
        value: take_bytes(input)?,
        create_revision: Revision(number(input)?),
        mod_revision: Revision(number(input)?),
        version: number(input)?,
        lease: LeaseId(number(input)?),
        sub: input.try_get_u32_le().ok()?,
    })
}

/// Copied, so that a value does not keep a whole frame in memory.
fn take_bytes(input: &mut &[u8]) -> Option<Bytes> {
    let length = input.try_get_u32_le().ok()? as usize;
    let (bytes, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(Bytes::copy_from_slice(bytes))
}

fn number(input: &mut &[u8]) -> Option<i64> {
    input.try_get_i64_le().ok()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn version() -> impl Strategy<Value = KeyValue> {
        let bytes = || vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        let numbers = any::<(i64, i64, i64, i64, u32)>();
        (bytes(), bytes(), numbers).prop_map(|(key, value, (created, modified, version, lease, sub))| {
            KeyValue {
                key,
                value,
                create_revision: Revision(created),
                mod_revision: Revision(modified),
                version,
                lease: LeaseId(lease),
                sub,
            }
        })
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let change = prop_oneof![
            version().prop_map(Redo::Put),
            vec(any::<u8>(), 0..20).prop_map(|key| Redo::Delete(key.into())),
        ];
        prop_oneof![
            (any::<i64>(), vec(change, 0..4))
                .prop_map(|(revision, changes)| Entry::Commit { revision: Revision(revision), changes }),
            any::<i64>().prop_map(|revision| Entry::Compacted(Revision(revision))),
            any::<(i64, i64)>().prop_map(|(lease, ttl)| Entry::Granted { lease: LeaseId(lease), ttl }),
            any::<i64>().prop_map(|lease| Entry::Revoked(LeaseId(lease))),
            Just(Entry::Raised(Alarm::NoSpace)),
            Just(Entry::Disarmed(Alarm::Corrupt)),
            version().prop_map(Entry::Version),
            any::<u64>().prop_map(|versions| Entry::End { versions }),
        ]
    }

    proptest! {
        #[test]
        fn entries_read_back_as_they_were_written(entries in vec(entry(), 0..5)) {
            let mut payload = Vec::new();
            entries.iter().for_each(|entry| put(entry, &mut payload));
            let mut input = &payload[..];
            let read: Vec<_> = std::iter::from_fn(|| (!input.is_empty()).then(|| take(&mut input))).collect();
            prop_assert_eq!(read, entries.into_iter().map(Some).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
            let mut input = &bytes[..];
            while !input.is_empty() && take(&mut input).is_some() {}
        }
    }
}
