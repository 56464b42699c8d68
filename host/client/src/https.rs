//! The transport over HTTPS: what a kubeconfig says, swapped live.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use net::{Body, CertificatePem, ClientError, HttpClient, TlsClient, TlsError, body};

use crate::transport::{BoxFuture, Transport, TransportError};

/// How to reach an API server and as whom.
#[derive(Clone)]
pub struct HttpsConfig {
    /// `https://127.0.0.1:16443`; a path is not looked at.
    pub server: Uri,
    /// The CAs that the server is verified by, PEM.
    pub roots: Vec<u8>,
    pub credential: Credential,
}

/// Who a client claims to be.
#[derive(Clone)]
pub enum Credential {
    /// Nobody: for public paths.
    None,
    Bearer(String),
    Certificate(CertificatePem),
}

#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    #[error("use {0} as the address of an API server: it is no https URL with a host")]
    Server(Uri),
    #[error("use the bearer token: it holds characters that no header may hold")]
    Token,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A handle; clones share connections and configuration.
#[derive(Clone)]
pub struct HttpsTransport {
    live: Arc<ArcSwap<Live>>,
}

struct Live {
    client: HttpClient,
    authority: Authority,
    bearer: Option<HeaderValue>,
}

impl HttpsTransport {
    pub fn new(config: &HttpsConfig) -> Result<Self, HttpsError> {
        Ok(Self { live: Arc::new(ArcSwap::from_pointee(Live::new(config)?)) })
    }

    /// New requests use this configuration; what is under way ends as it began. On an error the old one stays.
    pub fn replace(&self, config: &HttpsConfig) -> Result<(), HttpsError> {
        self.live.store(Arc::new(Live::new(config)?));
        Ok(())
    }
}

impl Live {
    fn new(config: &HttpsConfig) -> Result<Self, HttpsError> {
        let authority = match (config.server.scheme(), config.server.authority()) {
            (Some(scheme), Some(authority)) if *scheme == Scheme::HTTPS => authority.clone(),
            _ => return Err(HttpsError::Server(config.server.clone())),
        };
        let (certificate, bearer) = match &config.credential {
            Credential::None => (None, None),
            Credential::Certificate(certificate) => (Some(certificate), None),
            Credential::Bearer(token) => {
                let mut value =
                    HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| HttpsError::Token)?;
                value.set_sensitive(true);
                (None, Some(value))
            }
        };
        let client = HttpClient::tls(TlsClient::new(&config.roots, certificate)?);
        Ok(Self { client, authority, bearer })
    }

    fn address(&self, path: &Uri) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.authority.clone())
            .path_and_query(path.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")))
            .build()
    }
}

impl Transport for HttpsTransport {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let live = self.live.load_full();
        Box::pin(async move {
            let (mut head, sent) = request.into_parts();
            head.uri = live.address(&head.uri).map_err(|error| TransportError::Exchange(error.into()))?;
            if let Some(bearer) = &live.bearer {
                head.headers.insert(header::AUTHORIZATION, bearer.clone());
            }
            let request = Request::from_parts(head, body::full(sent));
            live.client.send(request).await.map_err(|error| live.refused(error))
        })
    }
}

impl Live {
    fn refused(&self, error: ClientError) -> TransportError {
        if error.is_connect() {
            TransportError::Connect { server: self.authority.to_string(), source: error.into() }
        } else {
            TransportError::Exchange(error.into())
        }
    }
}
