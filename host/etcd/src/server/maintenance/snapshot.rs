//! The stream of a snapshot: a file without a name, and its SHA-256 after it.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tonic::Status;

use crate::server::member::Member;
use crate::snapshot::{self, STORAGE_VERSION};
use crate::wire::etcdserverpb::SnapshotResponse;

/// Bytes of the file in one message.
const CHUNK: usize = 256 << 10;

#[derive(Debug, Error)]
enum SnapshotError {
    #[error("make a temporary file in {directory}: {source}")]
    Create { directory: String, source: io::Error },
    #[error("write the snapshot: {0}")]
    Write(#[from] bolt::WriteError),
    #[error("write the snapshot: {0}")]
    Flush(io::Error),
}

/// What is left to be sent.
enum Stage {
    File { file: tokio::fs::File, remaining: u64, sum: Sha256 },
    Sum(Sha256),
    Done,
}

impl Member {
    pub(super) async fn stream_snapshot(
        &self,
    ) -> Result<impl Stream<Item = Result<SnapshotResponse, Status>> + Send + 'static, Status> {
        let (identity, directory) = (self.store.identity(), self.config.snapshot_directory.clone());
        let written = self.compute("snapshot", move |export| -> Result<(File, u64), SnapshotError> {
            let file = tempfile::tempfile_in(&directory).map_err(|source| SnapshotError::Create {
                directory: directory.display().to_string(),
                source,
            })?;
            let file = snapshot::write(export, identity, BufWriter::new(file))?;
            let mut file = file.into_inner().map_err(|why| SnapshotError::Flush(why.into_error()))?;
            let len = file.seek(SeekFrom::End(0)).map_err(SnapshotError::Flush)?;
            file.rewind().map_err(SnapshotError::Flush)?;
            Ok((file, len))
        });
        let (file, remaining) = written.await?.map_err(|why| {
            tracing::warn!(%why, "send a snapshot");
            Status::internal(why.to_string())
        })?;
        let file = tokio::fs::File::from_std(file);
        let begin = Stage::File { file, remaining, sum: Sha256::new() };
        Ok(stream::try_unfold(begin, async |stage| stage.next().await))
    }
}

impl Stage {
    async fn next(self) -> Result<Option<(SnapshotResponse, Self)>, Status> {
        Ok(match self {
            Self::File { mut file, remaining, mut sum } => {
                let mut chunk = BytesMut::zeroed(usize::try_from(remaining).unwrap_or(CHUNK).min(CHUNK));
                let read = file.read_exact(&mut chunk).await;
                read.map_err(|why| Status::internal(format!("read the snapshot: {why}")))?;
                sum.update(&chunk);
                let remaining = remaining - chunk.len() as u64;
                let next = if remaining == 0 { Self::Sum(sum) } else { Self::File { file, remaining, sum } };
                Some((message(remaining, chunk.freeze()), next))
            }
            Self::Sum(sum) => Some((message(0, Bytes::copy_from_slice(&sum.finalize())), Self::Done)),
            Self::Done => None,
        })
    }
}

fn message(remaining_bytes: u64, blob: Bytes) -> SnapshotResponse {
    SnapshotResponse { header: None, remaining_bytes, blob, version: STORAGE_VERSION.to_owned() }
}
