//! Reading a store back: the newest image, then every log. What a crash cut off of the last record is taken away and
//! reported; any other damage is an error.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mvcc::{Redo, Revision, Store};

use super::entry::{self, Entry};
use super::frame::{Found, FrameReader};
use super::head::Identity;
use super::image;
use super::journal::{self, CHUNK, Journal, Segment};
use super::name;
use super::tail::{self, SECTOR, Tail};
use crate::folder::Folder;
use crate::{Alarm, FileError};

/// A store as its files have it.
pub(crate) struct Loaded {
    pub(crate) store: Store,
    pub(crate) alarms: Vec<Alarm>,
    /// Of the image; none if there is none.
    pub(crate) image: Option<Revision>,
    pub(crate) image_bytes: u64,
    pub(crate) identity: Option<Identity>,
    pub(crate) logs: Vec<Segment>,
    /// The sequence of the next frame.
    sequence: u64,
    /// What a crash left behind the last record.
    pub(crate) torn: Option<Torn>,
    /// Files that are of no use any more.
    leftovers: Vec<String>,
}

/// The record that a crash cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) bytes: usize,
}

/// Reads all files and changes none.
pub(crate) fn load(folder: &dyn Folder) -> Result<Loaded, FileError> {
    let names = folder.list().map_err(|error| FileError::io(folder.path().to_owned(), error))?;
    let mut images: Vec<_> = names.iter().filter_map(|name| name::of_image(name)).collect();
    let mut logs: Vec<_> = names.iter().filter_map(|name| name::of_log(name)).collect();
    images.sort_unstable();
    logs.sort_unstable();
    if images.is_empty() && logs.is_empty() && names.iter().any(|name| name == name::PREHISTORIC) {
        return Err(FileError::Prehistoric { path: folder.path().join(name::PREHISTORIC) });
    }
    let mut loaded = match images.pop() {
        Some(revision) => Loaded::of_image(folder, revision)?,
        None => Loaded::empty(),
    };
    let partial = |name: &&String| [name::PARTIAL, journal::PARTIAL].contains(&name.as_str());
    loaded.leftovers = names.iter().filter(partial).cloned().collect();
    loaded.leftovers.extend(images.into_iter().map(name::image));
    let last = logs.last().copied();
    for sequence in logs {
        loaded.read_log(folder, sequence, Some(sequence) == last)?;
    }
    Ok(loaded)
}

impl Loaded {
    fn empty() -> Self {
        Self {
            store: Store::default(),
            alarms: Vec::new(),
            image: None,
            image_bytes: 0,
            identity: None,
            logs: Vec::new(),
            sequence: 0,
            torn: None,
            leftovers: Vec::new(),
        }
    }

    fn of_image(folder: &dyn Folder, revision: Revision) -> Result<Self, FileError> {
        let contents = image::read(folder, revision)?;
        let store = Store::restore_leased(revision, contents.kvs, contents.leases, Duration::ZERO);
        Ok(Self {
            store,
            alarms: contents.alarms,
            image: Some(revision),
            image_bytes: contents.bytes,
            identity: Some(contents.head.identity),
            ..Self::empty()
        })
    }

    fn read_log(&mut self, folder: &dyn Folder, sequence: u64, is_last: bool) -> Result<(), FileError> {
        let name = name::log(sequence);
        let path = folder.path().join(&name);
        let log = Log { folder, name: &name, path: &path };
        if !self.logs.is_empty() && sequence != self.sequence {
            let reason = format!("the log before it ends at record {}: a file is missing", self.sequence);
            return Err(log.damaged(0, reason));
        }
        let reserved = folder.len(&name).map_err(|error| log.access(error))?;
        if reserved == 0 || reserved % CHUNK != 0 {
            return Err(log.damaged(reserved, "the file was cut short".into()));
        }
        let input = folder.reader(&name).map_err(|error| log.access(error))?;
        let mut frames = FrameReader::new(input, Some(sequence));
        let head = image::read_head(&mut frames, &path)?;
        if *self.identity.get_or_insert(head.identity) != head.identity {
            return Err(log.damaged(0, "it belongs to another store".into()));
        }
        loop {
            let start = frames.offset;
            match frames.next().map_err(|error| log.access(error))? {
                Found::Frame => self.replay(frames.payload()).map_err(|why| log.damaged(start, why))?,
                Found::End | Found::Broken => break,
            }
        }
        self.sequence = frames.sequence.unwrap_or(sequence);
        let used = frames.offset;
        drop(frames);
        self.judge(&log, used, is_last)?;
        self.logs.push(Segment { name: name.clone(), last: self.store.revision(), used, reserved });
        Ok(())
    }

    /// Looks at what is behind the last whole record of a log.
    fn judge(&mut self, log: &Log<'_>, used: u64, is_last: bool) -> Result<(), FileError> {
        let sector = used / SECTOR * SECTOR;
        let content = log.folder.tail(log.name, sector).map_err(|error| log.access(error))?;
        let start = usize::try_from(used - sector).expect("less than a sector");
        match tail::judge(&content, start, self.sequence) {
            Tail::Unwritten => Ok(()),
            Tail::Torn { end } if is_last => {
                self.torn = Some(Torn { name: log.name.to_owned(), start: used, bytes: end - start });
                Ok(())
            }
            Tail::Torn { .. } => {
                Err(log.damaged(used, "the record is cut off, and another log follows".into()))
            }
            Tail::Damaged { reason } => Err(log.damaged(used, reason.into())),
        }
    }

    /// Does again what a frame tells.
    fn replay(&mut self, mut payload: &[u8]) -> Result<(), String> {
        while !payload.is_empty() {
            match entry::take(&mut payload).ok_or("the record is malformed")? {
                Entry::Commit { revision, changes } => self.redo(revision, changes)?,
                Entry::Compacted(revision) => {
                    // An image may be of a later revision than the compactions that are told after it.
                    if revision > self.store.compacted() && revision <= self.store.revision() {
                        self.store.compact(revision).map_err(|error| error.to_string())?;
                        // At once, so that memory holds no more than it will.
                        self.store.prune(usize::MAX);
                    }
                }
                Entry::Granted { lease, ttl } => self.store.redo_grant(lease, ttl, Duration::ZERO),
                Entry::Revoked(lease) => self.store.redo_revoke(lease),
                Entry::Raised(alarm) => {
                    self.alarms.retain(|other| *other != alarm);
                    self.alarms.push(alarm);
                }
                Entry::Disarmed(alarm) => self.alarms.retain(|other| *other != alarm),
                Entry::Version(_) | Entry::End { .. } => return Err("the record is of an image".into()),
            }
        }
        self.store.settle();
        Ok(())
    }

    /// Of what the image has already, only the commit of its own revision is still of use: for watches.
    fn redo(&mut self, revision: Revision, changes: Vec<Redo>) -> Result<(), String> {
        match self.image {
            Some(image) if revision < image => Ok(()),
            Some(image) if revision == image => self.store.remember(revision, changes),
            _ => self.store.redo(revision, changes),
        }
        .map_err(|gap| format!("{gap}: a file is missing"))
    }

    /// Repairs what a crash left and goes on with the last log. A new store gets the identity that `choose` gives.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(crate) fn resume(
        self,
        folder: Arc<dyn Folder>,
        choose: impl FnOnce() -> Identity,
    ) -> Result<(Store, Journal), FileError> {
        if let Some(torn) = &self.torn {
            let cut = folder.open(&torn.name).and_then(|file| {
                file.write(torn.start, &vec![0; torn.bytes])?;
                file.sync()
            });
            cut.map_err(|error| FileError::io(folder.path().join(&torn.name), error))?;
            tracing::warn!(
                log = %torn.name,
                offset = torn.start,
                "a write that a crash cut off was taken away; nobody was told that it was done"
            );
        }
        for name in &self.leftovers {
            folder.remove(name).map_err(|error| FileError::io(folder.path().join(name), error))?;
        }
        let identity = self.identity.unwrap_or_else(choose);
        let revision = self.store.revision();
        let journal = Journal::resume(folder, identity, self.logs, revision, self.sequence)?;
        Ok((self.store, journal))
    }
}

struct Log<'a> {
    folder: &'a dyn Folder,
    name: &'a str,
    path: &'a PathBuf,
}

impl Log<'_> {
    fn access(&self, error: std::io::Error) -> FileError {
        FileError::io(self.path.clone(), error)
    }

    fn damaged(&self, offset: u64, reason: String) -> FileError {
        FileError::Damaged { path: self.path.clone(), offset, reason }
    }
}
