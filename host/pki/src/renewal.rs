//! What is due: certificates at two thirds of their life, and those whose names no longer fit the machine.

use std::time::SystemTime;

use crate::error::PkiError;
use crate::table::{CERTIFICATES, Certificate, Names};
use crate::template::Template;
use crate::{CertificateStatus, Facts, Pki, issue};

/// Why a certificate is issued anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Age,
    Names,
}

/// Pure: what is due of one certificate.
fn due(row: &Certificate, status: &CertificateStatus, facts: &Facts, template: &Template) -> Option<Due> {
    if status.is_due() {
        return Some(Due::Age);
    }
    let (dns, ips) = issue::wanted(row.names, facts, template);
    // The names of the template change when the operator says so; those of the machine change by themselves.
    let missing = match row.names {
        Names::None => false,
        Names::Node => {
            dns.iter().any(|name| !status.dns.contains(name)) || ips.iter().any(|ip| !status.ips.contains(ip))
        }
        Names::Template => facts.addresses.iter().any(|ip| ips.contains(ip) && !status.ips.contains(ip)),
    };
    missing.then_some(Due::Names)
}

impl Pki {
    /// Issues what is due and gives its file names. A broken template stops nothing but the server certificate.
    pub fn renew(&self, facts: &Facts, now: SystemTime) -> Result<Vec<String>, PkiError> {
        let template = self.template()?;
        let mut renewed = Vec::new();
        for row in CERTIFICATES {
            let status = self.status_of(&row.certificate(), now)?;
            if due(row, &status, facts, &template).is_some() {
                self.reissue(row, facts, &template, now)?;
                renewed.push(row.certificate());
            }
        }
        if !renewed.is_empty() {
            self.write_kubeconfigs(facts)?;
        }
        Ok(renewed)
    }
}
