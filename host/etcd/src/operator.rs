//! What an operator asks of a store over its API.

use std::io;
use std::path::{Path, PathBuf};

use datastore::{Alarm, Revision};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tonic::Status;

use crate::client::Channel;
use crate::wire::etcdserverpb as pb;

/// Bytes of the checksum that a snapshot ends with.
const CHECKSUM: usize = 32;

#[derive(Debug, Error)]
pub enum OperatorError {
    #[error("the store at {endpoint} does not answer: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("the store at {endpoint} refuses: {reason}")]
    Refused { endpoint: String, reason: String },
    #[error("the snapshot from {endpoint} does not match its checksum: try again")]
    Checksum { endpoint: String },
    #[error("write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// The state of a store, as its API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSummary {
    /// The release of etcd whose API it is.
    pub version: String,
    pub revision: Revision,
    pub bytes_on_disk: u64,
    pub bytes_in_use: u64,
    /// Bytes in use at which nothing more is taken; 0 where the store does not tell.
    pub quota: u64,
    pub leases: usize,
    pub alarms: Vec<Alarm>,
}

/// An operator's connection.
#[derive(Clone, Debug)]
pub struct Operator {
    channel: Channel,
}

impl Operator {
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    fn error(&self, status: &Status) -> OperatorError {
        let (endpoint, reason) = (self.channel.endpoint().to_owned(), status.message().to_owned());
        match status.code() {
            tonic::Code::Unavailable => OperatorError::Unreachable { endpoint, reason },
            _ => OperatorError::Refused { endpoint, reason },
        }
    }

    /// # Errors
    /// When the store does not answer.
    pub async fn status(&self) -> Result<StoreSummary, OperatorError> {
        let failed = |status| self.error(&status);
        let status = self.channel.maintenance().status(pb::StatusRequest {}).await.map_err(failed)?;
        let leases = self.channel.lease().lease_leases(pb::LeaseLeasesRequest {}).await.map_err(failed)?;
        let alarms = self.channel.maintenance().alarm(pb::AlarmRequest::default()).await.map_err(failed)?;
        let (status, alarms) = (status.into_inner(), alarms.into_inner().alarms);
        Ok(StoreSummary {
            version: status.version,
            revision: Revision(status.header.map_or(0, |header| header.revision)),
            bytes_on_disk: status.db_size.unsigned_abs(),
            bytes_in_use: status.db_size_in_use.unsigned_abs(),
            quota: status.db_size_quota.unsigned_abs(),
            leases: leases.into_inner().leases.len(),
            alarms: alarms.into_iter().filter_map(|member| Alarm::of_number(member.alarm.into())).collect(),
        })
    }

    /// Writes a snapshot with its checksum behind it, as `etcdctl snapshot save` does, and gives its bytes. A file of that
    /// name is replaced when the whole snapshot is on disk.
    ///
    /// # Errors
    /// When the store does not send all of it, or the file cannot be written; nothing is left of it then.
    pub async fn snapshot(&self, path: &Path) -> Result<u64, OperatorError> {
        let partial = path.with_added_extension("partial");
        let done = self.receive(&partial).await;
        let file = |source| OperatorError::File { path: path.to_owned(), source };
        match done {
            Ok(bytes) => {
                tokio::fs::rename(&partial, path).await.map_err(file)?;
                Ok(bytes)
            }
            Err(error) => {
                // The error that is told is the one that led here.
                drop(tokio::fs::remove_file(&partial).await);
                Err(error)
            }
        }
    }

    async fn receive(&self, path: &Path) -> Result<u64, OperatorError> {
        let failed = |status| self.error(&status);
        let access = |source| OperatorError::File { path: path.to_owned(), source };
        let answer = self.channel.maintenance().snapshot(pb::SnapshotRequest {}).await.map_err(failed)?;
        let mut chunks = answer.into_inner();
        let mut options = tokio::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(path).await.map_err(access)?;
        // Of what came, the last bytes may be the checksum, which is not of itself.
        let (mut hash, mut held, mut bytes) = (Sha256::new(), Vec::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let blob = chunk.map_err(failed)?.blob;
            file.write_all(&blob).await.map_err(access)?;
            bytes += blob.len() as u64;
            held.extend_from_slice(&blob);
            let sure = held.len().saturating_sub(CHECKSUM);
            hash.update(&held[..sure]);
            held.drain(..sure);
        }
        if hash.finalize()[..] != held[..] {
            return Err(OperatorError::Checksum { endpoint: self.channel.endpoint().to_owned() });
        }
        file.sync_all().await.map_err(access)?;
        Ok(bytes)
    }

    /// Has the store draw its files together.
    ///
    /// # Errors
    /// When it does not answer, or its disk is full.
    pub async fn defragment(&self) -> Result<(), OperatorError> {
        let done = self.channel.maintenance().defragment(pb::DefragmentRequest {}).await;
        done.map(drop).map_err(|status| self.error(&status))
    }

    /// Has the store forget the history before a revision, or before the present.
    ///
    /// # Errors
    /// When the revision is compacted already, or still to come.
    pub async fn compact(&self, revision: Option<Revision>) -> Result<Revision, OperatorError> {
        let revision = match revision {
            Some(revision) => revision,
            None => self.status().await?.revision,
        };
        let request = pb::CompactionRequest { revision: revision.0, physical: true };
        self.channel.kv().compact(request).await.map_err(|status| self.error(&status))?;
        Ok(revision)
    }

    /// Takes every alarm back, and gives which there were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disarm(&self) -> Result<Vec<Alarm>, OperatorError> {
        let request = pb::AlarmRequest {
            action: pb::alarm_request::AlarmAction::Deactivate.into(),
            ..pb::AlarmRequest::default()
        };
        let raised = self.status().await?.alarms;
        for alarm in &raised {
            let alarm = i32::try_from(alarm.number()).unwrap_or_default();
            let request = pb::AlarmRequest { alarm, ..request };
            self.channel.maintenance().alarm(request).await.map_err(|status| self.error(&status))?;
        }
        Ok(raised)
    }
}
