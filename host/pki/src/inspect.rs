//! What a certificate on disk says.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

const DAY: i64 = 24 * 60 * 60;

/// A certificate as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// File name below `certs/`.
    pub file: String,
    pub subject: String,
    pub issuer: String,
    /// RFC 3339.
    pub not_after: String,
    /// Negative once it has expired.
    pub days_left: i64,
    pub dns: Vec<String>,
    pub ips: Vec<IpAddr>,
    pub(crate) not_before_seconds: i64,
    pub(crate) not_after_seconds: i64,
    pub(crate) now_seconds: i64,
    pub(crate) is_authority: bool,
    /// The key, as the certificate holds it.
    pub(crate) public_key: Vec<u8>,
}

impl CertificateStatus {
    pub fn is_expired(&self) -> bool {
        self.now_seconds >= self.not_after_seconds
    }

    /// Two thirds of its life are over.
    pub fn is_due(&self) -> bool {
        let (life, lived) =
            (self.not_after_seconds - self.not_before_seconds, self.now_seconds - self.not_before_seconds);
        lived * 3 >= life * 2
    }
}

/// Reads the first certificate of a PEM file.
pub(crate) fn status(file: &str, pem: &[u8], now: SystemTime) -> Result<CertificateStatus, String> {
    let (_, pem) = parse_x509_pem(pem).map_err(|why| why.to_string())?;
    let certificate = pem.parse_x509().map_err(|why| why.to_string())?;
    let (mut dns, mut ips) = (Vec::new(), Vec::new());
    if let Some(names) = certificate.subject_alternative_name().map_err(|why| why.to_string())? {
        for name in &names.value.general_names {
            match name {
                GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => ips.extend(address(bytes)),
                _ => {}
            }
        }
    }
    let validity = certificate.validity();
    let now_seconds = seconds(now);
    Ok(CertificateStatus {
        file: file.to_owned(),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_after: rfc3339(validity.not_after.to_datetime()),
        days_left: (validity.not_after.timestamp() - now_seconds).div_euclid(DAY),
        dns,
        ips,
        not_before_seconds: validity.not_before.timestamp(),
        not_after_seconds: validity.not_after.timestamp(),
        now_seconds,
        is_authority: certificate.is_ca(),
        public_key: certificate.public_key().subject_public_key.data.to_vec(),
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn rfc3339(time: time::OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}
