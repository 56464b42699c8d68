//! What the store answers, as etcd's messages.

use std::sync::Arc;

use datastore::{Event, KeyValue, OpResult, RangeResult, Revision, TxnResult};

use super::request;
use crate::records::key_value;
use crate::wire::{etcdserverpb as pb, mvccpb};
use pb::request_op::Request;
use pb::response_op::Response;

type Header = Option<pb::ResponseHeader>;

pub(super) fn range(
    request: &pb::RangeRequest,
    mut result: RangeResult,
    header: Header,
) -> pb::RangeResponse {
    if request::is_cut_before_it_is_sorted(request) {
        sort_page(request, &mut result);
    }
    pb::RangeResponse {
        header,
        kvs: result.kvs.iter().map(|kv| key_value(kv)).collect(),
        more: result.more,
        count: count(result.count),
    }
}

/// Sorts a page with one key too many, and leaves that out after.
fn sort_page(request: &pb::RangeRequest, result: &mut RangeResult) {
    if let Ok(Some(sort)) = request::sort(request) {
        sort.order(&mut result.kvs);
    }
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    result.more = result.kvs.len() > limit;
    result.kvs.truncate(limit);
}

pub(super) fn put(request: &pb::PutRequest, prev: Option<&Arc<KeyValue>>, header: Header) -> pb::PutResponse {
    let prev = prev.filter(|_| request.prev_kv);
    pb::PutResponse { header, prev_kv: prev.map(|kv| key_value(kv)) }
}

pub(super) fn delete(
    request: &pb::DeleteRangeRequest,
    deleted: &[Arc<KeyValue>],
    header: Header,
) -> pb::DeleteRangeResponse {
    let told = if request.prev_kv { deleted } else { &[] };
    pb::DeleteRangeResponse {
        header,
        deleted: count(deleted.len()),
        prev_kvs: told.iter().map(|kv| key_value(kv)).collect(),
    }
}

pub(super) fn txn(request: &pb::TxnRequest, result: TxnResult, header: Header) -> pb::TxnResponse {
    let ops = if result.succeeded { &request.success } else { &request.failure };
    let responses = ops.iter().zip(result.results).map(|(op, result)| response_op(op, result)).collect();
    pb::TxnResponse { header, succeeded: result.succeeded, responses }
}

/// The headers within a transaction have a revision at most.
fn response_op(op: &pb::RequestOp, result: OpResult) -> pb::ResponseOp {
    let at = |revision: Revision| Some(pb::ResponseHeader { revision: revision.0, ..Default::default() });
    let response = match (op.request.as_ref(), result) {
        (Some(Request::RequestRange(request)), OpResult::Range(result)) => {
            let header = at(result.revision);
            Some(Response::ResponseRange(range(request, result, header)))
        }
        (Some(Request::RequestPut(request)), OpResult::Put { revision, prev }) => {
            Some(Response::ResponsePut(put(request, prev.as_ref(), at(revision))))
        }
        (Some(Request::RequestDeleteRange(request)), OpResult::DeleteRange { deleted, revision }) => {
            Some(Response::ResponseDeleteRange(delete(request, &deleted, at(revision))))
        }
        (Some(Request::RequestTxn(request)), OpResult::Txn(result)) => {
            Some(Response::ResponseTxn(txn(request, result, at(Revision::NEVER))))
        }
        // The store answers each operation with its own kind of result.
        _ => None,
    };
    pb::ResponseOp { response }
}

/// An event as a watch tells it. Of a deletion there is the key and when.
pub(super) fn event(event: &Event, with_prev: bool) -> mvccpb::Event {
    let prev_kv = event.prev().filter(|_| with_prev).map(|kv| key_value(kv));
    match event {
        Event::Put { kv, .. } => {
            mvccpb::Event { r#type: mvccpb::event::EventType::Put.into(), kv: Some(key_value(kv)), prev_kv }
        }
        Event::Delete(deletion) => mvccpb::Event {
            r#type: mvccpb::event::EventType::Delete.into(),
            kv: Some(mvccpb::KeyValue {
                key: deletion.key.clone(),
                mod_revision: deletion.revision.0,
                ..Default::default()
            }),
            prev_kv,
        },
    }
}

pub(super) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
