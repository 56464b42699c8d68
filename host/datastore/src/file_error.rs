//! What can be wrong with the files of a store.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::file::head;

#[derive(Debug, Error)]
pub enum FileError {
    #[error("the disk of {} is full; free some space", path.display())]
    Full { path: PathBuf, source: io::Error },
    #[error("{} cannot be written: {source}; it must belong to the user who runs this and not be read-only", path.display())]
    Denied { path: PathBuf, source: io::Error },
    #[error("{} has format {found}, written by {writer}; this is {}, which reads up to {}", path.display(), head::THIS_RELEASE, head::CURRENT_FORMAT)]
    Newer { path: PathBuf, found: u32, writer: String },
    #[error("{} is damaged at byte {offset}: {reason}; see what is left with `mk8s-host db check`, and bring a snapshot back with `mk8s-host db restore`", path.display())]
    Damaged { path: PathBuf, offset: u64, reason: String },
    #[error("{} is of a build before the first release, whose format is not read any more; move it away to begin with an empty store", path.display())]
    Prehistoric { path: PathBuf },
    #[error("access {}: {source}", path.display())]
    Access { path: PathBuf, source: io::Error },
}

impl FileError {
    /// Whether it is worth to try again without repairing anything. What a failed flush left in memory is not known to
    /// be on disk ever after, so that is not.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    pub(crate) fn io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path, source }
            }
            _ => Self::Access { path, source },
        }
    }
}
