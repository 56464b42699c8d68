use std::net::Ipv4Addr;
use std::time::Duration;

use client::delegated::CacheTtl;
use http_body_util::BodyExt;
use net::{Binder, CertificatePem, HttpClient, Roots, Socket, SocketAddress, TlsClient, Transport};
use objects::tree;
use supervise::Scope;

use super::*;
use crate::fake;

/// Knows the token `good`, and lets its user read `/metrics`.
fn gate() -> Gate {
    let (client, _asked) = fake::client(|asked| {
        let spec = |path: &[&str]| asked.body.str_at(path).unwrap_or_default().to_owned();
        if asked.path.ends_with("/tokenreviews") {
            let known = spec(&["spec", "token"]) == "good";
            return fake::object(&tree!({
                "spec": {}, "status": { "authenticated": known, "user": { "username": "ann" } }
            }));
        }
        let allowed = spec(&["spec", "nonResourceAttributes", "path"]) == METRICS;
        fake::object(&tree!({ "spec": {}, "status": { "allowed": allowed } }))
    });
    Gate::new(client, CacheTtl::COMPONENT)
}

async fn ask(gate: Option<&Gate>, method: Method, path: &str, token: &str) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = answer(request.body(()).unwrap(), gate, &Metrics::new()).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn health_is_open_and_metrics_are_for_who_may() {
    let gate = gate();
    let secure = Some(&gate);
    assert_eq!(ask(secure, Method::GET, HEALTH, "").await, (200, "ok".to_owned()));
    assert_eq!(ask(secure, Method::GET, METRICS, "").await.0, 401);
    assert_eq!(ask(secure, Method::GET, METRICS, "wrong").await.0, 401);
    let (code, text) = ask(secure, Method::GET, METRICS, "good").await;
    assert_eq!(code, 200);
    assert!(text.contains("process_open_fds"), "{text}");
}

#[tokio::test]
async fn a_stranger_does_not_learn_what_there_is() {
    let gate = gate();
    assert_eq!(ask(Some(&gate), Method::GET, "/debug/pprof", "").await.0, 401);
    assert_eq!(ask(Some(&gate), Method::GET, "/debug/pprof", "good").await.0, 403);
}

#[tokio::test]
async fn the_plain_port_asks_nobody_and_answers_get_alone() {
    assert_eq!(ask(None, Method::GET, HEALTH, "").await.0, 200);
    assert_eq!(ask(None, Method::GET, METRICS, "").await.0, 200);
    assert_eq!(ask(None, Method::POST, METRICS, "").await.0, 405);
    assert_eq!(ask(None, Method::GET, "/pods", "").await.0, 404);
}

fn listener() -> Listener {
    let address =
        SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
    let row = Socket { name: "port", service: "test", address, binder: Binder::Host, access: "local" };
    net::bind_all(vec![row]).unwrap().listener("port").unwrap()
}

/// A certificate for this machine that vouches for itself.
fn certificate() -> CertificatePem {
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (issued.cert.pem(), issued.signing_key.serialize_pem());
    CertificatePem { chain: chain.into_bytes(), key: key.into_bytes() }
}

async fn code(client: &HttpClient, scheme: &str, listener: &Listener, path: &str) -> u16 {
    let port = listener.local_port().unwrap();
    let request = Request::get(format!("{scheme}://127.0.0.1:{port}{path}")).body(body::empty()).unwrap();
    client.send(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_secure_port_has_the_gate_and_the_plain_one_has_none() {
    let (secure, plain, certificate) = (listener(), listener(), certificate());
    let tls = TlsServer::new(certificate.clone(), Roots::default()).unwrap();
    let ports = Ports { secure: Some((secure.clone(), tls)), plain: Some(plain.clone()) };
    let scope = Scope::root("test");
    let endpoints = Endpoints { ports, gate: gate(), metrics: Metrics::new() };
    scope.spawn("endpoints", endpoints.run(scope.token()));
    let client = HttpClient::tls(TlsClient::new(&certificate.chain, None).unwrap());
    assert_eq!(code(&client, "https", &secure, HEALTH).await, 200);
    assert_eq!(code(&client, "https", &secure, METRICS).await, 401);
    assert_eq!(code(&client, "http", &plain, METRICS).await, 200);
    drop(client);
    assert!(scope.close(Duration::from_secs(10)).await.is_empty());
}
