//! The log that is written: frames one behind the other, in files of a bounded size whose space is reserved before it is
//! written to, so that a full disk is found before a frame is begun and a crash cannot shorten a file.

use std::sync::Arc;
use std::time::Instant;

use mvcc::Revision;
use observe::histogram::{Histogram, exponential_buckets};

use super::frame::FrameBuffer;
use super::head::{Head, Identity};
use super::name;
use crate::FileError;
use crate::folder::{Folder, Writable};

/// What is reserved at once; the length of a log is a multiple of it.
pub(crate) const CHUNK: u64 = if cfg!(test) { 16 << 10 } else { 4 << 20 };
/// A log that would grow beyond it is closed and the next one begun.
const SEGMENT: u64 = 16 * CHUNK;
/// A log under construction.
pub(crate) const PARTIAL: &str = "log.partial";

/// A log file that is closed or written to.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    /// The store's revision behind its last frame.
    pub(crate) last: Revision,
    /// Bytes of its frames.
    pub(crate) used: u64,
    /// Bytes on disk.
    pub(crate) reserved: u64,
}

pub(crate) struct Journal {
    folder: Arc<dyn Folder>,
    identity: Identity,
    /// Closed ones, the oldest first.
    closed: Vec<Segment>,
    current: Segment,
    file: Box<dyn Writable>,
    /// The sequence of the next frame.
    sequence: u64,
    /// Where a write failed, what it may have left is to be zeroed up to here.
    littered: Option<u64>,
    flushes: Histogram,
}

impl Journal {
    /// Begins the log of a new store, or goes on behind logs that are all closed.
    pub(crate) fn begin(
        folder: Arc<dyn Folder>,
        identity: Identity,
        closed: Vec<Segment>,
        revision: Revision,
        sequence: u64,
    ) -> Result<Self, FileError> {
        let (current, file) = begin_segment(&*folder, identity, revision, sequence)?;
        let sequence = sequence + 1;
        Ok(Self { folder, identity, closed, current, file, sequence, littered: None, flushes: flushes() })
    }

    /// Goes on with the last log.
    pub(crate) fn resume(
        folder: Arc<dyn Folder>,
        identity: Identity,
        mut logs: Vec<Segment>,
        revision: Revision,
        sequence: u64,
    ) -> Result<Self, FileError> {
        let Some(current) = logs.pop() else {
            return Self::begin(folder, identity, Vec::new(), revision, sequence);
        };
        let path = folder.path().join(&current.name);
        let file = folder.open(&current.name).map_err(|error| FileError::io(path, error))?;
        let closed = logs;
        Ok(Self { folder, identity, closed, current, file, sequence, littered: None, flushes: flushes() })
    }

    /// How many seconds flushes of frames took.
    pub(crate) fn flushes(&self) -> &Histogram {
        &self.flushes
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Bytes that the logs take on disk.
    pub(crate) fn reserved(&self) -> u64 {
        self.segments().map(|segment| segment.reserved).sum()
    }

    /// Bytes of the frames that are kept.
    pub(crate) fn used(&self) -> u64 {
        self.segments().map(|segment| segment.used).sum()
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.closed.iter().chain([&self.current])
    }

    /// Writes a frame, after which the store is at `revision`; it is on disk when this returns.
    ///
    /// # Errors
    /// After an error that passes nothing was changed; after another it is unknown whether the frame is on disk.
    pub(crate) fn append(&mut self, frame: &mut FrameBuffer, revision: Revision) -> Result<(), FileError> {
        let bytes = frame.sealed_len() as u64;
        if self.current.used + bytes > SEGMENT && self.current.used > CHUNK {
            self.rotate()?;
        }
        self.clean()?;
        self.reserve(self.current.used + bytes)?;
        let written = self.file.write(self.current.used, frame.seal(self.sequence));
        let began = Instant::now();
        // Some file systems find out that they are full as late as this.
        if let Err(error) = written.and_then(|()| self.file.sync()) {
            self.littered = Some(self.current.used + bytes);
            return Err(self.failed(error));
        }
        self.flushes.observe(began.elapsed().as_secs_f64());
        self.current.used += bytes;
        self.current.last = revision;
        self.sequence += 1;
        Ok(())
    }

    /// Closes the log and begins the next one.
    pub(crate) fn rotate(&mut self) -> Result<(), FileError> {
        let revision = self.current.last;
        let (next, file) = begin_segment(&*self.folder, self.identity, revision, self.sequence)?;
        self.sequence += 1;
        self.closed.push(std::mem::replace(&mut self.current, next));
        self.file = file;
        Ok(())
    }

    /// Whether an image of `revision` would make a closed log superfluous.
    pub(crate) fn is_droppable(&self, revision: Revision) -> bool {
        self.closed.first().is_some_and(|oldest| oldest.last < revision)
    }

    /// Removes the logs of which an image at `revision` has everything.
    pub(crate) fn drop_before(&mut self, revision: Revision) -> Result<(), FileError> {
        while let Some(oldest) = self.closed.first().filter(|oldest| oldest.last < revision) {
            let removed = self.folder.remove(&oldest.name);
            removed.map_err(|error| FileError::io(self.folder.path().join(&oldest.name), error))?;
            self.closed.remove(0);
        }
        Ok(())
    }

    fn reserve(&mut self, end: u64) -> Result<(), FileError> {
        if end <= self.current.reserved {
            return Ok(());
        }
        let reserved = end.next_multiple_of(CHUNK);
        // Of the new length the disk must know before anything is written there.
        let done = self.file.allocate(reserved).and_then(|()| self.file.sync());
        done.map_err(|error| self.failed(error))?;
        self.current.reserved = reserved;
        Ok(())
    }

    /// Takes back what a failed write may have left.
    fn clean(&mut self) -> Result<(), FileError> {
        if let Some(end) = self.littered {
            let litter = usize::try_from(end - self.current.used).expect("a frame fits in memory");
            let cleaned = self.file.write(self.current.used, &vec![0; litter]);
            cleaned.map_err(|error| self.failed(error))?;
            self.littered = None;
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> FileError {
        FileError::io(self.folder.path().join(&self.current.name), error)
    }
}

/// In etcd's buckets.
fn flushes() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

/// A log of no more than its head, made under another name so that a log by its own name always has one.
fn begin_segment(
    folder: &dyn Folder,
    identity: Identity,
    revision: Revision,
    sequence: u64,
) -> Result<(Segment, Box<dyn Writable>), FileError> {
    let mut frame = FrameBuffer::new();
    Head::new(identity).put(frame.payload());
    let name = name::log(sequence);
    let made = (|| {
        let file = folder.create(PARTIAL)?;
        file.allocate(CHUNK)?;
        file.write(0, frame.seal(sequence))?;
        file.sync()?;
        folder.rename(PARTIAL, &name)?;
        folder.sync()?;
        Ok(file)
    })();
    let file = made.map_err(|error| FileError::io(folder.path().join(&name), error))?;
    let used = frame.len() as u64;
    Ok((Segment { name, last: revision, used, reserved: CHUNK }, file))
}
