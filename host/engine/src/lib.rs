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
mod values;
mod warm;

pub use compile::{CompileError, LARGEST, compile};
pub use component::{Component, Limits, LoadError};
pub use inspect::{Import, InspectError, Inspection, METADATA, Role, inspect};
pub use instance::{CallError, Instance};
pub use runtime::{Engine, EngineError};
pub use section::{CustomSection, custom_section, custom_sections, with_section_in_front, without_sections};
pub use services::{Answer, Services};
pub use values::{
    Argument, Attributes, Certificate, Credentials, Decision, Edit, Event, Facts, File, Kind, KubeRequest,
    KubeResponse, Level, Object, ObjectChange, ObjectKey, Operation, Password, PathRule, Refusal,
    ResourceRule, RuleSet, Setting, Target, User,
};
pub use warm::{Strikes, Unavailable, Warm};
