//! Requests to an etcd and the answers to them, written down in `cases/`: recorded from a real etcd, and to be given
//! alike by the node's own datastore.
//!
//! A file of cases runs on a fresh server, from its first line to its last, so that revisions are absolute. `README.md`
//! tells how a file is written; what no two servers have in common is set aside by the table in `aside`.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod aside;
mod check;
mod connection;
mod file;
mod ours;
mod reference;
mod run;
mod schema;
mod text;

pub use check::{Running, check_all, check_file, files, record_all};
pub use connection::Endpoint;
pub use file::{CaseFile, Edition};
pub use ours::Ours;
pub use reference::Etcd;
