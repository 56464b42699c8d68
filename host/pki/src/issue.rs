//! Keys and certificates made with rcgen: ECDSA P-256, and RSA where a CA was brought along.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

use crate::Facts;
use crate::error::PkiError;
use crate::on_demand::{Usage, Wanted};
use crate::table::{Authority, Certificate, LONG, Names, Subject};
use crate::template::Template;

/// Certificates are valid from a little before now, for machines whose clock is behind.
const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// A CA ready to sign.
pub(crate) type IssuedBy = Issuer<'static, KeyPair>;

/// A new private key, in PEM.
pub(crate) fn key() -> Result<String, PkiError> {
    let key =
        KeyPair::generate().map_err(|source| PkiError::Issue { what: "a private key".to_owned(), source })?;
    Ok(key.serialize_pem())
}

/// A private key in PEM is the one of a public key as certificates hold it.
pub(crate) fn is_key_of(key: &str, public_key: &[u8]) -> bool {
    KeyPair::from_pem(key).is_ok_and(|key| key.public_key_raw() == public_key)
}

/// A CA from its files.
pub(crate) fn issuer(certificate: &str, key: &str) -> Result<IssuedBy, rcgen::Error> {
    Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?)
}

/// A new self-signed CA: certificate and key in PEM.
pub(crate) fn authority(
    authority: Authority,
    facts: &Facts,
    now: SystemTime,
) -> Result<(String, String), PkiError> {
    let fail = |source| PkiError::Issue { what: authority.certificate(), source };
    let key = KeyPair::generate().map_err(fail)?;
    let certificate = authority_params(authority, facts, now).self_signed(&key).map_err(fail)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// The certificate of a CA's key, signed by another CA.
pub(crate) fn cross_signed(
    authority: Authority,
    key: &str,
    by: &IssuedBy,
    facts: &Facts,
    now: SystemTime,
) -> Result<String, PkiError> {
    let fail = |source| PkiError::Issue { what: authority.cross_signed(), source };
    let key = KeyPair::from_pem(key).map_err(fail)?;
    let mut params = authority_params(authority, facts, now);
    params.use_authority_key_identifier_extension = true;
    Ok(params.signed_by(&key, by).map_err(fail)?.pem())
}

fn authority_params(authority: Authority, facts: &Facts, now: SystemTime) -> CertificateParams {
    let mut params = valid_for(LONG, now);
    let common_name = match authority {
        Authority::Cluster => facts.service_address.to_string(),
        Authority::FrontProxy | Authority::Etcd => authority.name().to_owned(),
    };
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A leaf of the table with a new key: certificate and key in PEM.
pub(crate) fn leaf(
    row: &Certificate,
    facts: &Facts,
    template: &Template,
    issuer: &IssuedBy,
    now: SystemTime,
) -> Result<(String, String), PkiError> {
    let fail = |source| PkiError::Issue { what: row.certificate(), source };
    let mut params = valid_for(row.validity, now);
    params.distinguished_name = subject(row.subject, facts, template);
    params.subject_alt_names = names(row.names, facts, template).map_err(fail)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if row.names != Names::None {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    let key = KeyPair::generate().map_err(fail)?;
    let certificate = params.signed_by(&key, issuer).map_err(fail)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// A certificate that was asked for, with a new key: certificate and key in PEM.
pub(crate) fn requested(
    wanted: &Wanted,
    issuer: &IssuedBy,
    now: SystemTime,
) -> Result<(String, String), PkiError> {
    let fail = |source| PkiError::Issue { what: format!("a certificate of {}", wanted.common_name), source };
    let mut params = valid_for(wanted.life, now);
    for organization in &wanted.organizations {
        params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
    }
    params.distinguished_name.push(DnType::CommonName, wanted.common_name.as_str());
    let name = |name: &String| match name.parse() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.as_str().try_into()?)),
    };
    params.subject_alt_names = wanted.names.iter().map(name).collect::<Result<_, _>>().map_err(fail)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    let usage = |usage: &Usage| match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
    };
    params.extended_key_usages = wanted.usages.iter().map(usage).collect();
    let key = KeyPair::generate().map_err(fail)?;
    let certificate = params.signed_by(&key, issuer).map_err(fail)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn valid_for(validity: Duration, now: SystemTime) -> CertificateParams {
    let now = OffsetDateTime::from(now);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = now - BACKDATED;
    params.not_after = now + validity;
    params
}

fn subject(subject: Subject, facts: &Facts, template: &Template) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    match subject {
        Subject::Fixed { common_name, organization } => {
            if let Some(organization) = organization {
                name.push(DnType::OrganizationName, organization);
            }
            name.push(DnType::CommonName, common_name);
        }
        Subject::Node => {
            name.push(DnType::OrganizationName, "system:nodes");
            name.push(DnType::CommonName, format!("system:node:{}", facts.node_name));
        }
        Subject::Template => {
            for (attribute, value) in &template.subject {
                name.push(attribute_type(attribute), value.as_str());
            }
        }
    }
    name
}

/// The template takes no other attribute.
fn attribute_type(attribute: &str) -> DnType {
    match attribute {
        "C" => DnType::CountryName,
        "ST" => DnType::StateOrProvinceName,
        "L" => DnType::LocalityName,
        "O" => DnType::OrganizationName,
        "OU" => DnType::OrganizationalUnitName,
        _ => DnType::CommonName,
    }
}

/// Names and addresses that a row's certificate is to carry.
pub(crate) fn wanted(
    names: Names,
    facts: &Facts,
    template: &Template,
) -> (Vec<String>, Vec<std::net::IpAddr>) {
    match names {
        Names::None => (Vec::new(), Vec::new()),
        Names::Node => {
            let mut ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
            ips.extend(&facts.addresses);
            (vec![facts.node_name.clone()], ips)
        }
        Names::Template => template.names(&facts.addresses, facts.service_address),
    }
}

fn names(names: Names, facts: &Facts, template: &Template) -> Result<Vec<SanType>, rcgen::Error> {
    let (dns, ips) = wanted(names, facts, template);
    let dns = dns.into_iter().map(|name| Ok(SanType::DnsName(name.try_into()?)));
    dns.chain(ips.into_iter().map(|ip| Ok(SanType::IpAddress(ip)))).collect()
}
