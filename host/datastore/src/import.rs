//! Making a store's files of what another store held.

use std::path::Path;
use std::sync::Arc;

use mvcc::{KeyValue, LeaseId, Redo, Revision};

use crate::file::entry::{self, Entry};
use crate::file::frame::FrameBuffer;
use crate::file::image::Image;
use crate::file::journal::Journal;
use crate::folder::{Directory, Folder};
use crate::task::some_identity;
use crate::{Alarm, FileError, Identity};

/// Bytes of a frame, about.
const FRAME: usize = 1 << 20;

/// A whole store: as it was at one revision, and what happened since.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The oldest revision that can be read; none where nothing was ever compacted, and there are no `kvs` then.
    pub compacted: Option<Revision>,
    /// Every key as of that revision, each once.
    pub kvs: Vec<KeyValue>,
    /// What happened since, one revision after the other without a gap.
    pub commits: Vec<(Revision, Vec<Redo>)>,
    /// With their seconds.
    pub leases: Vec<(LeaseId, i64)>,
    pub alarms: Vec<Alarm>,
}

impl Import {
    /// The present revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let last = self.commits.last().map(|(revision, _)| *revision);
        last.or(self.compacted).unwrap_or(Revision::INITIAL)
    }

    /// The same keys, of which nothing can be read but the present, `by` revisions later: whoever saw a later state than
    /// this one is told that his revision is compacted, and reads anew.
    #[must_use]
    pub fn bumped(mut self, by: i64) -> Self {
        let revision = Revision(self.revision().0 + by);
        let mut present: std::collections::BTreeMap<_, _> =
            self.kvs.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
        for change in self.commits.drain(..).flat_map(|(_, changes)| changes) {
            match change {
                Redo::Put(kv) => present.insert(kv.key.clone(), kv),
                Redo::Delete(key) => present.remove(&key),
            };
        }
        let kvs = present.into_values().collect();
        Self { compacted: Some(revision), kvs, commits: Vec::new(), ..self }
    }

    /// Writes the files of a new store to a directory that is there and empty; they are on disk when this returns.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn write(self, directory: &Path) -> Result<Identity, FileError> {
        let folder: Arc<dyn Folder> = Arc::new(Directory::new(directory.to_owned()));
        let identity = some_identity();
        let mut revision = self.compacted.unwrap_or(Revision::INITIAL);
        if self.compacted.is_some() {
            let mut kvs: Vec<_> = self.kvs.into_iter().map(Arc::new).collect();
            kvs.sort_by(|a, b| a.key.cmp(&b.key));
            let (leases, alarms) = (self.leases.clone(), self.alarms.clone());
            Image { identity, revision, kvs, leases, alarms }.write(&*folder)?;
        }
        let mut journal = Journal::begin(Arc::clone(&folder), identity, Vec::new(), revision, 0)?;
        let mut frame = FrameBuffer::new();
        for (lease, ttl) in self.leases {
            entry::put(&Entry::Granted { lease, ttl }, frame.payload());
        }
        for alarm in self.alarms {
            entry::put(&Entry::Raised(alarm), frame.payload());
        }
        for (next, changes) in self.commits {
            revision = next;
            entry::put(&Entry::Commit { revision, changes }, frame.payload());
            if frame.len() > FRAME {
                journal.append(&mut frame, revision)?;
                frame.clear();
            }
        }
        if !frame.is_empty() {
            journal.append(&mut frame, revision)?;
        }
        Ok(identity)
    }
}
