//! The multi-version key space of etcd as a pure model: commands and time in, effects out. It has no disk, no clock and
//! no waiting; who makes it durable and who waits for its events is `datastore`.

mod event;
mod interest;
mod key_history;
mod key_range;
mod key_value;
mod lease;
mod overlap;
mod range;
mod retention;
mod revision;
mod store;
mod txn;
mod view;

pub use event::{Commit, Deletion, Event};
pub use interest::Interest;
pub use key_range::KeyRange;
pub use key_value::KeyValue;
pub use lease::{Lease, LeaseError};
pub use range::{Direction, RangeError, RangeRequest, RangeResult, Selection, Sort, SortBy, Window};
pub use retention::Retention;
pub use revision::{LeaseId, Revision};
pub use store::{Applied, CompactError, Forgotten, Gap, Redo, Store};
pub use txn::{Compare, Op, OpResult, Relation, Target, Txn, TxnError, TxnResult, Update};
pub use view::View;
