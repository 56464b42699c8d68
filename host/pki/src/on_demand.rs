//! Certificates that somebody asks for: issued by the CA of the cluster with a new key, and not kept.

use std::time::{Duration, SystemTime};

use crate::error::PkiError;
use crate::table::Authority;
use crate::{Pki, issue};

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Client,
    Server,
}

/// A certificate that is wanted. Whether it may be given is no question of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub common_name: String,
    pub organizations: Vec<String>,
    /// DNS names and addresses.
    pub names: Vec<String>,
    pub usages: Vec<Usage>,
    pub life: Duration,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Issued {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
    /// The CAs that vouch for it.
    pub authorities: Vec<u8>,
    pub not_after: SystemTime,
}

impl Pki {
    /// Issues a certificate by the CA of the cluster. Nothing is written.
    pub fn issue(&self, wanted: &Wanted, now: SystemTime) -> Result<Issued, PkiError> {
        let issuer = self.issuer(Authority::Cluster)?;
        let (chain, key) = issue::requested(wanted, &issuer, now)?;
        Ok(Issued {
            chain: chain.into_bytes(),
            key: key.into_bytes(),
            authorities: self.bundle(Authority::Cluster)?,
            not_after: now + wanted.life,
        })
    }
}
