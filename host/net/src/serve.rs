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
use tokio::io::{AsyncRead, AsyncWrite};
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
/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 1000;
/// How often a silent HTTP/2 peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// Pause after an accept that failed, as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Open connections get this long to finish after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// Answers every request with `service` until `stop`, and lets what is under way finish. Each request carries its
/// [`Peer`] as an extension.
pub async fn serve<S, F>(listener: &Listener, tls: Option<&TlsServer>, service: S, stop: CancellationToken)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
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
        let (tls, service, stop) = (tls.cloned(), service.clone(), connections.token());
        connections.spawn("connection", async move {
            match (stream, tls) {
                (Accepted::Unix(stream), _) => converse(stream, address, None, service, stop).await,
                (Accepted::Tcp(stream), None) => converse(stream, address, None, service, stop).await,
                (Accepted::Tcp(stream), Some(tls)) => {
                    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                        Ok(Ok((stream, certificates))) => {
                            converse(stream, address, certificates, service, stop).await
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

/// One connection to its end.
async fn converse<I, S, F>(
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
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(PING);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), answer);
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
