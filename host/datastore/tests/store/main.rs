//! The datastore over real files.

mod fixture;
mod handle;
mod lease;
mod refusal;
mod size;
mod watch_set;
