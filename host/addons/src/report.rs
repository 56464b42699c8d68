//! What is told of addons.

use crate::ledger::CallStatistics;

/// An addon, installed or built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub name: String,
    pub version: String,
    pub roles: Vec<String>,
    pub state: State,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Why it is not well.
    pub message: Option<String>,
    /// It is the component that the host carries.
    pub builtin: bool,
    /// How often it was denied what it was not granted, since the host started.
    pub denied: u64,
}

/// Whether an addon takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Disabled,
    Starting,
    /// It is enabled and cannot be loaded.
    Broken,
    Enabled,
    /// It failed too often: not asked any more.
    Quarantined,
}

/// What an install changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallPlan {
    pub addon: Report,
    /// `built in`, `unsigned`, or `signed by NAME`.
    pub source: String,
    /// What it wants, with its reasons, one line each.
    pub capabilities: Vec<String>,
    /// Those of them that the component which it takes the place of did not want.
    pub wants_more: Vec<String>,
    /// The names of those that it is not granted.
    pub not_granted: Vec<String>,
    /// `service --flag: before -> after`.
    pub changes: Vec<String>,
    /// The installed addon that it takes the place of.
    pub replaces: Option<String>,
}

/// All that is known of an addon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    pub addon: Report,
    pub description: String,
    pub settings: Vec<SettingReport>,
    pub capabilities: Vec<CapabilityReport>,
    /// What it asked for and was not granted, and how often.
    pub denied: Vec<(String, u64)>,
    pub calls: Vec<CallStatistics>,
    /// Bytes of the largest memory that one of its instances had.
    pub memory: usize,
    /// Traps and overruns since it was started.
    pub faults: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingReport {
    pub name: String,
    /// As JSON.
    pub value: String,
    pub is_default: bool,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityReport {
    /// By which it is granted and revoked.
    pub name: String,
    pub text: String,
    pub granted: bool,
}

/// What a component says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: String,
    pub version: String,
    pub description: String,
    pub roles: Vec<String>,
    /// SHA-256, in hexadecimal.
    pub digest: String,
    /// With their defaults.
    pub settings: Vec<SettingReport>,
    pub capabilities: Vec<CapabilityReport>,
    pub conflicts: Vec<String>,
}
