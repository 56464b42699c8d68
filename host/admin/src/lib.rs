//! The control socket of a running host, `run/mk8s.sock`: what can be asked over it, how the questions travel and how
//! the answers look. It does none of the work itself: the composition puts a handler for each operation into
//! [`Server`].

mod client;
pub mod operation;
pub mod report;
mod server;
pub mod show;

pub use client::{AskError, Client};
pub use report::{
    AddonCalls, AddonCapability, AddonDenial, AddonDetails, AddonReport, AddonSetting, AddonState,
    CertificateReport, ConfigReport, FlagReport, InstallReport, LogLine, LogReport, ServiceConfigReport,
    SocketReport, StatusReport, StoreReport, StoreUsage, UnitReport, UnitState,
};
pub use server::{Refusal, Server};
