//! A real etcd, asked: the channel that the generated clients speak over.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use net::{HttpClient, TlsClient};
use thiserror::Error;
use tonic::body::Body;

use crate::wire::etcdserverpb::kv_client::KvClient;
use crate::wire::etcdserverpb::lease_client::LeaseClient;
use crate::wire::etcdserverpb::maintenance_client::MaintenanceClient;
use crate::wire::etcdserverpb::watch_client::WatchClient;

/// The largest answer taken: ranges of a whole cluster's objects.
const ANSWER: usize = 1 << 30;

/// The members of an etcd cluster, of which one is asked until it does not answer.
#[derive(Clone)]
pub struct Channel {
    members: Arc<[Member]>,
    /// The member that answered last.
    current: Arc<AtomicUsize>,
}

struct Member {
    endpoint: String,
    scheme: Scheme,
    authority: Authority,
    client: HttpClient,
}

#[derive(Debug, Error)]
pub enum EndpointError {
    #[error("there is no endpoint: name at least one, as https://10.0.0.1:2379")]
    None,
    #[error("{endpoint:?} is no endpoint: it is https://HOST:PORT, http://HOST:PORT or unix:PATH")]
    Malformed { endpoint: String },
    #[error("{endpoint} needs TLS: name the CA and the client certificate too")]
    NeedsTls { endpoint: String },
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| &member.endpoint)).finish()
    }
}

impl Channel {
    /// Nothing is dialed yet.
    ///
    /// # Errors
    /// When an endpoint is not one.
    pub fn new(endpoints: &[String], tls: Option<&TlsClient>) -> Result<Self, EndpointError> {
        let members: Vec<_> =
            endpoints.iter().map(|endpoint| Member::new(endpoint, tls)).collect::<Result<_, _>>()?;
        if members.is_empty() {
            return Err(EndpointError::None);
        }
        Ok(Self { members: members.into(), current: Arc::default() })
    }

    /// For errors: the member that is asked.
    pub(crate) fn endpoint(&self) -> &str {
        &self.member().1.endpoint
    }

    fn member(&self) -> (usize, &Member) {
        let position = self.current.load(Ordering::Relaxed) % self.members.len();
        (position, &self.members[position])
    }

    /// Keys and values.
    #[must_use]
    pub fn kv(&self) -> KvClient<Self> {
        KvClient::new(self.clone()).max_decoding_message_size(ANSWER)
    }

    /// Watches; one stream carries many.
    #[must_use]
    pub fn watch(&self) -> WatchClient<Self> {
        WatchClient::new(self.clone()).max_decoding_message_size(ANSWER)
    }

    pub(crate) fn lease(&self) -> LeaseClient<Self> {
        LeaseClient::new(self.clone())
    }

    /// What an operator asks of a store.
    #[must_use]
    pub fn maintenance(&self) -> MaintenanceClient<Self> {
        MaintenanceClient::new(self.clone()).max_decoding_message_size(ANSWER)
    }
}

impl Member {
    fn new(endpoint: &str, tls: Option<&TlsClient>) -> Result<Self, EndpointError> {
        let malformed = || EndpointError::Malformed { endpoint: endpoint.to_owned() };
        if let Some(path) = endpoint.strip_prefix("unix:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            return Ok(Self {
                endpoint: endpoint.to_owned(),
                scheme: Scheme::HTTP,
                authority: Authority::from_static("localhost"),
                client: HttpClient::http2_unix(path),
            });
        }
        let uri: Uri = endpoint.parse().map_err(|_| malformed())?;
        let scheme = uri.scheme().cloned().ok_or_else(malformed)?;
        let authority = uri.authority().cloned().filter(|authority| authority.port().is_some());
        let authority = authority.ok_or_else(malformed)?;
        let tls = match scheme.as_str() {
            "http" => None,
            "https" => {
                let missing = || EndpointError::NeedsTls { endpoint: endpoint.to_owned() };
                Some(tls.cloned().ok_or_else(missing)?)
            }
            _ => return Err(malformed()),
        };
        Ok(Self { endpoint: endpoint.to_owned(), scheme, authority, client: HttpClient::http2(tls) })
    }

    fn address(&self, path: Option<PathAndQuery>) -> Result<Uri, http::uri::InvalidUriParts> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = path;
        Uri::from_parts(parts)
    }
}

impl tower_service::Service<Request<Body>> for Channel {
    type Response = Response<net::Body>;
    type Error = net::BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let channel = self.clone();
        Box::pin(async move {
            let (position, member) = channel.member();
            let (mut parts, body) = request.into_parts();
            parts.uri = member.address(parts.uri.path_and_query().cloned())?;
            let request = Request::from_parts(parts, net::body::boxed(body));
            match member.client.send(request).await {
                Ok(response) => Ok(response),
                Err(why) => {
                    // The next request goes to the next member; whether this one was carried out is not known.
                    let next = (position + 1) % channel.members.len();
                    channel.current.store(next, Ordering::Relaxed);
                    Err(tonic::Status::unavailable(chain(&why)).into())
                }
            }
        })
    }
}

/// An error and its sources on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
