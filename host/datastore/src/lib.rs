//! Makes `mvcc` durable: a write is acknowledged, read and watched only when it is on disk. One at a time carries out all
//! commands that wait for it and writes them with one flush: a thread of its own, or a [`Committer`] on the thread of those
//! who ask. The same handle speaks to a store elsewhere. It does not know what the values are.

mod alarm;
mod answers;
mod check;
mod config;
mod embedded;
mod file;
mod file_error;
mod folder;
mod handle;
mod hub;
mod imaging;
mod import;
mod lock;
mod pages;
mod shared;
mod task;
mod turns;
mod watch;
mod watch_set;
mod writer;

pub use alarm::Alarm;
pub use check::{Sound, check};
pub use config::Config;
pub use embedded::{Embedded, Export, LeaseStatus, StoreStatus};
pub use file::head::Identity;
pub use file_error::FileError;
pub use handle::{Answer, Datastore, Remote, StoreError};
pub use import::Import;
pub use lock::{DirectoryLock, LockError};
pub use mvcc::{
    Commit, CompactError, Compare, Deletion, Direction, Event, KeyRange, KeyValue, LeaseError, LeaseId, Op,
    OpResult, RangeError, RangeRequest, RangeResult, Redo, Relation, Revision, Selection, Sort, SortBy,
    Target, Txn, TxnError, TxnResult, Update, Window,
};
pub use pages::Pages;
pub use task::{DatastoreTask, OpenError, TaskError};
pub use turns::Committer;
pub use watch::{Watch, WatchBatch, WatchError, WatchRequest};
pub use watch_set::{Told, WatchSet};
