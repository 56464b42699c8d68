//! Why a request is not answered, in upstream's words and codes.

use http::{HeaderValue, Response, StatusCode, header};
use net::{Body, body};

use super::endpoint::Endpoint;
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
    #[error("Upgrade request required: a WebSocket with one of the subprotocols {0} is served, SPDY is not")]
    NoUpgrade(&'static str),
    #[error("unable to upgrade: none of the subprotocols {asked:?} is served: {served}")]
    Subprotocol { asked: String, served: &'static str },
    #[error("{} is not served by this kubelet", match .0 { Endpoint::PortForward => "port forwarding", _ => "attaching" })]
    NotServed(Endpoint),
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
            Self::Find(_) | Self::NoStreams | Self::NoCommand | Self::Query { .. } | Self::NoUpgrade(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::TwoStarts => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Subprotocol { .. } => StatusCode::FORBIDDEN,
            Self::NotServed(_) => StatusCode::NOT_IMPLEMENTED,
            Self::NoRuntime(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Runtime(error) if error.is_unreachable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Runtime(error) if error.is_not_found() => StatusCode::NOT_FOUND,
            Self::Unhealthy(_) | Self::Exited { .. } | Self::Runtime(_) | Self::Read { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
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
