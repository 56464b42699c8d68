//! A server on a unix socket in a folder of its own, and clients of it.

use std::task::{Context, Poll};
use std::time::Duration;

use datastore::Embedded;
use etcd::server::{Config, Deps, Server};
use etcd::wire::etcdserverpb as pb;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use net::{Binder, Socket, SocketAddress, bind_all};
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use pb::maintenance_client::MaintenanceClient;
use pb::watch_client::WatchClient;
use supervise::Scope;
use tempfile::TempDir;
use tonic::body::Body;

pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) store: Embedded,
    pub(crate) channel: Channel,
    scope: Scope,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::configured(|config| config).await
    }

    pub(crate) async fn configured(configure: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scope = Scope::root("test");
        let (store, task) = Embedded::open(datastore::Config::new(folder.path().join("store"))).unwrap();
        let stop = scope.token();
        scope.spawn("datastore", async move { task.run(stop).await.unwrap() });
        let deps =
            Deps { store: store.clone(), metrics: observe::Metrics::new(), scope: scope.child("server") };
        let server = configure(Config::new("node", folder.path())).build(deps).unwrap();
        let path = folder.path().join("etcd.sock");
        let row = Socket {
            name: "etcd",
            service: "etcd",
            address: SocketAddress::Unix { path: path.clone() },
            binder: Binder::Host,
            access: "root",
        };
        let listener = bind_all(vec![row]).unwrap().listener("etcd").unwrap();
        let (answering, stop) = (server.clone(), scope.token());
        scope.spawn("server", async move {
            let service = move |request| answering.answer(request);
            net::serve_with(Config::HTTP2, &listener, None, service, stop).await;
        });
        let channel = Channel::open(&path, &scope).await;
        Self { server, store, channel, scope, _folder: folder }
    }

    pub(crate) fn kv(&self) -> KvClient<Channel> {
        KvClient::with_origin(self.channel.clone(), origin()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn watch(&self) -> WatchClient<Channel> {
        WatchClient::with_origin(self.channel.clone(), origin()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn lease(&self) -> LeaseClient<Channel> {
        LeaseClient::with_origin(self.channel.clone(), origin())
    }

    pub(crate) fn maintenance(&self) -> MaintenanceClient<Channel> {
        MaintenanceClient::with_origin(self.channel.clone(), origin())
    }

    /// Puts a key and gives the revision.
    pub(crate) async fn put(&self, key: &str, value: impl Into<bytes::Bytes>) -> i64 {
        let request =
            pb::PutRequest { key: key.to_owned().into(), value: value.into(), ..Default::default() };
        self.kv().put(request).await.unwrap().into_inner().header.unwrap().revision
    }

    /// Ends the server as its host does.
    pub(crate) async fn stop(&self) {
        assert_eq!(self.scope.close(Duration::from_secs(5)).await, [] as [&str; 0]);
    }
}

pub(crate) fn origin() -> Uri {
    Uri::from_static("http://etcd")
}

/// One HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Channel(SendRequest<Body>);

impl Channel {
    async fn open(path: &std::path::Path, scope: &Scope) -> Self {
        let stream = net::dial::unix(path).await.unwrap();
        let (send, driver) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        // How it ended is told to the calls that it carried.
        scope.spawn("connection", async move { driver.await.ok() });
        Self(send)
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }
}

impl tower_service::Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
