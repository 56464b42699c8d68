//! Copies entries of a log file into an answer's body, for as long as the reader, the container and the options want.

use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;

use bytes::BytesMut;
use jiff::Timestamp;
use net::BoxError;
use tokio::sync::mpsc;

use super::changes::Changes;
use super::entry::{Entry, Extent};
use super::file::LogFile;

/// Bytes sent together.
const CHUNK: usize = 32 << 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) follow: bool,
    pub(super) timestamps: bool,
    /// Entries from the end.
    pub(super) tail: Option<u64>,
    /// Entries before are left out.
    pub(super) since: Option<Timestamp>,
    /// Bytes of the answer at most.
    pub(super) limit: Option<u64>,
}

pub(super) struct Copy {
    options: Options,
    out: mpsc::Sender<Result<bytes::Bytes, BoxError>>,
    chunk: BytesMut,
    sent: u64,
    at_line_start: bool,
}

/// The answer is complete, or nobody reads it any more.
struct Done;

impl Copy {
    pub(super) fn new(options: Options, out: mpsc::Sender<Result<bytes::Bytes, BoxError>>) -> Self {
        Self { options, out, chunk: BytesMut::new(), sent: 0, at_line_start: true }
    }

    /// To the end of the file; when it is followed, until its container has `ended`.
    pub(super) async fn run(mut self, file: LogFile, ended: impl Future<Output = ()>) {
        if let Err(error) = self.copy(file, ended).await {
            // The reader is gone if this is not taken.
            self.out.send(Err(error.into())).await.ok();
        }
    }

    async fn copy(&mut self, mut file: LogFile, ended: impl Future<Output = ()>) -> io::Result<()> {
        let mut ended = pin!(ended);
        // Armed before the first read: what is written later is seen.
        let changes = if self.options.follow { Some(Changes::of(folder(file.path()))?) } else { None };
        let mut complete = false;
        loop {
            if self.copy_lines(&mut file).await?.is_break() {
                return Ok(());
            }
            let Some(changes) = &changes else { return Ok(()) };
            if file.is_replaced().await? {
                // The runtime has left the old file, which now has all it will have.
                if self.copy_lines(&mut file).await?.is_break() {
                    return Ok(());
                }
                file.reopen().await?;
                continue;
            }
            if complete {
                return Ok(());
            }
            tokio::select! {
                () = self.out.closed() => return Ok(()),
                seen = changes.seen() => seen?,
                // What was written before the end is read once more.
                () = &mut ended => complete = true,
            }
        }
    }

    /// To the end of what is there.
    async fn copy_lines(&mut self, file: &mut LogFile) -> io::Result<ControlFlow<Done>> {
        while let Some(line) = file.line().await? {
            match Entry::parse(line) {
                Some(entry) => self.add(&entry),
                None => tracing::debug!(path = %file.path().display(), "a line of a log is no entry"),
            }
            if (self.is_full() || self.chunk.len() >= CHUNK) && self.flush().await.is_break() {
                return Ok(ControlFlow::Break(Done));
            }
        }
        Ok(self.flush().await)
    }

    fn add(&mut self, entry: &Entry<'_>) {
        if self.options.since.is_some_and(|since| entry.at < since) {
            return;
        }
        if self.options.timestamps && self.at_line_start {
            write!(self.chunk, "{:.9} ", entry.at).expect("writing to memory does not fail");
        }
        self.chunk.extend_from_slice(entry.content);
        self.at_line_start = entry.extent == Extent::Full;
        if self.at_line_start {
            self.chunk.extend_from_slice(b"\n");
        }
    }

    fn room(&self) -> Option<usize> {
        let room = self.options.limit?.saturating_sub(self.sent);
        Some(usize::try_from(room).unwrap_or(usize::MAX))
    }

    fn is_full(&self) -> bool {
        self.room().is_some_and(|room| self.chunk.len() >= room)
    }

    async fn flush(&mut self) -> ControlFlow<Done> {
        let full = self.is_full();
        if let Some(room) = self.room() {
            self.chunk.truncate(room);
        }
        if !self.chunk.is_empty() {
            self.sent += self.chunk.len() as u64;
            if self.out.send(Ok(self.chunk.split().freeze())).await.is_err() {
                return ControlFlow::Break(Done);
            }
        }
        if full { ControlFlow::Break(Done) } else { ControlFlow::Continue(()) }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::future::pending;
    use std::io::Write as _;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    const LOG: &str = "\
2024-05-01T08:00:01Z stdout F one
2024-05-01T08:00:02.5Z stderr P tw
2024-05-01T08:00:02.6Z stderr F o
not an entry
2024-05-01T08:00:03Z stdout F three
";

    async fn copied(options: Options) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), LOG).unwrap();
        let log = LogFile::open(file.path(), options.tail).await.unwrap();
        let (out, mut chunks) = mpsc::channel(16);
        Copy::new(options, out).run(log, pending()).await;
        let mut text = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            text.extend_from_slice(&chunk.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn partial_entries_are_one_line_and_what_is_no_entry_is_left_out() {
        assert_eq!(copied(Options::default()).await, "one\ntwo\nthree\n");
    }

    #[tokio::test]
    async fn a_timestamp_begins_each_line_once() {
        let expected = "\
2024-05-01T08:00:01.000000000Z one
2024-05-01T08:00:02.500000000Z two
2024-05-01T08:00:03.000000000Z three
";
        assert_eq!(copied(Options { timestamps: true, ..Options::default() }).await, expected);
    }

    #[tokio::test]
    async fn the_tail_the_start_and_the_limit_cut() {
        assert_eq!(copied(Options { tail: Some(1), ..Options::default() }).await, "three\n");
        let since = Some("2024-05-01T08:00:03Z".parse().unwrap());
        assert_eq!(copied(Options { since, ..Options::default() }).await, "three\n");
        assert_eq!(copied(Options { limit: Some(6), ..Options::default() }).await, "one\ntw");
        assert_eq!(copied(Options { limit: Some(0), ..Options::default() }).await, "");
    }

    async fn next(chunks: &mut mpsc::Receiver<Result<bytes::Bytes, BoxError>>) -> Option<String> {
        let chunk = tokio::time::timeout(Duration::from_secs(60), chunks.recv()).await.unwrap();
        chunk.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_followed_log_goes_on_over_a_rotation_and_ends_with_its_container() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        let entry = |text: &str| format!("2024-05-01T08:00:01Z stdout F {text}\n");
        fs::write(&path, entry("one")).unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let log = LogFile::open(&path, None).await.unwrap();
        let (out, mut chunks) = mpsc::channel(1);
        let options = Options { follow: true, ..Options::default() };
        let copying = Copy::new(options, out).run(log, async { ended.await.unwrap() });
        let reading = async {
            assert_eq!(next(&mut chunks).await.unwrap(), "one\n");
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(entry("two").as_bytes()).unwrap();
            assert_eq!(next(&mut chunks).await.unwrap(), "two\n");
            fs::rename(&path, folder.path().join("0.log.old")).unwrap();
            fs::write(&path, entry("three")).unwrap();
            assert_eq!(next(&mut chunks).await.unwrap(), "three\n");
            end.send(()).unwrap();
            assert_eq!(next(&mut chunks).await, None);
        };
        tokio::join!(copying, reading);
    }

    #[tokio::test]
    async fn following_ends_when_nobody_reads() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = LogFile::open(file.path(), None).await.unwrap();
        let (out, chunks) = mpsc::channel(1);
        drop(chunks);
        let options = Options { follow: true, ..Options::default() };
        Copy::new(options, out).run(log, pending()).await;
    }
}
