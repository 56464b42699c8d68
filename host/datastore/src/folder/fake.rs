//! A folder in memory that can fill up, fail, and lose its power.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Folder, Writable};

const SECTOR: usize = 512;

/// A file, whatever it is called at the moment.
type Inode = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create {
        name: String,
        file: Inode,
    },
    Allocate {
        file: Inode,
        len: usize,
    },
    Write {
        file: Inode,
        offset: usize,
        data: Vec<u8>,
    },
    SyncFile(Inode),
    Rename {
        from: String,
        to: String,
    },
    Remove(String),
    SyncFolder,
    /// Not of the disk: the test saw this much acknowledged.
    Acknowledged(i64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Good,
    /// Nothing more can be reserved.
    Full,
    /// Not even what was reserved can be written, as on file systems that copy on write.
    FullForWrites,
    /// That is found only when it is flushed.
    FullForFlushes,
    /// Writes go to the cache and no further.
    FlushFails,
    /// Whoever writes panics.
    Broken,
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Names, and what the files are that they stand for.
#[derive(Debug, Default)]
struct Tree {
    names: BTreeMap<String, Inode>,
    contents: BTreeMap<Inode, Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    tree: Tree,
    health: Health,
    log: Vec<Operation>,
}

/// Clones are the same folder.
#[derive(Clone, Default)]
pub(crate) struct FakeFolder(Arc<Mutex<State>>);

impl fmt::Debug for FakeFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeFolder").field(&self.state().tree.names.keys()).finish()
    }
}

impl FakeFolder {
    pub(crate) fn holding(files: Files) -> Self {
        let folder = Self::default();
        let mut state = folder.state();
        for (file, (name, content)) in files.into_iter().enumerate() {
            state.tree.names.insert(name, file);
            state.tree.contents.insert(file, content);
        }
        drop(state);
        folder
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.state().health = health;
    }

    pub(crate) fn acknowledge(&self, revision: i64) {
        self.state().log.push(Operation::Acknowledged(revision));
    }

    pub(crate) fn log(&self) -> Vec<Operation> {
        self.state().log.clone()
    }

    pub(crate) fn files(&self) -> Files {
        self.state().tree.files()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while the folder is locked")
    }

    fn done(&self, operation: Operation) {
        let mut state = self.state();
        state.tree.apply(&operation, || true);
        state.log.push(operation);
    }

    fn find(&self, name: &str) -> io::Result<Inode> {
        self.state().tree.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn content<T>(&self, name: &str, use_it: impl FnOnce(&Vec<u8>) -> T) -> io::Result<T> {
        let file = self.find(name)?;
        Ok(use_it(&self.state().tree.contents[&file]))
    }
}

impl Folder for FakeFolder {
    fn path(&self) -> &Path {
        Path::new("/fake")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().tree.names.keys().cloned().collect())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.content(name, |content| content.len() as u64)
    }

    fn reader(&self, name: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new(self.content(name, Clone::clone)?)))
    }

    fn tail(&self, name: &str, offset: u64) -> io::Result<Vec<u8>> {
        self.content(name, |content| content.get(offset as usize..).unwrap_or_default().to_vec())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Writable>> {
        if matches!(self.state().health, Health::Full | Health::FullForWrites) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.state().tree.contents.len();
        self.done(Operation::Create { name: name.to_owned(), file });
        Ok(Box::new(Handle { folder: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Writable>> {
        Ok(Box::new(Handle { folder: self.clone(), file: self.find(name)? }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.done(Operation::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.find(name)?;
        self.done(Operation::Remove(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.done(Operation::SyncFolder);
        Ok(())
    }
}

struct Handle {
    folder: FakeFolder,
    file: Inode,
}

impl Writable for Handle {
    fn allocate(&self, len: u64) -> io::Result<()> {
        if matches!(self.folder.state().health, Health::Full | Health::FullForWrites) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.folder.done(Operation::Allocate { file: self.file, len: len as usize });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let health = self.folder.state().health;
        assert!(health != Health::Broken, "broken on purpose");
        let full = health == Health::FullForWrites;
        // Of a write that fails, some has happened.
        let data = if full { &data[..data.len() / 2] } else { data };
        self.folder.done(Operation::Write { file: self.file, offset: offset as usize, data: data.to_vec() });
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let health = self.folder.state().health;
        match health {
            Health::FullForFlushes => return Err(io::ErrorKind::StorageFull.into()),
            Health::FlushFails => return Err(io::Error::other("the disk does not answer")),
            _ => {}
        }
        self.folder.done(Operation::SyncFile(self.file));
        Ok(())
    }
}

impl Tree {
    /// Of a write `survives` says for each sector whether it happens.
    fn apply(&mut self, operation: &Operation, mut survives: impl FnMut() -> bool) {
        match operation {
            Operation::Create { name, file } => {
                self.names.insert(name.clone(), *file);
                self.contents.insert(*file, Vec::new());
            }
            Operation::Allocate { file, len } => {
                let content = self.contents.entry(*file).or_default();
                content.resize(content.len().max(*len), 0);
            }
            Operation::Write { file, offset, data } => {
                let content = self.contents.entry(*file).or_default();
                content.resize(content.len().max(offset + data.len()), 0);
                let mut at = 0;
                while at < data.len() {
                    let sector = ((offset + at) / SECTOR + 1) * SECTOR - offset;
                    let next = sector.min(data.len());
                    if survives() {
                        content[offset + at..offset + next].copy_from_slice(&data[at..next]);
                    }
                    at = next;
                }
            }
            Operation::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
            }
            Operation::Remove(name) => drop(self.names.remove(name)),
            Operation::SyncFile(_) | Operation::SyncFolder | Operation::Acknowledged(_) => {}
        }
    }

    fn files(&self) -> Files {
        self.names.iter().map(|(name, file)| (name.clone(), self.contents[file].clone())).collect()
    }
}

/// What is in a folder whose power went away after these operations. Of what was not flushed, `survives` says what got to
/// disk: for each sector that was written, and for the last changes of names, which get there in their order.
pub(crate) fn after_power_loss(operations: &[Operation], mut survives: impl FnMut() -> bool) -> Files {
    let mut tree = Tree::default();
    let last_sync = operations.iter().rposition(|operation| *operation == Operation::SyncFolder);
    let mut names_survive = true;
    for (position, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Create { .. } | Operation::Rename { .. } | Operation::Remove(_) => {
                let synced = last_sync.is_some_and(|last| position < last);
                names_survive &= synced || survives();
                if names_survive {
                    tree.apply(operation, || true);
                }
            }
            Operation::Write { file, .. } | Operation::Allocate { file, .. } => {
                let flushed = operations[position..].contains(&Operation::SyncFile(*file));
                if flushed || matches!(operation, Operation::Write { .. }) || survives() {
                    tree.apply(operation, || flushed || survives());
                }
            }
            Operation::SyncFile(_) | Operation::SyncFolder | Operation::Acknowledged(_) => {}
        }
    }
    tree.files()
}
