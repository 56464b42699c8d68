//! What a running host says of itself: plain data, as it travels over the socket.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The whole of `mk8s-host status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// Version of the running binary.
    pub version: String,
    /// Every unit is ready and, where there is a kubelet, its node too.
    pub ready: bool,
    /// Name of this node in the cluster.
    pub node: String,
    /// Addresses at which clients reach the API server.
    pub addresses: Vec<IpAddr>,
    /// Directory that holds everything of this node.
    pub data_dir: String,
    /// Authorization modes in force, in their order.
    pub authorization_mode: Vec<String>,
    /// Where the cluster's state is kept.
    pub store: StoreReport,
    /// Supervised services and child processes, in start order.
    pub units: Vec<UnitReport>,
    /// Sockets that are bound now.
    pub sockets: Vec<SocketReport>,
    /// Certificates on disk.
    pub certificates: Vec<CertificateReport>,
    /// Installed addons, in the order in which they are folded.
    pub addons: Vec<AddonReport>,
    /// What an operator should look at.
    pub warnings: Vec<String>,
}

/// A store of the cluster's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreReport {
    /// Of an etcd elsewhere; none of the embedded store.
    pub endpoints: Vec<String>,
    /// Of the embedded store, while it is open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<StoreUsage>,
}

/// The size and the alarms of the embedded store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreUsage {
    pub revision: i64,
    pub bytes_on_disk: u64,
    pub bytes_in_use: u64,
    /// Bytes in use at which it takes no more.
    pub quota: u64,
    /// As etcd names them.
    pub alarms: Vec<String>,
}

/// A supervised service or child process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitReport {
    pub name: String,
    pub state: UnitState,
    /// Restarts since the host started.
    pub restarts: u32,
    /// Why it is not ready, or why it last stopped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// Where a unit is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    Waiting,
    Starting,
    Ready,
    BackingOff,
    Failed,
    Stopped,
}

/// A bound socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketReport {
    /// `0.0.0.0:16443/tcp` or the path of a unix socket.
    pub address: String,
    pub service: String,
    /// Who may speak, in a few words.
    pub access: String,
}

/// A certificate on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateReport {
    /// File name below `certs/`.
    pub file: String,
    pub subject: String,
    pub issuer: String,
    /// End of its validity, RFC 3339.
    pub not_after: String,
    pub days_left: i64,
}

/// An installed addon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonReport {
    pub name: String,
    pub version: String,
    pub roles: Vec<String>,
    pub state: AddonState,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// Whether an addon takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddonState {
    /// Built in or installed, and not enabled.
    Disabled,
    Starting,
    /// Enabled, and cannot be loaded.
    Broken,
    Enabled,
    /// Trapped too often: not asked any more.
    Quarantined,
}

/// What an install changes, shown before it is done and answered after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallReport {
    pub addon: AddonReport,
    /// `built in`, `unsigned`, or `signed by NAME`.
    pub source: String,
    /// What it wants, with its reasons, one line each.
    pub capabilities: Vec<String>,
    /// Those of them that the component which it takes the place of did not want.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub wants_more: Vec<String>,
    /// The names of those that it is not granted.
    #[serde(default)]
    pub not_granted: Vec<String>,
    /// Values of the configuration that it changes, `service --flag: before -> after`.
    pub changes: Vec<String>,
    /// The addon of the same name that it takes the place of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<String>,
}

/// The whole of `mk8s-host plugin info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonDetails {
    /// None where a file is told of, that is not installed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<AddonState>,
    pub name: String,
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub description: String,
    pub roles: Vec<String>,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Of a file: `unsigned`, or `signed by NAME`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    pub settings: Vec<AddonSetting>,
    pub capabilities: Vec<AddonCapability>,
    /// What it asked for and was not granted.
    pub denied: Vec<AddonDenial>,
    pub calls: Vec<AddonCalls>,
    /// Bytes of the largest memory that one of its instances had.
    pub memory: usize,
    /// Traps and overruns since it was started.
    pub faults: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonSetting {
    pub name: String,
    /// As JSON.
    pub value: String,
    pub is_default: bool,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonCapability {
    /// By which it is granted and revoked.
    pub name: String,
    pub text: String,
    pub granted: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonDenial {
    pub what: String,
    pub count: u64,
}

/// How the calls of a role went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonCalls {
    pub role: String,
    pub calls: u64,
    pub failures: u64,
    pub median_nanoseconds: u64,
    pub p99_nanoseconds: u64,
}

/// Lines of an addon's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogReport {
    pub lines: Vec<LogLine>,
    /// The number of the line after these.
    pub next: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// RFC 3339.
    pub at: String,
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    pub text: String,
}

/// The effective configuration of the services asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigReport {
    pub services: Vec<ServiceConfigReport>,
}

/// The flags of one service, in the order of its table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConfigReport {
    pub service: String,
    pub flags: Vec<FlagReport>,
}

/// One flag that has a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagReport {
    pub flag: String,
    pub value: String,
    /// `default`, `args/kube-apiserver:3`, `addon rbac`.
    pub origin: String,
    /// Values that this one replaced, the nearest first, each with its origin.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub overrides: Vec<String>,
}
