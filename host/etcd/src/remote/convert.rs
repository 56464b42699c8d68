//! The model's requests in etcd's words, and etcd's answers in the model's.

use std::sync::Arc;

use bytes::Bytes;
use datastore::{
    Compare, Direction, Event, KeyRange, KeyValue, Op, OpResult, RangeRequest, RangeResult, Relation,
    Revision, Selection, Sort, SortBy, Target, Txn, TxnResult, Update, Window,
};

use crate::records::version;
use crate::wire::etcdserverpb as pb;
use crate::wire::etcdserverpb::{range_request, request_op, response_op};
use crate::wire::mvccpb;

/// A part that every answer of its kind has.
pub(super) type Missing = &'static str;

const NO_HEADER: Missing = "its answer has no header";
const NO_RESULT: Missing = "its answer to a transaction lacks a result";

/// Key and `range_end` of a range.
pub(super) fn ends(range: &KeyRange) -> (Bytes, Bytes) {
    // etcd has no key that is empty: a range from there begins with the least one.
    let start = if range.start().is_empty() { Bytes::from_static(b"\0") } else { range.start().clone() };
    match range.end() {
        _ if range.single().is_some() => (start, Bytes::new()),
        Some(end) => (start, end.clone()),
        None => (start, Bytes::from_static(b"\0")),
    }
}

pub(super) fn range_request(request: &RangeRequest) -> pb::RangeRequest {
    let (key, range_end) = ends(&request.range);
    let (order, target) = request.sort.map_or_else(Default::default, sort);
    let bound = |revision: Option<Revision>| revision.map_or(0, |revision| revision.0);
    let Window { min: min_mod, max: max_mod } = request.modified;
    let Window { min: min_create, max: max_create } = request.created;
    pb::RangeRequest {
        key,
        range_end,
        limit: request.limit.map_or(0, |limit| i64::try_from(limit).unwrap_or(i64::MAX)),
        revision: bound(request.revision),
        sort_order: order.into(),
        sort_target: target.into(),
        serializable: false,
        keys_only: request.selection == Selection::KeysOnly,
        count_only: request.selection == Selection::CountOnly,
        min_mod_revision: bound(min_mod),
        max_mod_revision: bound(max_mod),
        min_create_revision: bound(min_create),
        max_create_revision: bound(max_create),
    }
}

fn sort(sort: Sort) -> (range_request::SortOrder, range_request::SortTarget) {
    let order = match sort.direction {
        Direction::Ascending => range_request::SortOrder::Ascend,
        Direction::Descending => range_request::SortOrder::Descend,
    };
    let target = match sort.by {
        SortBy::Key => range_request::SortTarget::Key,
        SortBy::Version => range_request::SortTarget::Version,
        SortBy::CreateRevision => range_request::SortTarget::Create,
        SortBy::ModRevision => range_request::SortTarget::Mod,
        SortBy::Value => range_request::SortTarget::Value,
    };
    (order, target)
}

pub(super) fn txn_request(txn: &Txn) -> pb::TxnRequest {
    pb::TxnRequest {
        compare: txn.compare.iter().map(compare).collect(),
        success: txn.success.iter().map(request_op).collect(),
        failure: txn.failure.iter().map(request_op).collect(),
    }
}

fn compare(compare: &Compare) -> pb::Compare {
    use pb::compare::{CompareResult, CompareTarget, TargetUnion};
    let (key, range_end) = ends(&compare.range);
    let result = match compare.relation {
        Relation::Equal => CompareResult::Equal,
        Relation::NotEqual => CompareResult::NotEqual,
        Relation::Greater => CompareResult::Greater,
        Relation::Less => CompareResult::Less,
    };
    let (target, union) = match &compare.target {
        Target::Version(version) => (CompareTarget::Version, TargetUnion::Version(*version)),
        Target::CreateRevision(revision) => (CompareTarget::Create, TargetUnion::CreateRevision(revision.0)),
        Target::ModRevision(revision) => (CompareTarget::Mod, TargetUnion::ModRevision(revision.0)),
        Target::Value(value) => (CompareTarget::Value, TargetUnion::Value(value.clone())),
        Target::Lease(lease) => (CompareTarget::Lease, TargetUnion::Lease(lease.0)),
    };
    pb::Compare { result: result.into(), target: target.into(), key, range_end, target_union: Some(union) }
}

fn request_op(op: &Op) -> pb::RequestOp {
    let request = match op {
        Op::Range(request) => request_op::Request::RequestRange(range_request(request)),
        Op::Put { key, value, lease } => request_op::Request::RequestPut(pb::PutRequest {
            key: key.clone(),
            value: if let Update::Set(value) = value { value.clone() } else { Bytes::new() },
            lease: if let Update::Set(lease) = lease { lease.0 } else { 0 },
            prev_kv: true,
            ignore_value: *value == Update::Keep,
            ignore_lease: *lease == Update::Keep,
        }),
        Op::DeleteRange(range) => {
            let (key, range_end) = ends(range);
            let request = pb::DeleteRangeRequest { key, range_end, prev_kv: true };
            request_op::Request::RequestDeleteRange(request)
        }
        Op::Txn(txn) => request_op::Request::RequestTxn(txn_request(txn)),
    };
    pb::RequestOp { request: Some(request) }
}

pub(super) fn range_result(answer: pb::RangeResponse) -> Result<RangeResult, Missing> {
    Ok(RangeResult {
        revision: revision(answer.header)?,
        kvs: answer.kvs.into_iter().map(key_value).collect(),
        count: usize::try_from(answer.count).unwrap_or_default(),
        more: answer.more,
    })
}

pub(super) fn txn_result(answer: pb::TxnResponse) -> Result<TxnResult, Missing> {
    Ok(TxnResult {
        revision: revision(answer.header)?,
        succeeded: answer.succeeded,
        results: answer.responses.into_iter().map(op_result).collect::<Result<_, _>>()?,
    })
}

fn op_result(answer: pb::ResponseOp) -> Result<OpResult, Missing> {
    Ok(match answer.response.ok_or(NO_RESULT)? {
        response_op::Response::ResponseRange(answer) => OpResult::Range(range_result(answer)?),
        response_op::Response::ResponsePut(answer) => {
            OpResult::Put { revision: revision(answer.header)?, prev: answer.prev_kv.map(key_value) }
        }
        response_op::Response::ResponseDeleteRange(answer) => OpResult::DeleteRange {
            deleted: answer.prev_kvs.into_iter().map(key_value).collect(),
            revision: revision(answer.header)?,
        },
        response_op::Response::ResponseTxn(answer) => OpResult::Txn(txn_result(answer)?),
    })
}

fn revision(header: Option<pb::ResponseHeader>) -> Result<Revision, Missing> {
    header.map(|header| Revision(header.revision)).ok_or(NO_HEADER)
}

/// A version as it comes over the wire; its place within its revision does not.
fn key_value(kv: mvccpb::KeyValue) -> Arc<KeyValue> {
    Arc::new(version(kv, 0))
}

/// An event, unless it has no key.
pub(super) fn event(event: mvccpb::Event) -> Option<Event> {
    let kv = event.kv?;
    let prev = event.prev_kv.map(key_value);
    Some(if event.r#type == i32::from(mvccpb::event::EventType::Delete) {
        Event::delete(kv.key, Revision(kv.mod_revision), prev)
    } else {
        Event::Put { kv: key_value(kv), prev }
    })
}
