//! A store of the file that etcd's tools take for a snapshot: every revision and every lease that is in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bolt::{ReadError, Reader};
use bytes::Bytes;
use datastore::{Alarm, Import, KeyValue, LeaseId, Redo, Revision};
use prost::Message;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::records::version;
use crate::snapshot::Lease;
use crate::wire::{etcdserverpb, mvccpb};

/// A database of bbolt is a multiple of this long; what comes after it is the checksum.
const SECTOR: u64 = 512;
const CHECKSUM: usize = 32;
/// No value is larger.
const VALUE: usize = 512 << 20;

/// Why a file is no snapshot that can be taken.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error("read {}: {source}", path.display())]
    Access { path: PathBuf, source: io::Error },
    #[error("{} does not match the checksum that it ends with: it was damaged or cut short on its way", path.display())]
    Checksum { path: PathBuf },
    #[error("{} is no database of etcd: {source}", path.display())]
    Database { path: PathBuf, source: ReadError },
    #[error("{} is no database of etcd: it has no bucket `key`", path.display())]
    NoKeys { path: PathBuf },
    #[error("{} has a record in its bucket `{bucket}` that is not etcd's", path.display())]
    Record { path: PathBuf, bucket: &'static str },
    #[error("{} lacks revision {missing}, though it was compacted to {compacted} only", path.display())]
    Gap { path: PathBuf, missing: Revision, compacted: Revision },
}

/// Reads a snapshot. One with a checksum behind it, as it comes over the wire or from `etcdctl snapshot save`, is checked
/// against it; the file `db` of a stopped etcd has none.
///
/// # Errors
/// When it is not whole.
pub fn import(path: &Path) -> Result<Import, ImportError> {
    let access = |source| ImportError::Access { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(access)?;
    if !has_sound_checksum(&mut file).map_err(access)? {
        return Err(ImportError::Checksum { path: path.to_owned() });
    }
    file.rewind().map_err(access)?;
    let database = |source| ImportError::Database { path: path.to_owned(), source };
    let mut database = Database { path, reader: Reader::open(file, VALUE).map_err(database)? };
    let compacted = database.compacted()?;
    let mut import = Import { compacted, ..Import::default() };
    database.read_keys(&mut import)?;
    database.read_leases(&mut import)?;
    database.read_alarms(&mut import)?;
    Ok(import)
}

/// True also where there is none.
fn has_sound_checksum(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length % SECTOR != CHECKSUM as u64 {
        return Ok(true);
    }
    let mut content = file.take(length - CHECKSUM as u64);
    let mut hash = Sha256::new();
    io::copy(&mut content, &mut hash)?;
    let mut checksum = [0; CHECKSUM];
    file.seek(SeekFrom::Start(length - CHECKSUM as u64))?;
    file.read_exact(&mut checksum)?;
    Ok(hash.finalize()[..] == checksum)
}

struct Database<'a> {
    path: &'a Path,
    reader: Reader<File>,
}

impl Database<'_> {
    /// The records of a bucket in their order; whether there is such a bucket.
    fn each(
        &mut self,
        bucket: &'static str,
        mut take: impl FnMut(&[u8], Vec<u8>) -> Option<()>,
    ) -> Result<bool, ImportError> {
        let path = self.path;
        let database = |source| ImportError::Database { path: path.to_owned(), source };
        let Some(records) = self.reader.records(bucket.as_bytes()).map_err(database)? else {
            return Ok(false);
        };
        for record in records {
            let record = record.map_err(database)?;
            let malformed = || ImportError::Record { path: path.to_owned(), bucket };
            take(&record.key, record.value).ok_or_else(malformed)?;
        }
        Ok(true)
    }

    /// What etcd had compacted to, or was about to.
    fn compacted(&mut self) -> Result<Option<Revision>, ImportError> {
        let mut compacted = None;
        self.each("meta", |key, value| {
            if [&b"finishedCompactRev"[..], b"scheduledCompactRev"].contains(&key) {
                compacted = compacted.max(Some(record_key(&value)?.revision));
            }
            Some(())
        })?;
        Ok(compacted.filter(|revision| *revision > Revision::NEVER))
    }

    fn read_keys(&mut self, import: &mut Import) -> Result<(), ImportError> {
        let compacted = import.compacted.unwrap_or(Revision::NEVER);
        let mut base: BTreeMap<Bytes, KeyValue> = BTreeMap::new();
        let commits = &mut import.commits;
        let found = self.each("key", |key, value| {
            let key = record_key(key)?;
            let kv = mvccpb::KeyValue::decode(&value[..]).ok()?;
            if kv.key.is_empty() && !key.tombstone {
                return None;
            }
            let change = if key.tombstone { Redo::Delete(kv.key) } else { Redo::Put(version(kv, key.sub)) };
            if key.revision <= compacted {
                match change {
                    Redo::Put(kv) => drop(base.insert(kv.key.clone(), kv)),
                    Redo::Delete(key) => drop(base.remove(&key)),
                }
                return Some(());
            }
            match commits.last_mut() {
                Some((revision, changes)) if *revision == key.revision => changes.push(change),
                _ => commits.push((key.revision, vec![change])),
            }
            Some(())
        })?;
        if !found {
            return Err(ImportError::NoKeys { path: self.path.to_owned() });
        }
        import.kvs = base.into_values().collect();
        let mut expected = import.compacted.unwrap_or(Revision::INITIAL).next();
        for (revision, _) in &import.commits {
            if *revision != expected {
                return Err(ImportError::Gap { path: self.path.to_owned(), missing: expected, compacted });
            }
            expected = revision.next();
        }
        Ok(())
    }

    fn read_leases(&mut self, import: &mut Import) -> Result<(), ImportError> {
        self.each("lease", |_, value| {
            let lease = Lease::decode(&value[..]).ok()?;
            import.leases.push((LeaseId(lease.id), lease.ttl));
            Some(())
        })
        .map(drop)
    }

    fn read_alarms(&mut self, import: &mut Import) -> Result<(), ImportError> {
        self.each("alarm", |key, _| {
            let member = etcdserverpb::AlarmMember::decode(key).ok()?;
            import.alarms.extend(Alarm::of_number(member.alarm.into()));
            Some(())
        })
        .map(drop)
    }
}

/// The key of a record of the bucket `key`.
struct RecordKey {
    revision: Revision,
    sub: u32,
    tombstone: bool,
}

fn record_key(key: &[u8]) -> Option<RecordKey> {
    let (main, rest) = key.split_first_chunk::<8>()?;
    let (sub, rest) = rest.strip_prefix(b"_")?.split_first_chunk::<8>()?;
    let tombstone = match rest {
        b"" => false,
        b"t" => true,
        _ => return None,
    };
    let revision = Revision(i64::from_be_bytes(*main));
    Some(RecordKey { revision, sub: i64::from_be_bytes(*sub).try_into().ok()?, tombstone })
}
