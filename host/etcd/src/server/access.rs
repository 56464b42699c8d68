//! Who may speak: whoever reached the unix socket, which is root's, and whoever holds a certificate of etcd's own CA.

use http::{HeaderMap, Response, StatusCode, header};
use net::{Peer, PeerAddress, TrustAnchor};
use tonic::Status;

const WHY: &str = "client certificate is not of etcd-ca: use certs/apiserver-etcd-client.crt or another that etcd-ca signed";

/// Whether a request is to be looked at; one that does not say where it comes from is not.
pub(super) fn admits(peer: Option<&Peer>) -> bool {
    let Some(peer) = peer else { return false };
    match peer.address {
        PeerAddress::Unix => true,
        PeerAddress::Tcp(_) => {
            peer.certificates.as_ref().is_some_and(|verified| verified.anchor == TrustAnchor::EtcdCa)
        }
    }
}

/// Whether the client expects an answer of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    content.is_some_and(|content| content.starts_with(b"application/grpc"))
}

/// The answer to a stranger.
pub(super) fn refusal(headers: &HeaderMap) -> Response<net::Body> {
    if is_grpc(headers) {
        return Status::unauthenticated(WHY).into_http::<tonic::body::Body>().map(net::body::boxed);
    }
    let mut response = Response::new(net::body::full(format!("{WHY}\n")));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
