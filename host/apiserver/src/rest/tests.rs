//! The verbs over a datastore on disk, one claim a test.

mod applying;
mod encrypting;
pub(crate) mod fixture;
mod reading;
mod services;
mod watching;
mod writing;
