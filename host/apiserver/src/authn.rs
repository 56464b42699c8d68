//! Who a user is: what a request shows, what is made of it, and the trait that answers for what only addons know.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use net::PeerCertificates;

/// A user, as every later stage sees one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    /// Sorted by key.
    pub extra: Vec<(String, Vec<String>)>,
}

/// What a request shows of its user.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// A verified chain of any CA but the front proxies'.
    pub certificates: Option<Arc<PeerCertificates>>,
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// User and password of `Authorization: Basic`.
    pub basic: Option<(String, String)>,
}

/// What an authenticator makes of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    User(UserInfo),
    /// None of the credentials is known.
    Unknown,
    /// The authenticator could not answer: the user stays unknown.
    Failed(String),
}

/// Knows users by their credentials. Called on the thread of a request, so it answers in microseconds.
pub trait Authenticate: Send + Sync + 'static {
    /// Completes once credentials can be judged: requests from the network wait for it, so that a start is a pause to
    /// clients and no refusal.
    fn ready(&self) -> BoxFuture<'_, ()>;

    fn authenticate(&self, credentials: &Credentials) -> Authentication;
}
