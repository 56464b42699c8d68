//! An operation carried out on a datastore: the one of this process, or one behind etcd's API.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use datastore::{
    CompactError, Compare, Datastore, KeyValue, Op as Part, OpResult, RangeError, RangeRequest, Revision,
    StoreError, Txn, TxnResult,
};

use crate::operation::{Op, Outcome, Refusal, Version};

/// `None` where it is not known whether it was carried out.
///
/// # Errors
/// When the answer is none of the operation's.
pub async fn perform(store: &Datastore, op: &Op) -> Result<Option<Outcome>> {
    let answer = match op {
        Op::Put { keys, tag } => {
            let success = keys.iter().map(|key| Part::put(key.clone(), tag.value())).collect();
            store.txn(Txn { success, ..Txn::default() }).await.map(|result| wrote(&result))
        }
        Op::Delete { span } => store.txn(Txn::delete(span.range())).await.map(|result| wrote(&result)),
        Op::Swap { key, expected, tag } => {
            let compare = Compare::unchanged(key.clone(), Revision(*expected));
            let swap = Txn::guarded(compare, Part::put(key.clone(), tag.value()));
            store.txn(swap).await.map(|result| if result.succeeded { wrote(&result) } else { kept(&result) })
        }
        Op::Read { span, at } => {
            let request = RangeRequest { revision: at.map(Revision), ..RangeRequest::new(span.range()) };
            store.range(request).await.map(|result| {
                ensure!(
                    result.count == result.kvs.len() && !result.more,
                    "a whole range is not counted right"
                );
                Ok(Outcome::Read { revision: result.revision.0, found: versions(&result.kvs)? })
            })
        }
        Op::Compact { revision } => store.compact(Revision(*revision)).await.map(|()| Ok(Outcome::Compacted)),
    };
    match answer {
        Ok(outcome) => outcome.map(Some),
        Err(error) if error.is_ambiguous() => Ok(None),
        Err(error) => Ok(Some(Outcome::Refused(refusal(&error)))),
    }
}

fn wrote(result: &TxnResult) -> Result<Outcome> {
    let mut replaced = Vec::new();
    for part in &result.results {
        let revision = match part {
            OpResult::Put { revision, prev } => {
                replaced.extend(versions(prev.as_slice())?);
                revision
            }
            OpResult::DeleteRange { deleted, revision } => {
                replaced.extend(versions(deleted)?);
                revision
            }
            _ => bail!("a write is answered with {part:?}"),
        };
        ensure!(*revision == result.revision, "a part of a write is of another revision than the whole");
    }
    Ok(Outcome::Wrote { revision: result.revision.0, replaced })
}

fn kept(result: &TxnResult) -> Result<Outcome> {
    let [OpResult::Range(read)] = &result.results[..] else { bail!("a swap is answered with {result:?}") };
    Ok(Outcome::Kept { revision: result.revision.0, found: versions(&read.kvs)?.pop() })
}

fn versions(kvs: &[Arc<KeyValue>]) -> Result<Vec<Version>> {
    kvs.iter().map(|kv| Version::of(kv)).collect()
}

fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::Range(RangeError::Compacted { .. })
        | StoreError::Compact(CompactError::Compacted { .. }) => Refusal::Compacted,
        StoreError::Range(RangeError::Future { .. }) | StoreError::Compact(CompactError::Future { .. }) => {
            Refusal::Future
        }
        StoreError::NoSpace => Refusal::Quota,
        other => Refusal::Other(other.to_string()),
    }
}
