//! The API server over a datastore on disk, as a node composes them, for one user who may do everything.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use apiserver::authn::{Authenticate, Authentication, Credentials, UserInfo};
use apiserver::authz::{Attributes, Authorize, Decision, Rules};
use apiserver::{AdmissionPlugins, ClientAuthorities, Config, Dependencies, Limits, NODE_PORTS, Nobody};
use datastore::Embedded;
use futures_util::future::BoxFuture;
use net::{CertificatePem, TlsClient};
use supervise::Scope;
use tokio::sync::watch;

use crate::servers::{TOKEN, listen, say_port, tls};

/// What makes this program that server; its folder follows.
pub(crate) const ARGUMENT: &str = "serve";

const ISSUER: &str = "https://kubernetes.default.svc";

struct OneUser;

impl Authenticate for OneUser {
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn authenticate(&self, credentials: &Credentials) -> Authentication {
        if credentials.bearer.as_deref() != Some(TOKEN) {
            return Authentication::Unknown;
        }
        let groups = vec!["system:masters".to_owned()];
        Authentication::User(UserInfo { name: TOKEN.to_owned(), groups, ..UserInfo::default() })
    }
}

struct Always;

impl Authorize for Always {
    fn authorize(&self, _: &UserInfo, _: &Attributes) -> Decision {
        Decision::allow("")
    }

    fn rules(&self, _: &UserInfo, _: &str) -> Rules {
        Rules::default()
    }
}

/// Serves until it is killed.
pub(crate) async fn run(folder: &Path) -> Result<()> {
    let read = |name: &str| fs::read(folder.join("certs").join(name));
    let pem = |name: &str| {
        let chain = read(&format!("{name}.crt"))?;
        anyhow::Ok(CertificatePem { chain, key: read(&format!("{name}.key"))? })
    };
    let scope = Scope::root(ARGUMENT);
    let (store, task) = Embedded::open(datastore::Config::new(folder.join("store")))?;
    scope.spawn("datastore", task.run(scope.token()));
    let text = |name: &str| fs::read_to_string(folder.join("certs").join(name));
    let authorities = ClientAuthorities { users: text("ca.crt")?, front_proxy: text("front-proxy-ca.crt")? };
    let dependencies = Dependencies {
        datastore: store.into(),
        authenticate: Arc::new(OneUser),
        authorize: Arc::new(Always),
        admit: Arc::new(Nobody),
        more_metrics: Arc::new(String::new),
        node_mode: Arc::new(|| false),
        anonymous: Arc::new(|| false),
        kubelet: TlsClient::new(&read("ca.crt")?, None)?,
        encryption: watch::channel(None).1,
        anybody: TlsClient::unverified(None)?,
        front_proxy: watch::channel(pem("front-proxy-client")?).1,
        authorities: watch::channel(authorities).1,
        scope: scope.clone(),
    };
    let config = Config {
        service_cidrs: vec!["10.152.183.0/24".parse()?],
        node_ports: NODE_PORTS,
        event_ttl: Duration::from_secs(60 * 60),
        advertise_address: "192.0.2.1".parse()?,
        secure_port: 16443,
        admission: AdmissionPlugins::default(),
        service_account_issuer: ISSUER.to_owned(),
        audiences: vec![ISSUER.to_owned()],
        service_account_keys: vec![read("serviceaccount.key")?],
        limits: Limits::DEFAULT,
        audit: None,
    };
    let (handle, server) = config.build(dependencies)?;
    let (listener, tls) = (listen(ARGUMENT)?, tls(folder)?);
    let serving = server.run(&listener, &tls, scope.token());
    let ready = async {
        handle.ready().await;
        say_port(&listener)
    };
    let (served, said) = tokio::join!(serving, ready);
    served?;
    said
}
