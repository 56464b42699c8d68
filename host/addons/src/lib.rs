//! Installs, grants, enables and supervises addons, and asks them on behalf of the services. It opens no socket for them
//! and starts no process: what it needs of the node it asks through [`ports`].

#![allow(unsafe_code, reason = "inotify is registered with the runtime, and compiled components are mapped")]

mod active;
pub mod author;
mod boot;
mod files;
mod fold;
mod grants;
mod handle;
mod library;
mod lifecycle;
mod metadata;
mod operation;
pub mod ports;
mod pushed;
mod record;
mod report;
mod roster;
mod services;
pub mod signature;
mod task;
mod transaction;

#[cfg(test)]
mod tests;

pub use engine::{
    Attributes, Certificate, Credentials, Decision, Kind, KubeRequest, KubeResponse, Limits, Object,
    ObjectChange, ObjectKey, Password, PathRule, Refusal, ResourceRule, RuleSet, Target, User,
};
pub use handle::{AddonsHandle, Unanswered};
pub use library::ComponentError;
pub use metadata::{Metadata, MetadataError};
pub use operation::OperationError;
pub use record::{StateError, last_edits};
pub use report::{InstallPlan, Report, State};
pub use task::{AddonsTask, Builtin, Config, Deps};
