//! Looking a stopped store's files over, without changing one.

use std::path::Path;

use mvcc::Revision;

use crate::file::load::load;
use crate::folder::Directory;
use crate::{Alarm, FileError, Identity};

/// A store whose every record is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// `None` for a folder that no store has begun in.
    pub identity: Option<Identity>,
    pub revision: Revision,
    pub compacted: Revision,
    /// Keys, those included that were deleted and can still be read.
    pub keys: usize,
    pub leases: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Log files, beside the image if there is one.
    pub logs: usize,
    pub alarms: Vec<Alarm>,
    /// Bytes of a write that a crash cut off, which the next start takes away; nobody was told that it was done.
    pub torn: Option<usize>,
}

/// Reads every record of a store that nobody has open.
///
/// # Errors
/// [`FileError::Damaged`] with the file and the place of the first record that is not whole.
pub fn check(directory: &Path) -> Result<Sound, FileError> {
    let loaded = load(&Directory::new(directory.to_owned()))?;
    Ok(Sound {
        identity: loaded.identity,
        revision: loaded.store.revision(),
        compacted: loaded.store.compacted(),
        keys: loaded.store.keys(),
        leases: loaded.store.leases().count(),
        bytes: loaded.image_bytes + loaded.logs.iter().map(|log| log.reserved).sum::<u64>(),
        logs: loaded.logs.len(),
        alarms: loaded.alarms,
        torn: loaded.torn.map(|torn| torn.bytes),
    })
}
