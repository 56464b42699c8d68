//! The arguments of services: upstream's flags as tables, the grammar of `args/<service>`, and the fold of defaults, the
//! profile, the operator's files and the edits of addons into values that know where they come from. Text comes in: this
//! crate reads no file.

mod edit;
mod effective;
mod fold;
mod parse;
mod profile;
mod service;
mod table;
mod value;

pub use edit::{AddonEdits, Edit, Op};
pub use effective::{Change, Effective, Origin, ServiceArgs, Setting};
pub use fold::{Args, Mistake, Mistakes};
pub use profile::Profile;
pub use service::Service;
pub use table::{Effect, Flag, Kind};
