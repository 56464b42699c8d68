//! The datastore over real files.

mod fixture;
mod handle;
mod refusal;
