//! The multi-version key space of etcd as a pure model: commands and time in, effects out. It has no disk, no clock and
//! no waiting; who makes it durable and who waits for its events is `datastore`.

mod event;
mod key_history;
mod key_range;
mod key_value;
mod range;
mod retention;
mod revision;
mod store;
mod txn;
mod view;

pub use event::{Commit, Event};
pub use key_range::KeyRange;
pub use key_value::KeyValue;
pub use range::{Direction, RangeError, RangeRequest, RangeResult, Selection, Sort, SortBy};
pub use retention::Retention;
pub use revision::{LeaseId, Revision};
pub use store::{Applied, CompactError, Forgotten, Store};
pub use txn::{Compare, Op, OpResult, Relation, Target, Txn, TxnError, TxnResult};
pub use view::View;
