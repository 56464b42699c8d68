//! The control socket of a running host: what can be asked over `run/mk8s.sock`, by whom it is answered and how
//! the answers are shown. It does none of the work itself: the composition implements [`Operations`].

pub mod report;
pub mod show;

pub use report::{
    AddonReport, AddonState, CertificateReport, SocketReport, StatusReport, UnitReport, UnitState,
};
