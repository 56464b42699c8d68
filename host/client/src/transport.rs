//! The seam below the client: something that answers an HTTP request of the Kubernetes API.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

pub use net::{Body, BoxError};

pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Answers requests under one fixed identity.
///
/// The request's URI is path and query alone (`/api/v1/pods?watch=1`). An answer of any HTTP status is `Ok`; a
/// watch streams its body. Dropping the future or the body ends the request.
pub trait Transport: Send + Sync + 'static {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<Result<http::Response<Body>, TransportError>>;
}

/// Why a request got no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("connect to the API server at {server}")]
    Connect {
        server: String,
        #[source]
        source: BoxError,
    },
    #[error("exchange a request with the API server")]
    Exchange(#[source] BoxError),
    #[error("read the API server's answer")]
    Read(#[source] BoxError),
    #[error("wait for the API server's answer: none within {0:?}")]
    Timeout(std::time::Duration),
    /// The API server in this process is not running.
    #[error("reach the API server: it is stopped")]
    Stopped,
}
