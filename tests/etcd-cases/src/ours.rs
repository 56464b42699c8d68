//! Our server on an embedded store in a folder of its own, on a unix socket.

use std::path::PathBuf;

use anyhow::{Context, Result};
use datastore::Embedded;
use etcd::server::{Config, Deps};
use net::{Binder, Socket, SocketAddress, bind_all};
use supervise::Scope;

use crate::check::Running;
use crate::connection::Endpoint;

pub struct Ours {
    socket: PathBuf,
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
        let socket = folder.path().join("etcd.sock");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let scope = Scope::root("ours");
        let _entered = runtime.enter();
        let (store, task) = Embedded::open(datastore::Config::new(folder.path().join("store")))?;
        scope.spawn("datastore", task.run(scope.token()));
        let deps = Deps { store, metrics: observe::Metrics::new(), scope: scope.child("server") };
        let config = Config {
            client_urls: vec!["http://localhost:1".to_owned()],
            peer_urls: vec!["http://localhost:2".to_owned()],
            ..Config::new("node", folder.path())
        };
        let server = config.build(deps)?;
        let row = Socket {
            name: "etcd",
            service: "etcd",
            address: SocketAddress::Unix { path: socket.clone() },
            binder: Binder::Host,
            access: "its owner",
        };
        let listener = bind_all(vec![row])?.listener("etcd").context("the host binds it")?;
        let stop = scope.token();
        scope.spawn("server", async move {
            let answer = move |request| server.answer(request);
            net::serve_with(Config::HTTP2, &listener, None, answer, stop).await;
        });
        Ok(Self { socket, scope, runtime, _folder: folder })
    }
}

impl Running for Ours {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket.clone())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let left = self.runtime.block_on(self.scope.close(support::LIMIT));
        assert!(left.is_empty(), "{left:?} did not end");
    }
}
