//! etcd's API on the embedded store: on its port for clients that etcd's CA vouches for, and on a unix socket for root. It
//! has a thread of its own, where a write is carried out by whom it came to: to change threads on the way to the disk and
//! back costs more than all the rest of it.

use std::path::PathBuf;

use args::{Effective, Service};
use datastore::Embedded;
use etcd::server::{Config, Deps};
use net::{Listener, TlsServer};
use observe::Metrics;
use supervise::{BoxError, OnFailure, Unit, UnitContext};

use crate::slot::Slot;
use crate::units::name;

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Slot<Embedded>,
    /// The port, and the socket of root.
    pub(crate) listeners: [Listener; 2],
    pub(crate) tls: TlsServer,
}

pub(crate) fn unit(parts: Parts) -> Unit {
    Unit::new(name::ETCD, &[name::DATASTORE], OnFailure::Restart, move |context| run(parts.clone(), context))
}

async fn run(parts: Parts, context: UnitContext) -> Result<(), BoxError> {
    let scope = context.scope.clone();
    scope.spawn_thread("server", move || serve(parts, context)).await?
}

async fn serve(parts: Parts, context: UnitContext) -> Result<(), BoxError> {
    let Parts { config, store, listeners: [port, local], tls } = parts;
    let (store, committer) = store.wait().await.committed_here();
    let server = config.build(Deps { store, metrics: Metrics::new(), scope: context.scope.clone() })?;
    let answer = move |request| server.answer(request);
    let stop = context.stop();
    context.ready();
    let serving = async {
        tokio::join!(
            net::serve_with(Config::HTTP2, &port, Some(&tls), answer.clone(), stop.clone()),
            net::serve_with(Config::HTTP2, &local, None, answer, stop),
        );
    };
    tokio::select! {
        () = serving => {}
        () = committer.run() => {}
    }
    Ok(())
}

/// The server of these arguments.
pub(crate) fn config(effective: &Effective, node_name: &str, snapshots: PathBuf) -> Config {
    let args = effective.service(Service::Etcd);
    let listen = args.url("listen-client-urls");
    let bytes = |flag: &str| usize::try_from(args.number(flag)).unwrap_or(usize::MAX);
    Config {
        // As etcd's command has it, where nobody says what else is to be advertised.
        client_urls: vec![format!("https://localhost:{}", listen.port())],
        max_request_bytes: bytes("max-request-bytes"),
        max_txn_ops: bytes("max-txn-ops"),
        progress_notify_interval: args.duration("watch-progress-notify-interval"),
        ..Config::new(node_name, snapshots)
    }
}
