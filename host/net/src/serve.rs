//! Serving HTTP/1.1 and HTTP/2 on a listener, with upgrades.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use supervise::Scope;
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Body;
use crate::listener::{Accepted, Listener};
use crate::peer::{Peer, PeerAddress, PeerCertificates};
use crate::tls::TlsServer;

/// A peer that has not finished its TLS handshake by then is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A peer that has not sent its request's head by then is cut off.
const HEADERS: Duration = Duration::from_secs(30);
/// How often a silent HTTP/2 peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// Pause after an accept that failed, as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are gathered of an HTTP/2 connection, which writes each frame by itself: its streams often have something to
/// say at once, and would else cost a TLS record and a system call each.
const RECORD: usize = 16 << 10;
/// Open connections get this long to finish after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// What the peers of HTTP/2 connections may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Requests that one connection may have under way.
    pub streams: u32,
    /// Bytes that one request, and all of a connection, may send before they are read.
    pub stream_window: u32,
    pub connection_window: u32,
    /// Bytes of a frame that a peer may send.
    pub max_frame: u32,
    /// Bytes of one answer that wait for the peer to take them.
    pub send_buffer: usize,
}

impl Http2 {
    /// For services whose clients ask for little at a time.
    pub const DEFAULT: Self = Self {
        streams: 1000,
        stream_window: 1 << 20,
        connection_window: 1 << 20,
        max_frame: 16 << 10,
        send_buffer: 400 << 10,
    };
}

impl Default for Http2 {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Answers every request with `service` until `stop`, and lets what is under way finish. Each request carries its
/// [`Peer`] as an extension.
pub async fn serve<S, F>(listener: &Listener, tls: Option<&TlsServer>, service: S, stop: CancellationToken)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    serve_with(Http2::DEFAULT, listener, tls, service, stop).await;
}

/// As [`serve`], with other limits.
pub async fn serve_with<S, F>(
    http2: Http2,
    listener: &Listener,
    tls: Option<&TlsServer>,
    service: S,
    stop: CancellationToken,
) where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let http = protocols(http2);
    let connections = Scope::root("connections");
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                warn!(%why, "accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, http, service, stop) = (tls.cloned(), http.clone(), service.clone(), connections.token());
        connections.spawn("connection", async move {
            match (stream, tls) {
                (Accepted::Unix(stream), _) => converse(http, stream, address, None, service, stop).await,
                (Accepted::Tcp(stream), None) => converse(http, stream, address, None, service, stop).await,
                (Accepted::Tcp(stream), Some(tls)) => {
                    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                        Ok(Ok((stream, certificates))) if is_http2(&stream) => {
                            let stream = BufWriter::with_capacity(RECORD, stream);
                            converse(http, stream, address, certificates, service, stop).await
                        }
                        Ok(Ok((stream, certificates))) => {
                            converse(http, stream, address, certificates, service, stop).await
                        }
                        Ok(Err(why)) => debug!(?address, %why, "TLS handshake failed"),
                        Err(_) => debug!(?address, "TLS handshake took too long"),
                    }
                }
            }
        });
    }
    connections.close(GRACE).await;
}

fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

fn protocols(http2: Http2) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_concurrent_streams(http2.streams)
        .initial_stream_window_size(http2.stream_window)
        .initial_connection_window_size(http2.connection_window)
        .max_frame_size(http2.max_frame)
        .max_send_buf_size(http2.send_buffer);
    builder
}

/// One connection to its end.
async fn converse<I, S, F>(
    http: Builder<TokioExecutor>,
    stream: I,
    address: PeerAddress,
    certificates: Option<PeerCertificates>,
    service: S,
    stop: CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let peer = Peer { address, certificates: certificates.map(Arc::new) };
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let answering = service(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = ended {
        debug!(?address, why = %why, "connection ended");
    }
}
