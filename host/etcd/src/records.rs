//! The records of a store as etcd keeps them in its bucket `key`: one for each version of a key and for each deletion.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use datastore::{Event, Export, KeyValue, LeaseId, Revision};
use prost::Message;

use crate::wire::mvccpb;

/// The name of the bucket.
pub(crate) const BUCKET: &[u8] = b"key";
/// Ends the key of a deletion's record.
const TOMBSTONE: u8 = b't';

/// A version of a key, or its deletion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) revision: Revision,
    /// The place among the records of the revision.
    sub: u64,
    what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Version(&'a KeyValue),
    Deletion(&'a Bytes),
}

impl Record<'_> {
    /// The record's own key, by which the bucket is ordered.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = revision_key(self.revision, self.sub).to_vec();
        if let What::Deletion(_) = self.what {
            key.push(TOMBSTONE);
        }
        key
    }

    pub(crate) fn value(&self) -> Vec<u8> {
        let kv = match self.what {
            What::Version(kv) => key_value(kv),
            What::Deletion(key) => mvccpb::KeyValue { key: key.clone(), ..Default::default() },
        };
        kv.encode_to_vec()
    }
}

/// A version as etcd writes it.
pub(crate) fn key_value(kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.clone(),
        create_revision: kv.create_revision.0,
        mod_revision: kv.mod_revision.0,
        version: kv.version,
        value: kv.value.clone(),
        lease: kv.lease.0,
    }
}

/// A version as etcd wrote it, which does not tell its own place among the writes of its revision.
pub(crate) fn version(kv: mvccpb::KeyValue, sub: u32) -> KeyValue {
    KeyValue {
        key: kv.key,
        value: kv.value,
        create_revision: Revision(kv.create_revision),
        mod_revision: Revision(kv.mod_revision),
        version: kv.version,
        lease: LeaseId(kv.lease),
        sub,
    }
}

/// Eight bytes of the revision, `_`, eight bytes of the place within it.
pub(crate) fn revision_key(revision: Revision, sub: u64) -> [u8; 17] {
    let mut key = [b'_'; 17];
    key[..8].copy_from_slice(&revision.0.to_be_bytes());
    key[9..].copy_from_slice(&sub.to_be_bytes());
    key
}

/// Every record of a store, in the order of the bucket.
pub(crate) fn records(export: &Export) -> impl Iterator<Item = Record<'_>> {
    let mut versions: Vec<_> = export.kvs.iter().collect();
    versions.sort_unstable_by_key(|kv| (kv.mod_revision, kv.sub));
    let old = versions.into_iter().map(|kv| Record {
        revision: kv.mod_revision,
        sub: kv.sub.into(),
        what: What::Version(kv),
    });
    let new = export.commits.iter().flat_map(|commit| {
        commit.events.iter().zip(0..).map(|(event, sub)| Record {
            revision: commit.revision,
            sub,
            what: match event {
                Event::Put { kv, .. } => What::Version(kv),
                Event::Delete(deletion) => What::Deletion(&deletion.key),
            },
        })
    });
    old.chain(new)
}

/// CRC-32C of all records.
pub(crate) fn hash(export: &Export) -> u32 {
    checksum(records(export))
}

/// CRC-32C, as of a revision, of what etcd would keep when it compacted to it: members of one cluster compare it, wherever
/// each is with its own compaction.
pub(crate) fn hash_as_of(export: &Export, revision: Revision) -> u32 {
    let mut last = HashMap::new();
    for event in export.commits.iter().flat_map(|commit| &commit.events) {
        if event.revision() <= revision {
            last.insert(event.key(), event.kv().is_some());
        }
    }
    let superseded: HashSet<&Bytes> =
        export.kvs.iter().map(|kv| &kv.key).filter(|key| last.contains_key(key)).collect();
    let any_left = superseded.len() < export.kvs.len() || last.values().any(|exists| *exists);
    checksum(records(export).filter(|record| {
        let kept = match record.what {
            // etcd looks for what is left only where something is.
            What::Version(kv) if record.revision <= export.compacted => {
                !any_left || !superseded.contains(&kv.key)
            }
            _ => true,
        };
        record.revision <= revision && kept
    }))
}

fn checksum<'a>(records: impl Iterator<Item = Record<'a>>) -> u32 {
    records.fold(crc32c::crc32c(BUCKET), |sum, record| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, &record.key()), &record.value())
    })
}
