//! Asking over HTTP: TCP, TLS or a unix socket, with pooled connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::tls::TlsClient;
use crate::{Body, body, dial};

/// Bytes of answers that may be under way on an HTTP/2 connection.
const HTTP2_WINDOW: u32 = 8 << 20;
/// How often a silent HTTP/2 server is asked whether it is there, and how long it has to say so.
const HTTP2_PING: Duration = Duration::from_secs(10);

/// Why there is no answer; the cause of an unreachable server is an [`io::Error`] among the sources.
#[derive(Debug, thiserror::Error)]
#[error("ask {uri}")]
pub struct ClientError {
    pub uri: Uri,
    source: Error,
}

impl ClientError {
    /// No connection was made, so that nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.source.is_connect()
    }
}

/// An HTTP client; clones share its connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<Connector, Body>,
}

impl HttpClient {
    /// `http:` only.
    pub fn plain() -> Self {
        Self::new(Connector::tcp(None))
    }

    /// `https:` and `http:`, HTTP/2 where the server has it.
    pub fn tls(tls: TlsClient) -> Self {
        Self::new(Connector::tcp(Some(tls)))
    }

    /// Like [`tls`](Self::tls), but every request goes to one address: its host is only who is expected there.
    pub fn tls_at(tls: TlsClient, address: SocketAddr) -> Self {
        Self::new(Connector::Tcp { tls: Some(tls), upgradable: false, at: Some(address) })
    }

    /// Like [`tls`](Self::tls) by HTTP/1.1 alone, whose connections can be upgraded.
    pub fn tls_upgradable(tls: TlsClient) -> Self {
        Self::new(Connector::Tcp { tls: Some(tls), upgradable: true, at: None })
    }

    /// [`tls_at`](Self::tls_at) and [`tls_upgradable`](Self::tls_upgradable) in one.
    pub fn tls_upgradable_at(tls: TlsClient, address: SocketAddr) -> Self {
        Self::new(Connector::Tcp { tls: Some(tls), upgradable: true, at: Some(address) })
    }

    /// Every request goes to one unix socket, whatever host it names.
    pub fn unix(path: &Path) -> Self {
        Self::new(Connector::Unix(path.to_owned()))
    }

    /// HTTP/2 alone, also over `http:`, as gRPC has it.
    pub fn http2(tls: Option<TlsClient>) -> Self {
        Self::speaking_http2(Connector::tcp(tls))
    }

    /// HTTP/2 alone, over one unix socket, whatever host a request names.
    pub fn http2_unix(path: &Path) -> Self {
        Self::speaking_http2(Connector::Unix(path.to_owned()))
    }

    fn new(connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { client }
    }

    fn speaking_http2(connector: Connector) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .http2_only(true)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_initial_stream_window_size(HTTP2_WINDOW)
            .http2_initial_connection_window_size(HTTP2_WINDOW)
            .http2_keep_alive_interval(HTTP2_PING)
            .http2_keep_alive_timeout(HTTP2_PING);
        Self { client: builder.build(connector) }
    }

    /// Asks; the answer's body streams. An answer 101 can be upgraded by `hyper::upgrade::on`.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let uri = request.uri().clone();
        let response = self.client.request(request).await.map_err(|source| ClientError { uri, source })?;
        Ok(response.map(body::boxed))
    }
}

#[derive(Clone)]
enum Connector {
    Tcp {
        tls: Option<TlsClient>,
        upgradable: bool,
        /// Where everything goes, whatever a request names.
        at: Option<SocketAddr>,
    },
    Unix(PathBuf),
}

impl Connector {
    fn tcp(tls: Option<TlsClient>) -> Self {
        Self::Tcp { tls, upgradable: false, at: None }
    }

    async fn connect(self, uri: Uri) -> io::Result<Stream> {
        let (tls, upgradable, at) = match self {
            Self::Unix(path) => return Ok(Stream::Unix(TokioIo::new(dial::unix(&path).await?))),
            Self::Tcp { tls, upgradable, at } => (tls, upgradable, at),
        };
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{why}: {uri}"));
        let host = uri.host().ok_or_else(|| invalid("the address names no host"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let secure = uri.scheme_str() == Some("https");
        let stream = match at {
            Some(address) => dial::tcp(&address.ip().to_string(), address.port()).await?,
            None => dial::tcp(host, uri.port_u16().unwrap_or(if secure { 443 } else { 80 })).await?,
        };
        if !secure {
            return Ok(Stream::Tcp(TokioIo::new(stream)));
        }
        let tls = tls.ok_or_else(|| invalid("this client has no CA to verify the server by"))?;
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| invalid("the address names no valid host"))?;
        let connector = tokio_rustls::TlsConnector::from(tls.config(upgradable));
        Ok(Stream::Tls(Box::new(TokioIo::new(connector.connect(name, stream).await?))))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection of any kind.
enum Stream {
    Tcp(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
    Unix(TokioIo<UnixStream>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

/// Calls the same method of whichever stream this is.
macro_rules! each {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Stream::Tls(inner) => {
                let $stream = Pin::new(inner.as_mut());
                $call
            }
            Stream::Unix(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
        }
    };
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(context, into))
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(context))
    }
}
