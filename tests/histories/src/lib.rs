//! Histories of many clients of one datastore, recorded and judged: each is linearizable, every read shows the state that
//! the writes before it made, and every watch tells all of it once and in order. Faults belong to the tests.

pub mod client;
pub mod effort;
pub mod history;
pub mod ledger;
pub mod linear;
pub mod operation;
pub mod running;
pub mod telling;
pub mod watcher;
pub mod wire;
pub mod workload;
