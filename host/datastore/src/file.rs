//! How a store lies in its files. An *image* is every key at one revision; a *log* is what happened since, one frame for
//! each commit; both are frames of entries behind a head. Files are read as `file::load` tells and written by `Journal`
//! and `Imaging`.
//!
//! ```text
//! image-<revision>   head, versions of all keys, leases and alarms, end
//! log-<sequence>     head, entries ..., zeros up to the end of what was reserved
//! ```

pub(crate) mod entry;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod image;
pub(crate) mod journal;
pub(crate) mod load;
pub(crate) mod name;
pub(crate) mod tail;
