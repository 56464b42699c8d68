//! The verbs over a datastore on disk, one claim a test.

pub(crate) mod fixture;
mod reading;
mod watching;
mod writing;
