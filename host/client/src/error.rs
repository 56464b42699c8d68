//! [`ApiError`]: a Status of the server, or why there is none.

use http::StatusCode;
use objects::Tree;
use objects::status::{Outcome, Reason, Status};

use crate::transport::TransportError;

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server's own words.
    #[error("{0}")]
    Status(Box<Status>),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("decode the answer to {request}")]
    Decode {
        request: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("encode the body of {request}")]
    Encode {
        request: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("build the request {0}")]
    Request(String, #[source] http::Error),
}

impl ApiError {
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    pub fn reason(&self) -> Option<Reason> {
        self.status().and_then(|status| status.reason)
    }

    pub fn is_not_found(&self) -> bool {
        self.is(Reason::NotFound)
    }

    pub fn is_already_exists(&self) -> bool {
        self.is(Reason::AlreadyExists)
    }

    pub fn is_conflict(&self) -> bool {
        self.is(Reason::Conflict)
    }

    pub fn is_forbidden(&self) -> bool {
        self.is(Reason::Forbidden)
    }

    /// The resourceVersion or continue token is too old: list again.
    pub fn is_gone(&self) -> bool {
        self.is(Reason::Gone)
            || self.is(Reason::Expired)
            || self.status().is_some_and(|status| status.code == 410)
    }

    /// The namespace is being deleted: nothing can be created in it.
    pub fn is_namespace_terminating(&self) -> bool {
        self.is_forbidden()
            && self.status().and_then(|status| status.details.as_ref()).is_some_and(|details| {
                details.causes.iter().any(|cause| &*cause.reason == "NamespaceTerminating")
            })
    }

    fn is(&self, reason: Reason) -> bool {
        self.reason() == Some(reason)
    }

    pub(crate) fn from_status(status: Status) -> Self {
        Self::Status(Box::new(status))
    }

    /// Reads what an answer that is no success says.
    pub(crate) fn from_answer(code: StatusCode, body: &[u8]) -> Self {
        let said = Tree::from_json(body).ok().as_ref().and_then(Status::from_tree);
        Self::from_status(said.unwrap_or_else(|| Status {
            outcome: Outcome::Failure,
            code: code.as_u16(),
            reason: reason_of(code),
            message: match std::str::from_utf8(body).map(str::trim) {
                Ok(text) if !text.is_empty() => text.to_owned(),
                _ => format!("the server answered {code}"),
            },
            details: None,
            continued: None,
            warnings: Vec::new(),
        }))
    }
}

/// The reason that a bare HTTP status stands for.
fn reason_of(code: StatusCode) -> Option<Reason> {
    const REASONS: &[Reason] = &[
        Reason::BadRequest,
        Reason::Unauthorized,
        Reason::Forbidden,
        Reason::NotFound,
        Reason::MethodNotAllowed,
        Reason::NotAcceptable,
        Reason::Conflict,
        Reason::Gone,
        Reason::UnsupportedMediaType,
        Reason::Invalid,
        Reason::TooManyRequests,
        Reason::InternalError,
        Reason::ServiceUnavailable,
        Reason::Timeout,
    ];
    REASONS.iter().copied().find(|reason| reason.code() == code.as_u16())
}
