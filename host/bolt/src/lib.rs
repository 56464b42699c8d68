//! The file format of bbolt (`go.etcd.io/bbolt`): whole databases of named buckets, written once in key order and read
//! in key order. It changes no database in place, has no transactions, and does not know what the records mean.

mod meta;
mod page;
mod reader;
mod word;
mod writer;

pub use page::PageId;
pub use reader::{Fault, MetaFault, ReadError, Reader, Record, Records};
pub use writer::{WriteError, Writer};

/// The longest key, and the longest name of a bucket, that bbolt takes.
pub const MAX_KEY_LEN: usize = 32_768;

/// The longest value that is written. bbolt maps no more than 2 GiB as one page, and three values may have to share one.
pub const MAX_VALUE_LEN: usize = 512 << 20;
