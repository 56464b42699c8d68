//! Installs, grants, enables and supervises addons, and asks them on behalf of the services. It opens no socket for them
//! and starts no process: what it needs of the node it asks through [`ports`].

#![allow(unsafe_code, reason = "inotify is registered with the runtime, and compiled components are mapped")]

mod active;
mod admission;
pub mod author;
mod boot;
mod depot;
mod documents;
mod files;
mod fold;
mod grants;
mod handle;
mod ledger;
mod library;
mod lifecycle;
mod metadata;
mod operation;
pub mod ports;
mod pushed;
mod record;
mod report;
mod roster;
mod scheduling;
mod services;
pub mod signature;
mod task;
mod transaction;

#[cfg(test)]
mod tests;

pub use admission::{AdmissionStep, Shown, Unjudged};
pub use engine::{
    AdmissionRequest, Attributes, Candidates, Certificate, CertificateRequest, Credentials, Decision, Denial,
    Issued, Kind, KubeRequest, KubeResponse, Level, Limits, Mutation, NodeRating, NodeRefusal, Object,
    ObjectChange, ObjectKey, Password, PathRule, Refusal, ResourceRule, Review, RuleSet, Target, Usage, User,
    WriteOperation,
};
pub use handle::{AddonsHandle, Unanswered};
pub use ledger::{CallStatistics, LogLine, LogPage};
pub use library::{ComponentError, describe};
pub use lifecycle::NodeEvent;
pub use metadata::{Metadata, MetadataError, Pod, Written};
pub use operation::{Offer, OperationError, SettingEdit};
pub use record::{StateError, last_edits};
pub use report::{CapabilityReport, Described, Details, InstallPlan, Report, SettingReport, State};
pub use scheduling::{Concerned, Unadvised};
pub use task::{AddonsTask, Builtin, Config, Deps};
