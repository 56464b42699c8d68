//! Which transactions would change a key twice. As in etcd this is decided before anything is compared: of what one
//! transaction may change together, a put's key stands alone. What etcd does not notice is let through as there, and done
//! in the order of the operations: a range without an end, and a put beside the deletion of a nested one that follows.

use std::collections::HashSet;

use bytes::Bytes;

use crate::{KeyRange, Op, Txn, TxnError};

/// What a list of operations may change.
#[derive(Default)]
struct Writes<'a> {
    puts: HashSet<&'a Bytes>,
    deletes: Vec<&'a KeyRange>,
}

/// # Errors
/// [`TxnError::DuplicateKey`] with the first key that could be changed twice.
pub(crate) fn check(txn: &Txn) -> Result<(), TxnError> {
    Writes::of(&txn.success)?;
    Writes::of(&txn.failure)?;
    Ok(())
}

impl<'a> Writes<'a> {
    fn of(ops: &'a [Op]) -> Result<Self, TxnError> {
        let mut writes = Self::default();
        // Most transactions put one key, which nothing can overlap.
        if let [Op::Put { key, .. }] = ops {
            writes.puts.insert(key);
            return Ok(writes);
        }
        for op in ops {
            if let Op::DeleteRange(range) = op
                && !range.is_unbounded()
            {
                writes.deletes.push(range);
            }
        }
        for op in ops {
            if let Op::Txn(txn) = op {
                writes.nest(Self::of(&txn.success)?, Self::of(&txn.failure)?)?;
            }
        }
        for op in ops {
            if let Op::Put { key, .. } = op {
                writes.add(key)?;
            }
        }
        Ok(writes)
    }

    /// Adds the branches of a nested transaction, which exclude one another.
    fn nest(&mut self, success: Self, failure: Self) -> Result<(), TxnError> {
        for key in &success.puts {
            self.add(key)?;
        }
        for key in &failure.puts {
            if !success.puts.contains(key) {
                self.add(key)?;
            }
        }
        self.deletes.extend(success.deletes);
        self.deletes.extend(failure.deletes);
        Ok(())
    }

    fn add(&mut self, key: &'a Bytes) -> Result<(), TxnError> {
        if self.deletes.iter().any(|range| range.contains(key)) || !self.puts.insert(key) {
            return Err(TxnError::DuplicateKey { key: key.clone() });
        }
        Ok(())
    }
}
