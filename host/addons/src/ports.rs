//! What the addons need of the node, answered by its services.

use std::path::Path;
use std::sync::Arc;

use args::{AddonEdits, Effective, Mistakes};
use bytes::Bytes;
use engine::{
    CertificateRequest, Facts, Issued, Kind, KubeRequest, KubeResponse, Object, ObjectChange, Refusal,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// Why the node did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// Cranelift, in a process of its own: what comes back is `engine::compile` of the component.
pub trait Compiler: Send + Sync + 'static {
    fn compile(&self, component: Bytes) -> BoxFuture<'_, Result<Vec<u8>, PortError>>;
}

/// The datastore, below `/mk8s.io/`. Waits until there is one.
pub trait Store: Send + Sync + 'static {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, PortError>>;

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), PortError>>;

    /// To delete what is not there changes nothing.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), PortError>>;

    /// Keys and values below a prefix, sorted by key.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<(String, Bytes)>, PortError>>;

    /// Tells that there is something to read below a prefix: once when it is followed, and whenever it may have changed
    /// since, whoever wrote it. Retries by itself, and does not end.
    fn changes(&self, prefix: &'static str) -> BoxStream<'static, ()>;
}

/// The Kubernetes API as the user `system:addon:NAME`.
pub trait KubeAccess: Send + Sync + 'static {
    fn call<'a>(
        &'a self,
        addon: &'a str,
        request: KubeRequest,
    ) -> BoxFuture<'a, Result<KubeResponse, Refusal>>;
}

/// The CA of the cluster. Whether a certificate was granted is no question of its.
pub trait Issuer: Send + Sync + 'static {
    fn issue(&self, request: CertificateRequest) -> BoxFuture<'_, Result<Issued, PortError>>;
}

/// Documents of other servers.
pub trait Documents: Send + Sync + 'static {
    /// The document at an https URL, from a server that CAs of a file in PEM vouch for: the system's where there is none.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        authorities: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Bytes, PortError>>;
}

/// What there is of a kind, or what changed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectUpdate {
    /// Everything; replaces what was told before.
    Snapshot(Vec<Object>),
    /// In order.
    Changes(Vec<ObjectChange>),
}

/// The objects of a kind as the user `system:addon:NAME` sees them.
pub trait ObjectSource: Send + Sync + 'static {
    /// A snapshot first; retries by itself, and does not end.
    fn follow(&self, addon: &str, kind: &Kind) -> BoxStream<'static, ObjectUpdate>;
}

/// The configuration of the node.
pub trait Configuration: Send + Sync + 'static {
    /// The values with these edits, without putting them in force.
    fn fold(&self, edits: &[AddonEdits]) -> Result<Effective, Mistakes>;

    /// Puts values in force. When it returns they are, or the ones before are again.
    fn apply(&self, effective: Arc<Effective>) -> BoxFuture<'_, Result<(), PortError>>;

    /// The values in force.
    fn effective(&self) -> Arc<Effective>;

    /// What the node is.
    fn facts(&self) -> Facts;
}
