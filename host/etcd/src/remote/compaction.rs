//! Compacting an etcd of which this API server may be one of several users: as upstream's API servers agree on it, one of
//! them at a time compacts to what was the present an interval ago.

use std::time::Duration;

use datastore::{Compare, KeyRange, Op, OpResult, RangeRequest, Relation, Revision, StoreError, Target, Txn};
use tokio_util::sync::CancellationToken;

use super::RemoteStore;
use datastore::Remote as _;

/// Where upstream's API servers keep the revision; its version counts the compactions.
const KEY: &str = "compact_rev_key";

/// What was seen of the key.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    version: i64,
    /// The present of then.
    revision: Revision,
}

impl RemoteStore {
    /// Keeps about an interval of history, until `stop`.
    pub async fn keep_compacted(&self, interval: Duration, stop: CancellationToken) {
        let mut seen = Seen::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            match self.take_turn(seen).await {
                Ok(next) => seen = next,
                Err(error) => tracing::warn!(%error, "compact the store"),
            }
        }
    }

    /// Compacts to the revision that was seen, unless another took this turn.
    async fn take_turn(&self, seen: Seen) -> Result<Seen, StoreError> {
        let compare = Compare {
            range: KeyRange::key(KEY),
            relation: Relation::Equal,
            target: Target::Version(seen.version),
        };
        let result = self
            .txn(Txn {
                compare: vec![compare],
                success: vec![Op::put(KEY, seen.revision.to_string())],
                failure: vec![Op::Range(RangeRequest::new(KeyRange::key(KEY)))],
            })
            .await?;
        if result.succeeded {
            if seen.revision > Revision::NEVER {
                self.compact(seen.revision).await?;
            }
            return Ok(Seen { version: seen.version + 1, revision: result.revision });
        }
        let version = match result.results.first() {
            Some(OpResult::Range(found)) => found.kvs.first().map_or(0, |kv| kv.version),
            _ => 0,
        };
        Ok(Seen { version, revision: result.revision })
    }
}
