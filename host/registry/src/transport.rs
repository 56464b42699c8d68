//! HTTP as registries and download servers need it: redirects followed, bodies bounded, time limited. Who is asked by
//! plain HTTP can only be on this machine.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use net::{HttpClient, TlsClient, body};

/// For one request with its answer.
const PATIENCE: Duration = Duration::from_secs(120);
const REDIRECTS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("{0:?} is no address of https://")]
    Address(String),
    #[error("{uri} is not asked by plain http: only this machine itself may be")]
    Plain { uri: String },
    #[error(transparent)]
    Client(Box<net::ClientError>),
    #[error("read the answer of {uri}: {why}")]
    Body { uri: String, why: body::CollectError },
    #[error("{uri} did not answer within {PATIENCE:?}")]
    Late { uri: String },
    #[error("{uri} leads to other addresses again and again")]
    Redirects { uri: String },
    #[error("ask {uri}: {why}")]
    Request { uri: String, why: http::Error },
    #[error(transparent)]
    Tls(#[from] net::TlsError),
}

impl From<net::ClientError> for TransportError {
    fn from(error: net::ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

/// A client of any server; clones share its connections.
#[derive(Clone)]
pub struct Transport(HttpClient);

/// One request, which can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where the answer came from after all redirects.
    pub(crate) uri: Uri,
}

impl Ask {
    pub(crate) fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

impl Transport {
    /// Servers are verified by these CAs, in PEM.
    pub fn new(roots: &[u8]) -> Result<Self, TransportError> {
        Ok(Self(HttpClient::tls(TlsClient::new(roots, None)?)))
    }

    /// Without CAs only this machine itself can be asked.
    pub fn without_roots() -> Self {
        Self(HttpClient::plain())
    }

    /// The answer, whatever its status, with at most `limit` bytes.
    pub(crate) async fn send(&self, mut ask: Ask, limit: usize) -> Result<Answered, TransportError> {
        let asked = ask.uri.clone();
        for _ in 0..=REDIRECTS {
            let uri = ask.uri.clone();
            let sent = tokio::time::timeout(PATIENCE, self.once(&ask, limit)).await;
            let answered = sent.map_err(|_| TransportError::Late { uri: uri.to_string() })??;
            let location = answered.headers.get(LOCATION).and_then(|location| location.to_str().ok());
            let (true, Some(location)) = (answered.status.is_redirection(), location) else {
                return Ok(answered);
            };
            let next = resolved(&uri, location)?;
            // A login is for the server that asked for it.
            if next.authority() != uri.authority() {
                ask.headers.remove(AUTHORIZATION);
            }
            ask.uri = next;
        }
        Err(TransportError::Redirects { uri: asked.to_string() })
    }

    async fn once(&self, ask: &Ask, limit: usize) -> Result<Answered, TransportError> {
        let uri = ask.uri.clone();
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_here(uri.host().unwrap_or_default()) => {}
            Some("http") => return Err(TransportError::Plain { uri: uri.to_string() }),
            _ => return Err(TransportError::Address(uri.to_string())),
        }
        let request =
            Request::builder().method(ask.method.clone()).uri(uri.clone()).body(body::full(ask.body.clone()));
        let mut request = request.map_err(|why| TransportError::Request { uri: uri.to_string(), why })?;
        request.headers_mut().extend(ask.headers.clone());
        let (head, answer) = self.0.send(request).await?.into_parts();
        let answer = body::collect(answer, limit).await;
        let body = answer.map_err(|why| TransportError::Body { uri: uri.to_string(), why })?;
        Ok(Answered { status: head.status, headers: head.headers, body, uri })
    }
}

/// A host that cannot be anywhere else.
pub(crate) fn is_here(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address as a server gives it, which may leave out what is the same.
pub(crate) fn resolved(from: &Uri, location: &str) -> Result<Uri, TransportError> {
    let wrong = || TransportError::Address(location.to_owned());
    if location.starts_with('/') {
        let (scheme, authority) = (from.scheme_str().ok_or_else(wrong)?, from.authority().ok_or_else(wrong)?);
        return format!("{scheme}://{authority}{location}").parse().map_err(|_| wrong());
    }
    location.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_leave_out_the_server() {
        let from: Uri = "http://127.0.0.1:5000/v2/a".parse().unwrap();
        assert_eq!(resolved(&from, "/b?c=d").unwrap(), "http://127.0.0.1:5000/b?c=d");
        assert_eq!(resolved(&from, "https://cdn.example/x").unwrap(), "https://cdn.example/x");
        assert!(resolved(&from, "no address at all").is_err());
    }

    #[tokio::test]
    async fn nobody_else_is_asked_by_plain_http() {
        for uri in ["http://example.com/a", "http://127.0.0.1.example.com/a", "ftp://localhost/a"] {
            let ask = Ask::new(Method::GET, uri.parse().unwrap());
            let why = Transport::without_roots().send(ask, 10).await.err().unwrap();
            assert!(matches!(why, TransportError::Plain { .. } | TransportError::Address(_)), "{uri}: {why}");
        }
        assert!(is_here("localhost") && is_here("127.0.0.2") && is_here("[::1]"));
    }
}
