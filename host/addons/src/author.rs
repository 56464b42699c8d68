//! The tools of those who write addons. Whatever they say is said by the code that runs addons on a node: the same
//! reading, the same compiler, the same limits; only the cluster is a stand-in.

mod annotate;
mod bench;
mod case;
mod check;
mod project;
mod stand_in;
mod subject;
mod suite;
mod workshop;

pub use annotate::{AnnotateError, annotate};
pub use bench::Measured;
pub use case::{Answer, Case, RunError};
pub use check::{Finding, Severity, check};
pub use project::{Kind, Language, Project, ProjectError};
pub use subject::Subject;
pub use suite::{Verdict, test};
pub use workshop::Workshop;
