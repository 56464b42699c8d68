//! Authentication and authorization delegated to the API server, for the ports of the other services.
//!
//! [`Gate`] puts the parts together; each part also serves alone.

mod access_review;
mod cache;
mod certificate;
mod gate;
mod token_review;

pub use access_review::Authorizer;
pub use certificate::user_of_certificate;
pub use gate::{Forbidden, Gate, Refusal};
pub use token_review::Authenticator;

use std::time::Duration;

/// A user as the API server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserInfo {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: Vec<(String, Vec<String>)>,
}

/// What a request asks to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// The HTTP method in lower case, and the path.
    Path {
        verb: String,
        path: String,
    },
    Resource(ResourceAccess),
}

/// A verb on a resource; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceAccess {
    pub verb: String,
    pub group: String,
    pub version: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// With the API server's reason, which may be empty.
    Refused(String),
}

/// How long answers of the API server are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTtl {
    pub user: Duration,
    pub allowed: Duration,
    pub refused: Duration,
}

impl CacheTtl {
    /// As upstream's controller manager and scheduler have it.
    pub const COMPONENT: Self = Self {
        user: Duration::from_secs(10),
        allowed: Duration::from_secs(10),
        refused: Duration::from_secs(10),
    };

    /// As upstream's kubelet has it.
    pub const KUBELET: Self = Self {
        user: Duration::from_secs(2 * 60),
        allowed: Duration::from_secs(5 * 60),
        refused: Duration::from_secs(30),
    };
}
