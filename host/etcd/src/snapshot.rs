//! A store as the file that etcd's own tools take for a snapshot: a bbolt database with etcd's buckets. What its tools
//! want after it, the SHA-256 of the file, comes with it where it is sent or saved.

use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use bolt::{WriteError, Writer};
use datastore::{Export, Identity, Revision};
use prost::Message;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::records::{self, records, revision_key};
use crate::wire::etcdserverpb::AlarmMember;

/// Raft's term in what is made here: that of the first leader of a cluster of one.
pub(crate) const TERM: u64 = 2;
/// The schema of the buckets.
pub(crate) const STORAGE_VERSION: &str = "3.6.0";
/// What etcd expects to be there, and a cluster of one without users leaves empty; its tools make the members anew.
const EMPTY_BUCKETS: &[&str] = &["auth", "authRoles", "authUsers", "cluster", "members", "members_removed"];

/// `leasepb.Lease`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Lease {
    #[prost(int64, tag = "1")]
    pub(crate) id: i64,
    #[prost(int64, tag = "2")]
    pub(crate) ttl: i64,
}

/// Why a snapshot was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    #[error("write {}: {source}", path.display())]
    Access { path: PathBuf, source: io::Error },
    #[error("write {}: {source}", path.display())]
    Database { path: PathBuf, source: WriteError },
}

/// Writes a snapshot with its checksum behind it, as `etcdctl snapshot save` does, and gives its bytes. A file of that
/// name is replaced when all of it is on disk.
///
/// # Errors
/// When the file cannot be written; nothing is left of it then.
pub fn save(export: &Export, identity: Identity, path: &Path) -> Result<u64, SaveError> {
    let access = |source| SaveError::Access { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = NamedTempFile::new_in(folder).map_err(access)?;
    let database = |source| SaveError::Database { path: path.to_owned(), source };
    let written = write(export, identity, BufWriter::new(file)).map_err(database)?;
    let mut file = written.into_inner().map_err(|why| access(why.into_error()))?;
    let finished = (|| {
        file.rewind()?;
        let mut hash = Sha256::new();
        let bytes = io::copy(file.as_file_mut(), &mut hash)?;
        let checksum = hash.finalize();
        file.write_all(&checksum)?;
        file.as_file().sync_all()?;
        Ok(bytes + checksum.len() as u64)
    })();
    let bytes = finished.map_err(access)?;
    file.persist(path).map_err(|why| access(why.error))?;
    Ok(bytes)
}

/// Writes everything that can be read at the moment of the export, and gives the file back, with nothing after the
/// database. Every revision and every lease is kept.
///
/// # Errors
/// When the file does not take it.
pub fn write<W: Write + Seek>(export: &Export, identity: Identity, file: W) -> Result<W, WriteError> {
    let mut database = Writer::new(file)?;
    for bucket in EMPTY_BUCKETS {
        database.open_bucket(bucket.as_bytes())?;
    }
    database.open_bucket(b"alarm")?;
    for alarm in &export.alarms {
        database.put(&alarm_key(identity, alarm.number()), &[])?;
    }
    database.open_bucket(b"lease")?;
    let mut leases: Vec<_> = export.leases.iter().map(|(id, ttl)| (id.0.to_be_bytes(), id.0, *ttl)).collect();
    leases.sort_unstable();
    for (key, id, ttl) in leases {
        database.put(&key, &Lease { id, ttl }.encode_to_vec())?;
    }
    database.open_bucket(records::BUCKET)?;
    let mut last = Revision::INITIAL;
    for record in records(export) {
        database.put(&record.key(), &record.value())?;
        last = record.revision;
    }
    write_meta(export, last, &mut database)?;
    database.finish()
}

/// `last` is the revision of the last record, from which etcd concludes the store's where it is not compacted to more.
fn write_meta<W: Write + Seek>(
    export: &Export,
    last: Revision,
    database: &mut Writer<W>,
) -> Result<(), WriteError> {
    database.open_bucket(b"meta")?;
    // Every revision stands for the entry of raft's log that made it.
    database.put(b"consistent_index", &export.revision.0.to_be_bytes())?;
    let compacted = if last < export.revision { export.revision } else { export.compacted };
    if compacted > Revision::NEVER {
        let key = revision_key(compacted, 0);
        database.put(b"finishedCompactRev", &key)?;
        database.put(b"scheduledCompactRev", &key)?;
    }
    database.put(b"storageVersion", STORAGE_VERSION.as_bytes())?;
    database.put(b"term", &TERM.to_be_bytes())
}

fn alarm_key(identity: Identity, alarm: i64) -> Vec<u8> {
    AlarmMember { member_id: identity.member, alarm: i32::try_from(alarm).unwrap_or_default() }
        .encode_to_vec()
}
