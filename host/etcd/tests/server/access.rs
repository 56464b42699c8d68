//! Who may speak.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use net::{Peer, PeerAddress, PeerCertificates, TrustAnchor};
use rustls_pki_types::CertificateDer;
use tonic::{Code, Status};

use crate::fixture::Fixture;

const PUT: &str = "/etcdserverpb.KV/Put";

fn tcp(anchor: Option<TrustAnchor>) -> Peer {
    let chain = vec![CertificateDer::from(vec![1])];
    let certificates = anchor.map(|anchor| Arc::new(PeerCertificates { chain, anchor }));
    Peer { address: PeerAddress::Tcp(([10, 1, 2, 3], 4567).into()), certificates }
}

async fn ask(fixture: &Fixture, peer: Option<Peer>, path: &str, content_type: &str) -> Response<net::Body> {
    // A put of key "a".
    let message = Bytes::from_static(&[0, 0, 0, 0, 3, 0x0a, 1, b'a']);
    let mut request =
        Request::post(path).header("content-type", content_type).body(Full::new(message)).unwrap();
    if content_type.is_empty() {
        *request.method_mut() = http::Method::GET;
    }
    request.extensions_mut().extend(peer.map(extension).unwrap_or_default());
    fixture.server.answer(request).await
}

fn extension(peer: Peer) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    extensions.insert(peer);
    extensions
}

#[tokio::test]
async fn whoever_has_no_certificate_of_etcd_ca_is_refused_and_changes_nothing() {
    let fixture = Fixture::start().await;
    let strangers = [
        None,
        Some(tcp(None)),
        Some(tcp(Some(TrustAnchor::ClientCa))),
        Some(tcp(Some(TrustAnchor::FrontProxyCa))),
    ];
    for peer in strangers {
        for path in [PUT, "/etcdserverpb.KV/Nothing", "/metrics"] {
            let response = ask(&fixture, peer.clone(), path, "application/grpc").await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["content-type"], "application/grpc");
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.code(), Code::Unauthenticated);
            assert!(
                status.message().starts_with("client certificate is not of etcd-ca: use certs/apiserver")
            );
            let response = ask(&fixture, peer.clone(), path, "").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let text = response.into_body().collect().await.unwrap().to_bytes();
            assert!(text.starts_with(b"client certificate is not of etcd-ca: "));
        }
    }
    assert_eq!(fixture.store.revision().0, 1);
}

#[tokio::test]
async fn a_certificate_of_etcd_ca_and_the_unix_socket_are_let_in() {
    let fixture = Fixture::start().await;
    let unix = Peer { address: PeerAddress::Unix, certificates: None };
    for (revision, peer) in [(2, tcp(Some(TrustAnchor::EtcdCa))), (3, unix)] {
        let response = ask(&fixture, Some(peer.clone()), PUT, "application/grpc").await;
        let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap();
        assert_eq!(Status::from_header_map(&trailers).unwrap().code(), Code::Ok);
        assert_eq!(fixture.store.revision().0, revision);
        assert_eq!(ask(&fixture, Some(peer), "/version", "").await.status(), StatusCode::OK);
    }
}
