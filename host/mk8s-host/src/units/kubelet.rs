//! The kubelet: what the arguments make of it, and its three ports.

use std::net::IpAddr;
use std::path::PathBuf;

use args::{Effective, Service};
use client::delegated::{CacheTtl, Gate};
use cri::Runtime;
use cri::containerd::CgroupDriver;
use kubelet::{Config, Deps, KubeletHandle, Servers};
use net::{Listener, TlsServer};
use observe::Metrics;
use supervise::{BoxError, OnFailure, Unit, UnitContext};
use tokio::sync::watch;

use crate::adapt::clients::Clients;
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::facts::primary_address;
use crate::slot::Slot;
use crate::units::{name, until_ended};

/// What the kubelet stands on.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) data_dir: DataDir,
    pub(crate) node_name: String,
    /// Of the machine, the primary one first.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) cgroup_driver: CgroupDriver,
    pub(crate) configuration: Configuration,
    pub(crate) clients: Clients,
    pub(crate) runtime: Runtime,
    /// Why containerd cannot be started.
    pub(crate) runtime_missing: watch::Receiver<Option<String>>,
    pub(crate) tls: TlsServer,
    pub(crate) secure: Option<Listener>,
    pub(crate) read_only: Option<Listener>,
    pub(crate) health: Option<Listener>,
}

pub(crate) fn unit(parts: Parts, slot: Slot<KubeletHandle>) -> Unit {
    Unit::new(name::KUBELET, &[name::ADDONS], OnFailure::Restart, move |context| {
        run(parts.clone(), slot.clone(), context)
    })
}

async fn run(parts: Parts, slot: Slot<KubeletHandle>, context: UnitContext) -> Result<(), BoxError> {
    let client = parts.clients.node(&parts.node_name);
    let deps = Deps {
        client: client.clone(),
        runtime: parts.runtime.clone(),
        runtime_missing: parts.runtime_missing.clone(),
        scope: context.scope.clone(),
    };
    let (handle, task) = config(&parts).build(deps)?;
    let pipes = parts.data_dir.join("run/kubelet");
    std::fs::create_dir_all(&pipes)?;
    let gate = Gate::new(client, CacheTtl::KUBELET);
    let servers = Servers::new(handle.clone(), gate, Metrics::new(), pipes);
    let _filled = slot.fill(handle.clone());

    let stop = context.stop();
    let serving = {
        let (parts, stop) = (parts.clone(), stop.clone());
        async move {
            let secure = async {
                if let Some(listener) = &parts.secure {
                    servers.secure(listener, &parts.tls, stop.clone()).await;
                }
            };
            let read_only = async {
                if let Some(listener) = &parts.read_only {
                    servers.read_only(listener, stop.clone()).await;
                }
            };
            let health = async {
                if let Some(listener) = &parts.health {
                    servers.health(listener, stop.clone()).await;
                }
            };
            tokio::join!(secure, read_only, health);
        }
    };
    let mut status = handle.status();
    let registered = async move {
        if status.wait_for(|status| status.registered && status.pods_known).await.is_err() {
            std::future::pending().await
        }
    };
    until_ended(context, registered, async move {
        tokio::select! {
            () = task.run(stop.clone()) => {}
            () = serving => {}
        }
        Ok(())
    })
    .await
}

fn config(parts: &Parts) -> Config {
    let effective: &Effective = &parts.configuration.effective();
    let args = effective.service(Service::Kubelet);
    let labels = args.pairs("node-labels").into_iter().collect();
    let cluster_dns = args.list("cluster-dns").iter().filter_map(|address| address.parse().ok()).collect();
    let primary = primary_address(args.address("node-ip"), &parts.addresses);
    let others = parts.addresses.iter().copied().filter(|address| *address != primary);
    Config {
        node_name: parts.node_name.clone(),
        addresses: std::iter::once(primary).chain(others).collect(),
        root: PathBuf::from(args.text("root-dir")),
        pod_logs: parts.data_dir.join("var/log/pods"),
        cluster_dns,
        cluster_domain: args.text("cluster-domain").to_owned(),
        port: args.port("port").unwrap_or(kubelet::PORT),
        labels,
        max_pods: u32::try_from(args.number("max-pods")).unwrap_or(u32::MAX),
        cgroup_root: kubelet::CGROUP_ROOT.to_owned(),
        cgroup_driver: parts.cgroup_driver,
    }
}
