//! The server as others use it: over TLS on loopback and in process, stopped and started again.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use client::{Transport, TransportError};
use http::Request;
use http_body_util::BodyExt;
use net::{
    Binder, CertificatePem, HttpClient, Listener, Roots, Socket, SocketAddress, TlsClient, TlsServer,
    TrustAnchor, bind_all, body,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::exchange::event;
use super::fixture::{Fixture, config, user};
use crate::{Config, ConfigErrors, Limits};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self) -> CertificatePem {
        self.issue_for(&["127.0.0.1"])
    }

    pub(super) fn issue_for(&self, names: &[&str]) -> CertificatePem {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        CertificatePem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }
}

pub(super) fn listener() -> Listener {
    let transport = net::Transport::Tcp;
    let address = SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport };
    let row = Socket { name: "api", service: "test", address, binder: Binder::Host, access: "local" };
    bind_all(vec![row]).unwrap().listener("api").unwrap()
}

fn get(address: &str) -> Request<Bytes> {
    Request::get(address).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn who_asks_before_the_start_waits_for_it() {
    let Fixture { handle, task, scope, .. } = &Fixture::new(&Authority::new("ca").pem());
    let inside = handle.transport(user("system:test"));
    let mut asked = inside.send(get("/version"));
    assert!(futures_util::poll!(&mut asked).is_pending());
    task.bootstrap(&task.open(scope, scope.token())).await.unwrap();
    assert_eq!(asked.await.unwrap().status(), 200);
}

#[test]
fn everything_that_is_wrong_with_a_configuration_is_told() {
    let wrong = Config {
        service_cidrs: vec!["10.0.0.0/32".parse().unwrap()],
        advertise_address: Ipv4Addr::UNSPECIFIED.into(),
        audiences: Vec::new(),
        service_account_keys: vec![b"no key".to_vec()],
        limits: Limits {
            max_requests_inflight: 0,
            max_mutating_requests_inflight: 0,
            request_timeout: Duration::ZERO,
            ..Limits::DEFAULT
        },
        ..config()
    };
    let Err(ConfigErrors(errors)) = wrong.check() else { panic!("nothing is wrong") };
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "use 10.0.0.0/32 for services: it must have 3 to 20 bits of addresses",
            "advertise 0.0.0.0: clients in the cluster cannot reach it",
            "take tokens of service accounts: there is no audience",
            "answer requests: the limits of requests in flight add up to nothing",
            "answer requests: they may take no time",
            "sign tokens of service accounts: read the service account key",
        ]
    );
}

#[tokio::test]
async fn the_server_answers_over_tls_and_in_process_and_again_after_a_stop() {
    const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
    let authority = Authority::new("ca");
    let tls = TlsServer::new(
        authority.issue(),
        Roots::new(&[(TrustAnchor::ClientCa, authority.pem().as_slice())]).unwrap(),
    )
    .unwrap();
    let Fixture { handle, task, .. } = &Fixture::new(&authority.pem());
    let listener = listener();
    let port = listener.local_port().unwrap();
    let outside = HttpClient::tls(TlsClient::new(&authority.pem(), None).unwrap());
    let inside = handle.transport(user("system:test"));
    for round in ["one", "two"] {
        let stop = tokio_util::sync::CancellationToken::new();
        let asking = async {
            handle.ready().await;
            let watch = get(&format!("{CONFIG_MAPS}?watch=true"));
            let mut watch = inside.send(watch).await.unwrap().into_body();
            let made = Request::post(format!("https://127.0.0.1:{port}{CONFIG_MAPS}"))
                .header("authorization", "Bearer jane")
                .header("content-type", "application/json")
                .body(body::full(format!(r#"{{"metadata":{{"name":"{round}"}}}}"#)))
                .unwrap();
            assert_eq!(outside.send(made).await.unwrap().status(), 201);
            loop {
                let event = event(&mut watch).await;
                if event.str_at(&["object", "metadata", "name"]) == Some(round) {
                    break;
                }
            }
            stop.cancel();
            let ends = async { while watch.frame().await.is_some() {} };
            tokio::time::timeout(Duration::from_secs(10), ends).await.unwrap();
        };
        let (ran, ()) = tokio::join!(task.run(&listener, &tls, stop.clone()), asking);
        ran.unwrap();
        assert!(!handle.is_ready());
        let refused = inside.send(get("/version")).await;
        assert!(matches!(refused, Err(TransportError::Stopped)));
    }
}
