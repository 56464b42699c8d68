//! [`Gate`]: what a port asks before it answers a request.

use std::fmt;

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use net::{Body, Peer, body};
use objects::status::{Reason, Status};

use super::{
    Access, Authenticator, Authorizer, CacheTtl, Decision, ResourceAccess, UserInfo, user_of_certificate,
};
use crate::client::Client;
use crate::error::ApiError;

/// Knows users by client certificate, else by bearer token, and asks what they may. Nobody is anonymous.
#[derive(Clone)]
pub struct Gate {
    authenticator: Authenticator,
    authorizer: Authorizer,
}

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("Unauthorized")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(Box<Forbidden>),
    /// The API server did not say: nothing is decided.
    #[error("ask the API server who may do this")]
    Unavailable(#[source] ApiError),
}

/// What was asked and is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub user: UserInfo,
    pub access: Access,
    /// The API server's, which may be empty.
    pub reason: String,
}

impl Gate {
    pub fn new(client: Client, ttl: CacheTtl) -> Self {
        Self {
            authenticator: Authenticator::new(client.clone(), ttl),
            authorizer: Authorizer::new(client, ttl),
        }
    }

    /// Who sent the request, if they may do what it asks. The head carries its [`Peer`] as `net` left it there.
    pub async fn admit(&self, head: &Parts, access: &Access) -> Result<UserInfo, Refusal> {
        let user = self.user(head).await?;
        match self.authorizer.authorize(&user, access).await.map_err(Refusal::Unavailable)? {
            Decision::Allowed => Ok(user),
            Decision::Refused(reason) => {
                Err(Refusal::Forbidden(Box::new(Forbidden { user, access: access.clone(), reason })))
            }
        }
    }

    async fn user(&self, head: &Parts) -> Result<UserInfo, Refusal> {
        let peer = head.extensions.get::<Peer>().and_then(|peer| peer.certificates.as_deref());
        if let Some(user) = peer.and_then(user_of_certificate) {
            return Ok(user);
        }
        let token = bearer(head.headers.get(header::AUTHORIZATION)).ok_or(Refusal::Unauthorized)?;
        let user = self.authenticator.authenticate(token).await.map_err(Refusal::Unavailable)?;
        user.ok_or(Refusal::Unauthorized)
    }
}

fn bearer(value: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, token) = value?.to_str().ok()?.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

impl Refusal {
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The Status that upstream's generic server answers with.
    pub fn response(&self) -> Response<Body> {
        let status = match self {
            Self::Unauthorized => Status::failure(Reason::Unauthorized, "Unauthorized"),
            Self::Forbidden(_) => Status::failure(Reason::Forbidden, self.to_string()),
            Self::Unavailable(_) => Status::failure(Reason::InternalError, self.to_string()),
        };
        let mut response = Response::new(body::full(status.to_tree().to_json()));
        *response.status_mut() = self.code();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user.name;
        match &self.access {
            Access::Path { verb, path } => write!(f, "forbidden: User {user:?} cannot {verb} path {path:?}")?,
            Access::Resource(access) => {
                let ResourceAccess { verb, resource, subresource, group, .. } = access;
                let slash = if subresource.is_empty() { "" } else { "/" };
                write!(
                    f,
                    "forbidden: User {user:?} cannot {verb} resource \"{resource}{slash}{subresource}\" in API group {group:?}"
                )?;
            }
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}
