//! The certificates of a node: which there are, who signs them, when they are renewed, and how they are replaced and
//! brought back. It opens no socket: whoever serves with a certificate asks for its PEM and is told when to ask again.

mod error;
mod files;
mod inspect;
mod issue;
mod kubeconfig;
mod on_demand;
mod refresh;
mod renewal;
mod request;
mod table;
mod template;
mod tokens;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use error::PkiError;
pub use inspect::CertificateStatus;
pub use on_demand::{Issued, Usage, Wanted};
pub use refresh::Refresh;
pub use request::{Request, RequestError, SigningCa};
pub use table::{Authority, CERTIFICATES, Certificate};
pub use template::{Template, TemplateError};

use crate::issue::IssuedBy;

/// What the certificates say of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Name of the node, in lower case.
    pub node_name: String,
    /// Addresses at which the machine is reached.
    pub addresses: Vec<IpAddr>,
    /// First address of the service CIDR in force: the `kubernetes` service.
    pub service_address: IpAddr,
    /// Port of the API server, for kubeconfigs.
    pub api_port: u16,
}

/// A certificate chain and its key, in PEM.
#[derive(Clone)]
pub struct Pem {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

/// The folders `certs/` and `credentials/` of a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pki {
    root: PathBuf,
}

impl Pki {
    /// The PKI below a data directory, whose folders exist.
    pub fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.to_owned() }
    }

    pub(crate) fn certs(&self, name: &str) -> PathBuf {
        self.root.join("certs").join(name)
    }

    pub(crate) fn credentials(&self, name: &str) -> PathBuf {
        self.root.join("credentials").join(name)
    }

    pub(crate) fn backup(&self) -> PathBuf {
        self.root.join("certs-backup")
    }

    /// Makes what is missing and keeps what is there, and gives one line for each thing made. An expired CA is an
    /// error that names the way out.
    pub fn ensure(&self, facts: &Facts, now: SystemTime) -> Result<Vec<String>, PkiError> {
        let mut done = Vec::new();
        let template = self.template()?;
        for authority in Authority::ALL {
            if !self.certs(&authority.certificate()).exists() {
                let (pem, key) = issue::authority(authority, facts, now)?;
                self.write_pair(authority.name(), &pem, &key)?;
                done.push(format!("made the CA {}", authority.certificate()));
            }
            let status = self.status_of(&authority.certificate(), now)?;
            if status.is_expired() {
                return Err(PkiError::ExpiredAuthority {
                    file: authority.certificate(),
                    since: status.not_after,
                });
            }
        }
        if !self.certs("serviceaccount.key").exists() {
            files::write(&self.certs("serviceaccount.key"), issue::key()?.as_bytes())?;
            done.push("made serviceaccount.key".to_owned());
        }
        for row in CERTIFICATES {
            if !self.has_pair(row, now)? {
                self.reissue(row, facts, &template, now)?;
                done.push(format!("issued {}", row.certificate()));
            }
        }
        self.write_kubeconfigs(facts)?;
        if !self.credentials("known_tokens.csv").exists() {
            let text = tokens::known_tokens(&facts.node_name)?;
            files::write(&self.credentials("known_tokens.csv"), text.as_bytes())?;
            done.push("made known_tokens.csv".to_owned());
        }
        Ok(done)
    }

    /// `csr.conf.template`, written at the first start.
    fn template(&self) -> Result<Template, PkiError> {
        let path = self.certs("csr.conf.template");
        if !path.exists() {
            files::write(&path, template::DEFAULT.as_bytes())?;
        }
        let text = files::read_text(&path)?;
        Template::parse(&text).map_err(|source| PkiError::Template { path, source })
    }

    /// Issues one leaf anew.
    pub(crate) fn reissue(
        &self,
        row: &Certificate,
        facts: &Facts,
        template: &Template,
        now: SystemTime,
    ) -> Result<(), PkiError> {
        let issuer = self.issuer(row.issuer)?;
        let (pem, key) = issue::leaf(row, facts, template, &issuer, now)?;
        self.write_pair(row.name, &pem, &key)
    }

    pub(crate) fn issuer(&self, authority: Authority) -> Result<IssuedBy, PkiError> {
        let (certificate, key) = (self.certs(&authority.certificate()), self.certs(&authority.key()));
        issue::issuer(&files::read_text(&certificate)?, &files::read_text(&key)?)
            .map_err(|source| PkiError::Issuer { file: authority.certificate(), source })
    }

    /// Certificate and key are there and belong together; a crash between the two files leaves a pair that does not.
    fn has_pair(&self, row: &Certificate, now: SystemTime) -> Result<bool, PkiError> {
        if !self.certs(&row.certificate()).exists() || !self.certs(&row.key()).exists() {
            return Ok(false);
        }
        let key = files::read_text(&self.certs(&row.key()))?;
        let certificate = self.status_of(&row.certificate(), now)?;
        Ok(issue::is_key_of(&key, &certificate.public_key))
    }

    pub(crate) fn write_pair(&self, name: &str, certificate: &str, key: &str) -> Result<(), PkiError> {
        files::write(&self.certs(&format!("{name}.key")), key.as_bytes())?;
        files::write(&self.certs(&format!("{name}.crt")), certificate.as_bytes())
    }

    /// The chain and key of a leaf by its name (`server`), as a server sends it: while a CA is being replaced, with
    /// the new CA signed by the old one.
    pub fn pem(&self, name: &str) -> Result<Pem, PkiError> {
        let mut chain = files::read(&self.certs(&format!("{name}.crt")))?;
        let row = CERTIFICATES.iter().find(|row| row.name == name);
        let cross = row.map(|row| self.certs(&row.issuer.cross_signed()));
        if let Some(cross) = cross.filter(|path| path.exists()) {
            chain.extend(files::read(&cross)?);
        }
        Ok(Pem { chain, key: files::read(&self.certs(&format!("{name}.key")))? })
    }

    /// The certificates of a CA in PEM: two while it is being replaced.
    pub fn bundle(&self, authority: Authority) -> Result<Vec<u8>, PkiError> {
        let mut bundle = files::read(&self.certs(&authority.certificate()))?;
        let previous = self.certs(&authority.previous());
        if previous.exists() {
            bundle.extend(files::read(&previous)?);
        }
        Ok(bundle)
    }

    /// Every certificate on disk, the CAs first.
    pub fn inventory(&self, now: SystemTime) -> Result<Vec<CertificateStatus>, PkiError> {
        let authorities =
            Authority::ALL.into_iter().flat_map(|authority| [authority.certificate(), authority.previous()]);
        let leaves = CERTIFICATES.iter().map(Certificate::certificate);
        authorities
            .chain(leaves)
            .filter(|file| self.certs(file).exists())
            .map(|file| self.status_of(&file, now))
            .collect()
    }

    pub(crate) fn status_of(&self, file: &str, now: SystemTime) -> Result<CertificateStatus, PkiError> {
        let pem = files::read(&self.certs(file))?;
        inspect::status(file, &pem, now).map_err(|why| PkiError::Unreadable { file: file.to_owned(), why })
    }

    /// Writes the kubeconfig of each user that has a row, when it would change.
    pub(crate) fn write_kubeconfigs(&self, facts: &Facts) -> Result<(), PkiError> {
        let bundle = self.bundle(Authority::Cluster)?;
        for row in CERTIFICATES {
            let Some(user) = &row.kubeconfig else { continue };
            let pem = Pem {
                chain: files::read(&self.certs(&row.certificate()))?,
                key: files::read(&self.certs(&row.key()))?,
            };
            let text = kubeconfig::render(user.user, facts.api_port, &bundle, &pem);
            let path = self.credentials(user.file);
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                files::write(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }
}
