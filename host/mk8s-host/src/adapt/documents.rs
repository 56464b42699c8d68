//! Documents of other servers, for addons that were granted them: over HTTPS, without credentials, and no redirection is
//! followed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use addons::ports::{self, PortError};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use net::{HttpClient, TlsClient, body};

use crate::fetch::SYSTEM_CAS;

/// A server has this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a document.
const LARGEST: usize = 1 << 20;

pub(crate) struct Https;

impl ports::Documents for Https {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        authorities: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Bytes, PortError>> {
        let failed = move |why: &dyn std::fmt::Display| PortError(format!("fetch {url}: {why}"));
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, get(url, authorities)).await {
                Ok(fetched) => fetched.map_err(|why| failed(&format_args!("{why:#}"))),
                Err(_) => Err(failed(&format_args!("there is no answer within {PATIENCE:?}"))),
            }
        })
    }
}

/// The CAs of a file, or those that this machine trusts, PEM.
fn roots(authorities: Option<&Path>) -> Result<Vec<u8>> {
    let path = match authorities {
        Some(path) => path.to_owned(),
        None => SYSTEM_CAS
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
            .context("this machine has no CAs that it trusts: give a file of them")?,
    };
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

async fn get(url: &str, authorities: Option<&Path>) -> Result<Bytes> {
    let roots = roots(authorities)?;
    let client = HttpClient::tls(TlsClient::new(&roots, None)?);
    let request = Request::get(url).header("accept", "application/json").body(body::full(Bytes::new()))?;
    let response = client.send(request).await?;
    if !response.status().is_success() {
        bail!("the server answers {}", response.status());
    }
    body::collect(response.into_body(), LARGEST).await.context("read the answer")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use addons::ports::Documents;
    use http::Response;
    use net::{
        Binder, Body, CertificatePem, Roots, Socket, SocketAddress, TlsServer, Transport, bind_all, serve,
    };
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use supervise::Scope;

    use super::*;

    /// `/document` is there, `/huge` is too much, nothing else is.
    async fn answer(request: Request<hyper::body::Incoming>) -> Response<Body> {
        let (code, content) = match request.uri().path() {
            "/document" => (200, b"{}".to_vec()),
            "/huge" => (200, vec![b' '; LARGEST + 1]),
            _ => (404, Vec::new()),
        };
        Response::builder().status(code).body(body::full(content)).unwrap()
    }

    #[tokio::test]
    async fn documents_come_from_servers_that_the_authorities_vouch_for() {
        let folder = tempfile::tempdir().unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, authority.pem()).unwrap();
            (authority, path)
        };
        let (ours, trusted) = authority("ours.crt");
        let (_, other) = authority("other.crt");
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ours);
        let pem =
            CertificatePem { chain: leaf.unwrap().pem().into_bytes(), key: key.serialize_pem().into_bytes() };
        let address =
            SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
        let row = Socket { name: "s", service: "test", address, binder: Binder::Host, access: "local" };
        let listener = bind_all(vec![row]).unwrap().listener("s").unwrap();
        let base = format!("https://127.0.0.1:{}", listener.local_port().unwrap());
        let (tls, scope) = (TlsServer::new(pem, Roots::default()).unwrap(), Scope::root("test"));
        let stop = scope.token();
        scope.spawn("server", async move { serve(&listener, Some(&tls), answer, stop).await });

        let fetch = async |path: &str, authorities: &Path| {
            let fetched = Https.fetch(&format!("{base}{path}"), Some(authorities)).await;
            fetched.map_err(|why| why.to_string().replace(&base, ""))
        };
        assert_eq!(fetch("/document", &trusted).await.unwrap(), "{}");
        assert_eq!(
            fetch("/none", &trusted).await.unwrap_err(),
            "fetch /none: the server answers 404 Not Found"
        );
        let why = fetch("/huge", &trusted).await.unwrap_err();
        assert!(why.starts_with("fetch /huge: read the answer: "), "{why}");
        let why = fetch("/document", &other).await.unwrap_err();
        assert!(why.contains("certificate"), "{why}");
        let missing = folder.path().join("missing.crt");
        assert!(fetch("/document", &missing).await.unwrap_err().contains("missing.crt"));
    }
}
