//! Makes `mvcc` durable: a write is acknowledged, read and watched only when it is on disk. One thread applies all waiting
//! transactions and commits them with one flush. It does not know what the values are.

mod config;
#[cfg(test)]
mod fake_disk;
mod handle;
mod lock;
mod pages;
mod record;
mod shared;
mod store_file;
mod task;
mod watch;
mod writer;

pub use config::Config;
pub use handle::{Datastore, StoreError};
pub use lock::{DirectoryLock, LockError};
pub use mvcc::{
    Commit, CompactError, Compare, Direction, Event, KeyRange, KeyValue, LeaseId, Op, OpResult, RangeError,
    RangeRequest, RangeResult, Relation, Revision, Selection, Sort, SortBy, Target, Txn, TxnError, TxnResult,
};
pub use pages::Pages;
pub use store_file::FileError;
pub use task::{DatastoreTask, OpenError, TaskError};
pub use watch::{Progress, Watch, WatchBatch, WatchError, WatchRequest};
