//! Addresses at the kubelet, and a made-up kubelet over TLS on loopback.

use hyper_util::rt::TokioIo;
use std::net::Ipv4Addr;

use expect_test::{Expect, expect};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use net::{Binder, CertificatePem, Roots, Socket, SocketAddress, TlsServer, Transport, bind_all, serve};
use objects::resource::Verb;
use objects::{Tree, tree};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::rest::tests::fixture::Fixture;
use crate::tokens::tests::pod;

/// A call for a sub-resource of the pod `web`, with the query as it comes in a URL.
fn call(fixture: &Fixture, subresource: &str, query: &str) -> Call {
    Call {
        subresource: subresource.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        ..fixture.call(Verb::Get, "pods", "web")
    }
}

#[tokio::test]
async fn what_the_api_asks_is_a_path_at_the_kubelet() {
    let fixture = Fixture::new().await;
    let pod = pod("web", "default");
    let check = |subresource: &str, query: &str, expected: Expect| {
        let call = call(&fixture, subresource, query);
        match target::of(&call).unwrap().path(&call, &pod) {
            Ok(path) => expected.assert_eq(&path),
            Err(status) => expected.assert_eq(&format!("{} {status}", status.code)),
        }
    };
    check("log", "container=a", expect!["/containerLogs/default/web/a"]);
    check(
        "log",
        "container=b&follow=true&previous=false&timestamps=1&tailLines=5&limitBytes=9&sinceSeconds=3&pretty=true",
        expect![
            "/containerLogs/default/web/b?follow=true&timestamps=true&sinceSeconds=3&tailLines=5&limitBytes=9"
        ],
    );
    check(
        "log",
        "container=a&sinceTime=2026-01-02T03%3A04%3A05%2B01%3A00",
        expect!["/containerLogs/default/web/a?sinceTime=2026-01-02T03%3A04%3A05%2B01%3A00"],
    );
    check("log", "", expect!["400 a container name must be specified for pod web, choose one of: [a b]"]);
    check("log", "container=x", expect!["400 container x is not valid for pod web"]);
    check(
        "log",
        "container=a&tailLines=-1",
        expect![[
            r#"422 PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"#
        ]],
    );
    check(
        "log",
        "container=a&tailLines=x",
        expect![[r#"400 strconv.ParseInt: parsing "x": invalid syntax"#]],
    );
    check(
        "exec",
        "container=a&command=sh&command=-c&command=echo+%261&stdin=true&stdout=true&stderr=false&tty=true",
        expect!["/exec/default/web/a?command=sh&command=-c&command=echo+%261&input=1&output=1&tty=1"],
    );
    check("attach", "container=b&stdout=true&stderr=true", expect!["/attach/default/web/b?output=1&error=1"]);
    check("portforward", "ports=80&ports=81", expect!["/portForward/default/web?port=80&port=81"]);
    assert!(target::of(&call(&fixture, "status", "")).is_none());
}

/// Logs a line, echoes upgraded connections, refuses the container `b` and whoever shows a user's token.
async fn answer(request: Request<Incoming>, scope: Scope) -> Response<Body> {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let mut response = Response::new(body::full(format!("{} {path}", request.method())));
    if request.headers().contains_key("authorization") {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    } else if path.contains("/b") {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        *response.body_mut() = body::full("container \"b\" in pod \"web\" is waiting to start\n");
    } else if request.headers().contains_key(UPGRADE) {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = upgrade_headers(request.headers());
        scope.spawn("echo", async move {
            let (mut reader, mut writer) =
                tokio::io::split(TokioIo::new(hyper::upgrade::on(request).await.unwrap()));
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
        });
    }
    response
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self) -> CertificatePem {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        CertificatePem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }

    fn client(&self) -> TlsClient {
        TlsClient::new(self.0.pem().as_bytes(), None).unwrap()
    }
}

fn listener() -> net::Listener {
    let address =
        SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
    let row = Socket { name: "kubelet", service: "test", address, binder: Binder::Host, access: "local" };
    bind_all(vec![row]).unwrap().listener("kubelet").unwrap()
}

/// A kubelet at a port of loopback, and the node `n1` that has it with the pod `web`.
struct World {
    fixture: Fixture,
    proxy: Proxy,
    authority: Authority,
    scope: Scope,
}

impl World {
    async fn new() -> Self {
        let (authority, scope, fixture) = (Authority::new(), Scope::root("test"), Fixture::new().await);
        let tls = TlsServer::new(authority.issue(), Roots::default()).unwrap();
        let (listener, tasks, stop) = (listener(), scope.child("echoes"), scope.token());
        let port = listener.local_port().unwrap();
        scope.spawn("kubelet", async move {
            let service = move |request| answer(request, tasks.clone());
            serve(&listener, Some(&tls), service, stop).await;
        });
        fixture.create("serviceaccounts", tree!({ "metadata": { "name": "default" } })).await.unwrap();
        fixture.create("pods", pod("web", "default")).await.unwrap();
        fixture.create("nodes", tree!({ "metadata": { "name": "n1" } })).await.unwrap();
        let status = fixture.call(Verb::Update, "nodes", "n1").subresource_of("status").body(&node(port));
        fixture.tree(status).await.unwrap();
        let proxy = Proxy::new(fixture.rest.clone(), authority.client(), scope.child("proxy"));
        Self { fixture, proxy, authority, scope }
    }

    async fn ask(&self, subresource: &str, query: &str) -> Result<(StatusCode, String), Status> {
        let call = call(&self.fixture, subresource, query);
        let answer = self.proxy.answer(&call, Request::new(())).await?;
        let code = answer.status();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        Ok((code, String::from_utf8(text.to_vec()).unwrap()))
    }
}

fn node(port: u16) -> Tree {
    tree!({ "metadata": { "name": "n1" }, "status": {
        "addresses": [{ "type": "Hostname", "address": "n1" }, { "type": "InternalIP", "address": "127.0.0.1" }],
        "daemonEndpoints": { "kubeletEndpoint": { "Port": port } }
    } })
}

#[tokio::test]
async fn logs_stream_through_and_a_refusal_is_a_status_with_the_kubelets_words() {
    let world = World::new().await;
    let logs = world.ask("log", "container=a&follow=true").await.unwrap();
    assert_eq!(logs, (StatusCode::OK, "GET /containerLogs/default/web/a?follow=true".to_owned()));
    let status = world.ask("log", "container=b").await.unwrap_err();
    assert_eq!((status.code, status.reason), (400, Some(Reason::BadRequest)));
    expect![[r#"container "b" in pod "web" is waiting to start"#]].assert_eq(&status.message);
}

#[tokio::test]
async fn a_kubelet_that_another_authority_vouches_for_is_not_talked_to() {
    let world = World::new().await;
    let proxy = Proxy::new(world.fixture.rest.clone(), Authority::new().client(), world.scope.child("other"));
    let call = call(&world.fixture, "log", "container=a");
    let status = proxy.answer(&call, Request::new(())).await.err().unwrap();
    assert_eq!(status.code, 500);
    assert!(status.message.starts_with("error dialing backend: "), "{status}");
}

#[tokio::test]
async fn a_pod_on_no_node_has_no_logs_and_nothing_to_exec_in() {
    let world = World::new().await;
    let mut unbound = pod("idle", "default");
    unbound.remove_at(&["spec", "nodeName"]);
    world.fixture.create("pods", unbound).await.unwrap();
    let ask = async |subresource: &str| {
        let call = Call { name: "idle".to_owned(), ..call(&world.fixture, subresource, "container=a") };
        world.proxy.answer(&call, Request::new(())).await
    };
    assert_eq!(ask("log").await.unwrap().status(), StatusCode::NO_CONTENT);
    let status = ask("exec").await.err().unwrap();
    expect!["400 pod idle does not have a host assigned"].assert_eq(&format!("{} {status}", status.code));
}

#[tokio::test]
async fn an_upgraded_connection_is_joined_with_the_kubelets() {
    let world = World::new().await;
    let front = listener();
    let port = front.local_port().unwrap();
    let tls = TlsServer::new(world.authority.issue(), Roots::default()).unwrap();
    let (proxy, exec) =
        (world.proxy.clone(), call(&world.fixture, "exec", "container=a&command=cat&stdin=1"));
    let stop = world.scope.token();
    world.scope.spawn("front", async move {
        let service = move |request: Request<Incoming>| {
            let (proxy, exec) = (proxy.clone(), exec.clone());
            async move { proxy.answer(&exec, request).await.unwrap() }
        };
        serve(&front, Some(&tls), service, stop).await;
    });
    for (method, upgrade, listing, asked, seen) in [
        (
            Method::GET,
            "websocket",
            "sec-websocket-protocol",
            "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0",
            "v5.channel.k8s.io",
        ),
        (Method::POST, "SPDY/3.1", "x-stream-protocol-version", "v4.channel.k8s.io", "v4.channel.k8s.io"),
    ] {
        let mut request = Request::new(body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = format!("https://127.0.0.1:{port}/").parse().unwrap();
        for (name, value) in [
            ("connection", "Upgrade"),
            ("upgrade", upgrade),
            (listing, asked),
            ("authorization", "Bearer secret"),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let mut answer = HttpClient::tls_upgradable(world.authority.client()).send(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(answer.headers()["upgrade"], upgrade);
        assert_eq!(answer.headers()[listing], seen, "as the kubelet saw it");
        let mut stream = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
        stream.write_all(b"ping").await.unwrap();
        let mut echo = [0; 4];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"ping");
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut echo).await.unwrap(), 0, "the end goes through both ways");
    }
}
