//! What is told of addons.

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
    /// `service --flag: before -> after`.
    pub changes: Vec<String>,
    /// The installed addon that it takes the place of.
    pub replaces: Option<String>,
}
