//! An API server over a datastore on disk, whose users and rules are those of the test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use datastore::Embedded;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use net::{Body, CertificatePem, Peer, PeerAddress, PeerCertificates, TlsClient, body};
use objects::Tree;
use rcgen::{CertificateParams, KeyPair};
use supervise::Scope;
use tempfile::TempDir;
use tokio::sync::watch;

use super::sockets::Authority;
use crate::authn::{Authenticate, Authentication, Credentials, UserInfo};
use crate::authz::{Attributes, Authorize, Decision, Rules};
use crate::front::{Front, Origin};
use crate::{
    AdmissionPlugins, Admit, ApiServerHandle, ApiServerTask, ClientAuthorities, Config, Dependencies, Judge,
    Judgement, Limits, NODE_PORTS, WriteRequest, WriteScope,
};

/// A bearer token is the name of its user; `broken` is one that nobody can tell.
pub(super) struct ByName;

impl Authenticate for ByName {
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn authenticate(&self, credentials: &Credentials) -> Authentication {
        match credentials.bearer.as_deref() {
            Some("stranger") | None => Authentication::Unknown,
            Some("broken") => Authentication::Failed("on purpose".to_owned()),
            Some(name) => Authentication::User(user(name)),
        }
    }
}

pub(super) type Rule = fn(&UserInfo, &Attributes) -> Decision;

pub(super) struct Asked {
    rule: Mutex<Rule>,
    rules: Mutex<Rules>,
}

impl Authorize for Asked {
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        let rule = *self.rule.lock().unwrap();
        rule(user, attributes)
    }

    fn rules(&self, _: &UserInfo, _: &str) -> Rules {
        self.rules.lock().unwrap().clone()
    }
}

pub(super) type Say = fn(&str, &WriteScope<'_>, &WriteRequest) -> Result<Judgement, String>;

/// Addons that say what a test wants of all writes.
#[derive(Default)]
pub(super) struct Judges {
    pub(super) all: Mutex<Vec<(Judge, Say)>>,
}

impl Admit for Judges {
    fn judges(&self, _: &WriteScope<'_>) -> Result<Vec<Judge>, String> {
        Ok(self.all.lock().unwrap().iter().map(|(judge, _)| judge.clone()).collect())
    }

    fn judge<'a>(
        &'a self,
        judge: &'a str,
        scope: &'a WriteScope<'a>,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Judgement, String>> {
        let say = self.all.lock().unwrap().iter().find(|(one, _)| one.name == judge).unwrap().1;
        Box::pin(std::future::ready(say(judge, scope, request)))
    }
}

pub(super) struct Fixture {
    pub(super) handle: ApiServerHandle,
    pub(super) task: ApiServerTask,
    asked: Arc<Asked>,
    pub(super) judges: Arc<Judges>,
    anonymous: Arc<AtomicBool>,
    pub(super) authorities: watch::Sender<ClientAuthorities>,
    pub(super) scope: Scope,
    _directory: TempDir,
}

pub(super) fn user(name: &str) -> UserInfo {
    UserInfo { name: name.to_owned(), ..UserInfo::default() }
}

pub(super) fn nobody() -> Peer {
    Peer { address: PeerAddress::Unix, certificates: None }
}

impl Fixture {
    /// Everybody may do everything, and nobody is anonymous. Nothing runs but the datastore.
    pub(super) fn new(authority: &[u8]) -> Self {
        Self::of(config(), authority)
    }

    /// As `new`, configured otherwise.
    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        change(&mut config);
        Self::of(config, &Authority::new("ca").pem())
    }

    fn of(config: Config, authority: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (datastore, task) =
            Embedded::open(datastore::Config::new(directory.path().join("store"))).unwrap();
        let scope = Scope::root("test");
        scope.spawn("datastore", task.run(scope.token()));
        let asked = Arc::new(Asked { rule: Mutex::new(|_, _| Decision::allow("")), rules: Mutex::default() });
        let anonymous = Arc::new(AtomicBool::new(false));
        let judges = Arc::new(Judges::default());
        let is_anonymous = Arc::clone(&anonymous);
        let authorities = watch::channel(ClientAuthorities {
            users: "users".to_owned(),
            front_proxy: "proxies".to_owned(),
        });
        let dependencies = Dependencies {
            datastore: datastore.into(),
            authenticate: Arc::new(ByName),
            authorize: Arc::clone(&asked) as Arc<dyn Authorize>,
            admit: judges.clone(),
            more_metrics: Arc::new(|| "# TYPE more gauge\nmore 1\n".to_owned()),
            node_mode: Arc::new(|| true),
            anonymous: Arc::new(move || is_anonymous.load(Ordering::Relaxed)),
            kubelet: TlsClient::new(authority, None).unwrap(),
            encryption: watch::channel(None).1,
            anybody: TlsClient::unverified(None).unwrap(),
            front_proxy: watch::channel(proxy_certificate()).1,
            authorities: authorities.1,
            scope: scope.clone(),
        };
        let (handle, task) = config.build(dependencies).unwrap();
        let authorities = authorities.0;
        Self { handle, task, asked, judges, anonymous, authorities, scope, _directory: directory }
    }

    pub(super) fn rule(&self, rule: Rule) {
        *self.asked.rule.lock().unwrap() = rule;
    }

    /// What everybody holds.
    pub(super) fn holds(&self, rules: Rules) {
        *self.asked.rules.lock().unwrap() = rules;
    }

    pub(super) fn allow_anonymous(&self) {
        self.anonymous.store(true, Ordering::Relaxed);
    }

    /// What serves, with what every cluster has.
    pub(super) async fn front(&self) -> Front {
        let front = self.task.open(&self.scope, self.scope.token());
        self.task.bootstrap(&front).await.unwrap();
        front
    }
}

/// What aggregated servers are shown.
fn proxy_certificate() -> CertificatePem {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["front-proxy-client".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    CertificatePem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
}

pub(super) fn config() -> Config {
    Config {
        service_cidrs: vec!["10.152.183.0/24".parse().unwrap()],
        node_ports: NODE_PORTS,
        event_ttl: Duration::from_secs(60 * 60),
        advertise_address: "192.0.2.1".parse().unwrap(),
        secure_port: 16443,
        admission: AdmissionPlugins::default(),
        service_account_issuer: "https://kubernetes.default.svc".to_owned(),
        audiences: vec!["https://kubernetes.default.svc".to_owned()],
        service_account_keys: vec![KeyPair::generate().unwrap().serialize_pem().into_bytes()],
        limits: Limits::DEFAULT,
        audit: None,
    }
}

/// A request of the user `jane`.
pub(super) fn ask(method: &str, address: &str) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(address);
    request.header("authorization", "Bearer jane").body(Bytes::new()).unwrap()
}

pub(super) trait With {
    fn with(self, name: &'static str, value: &str) -> Self;
    fn sending(self, body: impl Into<Bytes>) -> Self;
}

impl With for Request<Bytes> {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    fn sending(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.map(|_| body).with("content-type", "application/json")
    }
}

/// An answer that was read to its end.
pub(super) struct Read {
    pub(super) head: Response<()>,
    pub(super) text: String,
}

impl Read {
    pub(super) async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self { head: Response::from_parts(head, ()), text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(super) fn code(&self) -> StatusCode {
        self.head.status()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::from_json(self.text.as_bytes()).unwrap()
    }

    pub(super) fn str(&self, path: &[&str]) -> String {
        self.tree().str_at(path).unwrap_or_default().to_owned()
    }

    /// Code, reason and message of a Status.
    pub(super) fn status(&self) -> (u16, String, String) {
        assert_eq!(self.str(&["kind"]), "Status");
        (self.code().as_u16(), self.str(&["reason"]), self.str(&["message"]))
    }
}

impl Front {
    pub(super) async fn ask(&self, request: Request<Bytes>) -> Read {
        self.ask_as(nobody(), request).await
    }

    pub(super) async fn ask_as(&self, peer: Peer, request: Request<Bytes>) -> Read {
        Read::of(self.stream(peer, request).await).await
    }

    pub(super) async fn stream(&self, peer: Peer, request: Request<Bytes>) -> Response<Body> {
        self.clone().answer(request.map(body::full), Origin::Network(peer)).await
    }
}

pub(super) fn proven(certificates: PeerCertificates) -> Peer {
    Peer { certificates: Some(Arc::new(certificates)), ..nobody() }
}
