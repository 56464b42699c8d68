//! The addons' certificates, by the CA of the cluster.

use std::time::SystemTime;

use addons::ports::{Issuer, PortError};
use addons::{CertificateRequest, Issued, Usage};
use futures_util::future::BoxFuture;
use pki::Pki;

pub(crate) struct PkiIssuer {
    pki: Pki,
}

impl PkiIssuer {
    pub(crate) fn new(pki: Pki) -> Self {
        Self { pki }
    }

    fn issued(&self, request: CertificateRequest) -> Result<Issued, PortError> {
        let CertificateRequest { common_name, organizations, names, usages, life } = request;
        let usage = |usage| match usage {
            Usage::Client => Ok(pki::Usage::Client),
            Usage::Server => Ok(pki::Usage::Server),
            Usage::Other(name) => Err(PortError(format!("no certificate is for {name:?}"))),
        };
        let usages = usages.into_iter().map(usage).collect::<Result<_, _>>()?;
        let request = pki::Wanted { common_name, organizations, names, usages, life };
        let issued = self.pki.issue(&request, SystemTime::now());
        let issued = issued.map_err(|why| PortError(format!("{:#}", anyhow::Error::from(why))))?;
        let not_after = issued.not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Issued {
            chain: issued.chain.into(),
            key: issued.key.into(),
            authorities: issued.authorities.into(),
            not_after: not_after.as_secs(),
        })
    }
}

impl Issuer for PkiIssuer {
    /// Two files are read and a signature is made: nothing that would be worth a thread of its own.
    fn issue(&self, request: CertificateRequest) -> BoxFuture<'_, Result<Issued, PortError>> {
        Box::pin(async move { self.issued(request) })
    }
}
