//! Reads at one point of the history.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    KeyRange, KeyValue, Op, OpResult, RangeError, RangeRequest, RangeResult, Revision, Selection, Store, Txn,
    TxnResult,
};

/// The store as if `present` were its present revision; what came later does not exist in it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    store: &'a Store,
    present: Revision,
}

impl<'a> View<'a> {
    pub(crate) fn new(store: &'a Store, present: Revision) -> Self {
        Self { store, present }
    }

    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&'a Arc<KeyValue>> {
        self.store.index().get(key)?.at(self.present)
    }

    /// # Errors
    /// When the request names a revision that is compacted or in the future of this view.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResult, RangeError> {
        let revision = self.check(request)?;
        let limit = request.limit.unwrap_or(usize::MAX);
        let mut kvs = Vec::new();
        let mut count = 0;
        let mut more = false;
        for kv in self.live(&request.range, revision) {
            count += 1;
            let selected = request.selection != Selection::CountOnly
                && request.modified.contains(kv.mod_revision)
                && request.created.contains(kv.create_revision);
            if selected && (kvs.len() < limit || request.sort.is_some()) {
                kvs.push(Arc::clone(kv));
            } else {
                more |= selected;
            }
        }
        if let Some(sort) = request.sort {
            sort.order(&mut kvs);
            more = kvs.len() > limit;
            kvs.truncate(limit);
        }
        if request.selection == Selection::KeysOnly {
            for kv in &mut kvs {
                *kv = Arc::new(KeyValue { value: Bytes::new(), ..(**kv).clone() });
            }
        }
        Ok(RangeResult { revision: self.present, kvs, count, more })
    }

    /// The keys of a range as of a revision, in order, without being counted first.
    ///
    /// # Errors
    /// When the revision is compacted or in the future of this view.
    pub fn scan(
        &self,
        range: &KeyRange,
        revision: Revision,
    ) -> Result<impl Iterator<Item = &'a Arc<KeyValue>> + use<'a>, RangeError> {
        let revision = self.check(&RangeRequest::new(range.clone()).at(revision))?;
        Ok(self.live(range, revision))
    }

    /// The revision that the request reads at.
    pub(crate) fn check(&self, request: &RangeRequest) -> Result<Revision, RangeError> {
        let requested = request.revision.unwrap_or(self.present);
        if requested > self.present {
            return Err(RangeError::Future { requested, current: self.present });
        }
        let compacted = self.store.compacted();
        if requested < compacted {
            return Err(RangeError::Compacted { requested, compacted });
        }
        // As etcd: there is no revision below zero, and what is not compacted away is the present.
        Ok(if requested > Revision::NEVER { requested } else { self.present })
    }

    /// Compares, and notes which branch of the transaction and of each one nested in that branch is to be taken.
    pub(crate) fn choose(&self, txn: &Txn, branches: &mut Vec<bool>) {
        let succeeded = txn.compare.iter().all(|compare| compare.holds(self.keys(&compare.range)));
        branches.push(succeeded);
        for op in if succeeded { &txn.success } else { &txn.failure } {
            if let Op::Txn(txn) = op {
                self.choose(txn, branches);
            }
        }
    }

    /// The answer of a transaction that only reads.
    ///
    /// # Errors
    /// As [`View::range`]. A transaction that changes anything is answered with what it would read.
    pub fn read(&self, txn: &Txn) -> Result<TxnResult, RangeError> {
        let succeeded = txn.compare.iter().all(|compare| compare.holds(self.keys(&compare.range)));
        let mut results = Vec::new();
        for op in if succeeded { &txn.success } else { &txn.failure } {
            match op {
                Op::Range(request) => results.push(OpResult::Range(self.range(request)?)),
                Op::Txn(txn) => results.push(OpResult::Txn(self.read(txn)?)),
                Op::Put { .. } | Op::DeleteRange(_) => {}
            }
        }
        Ok(TxnResult { revision: self.present, succeeded, results })
    }

    fn keys(&self, range: &KeyRange) -> impl Iterator<Item = &'a Arc<KeyValue>> + use<'a> {
        self.live(range, self.present)
    }

    fn live(&self, range: &KeyRange, at: Revision) -> impl Iterator<Item = &'a Arc<KeyValue>> + use<'a> {
        let index = self.store.index();
        let histories = range.bounds().map(|bounds| index.range::<[u8], _>(bounds));
        histories.into_iter().flatten().filter_map(move |(_, history)| history.at(at))
    }
}
