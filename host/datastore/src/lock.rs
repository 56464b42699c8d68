//! One process a data directory: a locked file that holds its owner's process id. The lock ends with the process, however
//! it ends; the file stays.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::FileError;

/// Held until dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

#[derive(Debug, Error)]
pub enum LockError {
    #[error("{} is in use by process {owner}; stop it first, or choose another data directory", directory.display())]
    InUse { directory: PathBuf, owner: String },
    #[error(transparent)]
    File(#[from] FileError),
}

impl DirectoryLock {
    const FILE: &str = "lock";

    /// # Errors
    /// When another process holds it, or the directory cannot be written to.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(Self::FILE);
        let io = |source| FileError::io(path.clone(), source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                file.read_to_string(&mut owner).map_err(io)?;
                let owner = if owner.trim().is_empty() { "unknown" } else { owner.trim() }.to_owned();
                return Err(LockError::InUse { directory: directory.to_owned(), owner });
            }
            Err(TryLockError::Error(error)) => return Err(io(error).into()),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::acquire(directory.path()).unwrap();
        let error = DirectoryLock::acquire(directory.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(first);
        DirectoryLock::acquire(directory.path()).unwrap();
    }
}
