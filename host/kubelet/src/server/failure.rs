//! Why a request is not answered, in upstream's words and codes.

use http::{HeaderValue, Response, StatusCode, header};
use net::{Body, body};

use crate::handle::FindError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("404 page not found")]
    NoSuchPath,
    #[error("405: Method Not Allowed")]
    Method,
    #[error("healthz check failed: {0}")]
    Unhealthy(&'static str),
    #[error(transparent)]
    Find(#[from] FindError),
    /// No container can be reached.
    #[error("the container runtime does not run: {0}")]
    NoRuntime(String),
    #[error("you must specify at least 1 of stdin, stdout, stderr")]
    NoStreams,
    #[error("no command is given")]
    NoCommand,
    #[error("cannot read {parameter}={value:?} of the query")]
    Query { parameter: &'static str, value: String },
    #[error("at most one of sinceTime and sinceSeconds may be given")]
    TwoStarts,
    #[error("unable to upgrade: neither a WebSocket nor SPDY/3.1 is asked for")]
    NoUpgrade,
    #[error(
        "unable to upgrade: unable to negotiate protocol: client supports [{asked}], server accepts [{served}]"
    )]
    Protocol { asked: String, served: String },
    #[error("query parameter \"port\" is required")]
    NoPort,
    #[error("unable to parse {0:?} as a port")]
    Port(String),
    #[error("more ports than there are channels")]
    TooManyPorts,
    #[error("failed to find sandboxID for pod {0}")]
    NoSandbox(String),
    #[error("command {command:?} exited with {code}: {output}")]
    Exited { command: String, code: i32, output: String },
    #[error("{0}")]
    Runtime(#[from] cri::Error),
    #[error("cannot read {what}: {source}")]
    Read { what: String, source: std::io::Error },
}

impl Failure {
    pub(super) fn code(&self) -> StatusCode {
        match self {
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Find(error) if error.is_not_found() => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Find(_)
            | Self::NoStreams
            | Self::NoCommand
            | Self::Query { .. }
            | Self::NoUpgrade
            | Self::NoPort
            | Self::TooManyPorts
            | Self::Port(_) => StatusCode::BAD_REQUEST,
            Self::TwoStarts => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Protocol { .. } => StatusCode::FORBIDDEN,
            Self::NoRuntime(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Runtime(error) if error.is_unreachable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Runtime(error) if error.is_not_found() => StatusCode::NOT_FOUND,
            Self::Unhealthy(_)
            | Self::Exited { .. }
            | Self::NoSandbox(_)
            | Self::Runtime(_)
            | Self::Read { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn response(&self) -> Response<Body> {
        plain(self.code(), self.to_string())
    }
}

/// An answer that is text and no success.
pub(super) fn plain(code: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = code;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
