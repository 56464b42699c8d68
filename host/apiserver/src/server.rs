//! The API server as a service: it opens, serves until it is told to stop, and can be run again over the same listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use client::{BoxFuture, Transport, TransportError};
use http::{Request, Response};
use net::{Body, Listener, Peer, PeerAddress, TlsServer, body};
use objects::status::Status;
use observe::Metrics;
use supervise::Scope;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admission::address::ServiceNetwork;
use crate::admission::{self, Admission};
use crate::aggregation::Aggregator;
use crate::audit::{Audit, AuditMetrics};
use crate::authn::UserInfo;
use crate::authz::Authorize;
use crate::authz::node::Narrowed;
use crate::bootstrap::{self, Endpoint};
use crate::config::{Config, Dependencies};
use crate::document::Documents;
use crate::flow::{self, FlowControl};
use crate::front::{Bearers, Front, Issuer, Origin, Parts, Requests, grouped};
use crate::kubelet::Proxy;
use crate::proxy::ObjectProxy;
use crate::rest::{Foundation, Rest};
use crate::review::ReviewDeps;
use crate::storage::{Expiry, Values};
use crate::tokens::{PublicKey, Signer, Verifier, uses};

/// Tasks below the verbs get this long to end after the last connection.
const GRACE: Duration = Duration::from_secs(5);

/// Why an API server ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("make what every cluster has")]
    Bootstrap(#[source] Status),
}

/// Where a server is in its life.
#[derive(Clone)]
enum State {
    /// Nobody is answered yet; whoever asks waits.
    Starting,
    Serving(Front),
    /// As `Serving`, with everything there that every cluster has.
    Ready(Front),
    Stopped,
}

/// What others hold of an API server; clones are handles on the same one.
#[derive(Clone)]
pub struct ApiServerHandle {
    state: watch::Receiver<State>,
}

/// The API server's loop.
pub struct ApiServerTask {
    config: Config,
    dependencies: Dependencies,
    keys: Keys,
    requests: Requests,
    flow: FlowControl,
    audited: Option<AuditMetrics>,
    state: watch::Sender<State>,
}

/// The keys of service account tokens.
pub(crate) struct Keys {
    pub(crate) signer: Signer,
    /// The signer's own among them.
    pub(crate) verifying: Vec<PublicKey>,
}

pub(crate) fn new(
    config: Config,
    dependencies: Dependencies,
    keys: Keys,
) -> (ApiServerHandle, ApiServerTask) {
    let (state, receiver) = watch::channel(State::Starting);
    let metrics = Metrics::new();
    metrics.extend(Arc::clone(&dependencies.more_metrics));
    let flow = FlowControl::new(config.limits.inflight(), &metrics);
    let audited = config.audit.is_some().then(|| AuditMetrics::new(&metrics));
    let requests = Requests::new(metrics);
    let task = ApiServerTask { config, dependencies, keys, requests, flow, audited, state };
    (ApiServerHandle { state: receiver }, task)
}

impl ApiServerTask {
    /// Serves until `stop`. May be called again when it has returned.
    pub async fn run(
        &self,
        listener: &Listener,
        tls: &TlsServer,
        stop: CancellationToken,
    ) -> Result<(), ServerError> {
        self.state.send_replace(State::Starting);
        let _stopped = StopOnDrop(self);
        let scope = self.dependencies.scope.child("apiserver");
        let stop = stop.child_token();
        let _streams_end = stop.clone().drop_guard();
        let front = self.open(&scope, stop.clone());
        self.state.send_replace(State::Serving(front.clone()));
        let service = {
            let front = front.clone();
            move |mut request: Request<_>| {
                let front = front.clone();
                let peer = request.extensions_mut().remove::<Peer>();
                let peer = peer.unwrap_or(Peer { address: PeerAddress::Unix, certificates: None });
                front.answer(request.map(body::boxed), Origin::Network(peer))
            }
        };
        let bootstrap = async {
            let made = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                made = self.bootstrap(&front) => made,
            };
            if made.is_err() {
                stop.cancel();
            }
            made
        };
        let (made, ()) = tokio::join!(bootstrap, net::serve(listener, Some(tls), service, stop.clone()));
        // The audit log ends with the last one who writes to it.
        drop(front);
        self.answer_nobody();
        for task in scope.close(GRACE).await {
            tracing::warn!(task, "did not end by itself");
        }
        made
    }

    pub(crate) fn open(&self, scope: &Scope, stop: CancellationToken) -> Front {
        let Config { service_cidrs, node_ports, service_account_issuer: issuer, audiences, .. } =
            &self.config;
        let network = ServiceNetwork { cidrs: service_cidrs.clone(), node_ports: node_ports.clone() };
        let Dependencies { datastore, authenticate, authorize, anonymous, .. } = &self.dependencies;
        let narrowed =
            Arc::new(Narrowed::new(Arc::clone(authorize), Arc::clone(&self.dependencies.node_mode)));
        let authorize = &(Arc::clone(&narrowed) as Arc<dyn Authorize>);
        let Dependencies { kubelet, anybody, front_proxy, encryption, admit, .. } = &self.dependencies;
        let Keys { signer, verifying: keys } = &self.keys;
        let foundation = Foundation {
            store: datastore.clone(),
            admission: Admission::new(network, &self.config.admission, Arc::clone(admit)),
            expiry: Expiry::new(self.config.event_ttl),
            authorizer: Arc::clone(authorize),
            values: Values::new(encryption.clone()),
            deletions: self.config.limits.delete_collection_workers,
        };
        let rest = Rest::open(foundation, scope);
        narrowed.see(rest.view().clone());
        scope.spawn("flow control", flow::follow(self.flow.clone(), rest.clone(), stop.clone()));
        let authorities = self.dependencies.authorities.clone();
        scope.spawn("types of policies", admission::follow_policies(rest.clone(), stop.clone()));
        scope.spawn("trusted CAs", bootstrap::follow_authorities(rest.clone(), authorities, stop.clone()));
        scope.spawn("objects of flow control", bootstrap::follow_flow(rest.clone(), stop.clone()));
        scope.spawn("addresses of services", bootstrap::follow_addresses(rest.clone(), stop.clone()));
        let address = SocketAddr::new(self.config.advertise_address, self.config.secure_port).to_string();
        let (uses, used) = uses::uses();
        scope.spawn("uses of tokens", uses::write(rest.clone(), used, stop.clone()));
        let verifier = Verifier::new(rest.clone(), keys.clone(), issuer.clone(), audiences.clone(), uses);
        let bearers = Bearers::new(verifier, Arc::clone(authenticate), audiences.clone());
        let ask_bearer = {
            let bearers = bearers.clone();
            Arc::new(move |token: &str, audiences: &[String]| bearers.ask(token, audiences))
        };
        let review = ReviewDeps {
            rest: rest.clone(),
            authorizer: Arc::clone(authorize),
            ask_bearer,
            signer: signer.clone(),
            issuer: issuer.clone(),
            audiences: audiences.clone(),
        };
        let aggregator = Aggregator::new(rest.clone(), front_proxy.clone(), scope.clone());
        let neighbours = aggregator.neighbours().clone();
        Front::new(Parts {
            documents: Documents::new(rest.registry().clone(), neighbours, address.clone()),
            store: datastore.clone(),
            bearers,
            review,
            proxy: ObjectProxy::new(rest.clone(), kubelet.clone(), anybody.clone(), scope.clone()),
            aggregator,
            kubelet: Proxy::new(rest.clone(), kubelet.clone(), scope.clone()),
            issuer: Issuer { name: issuer.clone(), keys: keys.clone(), address },
            authenticate: Arc::clone(authenticate),
            authorize: Arc::clone(authorize),
            anonymous: Arc::clone(anonymous),
            requests: self.requests.clone(),
            flow: self.flow.clone(),
            audit: self.audit(scope),
            limits: self.config.limits,
            bootstrapped: AtomicBool::new(false),
            stop,
            scope: scope.clone(),
            rest,
        })
    }

    pub(crate) fn answer_nobody(&self) {
        self.state.send_replace(State::Stopped);
    }

    fn audit(&self, scope: &Scope) -> Option<Audit> {
        let (config, metrics) = self.config.audit.as_ref().zip(self.audited.clone())?;
        Some(Audit::open(config, metrics, scope))
    }

    /// Makes what every cluster has.
    pub(crate) async fn bootstrap(&self, front: &Front) -> Result<(), ServerError> {
        let Config { advertise_address, secure_port, .. } = self.config;
        let service_cidrs = self.config.service_cidrs.clone();
        let endpoint = Endpoint { service_cidrs, address: advertise_address, port: secure_port };
        let authorities = self.dependencies.authorities.borrow().clone();
        bootstrap::ensure(&front.0.rest, &endpoint, &authorities).await.map_err(ServerError::Bootstrap)?;
        front.bootstrapped();
        self.state.send_replace(State::Ready(front.clone()));
        Ok(())
    }
}

/// Whichever way a run ends, nobody is answered after it.
struct StopOnDrop<'a>(&'a ApiServerTask);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.answer_nobody();
    }
}

impl ApiServerHandle {
    /// Requests of a component of this process, under its fixed identity. Before the first answer can be given they
    /// wait; of a server that has stopped they are told so.
    pub fn transport(&self, identity: UserInfo) -> impl Transport + Clone {
        InProcess { state: self.state.clone(), identity: grouped(identity) }
    }

    /// Writes every object anew that is stored under an older key than the one in force; gives how many there were.
    ///
    /// # Errors
    /// Why an object could not be written; those before it are.
    pub async fn encrypt_anew(&self) -> Result<usize, Status> {
        let state = self.state.borrow().clone();
        match state {
            State::Serving(front) | State::Ready(front) => front.0.rest.encrypt_anew().await,
            State::Starting | State::Stopped => Err(Status::unavailable("the API server is not serving")),
        }
    }

    /// Whether it serves and has everything that every cluster has.
    pub fn is_ready(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_))
    }

    /// Waits until it [is ready](Self::is_ready); forever if it never gets so.
    pub async fn ready(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| matches!(state, State::Ready(_))).await.is_err() {
            std::future::pending().await
        }
    }
}

#[derive(Clone)]
struct InProcess {
    state: watch::Receiver<State>,
    identity: UserInfo,
}

impl InProcess {
    async fn front(mut self) -> Result<Front, TransportError> {
        let state = self.state.wait_for(|state| !matches!(state, State::Starting)).await;
        match state.as_deref() {
            Ok(State::Serving(front) | State::Ready(front)) => Ok(front.clone()),
            Ok(State::Starting | State::Stopped) | Err(_) => Err(TransportError::Stopped),
        }
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let (waiting, user) = (self.clone(), self.identity.clone());
        Box::pin(async move {
            let front = waiting.front().await?;
            Ok(front.answer(request.map(body::full), Origin::Process(user)).await)
        })
    }
}
