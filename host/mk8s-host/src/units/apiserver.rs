//! The API server: what the arguments make of it, and whom it asks.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use addons::AddonsHandle;
use anyhow::{Context, Result, bail};
use apiserver::{
    AdmissionConfiguration, AdmissionPlugins, ApiServerHandle, AuditConfig, AuditFormat, AuditLog,
    AuditPolicy, AuditRotation, AuditTarget, ClientAuthorities, Config, Dependencies, Encryption, Limits,
    NODE_PORTS,
};
use args::{Effective, Service, ServiceArgs};
use datastore::Datastore;
use net::{CertificatePem, Listener, TlsClient, TlsServer};
use supervise::{BoxError, OnFailure, Unit, UnitContext};
use tokio::sync::watch;

use crate::adapt::admission::AddonAdmission;
use crate::adapt::authentication::AddonAuthenticator;
use crate::adapt::authorization::{ModeAuthorizer, Modes};
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::facts::primary_address;
use crate::slot::Slot;
use crate::units::{name, until_ended};

/// What the API server stands on.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) configuration: Configuration,
    pub(crate) data_dir: DataDir,
    /// Of the machine, the primary one first.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) datastore: Slot<Datastore>,
    pub(crate) authenticator: AddonAuthenticator,
    pub(crate) authorizer: ModeAuthorizer,
    pub(crate) admission: AddonAdmission,
    pub(crate) addons: Slot<AddonsHandle>,
    pub(crate) modes: Modes,
    pub(crate) kubelet: TlsClient,
    pub(crate) front_proxy: watch::Receiver<CertificatePem>,
    pub(crate) authorities: watch::Receiver<ClientAuthorities>,
    pub(crate) encryption: watch::Receiver<Option<Encryption>>,
    pub(crate) listener: Listener,
    pub(crate) tls: TlsServer,
}

pub(crate) fn unit(parts: Parts, slot: Slot<ApiServerHandle>) -> Unit {
    Unit::new(name::API_SERVER, &[name::DATASTORE], OnFailure::Restart, move |context| {
        run(parts.clone(), slot.clone(), context)
    })
}

async fn run(parts: Parts, slot: Slot<ApiServerHandle>, context: UnitContext) -> Result<(), BoxError> {
    let Parts {
        configuration,
        data_dir,
        addresses,
        datastore,
        authenticator,
        authorizer,
        admission,
        addons,
        modes,
        kubelet,
        front_proxy,
        authorities,
        encryption,
        listener,
        tls,
    } = parts;
    let dependencies = Dependencies {
        datastore: datastore.wait().await,
        authenticate: Arc::new(authenticator),
        authorize: Arc::new(authorizer),
        admit: Arc::new(admission),
        more_metrics: Arc::new(move || addons.get().map(|addons| addons.metrics()).unwrap_or_default()),
        node_mode: Arc::new({
            let modes = modes.clone();
            move || modes.has_node_mode()
        }),
        anonymous: Arc::new(move || modes.allow_anonymous()),
        kubelet,
        anybody: TlsClient::unverified(None)?,
        front_proxy,
        authorities,
        encryption,
        scope: context.scope.clone(),
    };
    let config = config(&configuration.effective(), data_dir.root(), &addresses)?;
    let (handle, task) = config.build(dependencies)?;
    let _filled = slot.fill(handle.clone());
    let stop = context.stop();
    until_ended(context, async move { handle.ready().await }, async move {
        Ok(task.run(&listener, &tls, stop).await?)
    })
    .await
}

/// The API server of these arguments.
pub(crate) fn config(effective: &Effective, data_dir: &Path, addresses: &[IpAddr]) -> Result<Config> {
    let args = effective.service(Service::KubeApiserver);
    let key = data_dir.join("certs/serviceaccount.key");
    let issuer = args.text("service-account-issuer").to_owned();
    let audiences = match args.list("api-audiences") {
        none if none.is_empty() => vec![issuer.clone()],
        given => given,
    };
    Ok(Config {
        service_cidrs: args.cidrs("service-cluster-ip-range"),
        node_ports: NODE_PORTS,
        event_ttl: args.duration("event-ttl"),
        advertise_address: primary_address(args.address("advertise-address"), addresses),
        secure_port: args
            .port("secure-port")
            .context("kube-apiserver --secure-port is 0: the API server has no port")?,
        admission: AdmissionPlugins {
            on: args.list("enable-admission-plugins"),
            off: args.list("disable-admission-plugins"),
            configuration: admission(args)?,
        },
        service_account_issuer: issuer,
        audiences,
        service_account_keys: vec![std::fs::read(&key).with_context(|| format!("read {}", key.display()))?],
        limits: limits(args),
        audit: audit(args)?,
    })
}

/// What admission plugins are told; paths in the file lie beside it.
fn admission(args: &ServiceArgs) -> Result<AdmissionConfiguration> {
    let path = args.text("admission-control-config-file");
    if path.is_empty() {
        return Ok(AdmissionConfiguration::default());
    }
    let text = std::fs::read(path).with_context(|| format!("read {path}"))?;
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    AdmissionConfiguration::read(&text, |beside| std::fs::read(folder.join(beside)))
        .with_context(|| format!("kube-apiserver --admission-control-config-file={path}"))
}

/// The audit, if there is a policy and somewhere to log to.
fn audit(args: &ServiceArgs) -> Result<Option<AuditConfig>> {
    let (policy, path) = (args.text("audit-policy-file"), args.text("audit-log-path"));
    if policy.is_empty() || path.is_empty() {
        return Ok(None);
    }
    let text = std::fs::read(policy).with_context(|| format!("read {policy}"))?;
    let policy =
        AuditPolicy::read(&text).with_context(|| format!("kube-apiserver --audit-policy-file={policy}"))?;
    let format = match args.text("audit-log-format") {
        "json" => AuditFormat::Json,
        "legacy" => AuditFormat::Legacy,
        other => bail!("kube-apiserver --audit-log-format={other:?} is neither json nor legacy"),
    };
    let target = match path {
        "-" => AuditTarget::Stdout,
        path => AuditTarget::File {
            path: path.into(),
            rotation: AuditRotation {
                max_megabytes: args.number("audit-log-maxsize"),
                max_days: args.number("audit-log-maxage"),
                max_backups: usize::try_from(args.number("audit-log-maxbackup")).unwrap_or(usize::MAX),
            },
        },
    };
    Ok(Some(AuditConfig { policy, log: AuditLog { target, format } }))
}

/// What is larger than the API server counts is no limit.
fn limits(args: &ServiceArgs) -> Limits {
    let number = |name| u32::try_from(args.number(name)).unwrap_or(u32::MAX);
    Limits {
        max_requests_inflight: number("max-requests-inflight"),
        max_mutating_requests_inflight: number("max-mutating-requests-inflight"),
        request_timeout: args.duration("request-timeout"),
        min_request_timeout: Duration::from_secs(args.number("min-request-timeout")),
        delete_collection_workers: usize::try_from(args.number("delete-collection-workers"))
            .unwrap_or(usize::MAX),
    }
}
