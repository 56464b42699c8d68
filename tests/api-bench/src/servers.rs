//! The servers that are asked, and the connections to them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use net::{
    Binder, Body, CertificatePem, HttpClient, Listener, Roots, Socket, SocketAddress, TlsClient, TlsServer,
    Transport, TrustAnchor, body,
};
use pki::{Facts, Pki};

use crate::process::Process;

/// The token of the servers that this program starts.
pub(crate) const TOKEN: &str = "bench";
/// No answer is larger.
const LARGEST: usize = 1 << 30;

/// Where a server is, and as whom it is asked.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: String,
    /// In PEM.
    pub(crate) ca: Vec<u8>,
}

pub(crate) struct Server {
    target: Target,
    /// None of one that was there already.
    process: Option<Process>,
}

impl Server {
    pub(crate) fn there(target: Target) -> Self {
        Self { target, process: None }
    }

    /// This program again, in a folder that is made.
    pub(crate) fn start(word: &str, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("certs"))?;
        fs::create_dir_all(folder.join("credentials"))?;
        let facts = Facts {
            node_name: "bench".to_owned(),
            addresses: Vec::new(),
            service_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            api_port: 16443,
        };
        Pki::new(folder).ensure(&facts, SystemTime::now())?;
        let (process, port) = Process::start([word.as_ref(), folder.as_ref()])?;
        let ca = fs::read(folder.join("certs/ca.crt"))?;
        let target = Target { url: format!("https://127.0.0.1:{port}"), token: TOKEN.to_owned(), ca };
        Ok(Self { target, process: Some(process) })
    }

    /// Whether this program started it.
    pub(crate) fn is_own(&self) -> bool {
        self.process.is_some()
    }

    /// The server's time on a processor so far.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>> {
        self.process.as_ref().map(Process::cpu).transpose()
    }

    /// Megabytes of the server's memory.
    pub(crate) fn resident(&self) -> Result<Option<f64>> {
        self.process.as_ref().map(Process::resident).transpose()
    }

    /// A connection of HTTP/1.1, made with its first request and kept.
    pub(crate) fn connection(&self) -> Result<Connection> {
        self.connected(HttpClient::tls_upgradable)
    }

    /// A connection of HTTP/2.
    pub(crate) fn shared_connection(&self) -> Result<Connection> {
        self.connected(|tls| HttpClient::http2(Some(tls)))
    }

    fn connected(&self, client: impl Fn(TlsClient) -> HttpClient) -> Result<Connection> {
        let client = client(TlsClient::new(&self.target.ca, None)?);
        let authorization = format!("Bearer {}", self.target.token);
        Ok(Connection { client, url: self.target.url.clone(), authorization })
    }
}

/// A client that has no more than one connection as long as it asks one thing at a time.
#[derive(Clone)]
pub(crate) struct Connection {
    client: HttpClient,
    url: String,
    authorization: String,
}

impl Connection {
    /// The answer, whose body is still under way.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Response<Body>> {
        self.open_accepting("identity", method, path, media_type, bytes).await
    }

    async fn open_accepting(
        &self,
        encoding: &str,
        method: Method,
        path: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Response<Body>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, encoding);
        if !media_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let response = self.client.send(request.body(body::full(bytes))?).await?;
        if !response.status().is_success() {
            let code = response.status();
            let text = body::collect(response.into_body(), LARGEST).await?;
            anyhow::bail!("{path}: {code}: {}", String::from_utf8_lossy(&text));
        }
        Ok(response)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Response<Bytes>> {
        whole(self.open(Method::GET, path, "", Bytes::new()).await?).await
    }

    /// Reads to the end and gives the bytes that came.
    pub(crate) async fn read(&self, path: &str, encoding: &str) -> Result<usize> {
        let response = self.open_accepting(encoding, Method::GET, path, "", Bytes::new()).await?;
        drained(response).await
    }

    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<usize> {
        drained(self.open(method, path, media_type, bytes).await?).await
    }

    pub(crate) async fn create(&self, path: &str, bytes: Bytes) -> Result<usize> {
        self.write(Method::POST, path, "application/json", bytes).await
    }

    pub(crate) async fn merge(&self, path: &str, bytes: Bytes) -> Result<usize> {
        self.write(Method::PATCH, path, "application/merge-patch+json", bytes).await
    }
}

async fn whole(response: Response<Body>) -> Result<Response<Bytes>> {
    let (head, streamed) = response.into_parts();
    Ok(Response::from_parts(head, body::collect(streamed, LARGEST).await?))
}

/// Bytes are counted and dropped: the load is to cost as little as it can.
async fn drained(response: Response<Body>) -> Result<usize> {
    use http_body_util::BodyExt;
    let (mut streamed, mut count) = (response.into_body(), 0);
    while let Some(frame) = streamed.frame().await {
        let frame = frame.map_err(|error| anyhow::anyhow!(error))?;
        count += frame.data_ref().map_or(0, Bytes::len);
    }
    ensure!(count > 0, "an answer without a body");
    Ok(count)
}

/// For a server of this program: a listener on loopback, whose port is said to who started it.
pub(crate) fn listen(name: &'static str) -> Result<Listener> {
    let address =
        SocketAddress::Ip { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0, transport: Transport::Tcp };
    let row = Socket { name, service: name, address, binder: Binder::Host, access: "local" };
    net::bind_all(vec![row])?.listener(name).context("bound on the line above")
}

pub(crate) fn say_port(listener: &Listener) -> Result<()> {
    println!("{}", listener.local_port().context("a port")?);
    Ok(())
}

pub(crate) fn tls(folder: &Path) -> Result<TlsServer> {
    let read = |name: &str| fs::read(folder.join("certs").join(name));
    let certificate = CertificatePem { chain: read("server.crt")?, key: read("server.key")? };
    let roots = Roots::new(&[(TrustAnchor::ClientCa, &read("ca.crt")?)])?;
    Ok(TlsServer::new(certificate, roots)?)
}
