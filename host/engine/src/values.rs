//! The values of the contract as plain data: what goes into a guest is borrowed, what comes out is owned.

mod admission;
mod imports;
mod network;
mod scheduling;

use bytes::Bytes;

pub use admission::{AdmissionRequest, Denial, Mutation, Review, WriteOperation};
pub use imports::{
    CertificateRequest, Folder, FolderAccess, Issued, Kind, KubeRequest, KubeResponse, Level, Measure,
    Measured, Setting, Target, Usage,
};
pub use network::{
    Action, Cluster, ClusterNode, DnsAnswer, DnsClient, FilterRule, Hook, Link, LinkKind, Neighbour, Plan,
    Route, Vxlan,
};
pub use scheduling::{Candidates, NodeRating, NodeRefusal};

/// Why a guest, or the host that a guest asked, did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("invalid: {0}")]
    Invalid(String),
    #[error("denied: {0}")]
    Denied(String),
    #[error("not found: {0}")]
    NotFound(String),
    #[error("conflict: {0}")]
    Conflict(String),
    #[error("unavailable: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Other(String),
}

/// A user, as Kubernetes sees one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    /// Sorted by key.
    pub extra: Vec<(String, Vec<String>)>,
}

/// A chain that a CA verified, in DER, the leaf first.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    pub chain: &'a [&'a [u8]],
    /// `client-ca`, `front-proxy-ca` or `etcd-ca`.
    pub anchor: &'a str,
}

#[derive(Clone, Copy, Debug)]
pub struct Password<'a> {
    pub user: &'a str,
    pub password: &'a str,
}

/// What a request shows of its user.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    pub certificate: Option<Certificate<'a>>,
    pub bearer_token: Option<&'a str>,
    pub password: Option<Password<'a>>,
}

/// What a user asks to do; empty texts where the contract has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a> {
    pub verb: &'a str,
    pub namespace: &'a str,
    pub group: &'a str,
    pub version: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    pub name: &'a str,
    pub path: &'a str,
}

/// Each with a reason for people, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow(String),
    Deny(String),
    NoOpinion(String),
    /// One that this host does not know, by its name: nobody decided.
    Other(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRule {
    pub verbs: Vec<String>,
    pub groups: Vec<String>,
    pub resources: Vec<String>,
    pub names: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRule {
    pub verbs: Vec<String>,
    pub paths: Vec<String>,
}

/// What a user may do in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    pub resource_rules: Vec<ResourceRule>,
    pub path_rules: Vec<PathRule>,
    /// Why the rules may be incomplete.
    pub problems: Vec<String>,
}

/// Where an object is; the namespace is empty for cluster scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: ObjectKey,
    pub json: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    Put(Object),
    Delete(ObjectKey),
}

/// An argument in force.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    pub service: &'a str,
    pub flag: &'a str,
    pub value: &'a str,
}

/// What the node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub node_name: String,
    pub addresses: Vec<String>,
}

/// A change of the configuration that a guest asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub service: String,
    pub flag: String,
    pub operation: Operation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Set(String),
    Unset,
    Append(String),
    /// One that this host does not know, by its name.
    Other(String),
}

/// What happens to the node or to the addon.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    Enabled,
    Disabled,
    UnitStarting(&'a str),
    UnitReady(&'a str),
    UnitStopping(&'a str),
    NodeJoined(&'a str),
    CertsRenewed(&'a [&'a str]),
}

/// A granted file; no content where there is no such file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub path: String,
    pub content: Option<Bytes>,
}
