//! The certificates in use: what each server and client of this node shows and trusts, and how a new file on disk comes
//! into force without a connection being dropped.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use apiserver::ClientAuthorities;
use net::{CertificatePem, Roots, TlsClient, TlsServer, TrustAnchor};
use pki::{Authority, CertificateStatus, Facts, Pem, Pki, PkiError, Refresh};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often is looked whether a certificate is due or an address of the machine has changed.
const LOOK: Duration = Duration::from_secs(30);

/// The CAs whose certificates count as a user's, on the ports of this node.
const USERS: &[(TrustAnchor, Authority)] = &[(TrustAnchor::ClientCa, Authority::Cluster)];
/// Those of the API server, where a proxy may vouch for users too.
const USERS_AND_PROXIES: &[(TrustAnchor, Authority)] =
    &[(TrustAnchor::ClientCa, Authority::Cluster), (TrustAnchor::FrontProxyCa, Authority::FrontProxy)];

/// The CA whose certificates count as a client's of the store.
const STORE: &[(TrustAnchor, Authority)] = &[(TrustAnchor::EtcdCa, Authority::Etcd)];

/// TLS of every port and of every client on this node; clones share what is in force.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) api: TlsServer,
    /// Of the controllers and the scheduler.
    pub(crate) components: TlsServer,
    pub(crate) kubelet: TlsServer,
    pub(crate) etcd: TlsServer,
    /// The API server as a client of kubelets.
    pub(crate) kubelet_client: TlsClient,
    /// What the API server shows to aggregated ones.
    pub(crate) front_proxy: watch::Sender<CertificatePem>,
    /// The CAs that the API server believes of its clients.
    pub(crate) authorities: watch::Sender<ClientAuthorities>,
}

impl Tls {
    pub(crate) fn load(pki: &Pki) -> Result<Self> {
        let server = |name: &str, trusted: &[(TrustAnchor, Authority)]| -> Result<TlsServer> {
            TlsServer::new(pem(pki, name)?, roots(pki, trusted)?)
                .with_context(|| format!("use certs/{name}.crt"))
        };
        let bundle = pki.bundle(Authority::Cluster)?;
        Ok(Self {
            api: server("server", USERS_AND_PROXIES)?,
            components: server("server", USERS)?,
            kubelet: server("kubelet", USERS)?,
            etcd: server("server", STORE)?,
            kubelet_client: TlsClient::new(&bundle, Some(&pem(pki, "apiserver-kubelet-client")?))?,
            front_proxy: watch::Sender::new(pem(pki, "front-proxy-client")?),
            authorities: watch::Sender::new(authorities(pki)?),
        })
    }

    /// Puts the files in force for every handshake from now on.
    fn reload(&self, pki: &Pki) -> Result<()> {
        let servers = [
            (&self.api, "server", USERS_AND_PROXIES),
            (&self.components, "server", USERS),
            (&self.kubelet, "kubelet", USERS),
            (&self.etcd, "server", STORE),
        ];
        for (server, name, trusted) in servers {
            server.replace_roots(roots(pki, trusted)?)?;
            server.replace_certificate(pem(pki, name)?)?;
        }
        self.front_proxy.send_replace(pem(pki, "front-proxy-client")?);
        let authorities = authorities(pki)?;
        self.authorities.send_if_modified(|known| {
            let changed = *known != authorities;
            *known = authorities;
            changed
        });
        let bundle = pki.bundle(Authority::Cluster)?;
        Ok(self.kubelet_client.replace(&bundle, Some(&pem(pki, "apiserver-kubelet-client")?))?)
    }
}

fn pem(pki: &Pki, name: &str) -> Result<CertificatePem> {
    let Pem { chain, key } = pki.pem(name)?;
    Ok(CertificatePem { chain, key })
}

fn authorities(pki: &Pki) -> Result<ClientAuthorities> {
    let bundle = |authority| Ok::<_, anyhow::Error>(String::from_utf8(pki.bundle(authority)?)?);
    let users = bundle(Authority::Cluster).context("read certs/ca.crt")?;
    Ok(ClientAuthorities {
        users,
        front_proxy: bundle(Authority::FrontProxy).context("read certs/front-proxy-ca.crt")?,
    })
}

fn roots(pki: &Pki, trusted: &[(TrustAnchor, Authority)]) -> Result<Roots> {
    let bundles = trusted
        .iter()
        .map(|(anchor, authority)| Ok((*anchor, pki.bundle(*authority)?)))
        .collect::<Result<Vec<_>, PkiError>>()?;
    let bundles: Vec<_> = bundles.iter().map(|(anchor, bundle)| (*anchor, bundle.as_slice())).collect();
    Ok(Roots::new(&bundles)?)
}

/// What the others see of the certificates.
#[derive(Clone, Debug)]
pub(crate) struct CertificatesStatus {
    pub(crate) inventory: Arc<Vec<CertificateStatus>>,
    pub(crate) addresses: Arc<Vec<IpAddr>>,
    /// Why the last look failed.
    pub(crate) problem: Option<String>,
}

type Reply = oneshot::Sender<Result<Vec<String>, String>>;

/// Asks for refreshes and sees what is on disk.
#[derive(Clone)]
pub(crate) struct CertificatesHandle {
    requests: mpsc::Sender<(Refresh, Reply)>,
    status: watch::Receiver<CertificatesStatus>,
}

impl CertificatesHandle {
    pub(crate) fn status(&self) -> watch::Receiver<CertificatesStatus> {
        self.status.clone()
    }

    /// Carries a refresh out; what it made is in force when this returns. One line for each thing done.
    pub(crate) async fn refresh(&self, what: Refresh) -> Result<Vec<String>, String> {
        let (reply, answer) = oneshot::channel();
        let stopped = || "the host is stopping".to_owned();
        self.requests.send((what, reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Renews what is due, follows the addresses of the machine, and answers requests.
pub(crate) struct CertificatesTask {
    pki: Pki,
    facts: Facts,
    tls: Tls,
    requests: mpsc::Receiver<(Refresh, Reply)>,
    status: watch::Sender<CertificatesStatus>,
    /// The CAs that vouch for this node's servers, in PEM.
    ca_bundle: watch::Sender<String>,
}

pub(crate) fn build(
    pki: Pki,
    facts: Facts,
    tls: Tls,
    ca_bundle: watch::Sender<String>,
) -> Result<(CertificatesHandle, CertificatesTask)> {
    let (sender, requests) = mpsc::channel(1);
    let (status, seen) = watch::channel(look(&pki, &facts)?);
    let handle = CertificatesHandle { requests: sender, status: seen };
    let task = CertificatesTask { pki, facts, tls, requests, status, ca_bundle };
    task.tell()?;
    Ok((handle, task))
}

fn look(pki: &Pki, facts: &Facts) -> Result<CertificatesStatus> {
    Ok(CertificatesStatus {
        inventory: Arc::new(pki.inventory(SystemTime::now())?),
        addresses: Arc::new(facts.addresses.clone()),
        problem: None,
    })
}

impl CertificatesTask {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {
                    if let Err(why) = self.renew() {
                        warn!("renew certificates: {why:#}");
                        self.status.send_modify(|status| status.problem = Some(format!("{why:#}")));
                    }
                }
                request = self.requests.recv() => {
                    let Some((what, reply)) = request else { return };
                    // Who asked may be gone; what was asked is done all the same.
                    reply.send(self.refresh(&what).map_err(|why| format!("{why:#}"))).ok();
                }
            }
        }
    }

    fn renew(&mut self) -> Result<()> {
        self.facts.addresses = net::machine_addresses().context("list the addresses of the machine")?;
        let renewed = self.pki.renew(&self.facts, SystemTime::now())?;
        let moved = *self.status.borrow().addresses != self.facts.addresses;
        if !renewed.is_empty() {
            info!(certificates = renewed.join(", "), "renewed");
            self.tls.reload(&self.pki)?;
        }
        if moved || !renewed.is_empty() || self.status.borrow().problem.is_some() {
            self.tell()?;
        }
        Ok(())
    }

    /// Tells everybody what is on disk.
    fn tell(&self) -> Result<()> {
        self.status.send_replace(look(&self.pki, &self.facts)?);
        let bundle = String::from_utf8(self.pki.bundle(Authority::Cluster)?).context("read certs/ca.crt")?;
        self.ca_bundle.send_if_modified(|known| {
            let changed = *known != bundle;
            *known = bundle;
            changed
        });
        Ok(())
    }

    /// What cannot be used is taken back: the servers go on with what they had.
    fn refresh(&mut self, what: &Refresh) -> Result<Vec<String>> {
        let done = self.pki.refresh(what, &self.facts, SystemTime::now())?;
        if let Err(why) = self.tls.reload(&self.pki) {
            if *what != Refresh::Undo && *what != Refresh::Finish {
                self.pki.refresh(&Refresh::Undo, &self.facts, SystemTime::now())?;
                self.tls.reload(&self.pki)?;
            }
            return Err(why);
        }
        self.tell()?;
        Ok(done)
    }
}
