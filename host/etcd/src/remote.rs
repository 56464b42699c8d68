//! The datastore's handle on a real etcd.

mod compaction;
mod convert;
mod watching;

use std::time::Duration;

use datastore::{
    Answer, LeaseId, RangeRequest, RangeResult, Remote, Revision, StoreError, Txn, TxnResult, Watch,
    WatchError, WatchRequest,
};
use tonic::{Code, Status};

use crate::client::Channel;
use crate::wire::etcdserverpb as pb;

/// A store that does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A store elsewhere, by its channel.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    channel: Channel,
}

impl RemoteStore {
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The answer to a call, or why there is none.
    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(self.error(&status)),
            Err(_) => Err(self.broken(format!("it did not answer within {} s", PATIENCE.as_secs()))),
        }
    }

    fn broken(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Remote { endpoint: self.channel.endpoint().to_owned(), reason: reason.into() }
    }

    /// What etcd's refusals are in the words of the model. It does not tell which revisions they are about.
    fn error(&self, status: &Status) -> StoreError {
        let (unknown, message) = (Revision::NEVER, status.message());
        match status.code() {
            Code::OutOfRange if message.contains("compacted") => {
                datastore::RangeError::Compacted { requested: unknown, compacted: unknown }.into()
            }
            Code::OutOfRange if message.contains("future revision") => {
                datastore::RangeError::Future { requested: unknown, current: unknown }.into()
            }
            Code::DataLoss => StoreError::Corrupt,
            Code::ResourceExhausted if message.contains("database space exceeded") => StoreError::NoSpace,
            _ => self.broken(format!("{message} ({:?})", status.code())),
        }
    }
}

impl Remote for RemoteStore {
    fn range(&self, request: RangeRequest) -> Answer<'_, RangeResult> {
        Box::pin(async move {
            let answer = self.ask(self.channel.kv().range(convert::range_request(&request))).await?;
            convert::range_result(answer).map_err(|missing| self.broken(missing))
        })
    }

    fn txn(&self, txn: Txn) -> Answer<'_, TxnResult> {
        Box::pin(async move {
            let answer = self.ask(self.channel.kv().txn(convert::txn_request(&txn))).await?;
            convert::txn_result(answer).map_err(|missing| self.broken(missing))
        })
    }

    fn watch(&self, request: WatchRequest) -> Answer<'_, Watch, WatchError> {
        Box::pin(async move {
            let watching = watching::Watching::open(self.channel.clone(), request).await?;
            Ok(Watch::of_remote(watching.batches()))
        })
    }

    fn compact(&self, revision: Revision) -> Answer<'_, ()> {
        Box::pin(async move {
            let request = pb::CompactionRequest { revision: revision.0, physical: false };
            self.ask(self.channel.kv().compact(request)).await.map(drop)
        })
    }

    fn grant(&self, ttl: i64) -> Answer<'_, LeaseId> {
        Box::pin(async move {
            let request = pb::LeaseGrantRequest { ttl, id: 0 };
            Ok(LeaseId(self.ask(self.channel.lease().lease_grant(request)).await?.id))
        })
    }
}
