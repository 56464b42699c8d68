//! Our server on an embedded store in a folder of its own.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use datastore::Embedded;
use etcd::server::{Config, Deps};
use net::{Binder, Socket, SocketAddress, TlsServer, Transport, bind_all};
use supervise::Scope;

use crate::check::Running;
use crate::connection::Endpoint;

pub struct Ours {
    endpoint: Endpoint,
    scope: Scope,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Ours {
    /// Starts one with an empty store and etcd's defaults.
    ///
    /// # Errors
    /// Where the store or the socket cannot be made.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("etcd.sock");
        Self::serve(folder, SocketAddress::Unix { path }, None)
    }

    /// One with an empty store, on a port of loopback, for clients whose certificates it verifies.
    ///
    /// # Errors
    /// Where the store or the socket cannot be made.
    pub fn start_with_tls(tls: TlsServer) -> Result<Self> {
        let address = Ipv4Addr::LOCALHOST.into();
        let socket = SocketAddress::Ip { address, port: 0, transport: Transport::Tcp };
        Self::serve(tempfile::tempdir()?, socket, Some(tls))
    }

    fn serve(folder: tempfile::TempDir, address: SocketAddress, tls: Option<TlsServer>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let scope = Scope::root("ours");
        let entered = runtime.enter();
        let (store, task) = Embedded::open(datastore::Config::new(folder.path().join("store")))?;
        scope.spawn("datastore", task.run(scope.token()));
        let deps = Deps { store, metrics: observe::Metrics::new(), scope: scope.child("server") };
        let config = Config {
            client_urls: vec!["http://localhost:1".to_owned()],
            peer_urls: vec!["http://localhost:2".to_owned()],
            ..Config::new("node", folder.path())
        };
        let server = config.build(deps)?;
        let row = Socket { name: "etcd", service: "etcd", address, binder: Binder::Host, access: "clients" };
        let listener = bind_all(vec![row])?.listener("etcd").context("the host binds it")?;
        let endpoint = match (listener.path(), listener.local_port()) {
            (Some(path), _) => Endpoint::Unix(path.to_owned()),
            (None, port) => Endpoint::Tcp((Ipv4Addr::LOCALHOST, port.context("a port of its own")?).into()),
        };
        let stop = scope.token();
        scope.spawn("server", async move {
            let answer = move |request| server.answer(request);
            net::serve_with(Config::HTTP2, &listener, tls.as_ref(), answer, stop).await;
        });
        drop(entered);
        Ok(Self { endpoint, scope, runtime, _folder: folder })
    }
}

impl Running for Ours {
    fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let left = self.runtime.block_on(self.scope.close(support::LIMIT));
        assert!(left.is_empty(), "{left:?} did not end");
    }
}
