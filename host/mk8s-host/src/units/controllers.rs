//! The controllers, with their ports.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use args::{Effective, Service, ServiceArgs};
use controllers::{
    Autoscaling, Clients, ClusterSigning, Config, Deps, NodeLifecycle, NodeNetworks, Selection,
};
use pki::{Pki, SigningCa};
use reconcile::endpoints::Ports;
use supervise::{OnFailure, Unit};
use tokio::sync::watch;

use crate::adapt::clients;
use crate::units::election::Election;
use crate::units::{name, until_ended};

/// What the arguments come to; requests are signed with the CA of the data directory.
pub(crate) fn config(effective: &Effective, data_dir: &Path) -> Result<Config> {
    let args = effective.service(Service::KubeControllerManager);
    let controllers = args.list("controllers");
    let controllers = Selection::parse(controllers.iter().map(String::as_str));
    let controllers = controllers.context("kube-controller-manager --controllers")?;
    let syncs = |flag: &str| {
        let syncs = usize::try_from(args.number(flag)).ok().and_then(NonZeroUsize::new);
        syncs.with_context(|| format!("kube-controller-manager --{flag} is 0"))
    };
    let size = |flag: &str| usize::try_from(args.number(flag)).unwrap_or(usize::MAX);
    // A rate is so many in a second.
    let interval = |flag: &str| Duration::try_from_secs_f64(1.0 / args.decimal(flag)).ok();
    let node_lifecycle = NodeLifecycle {
        grace: args.duration("node-monitor-grace-period"),
        startup_grace: args.duration("node-startup-grace-period"),
        eviction_interval: interval("node-eviction-rate"),
        secondary_eviction_interval: interval("secondary-node-eviction-rate"),
        large_zone: size("large-cluster-size-threshold"),
        unhealthy_percent: (args.decimal("unhealthy-zone-threshold") * 100.0).round() as usize,
    };
    let autoscaling = Autoscaling {
        period: args.duration("horizontal-pod-autoscaler-sync-period"),
        tolerance: args.decimal("horizontal-pod-autoscaler-tolerance"),
        downscale_window: args.duration("horizontal-pod-autoscaler-downscale-stabilization"),
        cpu_initialization: args.duration("horizontal-pod-autoscaler-cpu-initialization-period"),
        initial_readiness: args.duration("horizontal-pod-autoscaler-initial-readiness-delay"),
    };
    Ok(Config {
        controllers,
        cluster_signing: Some(signing(args, data_dir)?),
        namespace_syncs: syncs("concurrent-namespace-syncs")?,
        replication_controller_syncs: syncs("concurrent-rc-syncs")?,
        replica_set_syncs: syncs("concurrent-replicaset-syncs")?,
        deployment_syncs: syncs("concurrent-deployment-syncs")?,
        daemon_set_syncs: syncs("concurrent-daemonset-syncs")?,
        stateful_set_syncs: syncs("concurrent-statefulset-syncs")?,
        endpoint_syncs: syncs("concurrent-endpoint-syncs")?,
        service_endpoint_syncs: syncs("concurrent-service-endpoint-syncs")?,
        max_endpoints_per_slice: syncs("max-endpoints-per-slice")?,
        mirroring_syncs: syncs("mirroring-concurrent-service-endpoint-syncs")?,
        mirroring_max_endpoints_per_subset: syncs("mirroring-max-endpoints-per-subset")?,
        gc_syncs: syncs("concurrent-gc-syncs")?,
        ephemeral_volume_syncs: syncs("concurrent-ephemeralvolume-syncs")?,
        resource_claim_syncs: syncs("concurrent-resource-claim-syncs")?,
        job_syncs: syncs("concurrent-job-syncs")?,
        cron_job_syncs: syncs("concurrent-cron-job-syncs")?,
        autoscaler_syncs: syncs("concurrent-horizontal-pod-autoscaler-syncs")?,
        quota_syncs: syncs("concurrent-resource-quota-syncs")?,
        token_secret_syncs: syncs("concurrent-serviceaccount-token-syncs")?,
        finished_job_syncs: syncs("concurrent-ttl-after-finished-syncs")?,
        device_eviction_syncs: syncs("concurrent-device-taint-eviction-syncs")?,
        ended_pods: size("terminated-pod-gc-threshold"),
        unused_tokens: args.duration("legacy-service-account-token-clean-up-period"),
        autoscaling,
        time_zone: crate::time_zone::local(),
        node_lifecycle,
        node_networks: node_networks(effective)?,
    })
}

/// The CA of the data directory signs where no files are named.
fn signing(args: &ServiceArgs, data_dir: &Path) -> Result<ClusterSigning> {
    let named = |of: &str| -> Result<Option<SigningCa>> {
        let [certificate, key] =
            ["cert", "key"].map(|part| args.text(&format!("cluster-signing{of}-{part}-file")));
        match (certificate, key) {
            ("", "") => Ok(None),
            ("", _) | (_, "") => bail!(
                "kube-controller-manager --cluster-signing{of}-cert-file and --cluster-signing{of}-key-file are of use together alone"
            ),
            (certificate, key) => {
                Ok(Some(SigningCa::Files { certificate: certificate.into(), key: key.into() }))
            }
        }
    };
    let whole = named("")?;
    let mut others = Vec::new();
    for (flag, signer) in ClusterSigning::SIGNERS {
        others.extend(named(&format!("-{flag}"))?.map(|authority| (signer, authority)));
    }
    if whole.is_some() && !others.is_empty() {
        bail!("kube-controller-manager --cluster-signing-cert-file goes with no file of a signer's own");
    }
    let authority = whole.unwrap_or_else(|| SigningCa::Cluster(Pki::new(data_dir)));
    Ok(ClusterSigning { authority, others, duration: args.duration("cluster-signing-duration") })
}

/// Parts of the networks of pods are given to nodes where that is asked for.
fn node_networks(effective: &Effective) -> Result<NodeNetworks> {
    let args = effective.service(Service::KubeControllerManager);
    if !args.bool("allocate-node-cidrs") {
        return Ok(NodeNetworks::default());
    }
    let mask = |flag: &str, longest: u8| {
        let mask = u8::try_from(args.number(flag)).ok().filter(|mask| *mask <= longest);
        mask.with_context(|| format!("kube-controller-manager --{flag} is longer than {longest}"))
    };
    Ok(NodeNetworks {
        cluster: args.cidrs("cluster-cidr"),
        reserved: effective.service(Service::KubeApiserver).cidrs("service-cluster-ip-range"),
        mask_v4: mask("node-cidr-mask-size-ipv4", 32)?,
        mask_v6: mask("node-cidr-mask-size-ipv6", 128)?,
    })
}

pub(crate) fn unit(
    config: Config,
    clients: clients::Clients,
    ca_bundle: watch::Receiver<String>,
    ports: Ports,
    election: Option<Election>,
) -> Unit {
    Unit::new(name::CONTROLLERS, &[name::ADDONS], OnFailure::Restart, move |context| {
        let deps = Deps {
            clients: Clients {
                manager: clients.component("system:kube-controller-manager"),
                controller: Arc::new({
                    let clients = clients.clone();
                    move |name| clients.controller(name)
                }),
            },
            root_ca: ca_bundle.clone(),
            ports: ports.clone(),
            candidate: election.as_ref().map(Election::candidate),
        };
        let mut task = config.clone().build(deps);
        let synced = task.synced();
        until_ended(context.clone(), synced, async move { Ok(task.run(context.stop()).await?) })
    })
}
