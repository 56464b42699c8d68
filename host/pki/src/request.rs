//! Certificates that others ask for by a signing request (RFC 2986): the request is read here, and signed with the CA of
//! the cluster or another. Whether they may have one is decided elsewhere.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::error::PkiError;
use crate::inspect::CertificateStatus;
use crate::issue::IssuedBy;
use crate::table::Authority;
use crate::{Pki, files, inspect, issue};

const PEM_LABEL: &str = "CERTIFICATE REQUEST";
/// Certificates are valid from a little before now, for machines whose clock is behind.
const BACKDATED: Duration = Duration::from_secs(5 * 60);
/// What is valid for less is valid for the whole of it from now on.
const SHORT: Duration = Duration::from_secs(8 * 60 * 60);

/// Why a text is no request that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("PEM block type must be {PEM_LABEL}")]
    NotPem,
    #[error("the request is not one of RFC 2986")]
    Malformed,
    #[error("sign a request for a subject with several values of one attribute: it is not supported")]
    SeveralValues,
    #[error("a certificate for {0:?} cannot be issued: there is no such usage")]
    UnknownUsage(String),
}

/// For whom a certificate is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub common_name: String,
    pub organizations: Vec<String>,
    pub dns_names: Vec<String>,
    pub addresses: Vec<IpAddr>,
    pub emails: Vec<String>,
    pub uris: Vec<String>,
}

impl Request {
    /// Reads a request in PEM.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(pem: &[u8]) -> Result<Self, RequestError> {
        let (_, block) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| RequestError::NotPem)?;
        if block.label != PEM_LABEL {
            return Err(RequestError::NotPem);
        }
        let (_, parsed) =
            X509CertificationRequest::from_der(&block.contents).map_err(|_| RequestError::Malformed)?;
        let subject = &parsed.certification_request_info.subject;
        let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            value.as_str().map(str::to_owned).map_err(|_| RequestError::Malformed)
        };
        let mut request = Self {
            common_name: subject.iter_common_name().last().map(text).transpose()?.unwrap_or_default(),
            organizations: subject.iter_organization().map(text).collect::<Result<_, _>>()?,
            ..Self::default()
        };
        for extension in parsed.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                names.general_names.iter().try_for_each(|name| request.add(name))?;
            }
        }
        Ok(request)
    }

    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), RequestError> {
        match name {
            GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
            GeneralName::RFC822Name(name) => self.emails.push((*name).to_owned()),
            GeneralName::URI(name) => self.uris.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let v6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                self.addresses.push(v4.or_else(|_| v6()).map_err(|_| RequestError::Malformed)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// By the names that Kubernetes has for them.
enum Usage {
    Key(KeyUsagePurpose),
    Extended(ExtendedKeyUsagePurpose),
}

fn usage(name: &str) -> Result<Usage, RequestError> {
    use ExtendedKeyUsagePurpose as Extended;
    Ok(match name {
        "signing" | "digital signature" => Usage::Key(KeyUsagePurpose::DigitalSignature),
        "content commitment" => Usage::Key(KeyUsagePurpose::ContentCommitment),
        "key encipherment" => Usage::Key(KeyUsagePurpose::KeyEncipherment),
        "data encipherment" => Usage::Key(KeyUsagePurpose::DataEncipherment),
        "key agreement" => Usage::Key(KeyUsagePurpose::KeyAgreement),
        "cert sign" => Usage::Key(KeyUsagePurpose::KeyCertSign),
        "crl sign" => Usage::Key(KeyUsagePurpose::CrlSign),
        "encipher only" => Usage::Key(KeyUsagePurpose::EncipherOnly),
        "decipher only" => Usage::Key(KeyUsagePurpose::DecipherOnly),
        "any" => Usage::Extended(Extended::Any),
        "server auth" => Usage::Extended(Extended::ServerAuth),
        "client auth" => Usage::Extended(Extended::ClientAuth),
        "code signing" => Usage::Extended(Extended::CodeSigning),
        "email protection" | "s/mime" => Usage::Extended(Extended::EmailProtection),
        "timestamping" => Usage::Extended(Extended::TimeStamping),
        "ocsp signing" => Usage::Extended(Extended::OcspSigning),
        other => return Err(RequestError::UnknownUsage(other.to_owned())),
    })
}

impl Pki {
    /// Signs a request with the CA of the cluster for some of Kubernetes' usages; gives the certificate in PEM. It is
    /// never that of a CA, and valid no longer than the CA.
    ///
    /// # Errors
    /// What is wrong with the request, or with the CA.
    pub fn sign_request(
        &self,
        pem: &str,
        usages: &[String],
        validity: Duration,
        now: SystemTime,
    ) -> Result<String, PkiError> {
        let authority = self.status_of(&Authority::Cluster.certificate(), now)?;
        sign(&self.issuer(Authority::Cluster)?, &authority, pem, usages, validity, now)
    }
}

/// A CA that signs what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningCa {
    /// That of the cluster.
    Cluster(Pki),
    /// Another, of a file with its certificate and one with its key, which are read whenever it signs.
    Files { certificate: PathBuf, key: PathBuf },
}

impl SigningCa {
    /// As [`Pki::sign_request`].
    ///
    /// # Errors
    /// As there, and where the files are no CA.
    pub fn sign_request(
        &self,
        pem: &str,
        usages: &[String],
        validity: Duration,
        now: SystemTime,
    ) -> Result<String, PkiError> {
        let (certificate, key) = match self {
            Self::Cluster(pki) => return pki.sign_request(pem, usages, validity, now),
            Self::Files { certificate, key } => (certificate, key),
        };
        let file = certificate.display().to_string();
        let text = files::read_text(certificate)?;
        let issuer = issue::issuer(&text, &files::read_text(key)?)
            .map_err(|source| PkiError::Issuer { file: file.clone(), source })?;
        let status = inspect::status(&file, text.as_bytes(), now);
        let status = status.map_err(|why| PkiError::Unreadable { file, why })?;
        sign(&issuer, &status, pem, usages, validity, now)
    }
}

fn sign(
    issuer: &IssuedBy,
    authority: &CertificateStatus,
    pem: &str,
    usages: &[String],
    validity: Duration,
    now: SystemTime,
) -> Result<String, PkiError> {
    let request = Request::parse(pem.as_bytes())?;
    if request.organizations.len() > 1 {
        return Err(RequestError::SeveralValues.into());
    }
    let fail = |source| PkiError::Issue { what: "a certificate that was asked for".to_owned(), source };
    let mut asked = CertificateSigningRequestParams::from_pem(pem).map_err(fail)?;
    let params = &mut asked.params;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    (params.key_usages, params.extended_key_usages) = (Vec::new(), Vec::new());
    for name in usages {
        match usage(name)? {
            Usage::Key(usage) => params.key_usages.push(usage),
            Usage::Extended(usage) if params.extended_key_usages.contains(&usage) => {}
            Usage::Extended(usage) => params.extended_key_usages.push(usage),
        }
    }
    let backdated = if validity < SHORT { Duration::ZERO } else { BACKDATED };
    params.not_before = OffsetDateTime::from(now) - BACKDATED;
    params.not_after = OffsetDateTime::from(now) + validity - backdated;
    let end = OffsetDateTime::from_unix_timestamp(authority.not_after_seconds);
    params.not_after = end.map_or(params.not_after, |end| params.not_after.min(end));
    let certificate = asked.signed_by(issuer).map_err(fail)?;
    Ok(certificate.pem())
}
