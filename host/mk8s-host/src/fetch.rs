//! Components from elsewhere: by `https://` and `oci://`, and to the latter.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use registry::{Digest, Login, Reference, Transport};

/// Where distributions keep the CAs that everybody trusts.
pub(crate) const SYSTEM_CAS: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Where somebody names other CAs, as OpenSSL and Go have it.
const CAS_VARIABLE: &str = "SSL_CERT_FILE";

/// A component that came from elsewhere, and what to call the place that it came from.
pub(crate) struct Fetched {
    pub(crate) component: Bytes,
    pub(crate) from: String,
}

/// What the source names, where it is an address; none where it is a file or a built-in.
pub(crate) async fn fetch(source: &str, digest: Option<&str>) -> Result<Option<Fetched>> {
    let digest = digest.map(str::parse::<Digest>).transpose()?;
    if source.starts_with("oci://") {
        let reference: Reference = source.parse()?;
        let pulled = transport()?.pull(&reference, login(&reference).as_ref()).await?;
        expect(source, &pulled.component, digest.as_ref())?;
        return Ok(Some(Fetched { component: pulled.component, from: pulled.pinned.to_string() }));
    }
    if source.starts_with("https://") || source.starts_with("http://") {
        let Some(digest) = digest else {
            bail!(
                "what {source} has may change: say with --digest sha256:… what you mean (`sha256sum FILE` gives it)"
            );
        };
        let component = transport()?.download(source, &digest).await?;
        return Ok(Some(Fetched { component, from: source.to_owned() }));
    }
    Ok(None)
}

/// Refuses content that is not what the digest says, where there is one.
pub(crate) fn expect_digest(source: &str, component: &[u8], digest: Option<&str>) -> Result<()> {
    expect(source, component, digest.map(str::parse::<Digest>).transpose()?.as_ref())
}

fn expect(source: &str, component: &[u8], wanted: Option<&Digest>) -> Result<()> {
    let found = Digest::of(component);
    match wanted {
        Some(wanted) if *wanted != found => {
            bail!(
                "the component {source} has the digest {found}, and not {wanted}: it is not what was asked for"
            )
        }
        _ => Ok(()),
    }
}

/// Brings a component to a registry; gives its reference by digest.
pub(crate) async fn push(reference: &str, component: Bytes) -> Result<String> {
    let reference: Reference = reference.parse()?;
    let pinned = transport()?.push(&reference, component, login(&reference).as_ref()).await?;
    Ok(pinned.to_string())
}

fn transport() -> Result<Transport> {
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
    let found = match std::env::var_os(CAS_VARIABLE) {
        Some(path) => {
            let read = std::fs::read(&path);
            Some(read.with_context(|| format!("read {}, which {CAS_VARIABLE} names", path.display()))?)
        }
        None => SYSTEM_CAS.iter().find_map(|path| std::fs::read(path).ok()),
    };
    Ok(match found {
        Some(roots) => Transport::new(&roots).context("use the CAs of this machine")?,
        None => Transport::without_roots(),
    })
}

/// The login that other tools left for the registry.
fn login(reference: &Reference) -> Option<Login> {
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
    let (config, home) = (std::env::var_os("DOCKER_CONFIG"), std::env::var_os("HOME"));
    let folder = config.map(PathBuf::from).or_else(|| Some(PathBuf::from(home?).join(".docker")))?;
    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
    Login::of_docker_config(&text, &reference.registry)
}
