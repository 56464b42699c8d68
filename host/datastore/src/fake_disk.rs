//! A disk in memory that can fill up, fail, and lose its power.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use crate::store_file::StoreFile;

const BLOCK: u64 = 4096;
const SECTOR: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Write {
        offset: u64,
        data: Vec<u8>,
    },
    SetLen(u64),
    Flush,
    /// Not of the disk: the test saw this much acknowledged.
    Acknowledged(i64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Good,
    /// What has blocks already can be written over.
    Full,
    /// Writes go to the cache and no further.
    FlushFails,
}

#[derive(Debug, Default)]
struct State {
    content: Vec<u8>,
    blocks: HashSet<u64>,
    health: Health,
    log: Vec<Operation>,
}

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeDisk(Arc<Mutex<State>>);

impl FakeDisk {
    pub(crate) fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { content, ..State::default() })))
    }

    pub(crate) fn open(&self) -> Result<StoreFile, redb::Error> {
        StoreFile::new(self.clone())
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while the disk is locked")
    }
}

impl StorageBackend for FakeDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let found = state.content.get(range(offset, out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.content.resize(len as usize, 0);
        state.log.push(Operation::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.health == Health::FlushFails {
            return Err(io::Error::other("the disk does not answer"));
        }
        state.log.push(Operation::Flush);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let blocks = offset / BLOCK..(offset + data.len() as u64).div_ceil(BLOCK);
        if state.health == Health::Full && blocks.clone().any(|block| !state.blocks.contains(&block)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.blocks.extend(blocks);
        put(&mut state.content, offset, data);
        state.log.push(Operation::Write { offset, data: data.to_vec() });
        Ok(())
    }
}

/// What is on a disk whose power went away after these operations. Of what was not flushed, `survives` says for each
/// sector whether it got there.
pub(crate) fn after_power_loss(operations: &[Operation], mut survives: impl FnMut() -> bool) -> Vec<u8> {
    let flushed =
        operations.iter().rposition(|operation| *operation == Operation::Flush).map_or(0, |last| last + 1);
    let mut content = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        match operation {
            Operation::SetLen(len) => content.resize(*len as usize, 0),
            Operation::Write { offset, data } => {
                for (sector, piece) in data.chunks(SECTOR).enumerate() {
                    if position < flushed || survives() {
                        put(&mut content, offset + (sector * SECTOR) as u64, piece);
                    }
                }
            }
            Operation::Flush | Operation::Acknowledged(_) => {}
        }
    }
    content
}

fn put(content: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let range = range(offset, data.len());
    if content.len() < range.end {
        content.resize(range.end, 0);
    }
    content[range].copy_from_slice(data);
}

fn range(offset: u64, len: usize) -> Range<usize> {
    offset as usize..offset as usize + len
}
