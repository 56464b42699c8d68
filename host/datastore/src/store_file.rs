//! The file of the store: one redb table of the present keys and one of facts about the file. History is not written;
//! after a start it begins anew.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use mvcc::{Commit, Event, KeyValue, Revision, Store};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use thiserror::Error;

use crate::record;

/// Key to version record.
const KEYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("keys");
const FACTS: TableDefinition<'_, &str, i64> = TableDefinition::new("facts");
/// Who wrote the file last, for the error of an older release that cannot read it.
const WRITER: TableDefinition<'_, (), &str> = TableDefinition::new("writer");

const FORMAT: &str = "format";
const REVISION: &str = "revision";

/// What this release writes, and the newest that it reads.
const CURRENT_FORMAT: i64 = 1;
const THIS_RELEASE: &str = concat!("mk8s-host ", env!("CARGO_PKG_VERSION"));

/// Values are held in memory, so redb only caches the branches that the next commit changes.
const CACHE_BYTES: usize = 4 << 20;

/// What is to be on disk of a key: its version, or nothing.
pub(crate) type Changes = BTreeMap<Bytes, Option<Arc<KeyValue>>>;

pub(crate) struct StoreFile {
    database: Database,
}

#[derive(Debug, Error)]
pub enum FileError {
    #[error("the disk of {} is full; free some space", path.display())]
    Full { path: PathBuf, source: io::Error },
    #[error("{} cannot be written: {source}; it must belong to the user who runs this and not be read-only", path.display())]
    Denied { path: PathBuf, source: io::Error },
    #[error("{} has format {found}, written by {writer}; this is {THIS_RELEASE}, which reads up to {CURRENT_FORMAT}", path.display())]
    Newer { path: PathBuf, found: i64, writer: String },
    #[error("{} is not a whole store: {reason}; restore it from a snapshot", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("access {}: {source}", path.display())]
    Storage { path: PathBuf, source: redb::Error },
}

impl FileError {
    /// Whether it is worth to try again without repairing anything. What a failed flush left in memory is not known to
    /// be on disk ever after, so that is not.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    pub(crate) fn new(path: &Path, error: impl Into<redb::Error>) -> Self {
        let path = path.to_owned();
        match error.into() {
            redb::Error::Io(source) => Self::io(path, source),
            redb::Error::Corrupted(reason) => Self::Damaged { path, reason },
            source => Self::Storage { path, source },
        }
    }

    pub(crate) fn io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path, source }
            }
            _ => Self::Storage { path, source: redb::Error::Io(source) },
        }
    }
}

impl fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFile").finish_non_exhaustive()
    }
}

impl StoreFile {
    /// Opens the file, makes it if need be, and repairs what a crash left of it.
    pub(crate) fn new(backend: impl StorageBackend) -> Result<Self, redb::Error> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        Ok(Self { database })
    }

    /// All keys at the revision they were last written at. A new file is given its format.
    pub(crate) fn load(&self, path: &Path) -> Result<Store, FileError> {
        let fail = |error: redb::Error| FileError::new(path, error);
        let Some((format, writer)) = self.format().map_err(fail)? else {
            self.commit(Revision::INITIAL, &Changes::new()).map_err(fail)?;
            return Ok(Store::default());
        };
        if format > CURRENT_FORMAT {
            return Err(FileError::Newer { path: path.to_owned(), found: format, writer });
        }
        let damaged = |reason: String| FileError::Damaged { path: path.to_owned(), reason };
        let (revision, records) = self.records().map_err(fail)?;
        let revision = revision.ok_or_else(|| damaged("it lacks its revision".into()))?;
        let kvs = records.into_iter().map(|(key, kv)| {
            kv.filter(|kv| kv.mod_revision <= revision).ok_or_else(|| {
                damaged(format!("the record of key {} is malformed", String::from_utf8_lossy(&key)))
            })
        });
        Ok(Store::restore(revision, kvs.collect::<Result<Vec<_>, _>>()?))
    }

    fn format(&self) -> Result<Option<(i64, String)>, redb::Error> {
        let read = self.database.begin_read()?;
        let facts = match read.open_table(FACTS) {
            Ok(facts) => facts,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(format) = facts.get(FORMAT)? else { return Ok(None) };
        let writer = match read.open_table(WRITER) {
            Ok(writer) => writer.get(())?.map(|name| name.value().to_owned()),
            Err(_) => None,
        };
        Ok(Some((format.value(), writer.unwrap_or_else(|| "an unknown release".into()))))
    }

    #[expect(clippy::type_complexity, reason = "an intermediate of `load` alone")]
    fn records(&self) -> Result<(Option<Revision>, Vec<(Bytes, Option<KeyValue>)>), redb::Error> {
        let read = self.database.begin_read()?;
        let revision = read.open_table(FACTS)?.get(REVISION)?.map(|revision| Revision(revision.value()));
        let mut records = Vec::new();
        for entry in read.open_table(KEYS)?.iter()? {
            let (key, value) = entry?;
            records.push((Bytes::copy_from_slice(key.value()), record::decode(key.value(), value.value())));
        }
        Ok((revision, records))
    }

    /// Writes all changes at once; they are on disk when this returns.
    pub(crate) fn commit(&self, revision: Revision, changes: &Changes) -> Result<(), redb::Error> {
        let mut write = self.database.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        {
            let mut keys = write.open_table(KEYS)?;
            for (key, change) in changes {
                match change {
                    Some(kv) => {
                        record::encode(kv, keys.insert_reserve(&key[..], record::encoded_len(kv))?.as_mut())
                    }
                    None => drop(keys.remove(&key[..])?),
                }
            }
            let mut facts = write.open_table(FACTS)?;
            facts.insert(REVISION, revision.0)?;
            if changes.is_empty() {
                facts.insert(FORMAT, CURRENT_FORMAT)?;
                write.open_table(WRITER)?.insert((), THIS_RELEASE)?;
            }
        }
        write.commit()?;
        Ok(())
    }
}

/// The file and how to open it again: redb refuses everything after an error of the disk.
pub(crate) struct Volume {
    path: PathBuf,
    open: Opener,
    file: Option<StoreFile>,
}

pub(crate) type Opener = Box<dyn Fn() -> Result<StoreFile, redb::Error> + Send>;

impl Volume {
    pub(crate) fn open(path: PathBuf, open: Opener) -> Result<(Self, Store), FileError> {
        let file = open().map_err(|error| FileError::new(&path, error))?;
        let store = file.load(&path)?;
        Ok((Self { path, open, file: Some(file) }, store))
    }

    /// After an error it is unknown which of the changes are on disk.
    pub(crate) fn commit(&mut self, revision: Revision, changes: &Changes) -> Result<(), FileError> {
        let result = self.reopened().and_then(|file| file.commit(revision, changes));
        result.map_err(|error| {
            self.file = None;
            FileError::new(&self.path, error)
        })
    }

    fn reopened(&mut self) -> Result<&StoreFile, redb::Error> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => Ok(closed.insert((self.open)()?)),
        }
    }
}

/// Adds what a commit changed; a later one replaces an earlier one.
pub(crate) fn collect(changes: &mut Changes, commit: &Commit) {
    for event in &commit.events {
        let kv = match event {
            Event::Put { kv, .. } => Some(Arc::clone(kv)),
            Event::Delete { .. } => None,
        };
        changes.insert(event.key().clone(), kv);
    }
}
