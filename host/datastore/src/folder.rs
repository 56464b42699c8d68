//! The files of a store: the little that is asked of a file system, so that tests can put one in its place that fills up,
//! fails, and loses its power.

#[cfg(test)]
pub(crate) mod fake;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// What is read at once of a large file.
const READ_AHEAD: usize = 1 << 20;

/// A directory of files, each named by its last component.
pub(crate) trait Folder: Send + Sync {
    fn path(&self) -> &Path;
    fn list(&self) -> io::Result<Vec<String>>;
    fn len(&self, name: &str) -> io::Result<u64>;
    fn reader(&self, name: &str) -> io::Result<Box<dyn Read>>;
    /// What a file has from an offset on.
    fn tail(&self, name: &str, offset: u64) -> io::Result<Vec<u8>>;
    /// A new file; one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<Box<dyn Writable>>;
    /// A file that exists, to go on writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn Writable>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when files made, renamed and removed so far are so on disk.
    fn sync(&self) -> io::Result<()>;
}

pub(crate) trait Writable: Send {
    /// Makes the file `len` long and takes the space for it; what is added reads as zeros.
    fn allocate(&self, len: u64) -> io::Result<()>;
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Returns when everything written so far is on disk.
    fn sync(&self) -> io::Result<()>;
}

/// A directory of the machine.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Folder for Directory {
    fn path(&self) -> &Path {
        &self.0
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(&self.0)?.map(name).collect()
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.0.join(name))?.len())
    }

    fn reader(&self, name: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(BufReader::with_capacity(READ_AHEAD, File::open(self.0.join(name))?)))
    }

    fn tail(&self, name: &str, offset: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.0.join(name))?;
        let len = file.metadata()?.len().saturating_sub(offset);
        let mut content = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut content)?;
        Ok(content)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Writable>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(options.open(self.0.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Writable>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(self.0.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Writable for File {
    fn allocate(&self, len: u64) -> io::Result<()> {
        match fallocate(self, FallocateFlags::empty(), 0, len) {
            // Not every file system can reserve; a full disk is then found by the write.
            Err(rustix::io::Errno::OPNOTSUPP) => self.set_len(len),
            other => Ok(other?),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
