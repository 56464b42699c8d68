//! Owns wasmtime: loads components, calls them under limits, recovers from traps. It does not know what an addon is for,
//! who granted what, or where state is kept: the caller says what may be linked and answers what guests ask.

#![allow(unsafe_code, reason = "compiled components are mapped, see `component`")]

mod bindings;
mod compile;
mod component;
mod convert;
mod host;
mod inspect;
mod instance;
mod output;
mod runtime;
mod section;
mod services;
mod tally;
mod values;
mod warm;

pub use compile::{CompileError, compile};
pub use component::{Component, Limits, LoadError};
pub use inspect::{Import, InspectError, Inspection, LARGEST, METADATA, Role, inspect};
pub use instance::{CallError, Instance};
pub use runtime::{Engine, EngineError};
pub use section::{CustomSection, custom_section, custom_sections, with_section_in_front, without_sections};
pub use services::{Answer, Services};
pub use tally::{Strikes, Tally, Unavailable};
pub use values::{
    Action, AdmissionRequest, Argument, Attributes, Candidates, Certificate, CertificateRequest, Cluster,
    ClusterNode, Credentials, Decision, Denial, DnsAnswer, DnsClient, Edit, Event, Facts, File, FilterRule,
    Folder, FolderAccess, Hook, Issued, Kind, KubeRequest, KubeResponse, Level, Link, LinkKind, Measure,
    Measured, Mutation, Neighbour, NodeRating, NodeRefusal, Object, ObjectChange, ObjectKey, Operation,
    Password, PathRule, Plan, Refusal, ResourceRule, Review, Route, RuleSet, Setting, Target, Usage, User,
    Vxlan, WriteOperation,
};
pub use warm::Warm;
