//! Where the cluster's state is kept: in the store of this process, or in an etcd that `args/kube-apiserver` names.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use args::{Effective, Service};
use datastore::Config;
use etcd::{Channel, RemoteStore};
use net::{CertificatePem, TlsClient};

use crate::data_dir::DataDir;

/// In MicroK8s the socket of its embedded store, which this one takes the place of.
const KINE: &str = "kine.sock";

#[derive(Clone)]
pub(crate) enum StoreChoice {
    Embedded(Config),
    External(External),
}

/// A real etcd, and how much history it is to keep.
#[derive(Clone)]
pub(crate) struct External {
    pub(crate) endpoints: Vec<String>,
    pub(crate) store: RemoteStore,
    pub(crate) compaction_interval: Duration,
}

/// Whether `--etcd-servers` means the embedded store: its socket, or this node's own port for etcd's clients.
pub(crate) fn is_embedded(effective: &Effective) -> bool {
    let own = effective.service(Service::Etcd).url("listen-client-urls").port();
    let is_own = |endpoint: &String| {
        let address = endpoint.strip_prefix("https://").unwrap_or_default();
        endpoint.contains(KINE)
            || [format!("127.0.0.1:{own}"), format!("localhost:{own}")].contains(&address.into())
    };
    let servers = effective.service(Service::KubeApiserver).list("etcd-servers");
    servers.is_empty() || servers.iter().all(is_own)
}

/// The folder of the embedded store.
pub(crate) fn directory(data_dir: &DataDir) -> PathBuf {
    data_dir.join("var/kubernetes/backend")
}

impl StoreChoice {
    /// Of an etcd elsewhere.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        match self {
            Self::Embedded(_) => Vec::new(),
            Self::External(external) => external.endpoints.clone(),
        }
    }

    /// The store of these arguments; nothing is opened or dialed yet.
    pub(crate) fn of(effective: &Effective, data_dir: &DataDir) -> Result<Self> {
        if is_embedded(effective) {
            return Ok(Self::Embedded(embedded(effective, data_dir)));
        }
        let args = effective.service(Service::KubeApiserver);
        let endpoints = args.list("etcd-servers");
        let read = |flag: &str| -> Result<Option<Vec<u8>>> {
            let path = args.text(flag);
            if path.is_empty() {
                return Ok(None);
            }
            std::fs::read(path).map(Some).with_context(|| format!("read kube-apiserver --{flag} {path}"))
        };
        let tls = match (read("etcd-cafile")?, read("etcd-certfile")?, read("etcd-keyfile")?) {
            (None, None, None) => None,
            (Some(ca), None, None) => Some(TlsClient::new(&ca, None)?),
            (Some(ca), Some(chain), Some(key)) => {
                Some(TlsClient::new(&ca, Some(&CertificatePem { chain, key }))?)
            }
            _ => bail!(
                "kube-apiserver --etcd-cafile, --etcd-certfile and --etcd-keyfile belong together: give all three"
            ),
        };
        let channel = Channel::new(&endpoints, tls.as_ref()).context("use kube-apiserver --etcd-servers")?;
        Ok(Self::External(External {
            endpoints,
            store: RemoteStore::new(channel),
            compaction_interval: args.duration("etcd-compaction-interval"),
        }))
    }
}

/// How the embedded store is opened.
pub(crate) fn embedded(effective: &Effective, data_dir: &DataDir) -> Config {
    let args = effective.service(Service::Etcd);
    let quota = match args.number("quota-backend-bytes") {
        // As etcd: no number of one's own.
        0 => Config::QUOTA,
        bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
    };
    Config {
        history_window: args.duration("auto-compaction-retention"),
        quota,
        ..Config::new(directory(data_dir))
    }
}
