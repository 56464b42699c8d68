//! A log file that grows and is replaced while it is read.

use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader};

/// Bytes looked at together when the last lines are sought.
const BLOCK: u64 = 64 << 10;

pub(super) struct LogFile {
    path: PathBuf,
    reader: BufReader<File>,
    inode: u64,
    /// The line under way: what of it is written yet.
    line: Vec<u8>,
}

impl LogFile {
    /// Opened at its last `tail` lines, or at its beginning.
    pub(super) async fn open(path: &Path, tail: Option<u64>) -> io::Result<Self> {
        let mut file = File::open(path).await?;
        let inode = file.metadata().await?.ino();
        if let Some(lines) = tail {
            let start = start_of_tail(&mut file, lines).await?;
            file.seek(SeekFrom::Start(start)).await?;
        }
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), inode, line: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next whole line without its end; `None` if none is there yet.
    pub(super) async fn line(&mut self) -> io::Result<Option<&[u8]>> {
        if self.line.last() == Some(&b'\n') {
            self.line.clear();
        }
        self.reader.read_until(b'\n', &mut self.line).await?;
        Ok(self.line.strip_suffix(b"\n"))
    }

    /// Whether another file took this one's place.
    pub(super) async fn is_replaced(&self) -> io::Result<bool> {
        match tokio::fs::metadata(&self.path).await {
            Ok(metadata) => Ok(metadata.ino() != self.inode),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Goes on at the beginning of the file that is there now.
    pub(super) async fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path, None).await?;
        Ok(())
    }
}

/// Where the last `lines` lines begin.
async fn start_of_tail(file: &mut File, lines: u64) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0)).await?;
    if lines == 0 {
        return Ok(end);
    }
    let mut left = lines;
    let mut block_end = end;
    while block_end > 0 {
        let block_start = block_end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(block_start)).await?;
        let mut block = Vec::new();
        (&mut *file).take(block_end - block_start).read_to_end(&mut block).await?;
        let starts =
            (block_start + 1..).zip(&block).filter(|(_, byte)| **byte == b'\n').map(|(next, _)| next);
        // The last line ends, it does not begin, at the end of the file.
        let mut starts: Vec<u64> = starts.filter(|start| *start != end).collect();
        while let Some(start) = starts.pop() {
            left -= 1;
            if left == 0 {
                return Ok(start);
            }
        }
        block_end = block_start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tail(text: &str, lines: u64) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut log = LogFile::open(file.path(), Some(lines)).await.unwrap();
        let mut found = Vec::new();
        while let Some(line) = log.line().await.unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        found.join(",")
    }

    #[tokio::test]
    async fn the_tail_is_the_last_lines_or_all_there_are() {
        for (lines, expected) in [(0, ""), (1, "c"), (2, "b,c"), (3, "a,b,c"), (9, "a,b,c")] {
            assert_eq!(tail("a\nb\nc\n", lines).await, expected, "{lines}");
        }
        assert_eq!(tail("", 1).await, "");
    }

    #[tokio::test]
    async fn a_tail_is_found_over_blocks() {
        let long = "x".repeat(usize::try_from(BLOCK).unwrap());
        assert_eq!(tail(&format!("first\n{long}\nlast\n"), 2).await, format!("{long},last"));
        assert_eq!(tail(&format!("first\n{long}\nlast\n"), 3).await, format!("first,{long},last"));
    }

    #[tokio::test]
    async fn a_line_that_is_half_written_is_given_when_it_is_whole() {
        use std::io::Write;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "one\ntw").unwrap();
        let mut log = LogFile::open(file.path(), None).await.unwrap();
        assert_eq!(log.line().await.unwrap(), Some(&b"one"[..]));
        assert_eq!(log.line().await.unwrap(), None);
        writeln!(file, "o").unwrap();
        assert_eq!(log.line().await.unwrap(), Some(&b"two"[..]));
    }
}
