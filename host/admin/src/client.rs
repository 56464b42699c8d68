//! Asks a running host over its control socket.

use std::io;
use std::path::{Path, PathBuf};

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use net::{Body, BoxError, HttpClient};

use crate::operation::Operation;
use crate::server::{REQUEST_HEADER, Refusal};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("mk8s-host is not running on this data directory ({} answers nobody): start it with `mk8s-host run`", socket.display())]
    NotRunning { socket: PathBuf },
    #[error("{} belongs to another user: ask as the user who runs mk8s-host, or with sudo", socket.display())]
    NotPermitted { socket: PathBuf },
    #[error("ask the host over {}", socket.display())]
    Exchange { socket: PathBuf, source: BoxError },
    /// The host understood and did not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl AskError {
    /// Nobody listens on the socket, so that nothing was changed.
    pub fn is_not_running(&self) -> bool {
        matches!(self, Self::NotRunning { .. })
    }
}

/// The control socket of one data directory.
pub struct Client {
    socket: PathBuf,
    http: HttpClient,
}

impl Client {
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), http: HttpClient::unix(socket) }
    }

    /// Asks without an upload.
    pub async fn ask<O: Operation>(&self, operation: &O) -> Result<O::Answer, AskError> {
        let body = serde_json::to_vec(operation).map_err(|why| self.exchange(why))?;
        self.send::<O>(request(O::NAME).body(net::body::full(body)).map_err(|why| self.exchange(why))?).await
    }

    /// Asks with an upload.
    pub async fn upload<O: Operation>(&self, operation: &O, upload: Body) -> Result<O::Answer, AskError> {
        let question = serde_json::to_vec(operation).map_err(|why| self.exchange(why))?;
        let request = request(O::NAME).header(REQUEST_HEADER, question).body(upload);
        self.send::<O>(request.map_err(|why| self.exchange(why))?).await
    }

    async fn send<O: Operation>(&self, request: Request<Body>) -> Result<O::Answer, AskError> {
        let response = self.http.send(request).await.map_err(|why| self.unreachable(why.into()))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|why| self.exchange(why))?.to_bytes();
        if status == StatusCode::OK {
            serde_json::from_slice(&body).map_err(|why| self.exchange(why))
        } else {
            let refusal: Refusal = serde_json::from_slice(&body).map_err(|why| self.exchange(why))?;
            Err(refusal.into())
        }
    }

    fn exchange(&self, source: impl Into<BoxError>) -> AskError {
        AskError::Exchange { socket: self.socket.clone(), source: source.into() }
    }

    /// Tells a host that does not run from a socket that is not ours to use.
    fn unreachable(&self, source: BoxError) -> AskError {
        let socket = self.socket.clone();
        match io_kind(source.as_ref()) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                AskError::NotRunning { socket }
            }
            Some(io::ErrorKind::PermissionDenied) => AskError::NotPermitted { socket },
            _ => AskError::Exchange { socket, source },
        }
    }
}

fn request(name: &str) -> http::request::Builder {
    Request::builder().method(Method::POST).uri(format!("http://host/v1/{name}"))
}

/// The kind of the first I/O error among the causes.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
}
