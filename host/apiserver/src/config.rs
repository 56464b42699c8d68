//! What an API server is made of: plain values, and the parts of the host that it asks.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use datastore::Datastore;
use ipnet::IpNet;
use net::{CertificatePem, TlsClient};
use supervise::Scope;
use tokio::sync::watch;

use crate::admission::addon::Admit;
use crate::admission::{self, Plugins};
use crate::audit::AuditConfig;
use crate::authn::Authenticate;
use crate::authz::{Authorize, NodeMode};
use crate::front::Anonymous;
use crate::server::{self, ApiServerHandle, ApiServerTask, Keys};
use crate::storage::Encryption;
use crate::tokens::{KeyError, Signer};

/// Ports that services of type NodePort get: upstream's default.
pub const NODE_PORTS: RangeInclusive<u16> = 30000..=32767;
/// Fewer addresses than this leave none for services beside `kubernetes` and the cluster's DNS.
const ADDRESS_BITS: u8 = 3;
/// As upstream: what is larger makes a table of addresses that nobody can use.
const ADDRESS_BITS_MOST: u8 = 20;

/// The API server's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Services get their addresses: a network, or one of each family with the usual one first, of which the first
    /// address is the API server's own.
    pub service_cidrs: Vec<IpNet>,
    pub node_ports: RangeInclusive<u16>,
    /// Where the API server is reached from inside the cluster: the endpoints of the service `kubernetes`.
    pub advertise_address: IpAddr,
    pub secure_port: u16,
    /// How long an Event is kept after its last write; zero is for ever.
    pub event_ttl: Duration,
    pub admission: Plugins,
    /// `iss` of the tokens of service accounts.
    pub service_account_issuer: String,
    /// `aud` of the tokens that this API server takes; the first is that of tokens that name none.
    pub audiences: Vec<String>,
    /// Private keys in PEM: the first signs tokens, each verifies them.
    pub service_account_keys: Vec<Vec<u8>>,
    pub limits: Limits,
    /// `None` keeps no record of requests.
    pub audit: Option<AuditConfig>,
}

/// How much and how long the API server works for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The sum of these two is what priority and fairness shares out.
    pub max_requests_inflight: u32,
    pub max_mutating_requests_inflight: u32,
    /// What a request may take that is no stream.
    pub request_timeout: Duration,
    /// A watch whose client names no timeout lasts this long at least, and twice as long at most.
    pub min_request_timeout: Duration,
    /// How many objects of a collection are deleted beside each other; one at least.
    pub delete_collection_workers: usize,
}

impl Limits {
    /// Upstream's, but for the deletions beside each other: here they share flushes of the store.
    pub const DEFAULT: Self = Self {
        max_requests_inflight: 400,
        max_mutating_requests_inflight: 200,
        request_timeout: Duration::from_secs(60),
        min_request_timeout: Duration::from_secs(1800),
        delete_collection_workers: 16,
    };

    /// Requests that are answered at a time.
    pub(crate) const fn inflight(&self) -> u32 {
        self.max_requests_inflight.saturating_add(self.max_mutating_requests_inflight)
    }
}

/// The CAs whose certificates count as a client's, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAuthorities {
    /// Of users.
    pub users: String,
    /// Of proxies that vouch for users.
    pub front_proxy: String,
}

/// What the API server asks.
pub struct Dependencies {
    pub datastore: Datastore,
    pub authenticate: Arc<dyn Authenticate>,
    pub authorize: Arc<dyn Authorize>,
    /// Who is asked about writes, beside webhooks.
    pub admit: Arc<dyn Admit>,
    /// What others tell on `/metrics`, in Prometheus' text format and without its end.
    pub more_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether what nodes may read is narrowed to what their pods name.
    pub node_mode: NodeMode,
    /// Whether a request without credentials is `system:anonymous`; asked for each.
    pub anonymous: Anonymous,
    /// Shown to kubelets.
    pub kubelet: TlsClient,
    /// How values are encrypted in the store, `None` leaves them as they are; what comes later is in force at once.
    pub encryption: watch::Receiver<Option<Encryption>>,
    /// Verifies nobody: for pods and services that users are let to.
    pub anybody: TlsClient,
    /// What is shown to aggregated API servers, which believe it about users.
    pub front_proxy: watch::Receiver<CertificatePem>,
    /// What aggregated API servers are told to believe, as this one does.
    pub authorities: watch::Receiver<ClientAuthorities>,
    /// Tasks of the API server run in children of it.
    pub scope: Scope,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("use {0} for services: it must have {ADDRESS_BITS} to {ADDRESS_BITS_MOST} bits of addresses")]
    ServiceCidr(IpNet),
    #[error("use {} for services: it must be one network, or one of IPv4 and one of IPv6", listed(.0))]
    ServiceCidrs(Vec<IpNet>),
    #[error("use the ports {} to {} for services: the range is empty", .0.start(), .0.end())]
    NodePorts(RangeInclusive<u16>),
    #[error("advertise {0}: clients in the cluster cannot reach it")]
    AdvertiseAddress(IpAddr),
    #[error("turn the admission plugin {0} off: there is none of this name, there are {known}", known = admission::plugins().collect::<Vec<_>>().join(", "))]
    AdmissionPlugin(String),
    #[error("issue tokens of service accounts: there is no issuer")]
    Issuer,
    #[error("take tokens of service accounts: there is no audience")]
    Audience,
    #[error("sign tokens of service accounts: there is no key")]
    NoKey,
    #[error("answer requests: the limits of requests in flight add up to nothing")]
    NoRequests,
    #[error("answer requests: they may take no time")]
    NoTime,
    #[error("sign tokens of service accounts: {0}")]
    Key(KeyError),
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl Config {
    /// An API server that [`ApiServerTask::run`] starts.
    pub fn build(self, dependencies: Dependencies) -> Result<(ApiServerHandle, ApiServerTask), ConfigErrors> {
        let keys = self.check()?;
        Ok(server::new(self, dependencies, keys))
    }

    /// The keys, if nothing is wrong.
    pub(crate) fn check(&self) -> Result<Keys, ConfigErrors> {
        let (mut signers, mut errors) = (Vec::new(), self.errors());
        for pem in &self.service_account_keys {
            match Signer::from_pem(pem) {
                Ok(signer) => signers.push(signer),
                Err(error) => errors.push(ConfigError::Key(error)),
            }
        }
        let verifying = signers.iter().map(|signer| signer.public_key().clone()).collect();
        match signers.into_iter().next() {
            Some(signer) if errors.is_empty() => Ok(Keys { signer, verifying }),
            _ => Err(ConfigErrors(errors)),
        }
    }

    fn errors(&self) -> Vec<ConfigError> {
        let sized = |cidr: &&IpNet| {
            (ADDRESS_BITS..=ADDRESS_BITS_MOST).contains(&(cidr.max_prefix_len() - cidr.prefix_len()))
        };
        let wrongly_sized = self.service_cidrs.iter().filter(|cidr| !sized(cidr));
        let wrongly_sized = wrongly_sized.map(|cidr| ConfigError::ServiceCidr(*cidr));
        let of_families = match self.service_cidrs.as_slice() {
            [_] => true,
            [one, other] => one.addr().is_ipv4() != other.addr().is_ipv4(),
            _ => false,
        };
        let reachable = !self.advertise_address.is_unspecified();
        let checks = [
            (of_families, ConfigError::ServiceCidrs(self.service_cidrs.clone())),
            (!self.node_ports.is_empty(), ConfigError::NodePorts(self.node_ports.clone())),
            (reachable, ConfigError::AdvertiseAddress(self.advertise_address)),
            (!self.service_account_issuer.is_empty(), ConfigError::Issuer),
            (!self.audiences.is_empty(), ConfigError::Audience),
            (!self.service_account_keys.is_empty(), ConfigError::NoKey),
            (self.limits.inflight() > 0, ConfigError::NoRequests),
            (!self.limits.request_timeout.is_zero(), ConfigError::NoTime),
        ];
        let unknown =
            self.admission.off.iter().filter(|name| admission::plugins().all(|known| known != *name));
        let unknown = unknown.map(|name| ConfigError::AdmissionPlugin(name.clone()));
        let failed = checks.into_iter().filter(|(holds, _)| !holds).map(|(_, error)| error);
        wrongly_sized.chain(failed).chain(unknown).collect()
    }
}

fn listed(cidrs: &[IpNet]) -> String {
    cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
