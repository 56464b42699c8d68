//! A datastore that runs in this process, used as such or through etcd's API on a unix socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use datastore::{Config, Datastore, Embedded, TaskError};
use etcd::server::{Config as ServerConfig, Deps};
use etcd::{Channel, RemoteStore};
use net::{Binder, Socket, SocketAddress};
use supervise::{Scope, Task};

/// Of a store that forgets nothing by itself, so that every compaction is one of the history's.
#[must_use]
pub fn config(directory: &Path) -> Config {
    const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
    Config { history_window: NEVER, history_weight: usize::MAX, ..Config::new(directory) }
}

pub struct Running {
    pub embedded: Embedded,
    pub scope: Scope,
    task: Task<Result<(), TaskError>>,
}

impl Running {
    /// # Errors
    /// When the files of the directory cannot be opened.
    pub fn open(directory: &Path) -> Result<Self> {
        let (embedded, task) = Embedded::open(config(directory))?;
        let scope = Scope::root("running");
        let task = scope.spawn("datastore", task.run(scope.token()));
        Ok(Self { embedded, scope, task })
    }

    #[must_use]
    pub fn store(&self) -> Datastore {
        self.embedded.clone().into()
    }

    /// # Errors
    /// When the datastore did not end well.
    pub async fn close(self) -> Result<()> {
        self.scope.token().cancel();
        Ok(self.task.await??)
    }

    /// A handle on the same store that another task writes for.
    #[must_use]
    pub fn other(&self) -> Datastore {
        let (store, committer) = self.embedded.committed_here();
        self.scope.spawn("committer", committer.run());
        store.into()
    }

    /// Serves etcd's API on a socket in the directory, by a thread of its own as a node does, and gives a channel to it.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn serve(&self, directory: &Path) -> Result<Channel> {
        let path: PathBuf = directory.join("etcd.sock");
        let address = SocketAddress::Unix { path: path.clone() };
        let row =
            Socket { name: "etcd", service: "etcd", address, binder: Binder::Host, access: "this test" };
        let listener = net::bind_all(vec![row])?.listener("etcd").context("the socket is bound")?;
        let (store, committer) = self.embedded.committed_here();
        let deps = Deps { store, metrics: observe::Metrics::new(), scope: self.scope.clone() };
        let server = ServerConfig::new("histories", directory).build(deps)?;
        let stop = self.scope.token();
        self.scope.spawn_thread("etcd", move || async move {
            let answer = move |request| server.answer(request);
            let serving = net::serve_with(ServerConfig::HTTP2, &listener, None, answer, stop);
            tokio::join!(serving, committer.run());
            Ok(())
        });
        Ok(Channel::new(&[format!("unix:{}", path.display())], None)?)
    }
}

/// The store behind a channel.
#[must_use]
pub fn remote(channel: &Channel) -> Datastore {
    Datastore::Remote(Arc::new(RemoteStore::new(channel.clone())))
}
