//! etcd's service KV.

use std::slice;

use datastore::{Op, OpResult, Revision, Txn, TxnResult};
use prost::Message;
use tonic::{Request, Response, Status, async_trait};

use super::error::{self, refused};
use super::member::Member;
use super::{request, response};
use crate::wire::etcdserverpb as pb;
use pb::kv_server::Kv;

/// What etcd wraps a request in before it compares it with the limit.
const ENVELOPE: usize = 18;

#[async_trait]
impl Kv for Member {
    async fn range(&self, request: Request<pb::RangeRequest>) -> Result<Response<pb::RangeResponse>, Status> {
        let request = request.into_inner();
        let result = self.store.range(&request::range(&request)?).map_err(refused)?;
        self.metrics.ranges.inc();
        let header = self.header_at(result.revision);
        Ok(Response::new(response::range(&request, result, header)))
    }

    async fn put(&self, request: Request<pb::PutRequest>) -> Result<Response<pb::PutResponse>, Status> {
        let request = request.into_inner();
        let len = request.encoded_len();
        let op = request::put(&request, len)?;
        self.check_change(len)?;
        let (result, revision) = self.execute(op).await?;
        let prev = match &result {
            Some(OpResult::Put { prev, .. }) => prev.as_ref(),
            _ => None,
        };
        Ok(Response::new(response::put(&request, prev, self.header_at(revision))))
    }

    async fn delete_range(
        &self,
        request: Request<pb::DeleteRangeRequest>,
    ) -> Result<Response<pb::DeleteRangeResponse>, Status> {
        let request = request.into_inner();
        let op = request::delete(&request)?;
        self.check_change(request.encoded_len())?;
        let (result, revision) = self.execute(op).await?;
        let deleted = match &result {
            Some(OpResult::DeleteRange { deleted, .. }) => &deleted[..],
            _ => &[],
        };
        Ok(Response::new(response::delete(&request, deleted, self.header_at(revision))))
    }

    async fn txn(&self, request: Request<pb::TxnRequest>) -> Result<Response<pb::TxnResponse>, Status> {
        let request = request.into_inner();
        let len = request.encoded_len();
        let txn = request::txn(&request, self.config.max_txn_ops, len)?;
        if !txn.is_read_only() {
            self.check_change(len)?;
        }
        let result = self.store.txn(txn).await.map_err(refused)?;
        self.metrics.count(&result);
        let header = self.header_at(result.revision);
        Ok(Response::new(response::txn(&request, result, header)))
    }

    /// What is compacted is no longer shown at once, and forgotten little by little: `physical`, which waits for that in
    /// etcd, has nothing to wait for that a client could see.
    async fn compact(
        &self,
        request: Request<pb::CompactionRequest>,
    ) -> Result<Response<pb::CompactionResponse>, Status> {
        self.store.compact(Revision(request.into_inner().revision)).await.map_err(refused)?;
        Ok(Response::new(pb::CompactionResponse { header: self.header() }))
    }
}

impl Member {
    /// Executes a transaction of one operation, which gives one result.
    async fn execute(&self, op: Op) -> Result<(Option<OpResult>, Revision), Status> {
        let txn = Txn { success: vec![op], ..Txn::default() };
        let mut result = self.store.txn(txn).await.map_err(refused)?;
        self.metrics.count(&result);
        Ok((result.results.pop(), result.revision))
    }

    /// Whether a change may be made by a request of this length.
    fn check_change(&self, len: usize) -> Result<(), Status> {
        if len + ENVELOPE > self.config.max_request_bytes {
            return Err(error::REQUEST_TOO_LARGE.into());
        }
        Ok(())
    }
}

/// Every operation of a transaction and of those nested in it.
pub(super) fn results(result: &TxnResult) -> impl Iterator<Item = &OpResult> {
    let mut open: Vec<slice::Iter<'_, OpResult>> = vec![result.results.iter()];
    std::iter::from_fn(move || {
        loop {
            match open.last_mut()?.next() {
                Some(OpResult::Txn(nested)) => open.push(nested.results.iter()),
                Some(result) => return Some(result),
                None => drop(open.pop()),
            }
        }
    })
}
