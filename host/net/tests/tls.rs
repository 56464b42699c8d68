//! Certificates are swapped under open connections, and a server knows which CA vouches for its peer.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::net::Ipv4Addr;

use http::{Request, Response};
use http_body_util::BodyExt;
use net::{
    Binder, Body, CertificatePem, HttpClient, Listener, Peer, Roots, Socket, SocketAddress, TlsClient,
    TlsServer, Transport, TrustAnchor, bind_all, body, serve,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use supervise::Scope;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self, name: &str) -> CertificatePem {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        CertificatePem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }
}

fn listener() -> Listener {
    let address =
        SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
    let row = Socket { name: "api", service: "test", address, binder: Binder::Host, access: "local" };
    bind_all(vec![row]).unwrap().listener("api").unwrap()
}

/// Serves who the peer is taken for.
async fn who(request: Request<hyper::body::Incoming>) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().expect("every request has a peer");
    let anchor = peer.certificates.as_ref().map(|certificates| certificates.anchor);
    Response::new(body::full(format!("{anchor:?}")))
}

async fn ask(client: &HttpClient, port: u16) -> Result<String, net::ClientError> {
    let request = Request::get(format!("https://127.0.0.1:{port}/")).body(body::empty()).unwrap();
    let answer = client.send(request).await?.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}

struct Served {
    server: TlsServer,
    port: u16,
    ca: Authority,
    _scope: Scope,
}

fn served(roots: Roots) -> Served {
    let ca = Authority::new("ca");
    let server = TlsServer::new(ca.issue("first"), roots).unwrap();
    let (listener, scope) = (listener(), Scope::root("test"));
    let (port, tls, stop) = (listener.local_port().unwrap(), server.clone(), scope.token());
    scope.spawn("server", async move { serve(&listener, Some(&tls), who, stop).await });
    Served { server, port, ca, _scope: scope }
}

#[tokio::test]
async fn a_peer_is_known_by_the_ca_of_its_purpose_and_a_stranger_is_nobody() {
    let (users, proxies) = (Authority::new("users"), Authority::new("proxies"));
    let (user_pem, proxy_pem) = (users.pem(), proxies.pem());
    let roots =
        Roots::new(&[(TrustAnchor::ClientCa, &user_pem), (TrustAnchor::FrontProxyCa, &proxy_pem)]).unwrap();
    let served = served(roots);
    let as_client = |certificate: Option<CertificatePem>| {
        HttpClient::tls(TlsClient::new(&served.ca.pem(), certificate.as_ref()).unwrap())
    };
    let stranger = Authority::new("users");
    for (certificate, expected) in [
        (Some(users.issue("alice")), "Some(ClientCa)"),
        (Some(proxies.issue("proxy")), "Some(FrontProxyCa)"),
        (Some(stranger.issue("mallory")), "None"),
        (None, "None"),
    ] {
        assert_eq!(ask(&as_client(certificate), served.port).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_swapped_certificate_serves_new_connections_and_keeps_open_ones() {
    let served = served(Roots::default());
    let old = HttpClient::tls(TlsClient::new(&served.ca.pem(), None).unwrap());
    ask(&old, served.port).await.unwrap();
    let other = Authority::new("other");
    served.server.replace_certificate(other.issue("second")).unwrap();
    ask(&old, served.port).await.expect("the open connection goes on");
    let fresh = HttpClient::tls(TlsClient::new(&served.ca.pem(), None).unwrap());
    assert!(
        ask(&fresh, served.port).await.unwrap_err().is_connect(),
        "the old CA does not verify the new certificate"
    );
    let trusting = HttpClient::tls(TlsClient::new(&other.pem(), None).unwrap());
    ask(&trusting, served.port).await.unwrap();
}

#[tokio::test]
async fn a_broken_certificate_leaves_the_old_one_in_force() {
    let served = served(Roots::default());
    let broken = CertificatePem { chain: b"no PEM".to_vec(), key: b"no PEM".to_vec() };
    let why = served.server.replace_certificate(broken).unwrap_err().to_string();
    assert_eq!(why, "the certificate holds no certificate");
    let client = HttpClient::tls(TlsClient::new(&served.ca.pem(), None).unwrap());
    ask(&client, served.port).await.unwrap();
}
