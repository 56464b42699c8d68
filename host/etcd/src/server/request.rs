//! Requests as the store takes them: refused first what etcd refuses before it looks at its keys.

use bytes::Bytes;
use datastore::{
    Compare, Direction, KeyRange, LeaseId, Op, RangeRequest, Relation, Revision, Selection, Sort, SortBy,
    Target, Txn, Update, Window,
};

use super::error::{self, Refusal};
use crate::codec::BUFFER;
use crate::wire::etcdserverpb as pb;
use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use pb::range_request::{SortOrder, SortTarget};
use pb::request_op::Request;

/// The keys that a request names: one, those before an end, or with the end `"\0"` all from the first on.
pub(super) fn key_range(key: &Bytes, end: &Bytes) -> KeyRange {
    match &end[..] {
        b"" => KeyRange::key(key.clone()),
        // No key is smaller.
        b"\0" if key[..] == *b"\0" => KeyRange::all(),
        b"\0" => KeyRange::from(key.clone()),
        _ => KeyRange::between(key.clone(), end.clone()),
    }
}

pub(super) fn range(request: &pb::RangeRequest) -> Result<RangeRequest, Refusal> {
    check_key(&request.key)?;
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0);
    let cut_early = is_cut_before_it_is_sorted(request);
    let sort = sort(request)?;
    let bound = |revision: i64| (revision != 0).then_some(Revision(revision));
    Ok(RangeRequest {
        range: key_range(&request.key, &request.range_end),
        revision: (request.revision > 0).then_some(Revision(request.revision)),
        // One more tells whether there are more.
        limit: if cut_early { limit.map(|limit| limit + 1) } else { limit },
        selection: match (request.count_only, request.keys_only) {
            (true, _) => Selection::CountOnly,
            (false, true) => Selection::KeysOnly,
            (false, false) => Selection::Full,
        },
        sort: if cut_early { None } else { sort },
        modified: Window { min: bound(request.min_mod_revision), max: bound(request.max_mod_revision) },
        created: Window { min: bound(request.min_create_revision), max: bound(request.max_create_revision) },
    })
}

/// etcd takes the first keys alone, and sorts those, where a target but no order is given.
pub(super) fn is_cut_before_it_is_sorted(request: &pb::RangeRequest) -> bool {
    request.limit > 0
        && request.sort_order == SortOrder::None as i32
        && request.sort_target != SortTarget::Key as i32
        && [
            request.min_mod_revision,
            request.max_mod_revision,
            request.min_create_revision,
            request.max_create_revision,
        ] == [0; 4]
}

/// `None` for the order that keys are in anyway.
pub(super) fn sort(request: &pb::RangeRequest) -> Result<Option<Sort>, Refusal> {
    let order = SortOrder::try_from(request.sort_order).map_err(|_| error::INVALID_SORT_OPTION)?;
    let target = SortTarget::try_from(request.sort_target).map_err(|_| error::INVALID_SORT_OPTION)?;
    let by = match target {
        SortTarget::Key => SortBy::Key,
        SortTarget::Version => SortBy::Version,
        SortTarget::Create => SortBy::CreateRevision,
        SortTarget::Mod => SortBy::ModRevision,
        SortTarget::Value => SortBy::Value,
    };
    let direction = match order {
        SortOrder::None | SortOrder::Ascend => Direction::Ascending,
        SortOrder::Descend => Direction::Descending,
    };
    let natural = by == SortBy::Key && direction == Direction::Ascending;
    Ok((!natural).then_some(Sort { by, direction }))
}

/// `len` is that of the message that the request came in.
pub(super) fn put(request: &pb::PutRequest, len: usize) -> Result<Op, Refusal> {
    check_key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(error::VALUE_PROVIDED);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(error::LEASE_PROVIDED);
    }
    Ok(Op::Put {
        key: kept(&request.key, len),
        value: if request.ignore_value { Update::Keep } else { Update::Set(kept(&request.value, len)) },
        lease: if request.ignore_lease { Update::Keep } else { Update::Set(LeaseId(request.lease)) },
    })
}

pub(super) fn delete(request: &pb::DeleteRangeRequest) -> Result<Op, Refusal> {
    check_key(&request.key)?;
    Ok(Op::DeleteRange(key_range(&request.key, &request.range_end)))
}

pub(super) fn txn(request: &pb::TxnRequest, max_ops: usize, len: usize) -> Result<Txn, Refusal> {
    let widest = request.compare.len().max(request.success.len()).max(request.failure.len());
    let left = max_ops.checked_sub(widest).ok_or(error::TOO_MANY_OPS)?;
    let compare =
        request.compare.iter().filter_map(|one| compare(one).transpose()).collect::<Result<_, _>>()?;
    let ops = |ops: &[pb::RequestOp]| ops.iter().map(|one| op(one, left, len)).collect::<Result<_, _>>();
    Ok(Txn { compare, success: ops(&request.success)?, failure: ops(&request.failure)? })
}

fn op(op: &pb::RequestOp, max_ops: usize, len: usize) -> Result<Op, Refusal> {
    match &op.request {
        Some(Request::RequestRange(request)) => {
            // One below zero is looked at here alone.
            let revision = (request.revision != 0).then_some(Revision(request.revision));
            range(request).map(|range| Op::Range(RangeRequest { revision, ..range }))
        }
        Some(Request::RequestPut(request)) => put(request, len),
        Some(Request::RequestDeleteRange(request)) => delete(request),
        Some(Request::RequestTxn(request)) => txn(request, max_ops, len).map(Op::Txn),
        // What etcd says of no operation.
        None => Err(error::KEY_NOT_FOUND),
    }
}

/// A right-hand side that is not given is zero. Of a relation that etcd does not know, it takes every comparison for one that
/// holds where there is anything to compare; of a target, both sides for equal. `None` always holds.
fn compare(compare: &pb::Compare) -> Result<Option<Compare>, Refusal> {
    check_key(&compare.key)?;
    let range = key_range(&compare.key, &compare.range_end);
    let exists = |relation| Compare { range: range.clone(), relation, target: Target::Version(0) };
    let relation = match CompareResult::try_from(compare.result) {
        Ok(CompareResult::Equal) => Some(Relation::Equal),
        Ok(CompareResult::Greater) => Some(Relation::Greater),
        Ok(CompareResult::Less) => Some(Relation::Less),
        Ok(CompareResult::NotEqual) => Some(Relation::NotEqual),
        Err(_) => None,
    };
    let target = CompareTarget::try_from(compare.target);
    let Some(relation) = relation else {
        return Ok((target == Ok(CompareTarget::Value)).then(|| exists(Relation::Greater)));
    };
    let Ok(target) = target else {
        // No version is less than none.
        return Ok((relation != Relation::Equal).then(|| exists(Relation::Less)));
    };
    let union = compare.target_union.as_ref();
    let target = match (target, union) {
        (CompareTarget::Version, Some(TargetUnion::Version(version))) => Target::Version(*version),
        (CompareTarget::Version, _) => Target::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(revision))) => {
            Target::CreateRevision(Revision(*revision))
        }
        (CompareTarget::Create, _) => Target::CreateRevision(Revision::NEVER),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(revision))) => {
            Target::ModRevision(Revision(*revision))
        }
        (CompareTarget::Mod, _) => Target::ModRevision(Revision::NEVER),
        (CompareTarget::Value, Some(TargetUnion::Value(value))) => Target::Value(value.clone()),
        (CompareTarget::Value, _) => Target::Value(Bytes::new()),
        (CompareTarget::Lease, Some(TargetUnion::Lease(lease))) => Target::Lease(LeaseId(*lease)),
        (CompareTarget::Lease, _) => Target::Lease(LeaseId::NONE),
    };
    Ok(Some(Compare { range, relation, target }))
}

fn check_key(key: &Bytes) -> Result<(), Refusal> {
    if key.is_empty() { Err(error::EMPTY_KEY) } else { Ok(()) }
}

/// A part of a message that the store keeps: it is copied, unless it is most of the message, so that it does not keep
/// the whole of it in memory.
fn kept(part: &Bytes, len: usize) -> Bytes {
    if part.len() > len.max(BUFFER) / 2 { part.clone() } else { Bytes::copy_from_slice(part) }
}
