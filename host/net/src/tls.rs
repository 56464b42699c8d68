//! TLS on both sides, with certificates and roots that are replaced while connections stay open.
//!
//! A server asks for a client certificate, lets the peer prove that it holds the key, and leaves the question who signed
//! it to [`Roots::identify`]: a stranger's certificate is no reason to break the connection off, since the API answers
//! strangers with 401.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tracing::warn;

use crate::peer::{PeerCertificates, TrustAnchor};

/// Protocols offered, the preferred first.
const BOTH_VERSIONS: &[&[u8]] = &[b"h2", b"http/1.1"];
/// The one that connections can be upgraded on.
const VERSION_1: &[&[u8]] = &[b"http/1.1"];

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("read the PEM of {what}")]
    Pem { what: &'static str, source: rustls_pki_types::pem::Error },
    #[error("{what} holds no certificate")]
    Empty { what: &'static str },
    #[error("use {what}")]
    Unusable { what: &'static str, source: rustls::Error },
}

/// A certificate chain, the leaf first, with its key.
#[derive(Clone)]
pub struct CertificatePem {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

impl fmt::Debug for CertificatePem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificatePem")
    }
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl CertificatePem {
    fn parse(&self) -> Result<Chain, TlsError> {
        let chain = certificates(&self.chain, "the certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        Ok((chain, key.map_err(|source| TlsError::Pem { what: "the private key", source })?))
    }
}

/// The CAs that verify clients, each with its purpose; several of one purpose are in force while a CA is replaced.
#[derive(Clone, Default)]
pub struct Roots(Vec<(TrustAnchor, Arc<dyn ClientCertVerifier>)>);

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(anchor, _)| anchor)).finish()
    }
}

impl Roots {
    /// CAs in PEM by their purpose.
    pub fn new(authorities: &[(TrustAnchor, &[u8])]) -> Result<Self, TlsError> {
        let verifier = |pem| {
            let store = root_store(pem, "the client CA")?;
            WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider()).build().map_err(|why| {
                TlsError::Unusable { what: "the client CA", source: rustls::Error::General(why.to_string()) }
            })
        };
        authorities
            .iter()
            .map(|(anchor, pem)| Ok((*anchor, verifier(*pem)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first CA that verifies a chain at a time.
    fn identify(&self, chain: &[CertificateDer<'static>], now: UnixTime) -> Option<TrustAnchor> {
        let (leaf, intermediates) = chain.split_first()?;
        self.0
            .iter()
            .find(|(_, verifier)| verifier.verify_client_cert(leaf, intermediates, now).is_ok())
            .map(|(anchor, _)| *anchor)
    }

    fn hints(&self) -> Vec<DistinguishedName> {
        self.0.iter().flat_map(|(_, verifier)| verifier.root_hint_subjects().iter().cloned()).collect()
    }
}

/// The server's side of TLS; clones share what is in force.
#[derive(Clone)]
pub struct TlsServer {
    current: Arc<ArcSwap<ServerState>>,
    /// Serializes replacements.
    parts: Arc<Mutex<(CertificatePem, Roots)>>,
}

struct ServerState {
    config: Arc<ServerConfig>,
    roots: Roots,
}

impl TlsServer {
    pub fn new(certificate: CertificatePem, roots: Roots) -> Result<Self, TlsError> {
        let state = ServerState::new(&certificate, roots.clone())?;
        Ok(Self {
            current: Arc::new(ArcSwap::from_pointee(state)),
            parts: Arc::new(Mutex::new((certificate, roots))),
        })
    }

    /// New connections get this certificate; open ones keep theirs. On an error the old one stays.
    pub fn replace_certificate(&self, certificate: CertificatePem) -> Result<(), TlsError> {
        let mut parts = self.parts();
        self.current.store(Arc::new(ServerState::new(&certificate, parts.1.clone())?));
        parts.0 = certificate;
        Ok(())
    }

    /// New connections are verified by these CAs. On an error the old ones stay.
    pub fn replace_roots(&self, roots: Roots) -> Result<(), TlsError> {
        let mut parts = self.parts();
        self.current.store(Arc::new(ServerState::new(&parts.0, roots.clone())?));
        parts.1 = roots;
        Ok(())
    }

    fn parts(&self) -> MutexGuard<'_, (CertificatePem, Roots)> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The TLS side of an accepted connection, and who the peer is.
    pub(crate) async fn accept(
        &self,
        stream: tokio::net::TcpStream,
    ) -> std::io::Result<(tokio_rustls::server::TlsStream<tokio::net::TcpStream>, Option<PeerCertificates>)>
    {
        let state = self.current.load_full();
        let stream = tokio_rustls::TlsAcceptor::from(state.config.clone()).accept(stream).await?;
        let chain: Option<Vec<_>> = stream
            .get_ref()
            .1
            .peer_certificates()
            .map(|chain| chain.iter().map(|der| der.clone().into_owned()).collect());
        let certificates = chain.and_then(|chain| {
            let anchor = state.roots.identify(&chain, UnixTime::now())?;
            Some(PeerCertificates { chain, anchor })
        });
        Ok((stream, certificates))
    }
}

impl ServerState {
    fn new(certificate: &CertificatePem, roots: Roots) -> Result<Self, TlsError> {
        let (chain, key) = certificate.parse()?;
        let unusable = |source| TlsError::Unusable { what: "the server certificate", source };
        let verifier = Arc::new(ProofOfKey {
            hints: roots.hints(),
            algorithms: provider().signature_verification_algorithms,
        });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = protocols(BOTH_VERSIONS);
        Ok(Self { config: Arc::new(config), roots })
    }
}

/// Takes any certificate whose key the peer holds.
#[derive(Debug)]
struct ProofOfKey {
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ProofOfKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for ProofOfKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The client's side of TLS; clones share what is in force.
#[derive(Clone)]
pub struct TlsClient {
    both: Arc<ArcSwap<ClientConfig>>,
    version_1: Arc<ArcSwap<ClientConfig>>,
}

impl TlsClient {
    /// Servers are verified by the CAs in `roots` (PEM); `certificate` is shown to those who ask.
    pub fn new(roots: &[u8], certificate: Option<&CertificatePem>) -> Result<Self, TlsError> {
        Self::of_store(root_store(roots, "the server CA")?, certificate)
    }

    /// As [`new`](Self::new), or by the CAs that this machine trusts where `roots` is empty: for servers that others name.
    pub fn new_or_system(roots: &[u8], certificate: Option<&CertificatePem>) -> Result<Self, TlsError> {
        if !roots.is_empty() {
            return Self::new(roots, certificate);
        }
        let mut store = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        for why in loaded.errors {
            warn!(%why, "read the CAs that this machine trusts");
        }
        store.add_parsable_certificates(loaded.certs);
        Self::of_store(store, certificate)
    }

    fn of_store(store: RootCertStore, certificate: Option<&CertificatePem>) -> Result<Self, TlsError> {
        let (both, version_1) = client_configs(store, certificate)?;
        Ok(Self { both: Arc::new(ArcSwap::new(both)), version_1: Arc::new(ArcSwap::new(version_1)) })
    }

    /// Servers prove nothing but that they hold the key of what they show: for peers whose names nobody vouches for, as
    /// pods that the API server speaks to for a user.
    pub fn unverified(certificate: Option<&CertificatePem>) -> Result<Self, TlsError> {
        let unusable = |source| TlsError::Unusable { what: "the client certificate", source };
        let verifier =
            ProofOfKey { hints: Vec::new(), algorithms: provider().signature_verification_algorithms };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let (both, version_1) = shown(builder, certificate)?;
        Ok(Self { both: Arc::new(ArcSwap::new(both)), version_1: Arc::new(ArcSwap::new(version_1)) })
    }

    /// New connections use these. On an error the old ones stay.
    pub fn replace(&self, roots: &[u8], certificate: Option<&CertificatePem>) -> Result<(), TlsError> {
        let (both, version_1) = client_configs(root_store(roots, "the server CA")?, certificate)?;
        self.both.store(both);
        self.version_1.store(version_1);
        Ok(())
    }

    pub(crate) fn config(&self, upgradable: bool) -> Arc<ClientConfig> {
        if upgradable { self.version_1.load_full() } else { self.both.load_full() }
    }
}

fn client_configs(
    roots: RootCertStore,
    certificate: Option<&CertificatePem>,
) -> Result<(Arc<ClientConfig>, Arc<ClientConfig>), TlsError> {
    let unusable = |source| TlsError::Unusable { what: "the client certificate", source };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    shown(builder, certificate)
}

/// Configurations that show a certificate to servers that ask, for both versions of HTTP and for the first alone.
fn shown(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: Option<&CertificatePem>,
) -> Result<(Arc<ClientConfig>, Arc<ClientConfig>), TlsError> {
    let unusable = |source| TlsError::Unusable { what: "the client certificate", source };
    let mut config = match certificate {
        Some(certificate) => {
            let (chain, key) = certificate.parse()?;
            builder.with_client_auth_cert(chain, key).map_err(unusable)?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols(VERSION_1);
    let version_1 = Arc::new(config.clone());
    config.alpn_protocols = protocols(BOTH_VERSIONS);
    Ok((Arc::new(config), version_1))
}

fn root_store(pem: &[u8], what: &'static str) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem, what)? {
        store.add(certificate).map_err(|source| TlsError::Unusable { what, source })?;
    }
    Ok(store)
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let parsed = parsed.map_err(|source| TlsError::Pem { what, source })?;
    if parsed.is_empty() { Err(TlsError::Empty { what }) } else { Ok(parsed) }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn protocols(names: &[&[u8]]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.to_vec()).collect()
}
