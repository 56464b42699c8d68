//! The server of etcd's v3 API on the store of this process: gRPC on HTTP/2, and what monitoring asks for without it. It
//! binds no socket and knows no TLS: `net` serves it, and says who asks.

mod access;
mod call;
mod cluster;
mod error;
mod health;
mod kv;
mod lease;
mod maintenance;
mod member;
mod methods;
mod metrics;
mod plain;
mod request;
mod response;
mod watch;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datastore::Embedded;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use net::{BoxError, Http2, Peer};
use supervise::Scope;
use thiserror::Error;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;
use tower_service::Service as Answers;

use crate::wire::etcdserverpb::{
    cluster_server::ClusterServer, kv_server::KvServer, lease_server::LeaseServer,
    maintenance_server::MaintenanceServer, watch_server::WatchServer,
};
use call::Call;
use member::Member;
use methods::{Methods, Service};
use metrics::Metrics;

/// The release of etcd whose behaviour is served.
pub const VERSION: &str = "3.6.14";
/// That of its cluster, which leaves the patch out.
const CLUSTER_VERSION: &str = "3.6.0";
/// What etcd lets a message be larger than a request.
const MESSAGE_OVERHEAD: usize = 512 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the member.
    pub name: String,
    /// Where clients and peers are told to find it.
    pub client_urls: Vec<String>,
    pub peer_urls: Vec<String>,
    /// Bytes of a request that changes anything.
    pub max_request_bytes: usize,
    /// Operations in each branch of a transaction, and comparisons.
    pub max_txn_ops: usize,
    /// How often a watch that asks for it is told of its progress when nothing else happens.
    pub progress_notify_interval: Duration,
    /// Where a snapshot is written, without a name, while it is sent.
    pub snapshot_directory: PathBuf,
}

impl Config {
    /// As etcd's.
    pub const MAX_REQUEST_BYTES: usize = 3 << 19;
    /// As etcd's.
    pub const MAX_TXN_OPS: usize = 128;
    /// As etcd's.
    pub const PROGRESS_NOTIFY_INTERVAL: Duration = Duration::from_secs(10 * 60);
    /// The limits of a connection: etcd lets a client have as many streams as it wants.
    pub const HTTP2: Http2 = Http2 { streams: u32::MAX, ..Http2::DEFAULT };

    pub fn new(name: impl Into<String>, snapshot_directory: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            client_urls: Vec::new(),
            peer_urls: Vec::new(),
            max_request_bytes: Self::MAX_REQUEST_BYTES,
            max_txn_ops: Self::MAX_TXN_OPS,
            progress_notify_interval: Self::PROGRESS_NOTIFY_INTERVAL,
            snapshot_directory: snapshot_directory.into(),
        }
    }

    fn max_message_bytes(&self) -> usize {
        self.max_request_bytes + MESSAGE_OVERHEAD
    }

    /// # Errors
    /// When the descriptors of the API, which are part of the program, cannot be read.
    pub fn build(self, deps: Deps) -> Result<Server, BuildError> {
        let Deps { store, metrics, scope } = deps;
        let methods = Methods::new(&metrics)?;
        let metrics = Arc::new(Metrics::new(metrics, VERSION, &store));
        let limit = self.max_message_bytes();
        let member = Arc::new(Member::new(store, self, metrics, scope));
        Ok(Server(Arc::new(Services {
            methods,
            kv: KvServer::from_arc(Arc::clone(&member)).max_decoding_message_size(limit),
            watch: WatchServer::from_arc(Arc::clone(&member)).max_decoding_message_size(limit),
            lease: LeaseServer::from_arc(Arc::clone(&member)).max_decoding_message_size(limit),
            cluster: ClusterServer::from_arc(Arc::clone(&member)).max_decoding_message_size(limit),
            maintenance: MaintenanceServer::from_arc(Arc::clone(&member)).max_decoding_message_size(limit),
            health: erase(HealthServer::from_arc(Arc::clone(&member))),
            reflection: erase(reflection().build_v1()?),
            reflection_alpha: erase(reflection().build_v1alpha()?),
            member,
        })))
    }
}

/// What a server stands on.
pub struct Deps {
    pub store: Embedded,
    /// What the server counts is registered here, and everything here is shown on `/metrics`.
    pub metrics: observe::Metrics,
    /// Streams end when it is stopped, so that no connection waits for them; longer computations run in it.
    pub scope: Scope,
}

#[derive(Debug, Error)]
pub enum BuildError {
    #[error("read the descriptors of the API: {0}")]
    Descriptors(#[from] prost::DecodeError),
    #[error("describe the API: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Server(Arc<Services>);

struct Services {
    member: Arc<Member>,
    methods: Methods,
    kv: KvServer<Member>,
    watch: WatchServer<Member>,
    lease: LeaseServer<Member>,
    cluster: ClusterServer<Member>,
    maintenance: MaintenanceServer<Member>,
    health: Erased,
    reflection: Erased,
    reflection_alpha: Erased,
}

/// A service that is seldom asked, of a type without a name.
type Erased = Box<
    dyn Fn(Request<tonic::body::Body>) -> BoxFuture<'static, Result<Response<tonic::body::Body>, Infallible>>
        + Send
        + Sync,
>;

impl Server {
    /// Answers one request. Who asks is its extension [`Peer`]; only the unix socket and certificates of etcd's CA are
    /// let in, and of others nothing is looked at.
    pub fn answer<B>(&self, request: Request<B>) -> impl Future<Output = Response<net::Body>> + Send + use<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError> + Send + 'static,
    {
        let services = Arc::clone(&self.0);
        async move { services.answer(request).await }
    }
}

impl Services {
    async fn answer<B>(&self, request: Request<B>) -> Response<net::Body>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError> + Send + 'static,
    {
        if !access::admits(request.extensions().get::<Peer>()) {
            return access::refusal(request.headers());
        }
        let path = request.uri().path();
        if !access::is_grpc(request.headers()) {
            return plain::answer(&self.member, request.method(), path);
        }
        let Some(method) = self.methods.find(path) else {
            return Methods::unknown(path).into_http::<tonic::body::Body>().map(net::body::boxed);
        };
        let call = Call::start(method);
        let answered = match method.service {
            Service::Kv => self.kv.clone().call(request).await,
            Service::Watch => self.watch.clone().call(request).await,
            Service::Lease => self.lease.clone().call(request).await,
            Service::Cluster => self.cluster.clone().call(request).await,
            Service::Maintenance => self.maintenance.clone().call(request).await,
            Service::Health => (self.health)(request.map(tonic::body::Body::new)).await,
            Service::Reflection => (self.reflection)(request.map(tonic::body::Body::new)).await,
            Service::ReflectionAlpha => (self.reflection_alpha)(request.map(tonic::body::Body::new)).await,
        };
        match answered {
            Ok(response) => call.answer(response),
            Err(never) => match never {},
        }
    }
}

fn erase<S>(service: S) -> Erased
where
    S: Answers<Request<tonic::body::Body>, Response = Response<tonic::body::Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Box::new(move |request| Box::pin(service.clone().call(request)))
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure().include_reflection_service(false);
    methods::FILES.iter().fold(builder, |builder, file| builder.register_encoded_file_descriptor_set(file))
}
