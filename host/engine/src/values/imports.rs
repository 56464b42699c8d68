//! What guests ask of the host.

use std::path::PathBuf;

use bytes::Bytes;

/// A resource of the Kubernetes API; the group is empty for core.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    pub group: String,
    pub version: String,
    pub resource: String,
}

/// What a `kube` call is about; the name is empty for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub kind: Kind,
    /// Empty for the object itself.
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// Of lists; empty for all.
    pub label_selector: String,
    pub field_selector: String,
}

/// A `kube` call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeRequest {
    Get(Target),
    List(Target),
    /// Creates the object, or replaces the one of its name.
    Put(Target, Bytes),
    Delete(Target),
}

/// Objects as JSON: one of `Get` and `Put`, any number of `List`, none of `Delete`.
pub type KubeResponse = Vec<Bytes>;

/// A setting and its value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

/// What a certificate may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    Client,
    Server,
    /// One that this host does not know, by its name.
    Other(String),
}

/// A certificate that a guest wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    pub common_name: String,
    pub organizations: Vec<String>,
    /// DNS names and addresses.
    pub names: Vec<String>,
    pub usages: Vec<Usage>,
    pub life: std::time::Duration,
}

/// A certificate, its key and who vouches for it, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    pub chain: Bytes,
    pub key: Bytes,
    pub authorities: Bytes,
    /// In seconds since 1970.
    pub not_after: u64,
}

/// What is done to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Added to a counter.
    Added,
    /// The value of a gauge.
    Set,
    /// A value of a histogram.
    Observed,
}

/// A number that a guest tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    pub metric: String,
    pub labels: Vec<(String, String)>,
    pub measured: Measured,
    pub value: f64,
}

/// A folder of the node that an instance finds at its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// `/NAME` in the guest.
    pub name: String,
    pub path: PathBuf,
    pub access: FolderAccess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    Read,
    Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}
