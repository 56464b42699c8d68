//! The servers that are measured, and how they are reached: three processes on one machine, with certificates of the same
//! kind, asked through the same client.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use etcd::Channel;
use etcd::wire::etcdserverpb::{CompactionRequest, RangeRequest, RangeResponse};
use net::{CertificatePem, TlsClient};
use pki::{Facts, Pki};
use support::Machine;

use crate::nothing;
use crate::process::Process;

/// The machine is the bench's own: no port is taken.
const ETCD: &str = "https://127.0.0.1:2379";
const PEERS: &str = "https://127.0.0.1:2380";
const OURS: &str = "https://127.0.0.1:12379";

/// Far more than a start takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two questions whether a server is there.
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) struct Server {
    endpoint: String,
    /// The folder that holds the CA of the server and the certificate of its clients.
    certificates: PathBuf,
    log: PathBuf,
    command: Command,
    process: Option<Process>,
}

impl Server {
    /// Debian's, as it is unless told otherwise.
    pub(crate) fn etcd(machine: &Machine, folder: &Path) -> Result<Self> {
        let data = folder.join("etcd");
        let certificates = certificates(&data)?;
        let mut command = machine.command("etcd");
        command.arg("--data-dir").arg(data.join("member"));
        command.args(["--listen-client-urls", ETCD, "--advertise-client-urls", ETCD]);
        command.args(["--listen-peer-urls", PEERS, "--initial-advertise-peer-urls", PEERS]);
        command.args(["--initial-cluster", &format!("default={PEERS}")]);
        command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(certificates.join("etcd-ca.crt"));
        for kind in ["", "peer-"] {
            command.arg(format!("--{kind}cert-file")).arg(certificates.join("server.crt"));
            command.arg(format!("--{kind}key-file")).arg(certificates.join("server.key"));
        }
        Ok(Self::new(ETCD.to_owned(), certificates, folder.join("etcd.log"), command))
    }

    /// The node, whose certificates are there once it has started.
    pub(crate) fn ours(machine: &Machine, folder: &Path) -> Result<Self> {
        let data = folder.join("ours");
        let mut command = machine.command(support::program());
        command.arg("--data-dir").arg(&data).arg("run");
        Ok(Self::new(OURS.to_owned(), data.join("certs"), folder.join("ours.log"), command))
    }

    /// This program again.
    pub(crate) fn nothing(machine: &Machine, folder: &Path) -> Result<Self> {
        let data = folder.join("nothing");
        let certificates = certificates(&data)?;
        let mut command = machine.command(std::env::current_exe()?);
        command.arg(nothing::ARGUMENT).arg(data);
        let endpoint = format!("https://127.0.0.1:{}", nothing::PORT);
        Ok(Self::new(endpoint, certificates, folder.join("nothing.log"), command))
    }

    fn new(endpoint: String, certificates: PathBuf, log: PathBuf, command: Command) -> Self {
        Self { endpoint, certificates, log, command, process: None }
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let child = self.command.stdout(log.try_clone()?).stderr(log).spawn();
        self.process = Some(Process::new(child.with_context(|| format!("start {:?}", self.command))?));
        Ok(())
    }

    /// Waits until a linearizable get is answered.
    pub(crate) async fn answers(&self) -> Result<()> {
        let answered = tokio::time::timeout(LIMIT, async {
            while self.get().await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        });
        let log = || fs::read_to_string(&self.log).unwrap_or_default();
        answered
            .await
            .with_context(|| format!("{} does not answer after {LIMIT:?}: {}", self.endpoint, log()))
    }

    async fn get(&self) -> Result<RangeResponse> {
        let request = RangeRequest { key: "a".into(), ..RangeRequest::default() };
        Ok(self.channel()?.kv().range(request).await?.into_inner())
    }

    /// Has it forget all values but the present ones.
    pub(crate) async fn compact(&self) -> Result<()> {
        let revision = self.get().await?.header.context("an answer without a header")?.revision;
        self.channel()?.kv().compact(CompactionRequest { revision, physical: true }).await?;
        Ok(())
    }

    pub(crate) fn stop(&mut self) -> Result<()> {
        self.process.take().context("the server was not started")?.stop()
    }

    pub(crate) fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("the server was not started")
    }

    /// A connection of its own, which is made with its first request.
    pub(crate) fn channel(&self) -> Result<Channel> {
        let read = |name: &str| fs::read(self.certificates.join(name));
        let client = CertificatePem {
            chain: read("apiserver-etcd-client.crt")?,
            key: read("apiserver-etcd-client.key")?,
        };
        let tls = TlsClient::new(&read("ca.crt")?, Some(&client))?;
        Ok(Channel::new(std::slice::from_ref(&self.endpoint), Some(&tls))?)
    }
}

/// The certificates of a node, made in a folder that is made too.
fn certificates(data: &Path) -> Result<PathBuf> {
    let folder = data.join("certs");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(data.join("credentials"))?;
    let facts = Facts {
        node_name: "bench".to_owned(),
        addresses: Vec::new(),
        service_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        api_port: 16443,
    };
    Pki::new(data).ensure(&facts, SystemTime::now())?;
    Ok(folder)
}
