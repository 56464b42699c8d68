//! What can be asked over the control socket: one type an operation, with the type of its answer.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::report::{
    AddonDetails, AddonReport, CertificateReport, ConfigReport, InstallReport, LogReport, StatusReport,
};

/// A question to the running host. It travels as `POST /v1/NAME` with the value as JSON: in the body, or, where the
/// body carries an upload, in the header `mk8s-request`.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// Last segment of the path.
    const NAME: &'static str;
    type Answer: Serialize + DeserializeOwned + Send + 'static;
}

macro_rules! operations {
    ($($operation:ident = $name:literal -> $answer:ty;)*) => {
        $(impl Operation for $operation {
            const NAME: &'static str = $name;
            type Answer = $answer;
        })*
    };
}

operations! {
    Status = "status" -> StatusReport;
    ShowConfig = "config-show" -> ConfigReport;
    InstallPlugin = "plugin-install" -> InstallReport;
    ListPlugins = "plugin-list" -> Vec<AddonReport>;
    PluginInfo = "plugin-info" -> AddonDetails;
    PluginLogs = "plugin-logs" -> LogReport;
    DiffPlugin = "plugin-diff" -> Vec<String>;
    UpgradePlugin = "plugin-upgrade" -> InstallReport;
    SetPlugin = "plugin-set" -> AddonReport;
    GrantPlugin = "plugin-grant" -> AddonReport;
    RevokePlugin = "plugin-revoke" -> AddonReport;
    EnablePlugin = "plugin-enable" -> AddonReport;
    DisablePlugin = "plugin-disable" -> AddonReport;
    RemovePlugin = "plugin-remove" -> ();
    ListCertificates = "certificates" -> Vec<CertificateReport>;
    RefreshCertificates = "refresh-certs" -> Vec<String>;
    RotateSecrets = "secrets-rotate" -> Vec<String>;
    ImportImages = "images-import" -> Vec<String>;
}

/// The whole state of the node.
#[derive(Serialize, Deserialize)]
pub struct Status {}

/// The effective configuration with its origins, of one service or of all.
#[derive(Serialize, Deserialize)]
pub struct ShowConfig {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<String>,
}

/// Installs and enables an addon: the uploaded component, or the built-in called `name` where the upload is empty.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallPlugin {
    /// Name of a built-in, or of the file for messages.
    pub name: String,
    pub mode: InstallMode,
    /// Names of capabilities that it wants and is not to be granted.
    #[serde(default)]
    pub without: Vec<String>,
}

/// How far an install goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallMode {
    /// Tell what it would do and change nothing.
    Plan,
    /// Install what the operator has seen and granted, also where it replaces an addon of the same name.
    Commit,
}

/// Every addon, installed or built in.
#[derive(Serialize, Deserialize)]
pub struct ListPlugins {}

#[derive(Serialize, Deserialize)]
pub struct PluginInfo {
    pub name: String,
}

/// Lines of an addon's log.
#[derive(Serialize, Deserialize)]
pub struct PluginLogs {
    pub name: String,
    /// The number of the first line that is wanted; lines that are no longer kept are left out.
    pub from: u64,
    /// Answer when there is such a line, or after a while without.
    pub wait: bool,
}

/// What of the configuration an install of the uploaded component would change; without an upload, to enable the addon
/// of that name, or to disable it where it is enabled.
#[derive(Serialize, Deserialize)]
pub struct DiffPlugin {
    pub name: String,
}

/// Puts the uploaded component in the place of the addon's.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradePlugin {
    pub name: String,
    pub mode: InstallMode,
    /// Names of capabilities that it wants and is not to be granted.
    #[serde(default)]
    pub without: Vec<String>,
}

/// Gives settings values in the operator's words; none takes what was given back.
#[derive(Serialize, Deserialize)]
pub struct SetPlugin {
    pub name: String,
    pub settings: Vec<(String, Option<String>)>,
}

/// Grants a capability by its name.
#[derive(Serialize, Deserialize)]
pub struct GrantPlugin {
    pub name: String,
    pub capability: String,
}

/// Takes a capability back.
#[derive(Serialize, Deserialize)]
pub struct RevokePlugin {
    pub name: String,
    pub capability: String,
}

#[derive(Serialize, Deserialize)]
pub struct EnablePlugin {
    pub name: String,
}

#[derive(Serialize, Deserialize)]
pub struct DisablePlugin {
    pub name: String,
}

#[derive(Serialize, Deserialize)]
pub struct RemovePlugin {
    pub name: String,
}

/// Every certificate with its expiry.
#[derive(Serialize, Deserialize)]
pub struct ListCertificates {}

/// Issues certificates anew, or takes that back; the answer is one line for each thing done.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum RefreshCertificates {
    /// One certificate by its file name, `server.crt` or `ca.crt`.
    Certificate { name: String },
    /// Every leaf certificate.
    Leaves,
    /// The CA of the folder takes the place of ours.
    AdoptCa { folder: String },
    /// The files of before the last refresh.
    Undo,
    /// Drop the CA of before the last CA refresh.
    Finish,
}

/// Gives the store another key, and writes everything anew that an older one encrypted; the answer is one line for each
/// thing done.
#[derive(Serialize, Deserialize)]
pub struct RotateSecrets {}

/// Imports the uploaded image archive; the answer names the images.
#[derive(Serialize, Deserialize)]
pub struct ImportImages {}
