//! CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may approve or sign for a signer, and
//! whom no certificate may name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::Tree;
use objects::status::Status;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::Write;
use crate::authz::{Attributes, Decision, Target, decide};

/// The signer whose certificates are users of the API server.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const MASTERS: &str = "system:masters";

pub(super) fn approval(write: &mut Write<'_>) -> Result<(), Status> {
    let signer = signer(write).to_owned();
    if may(write, "approve", &signer) {
        return Ok(());
    }
    Err(write.forbidden(format!("user not permitted to approve requests with signerName {signer:?}")))
}

pub(super) fn signing(write: &mut Write<'_>) -> Result<(), Status> {
    const CERTIFICATE: &[&str] = &["status", "certificate"];
    const CONDITIONS: &[&str] = &["status", "conditions"];
    let old = write.old.unwrap_or(&Tree::Null);
    if write.object.at(CERTIFICATE) == old.at(CERTIFICATE)
        && write.object.at(CONDITIONS) == old.at(CONDITIONS)
    {
        return Ok(());
    }
    let signer = signer(write).to_owned();
    if may(write, "sign", &signer) {
        return Ok(());
    }
    Err(write.forbidden(format!("user not permitted to sign requests with signerName {signer:?}")))
}

pub(super) fn subject(write: &mut Write<'_>) -> Result<(), Status> {
    if signer(write) != CLIENT_SIGNER {
        return Ok(());
    }
    let request = write.object.str_at(&["spec", "request"]).unwrap_or_default();
    match organizations(request) {
        Ok(names) if names.iter().any(|name| name == MASTERS) => {
            Err(write.forbidden(format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")))
        }
        Ok(_) => Ok(()),
        Err(why) => Err(write.forbidden(format!("failed to parse CSR: {why}"))),
    }
}

/// The organizations, which are groups, of a request that is PEM in base64.
fn organizations(request: &str) -> Result<Vec<String>, String> {
    let pem = STANDARD.decode(request).map_err(|error| error.to_string())?;
    let (_, block) = x509_parser::pem::parse_x509_pem(&pem)
        .map_err(|_| "PEM block type must be CERTIFICATE REQUEST".to_owned())?;
    let (_, request) =
        X509CertificationRequest::from_der(&block.contents).map_err(|error| error.to_string())?;
    let names = request.certification_request_info.subject.iter_organization();
    Ok(names.filter_map(|name| name.as_str().ok()).map(str::to_owned).collect())
}

fn signer<'a>(write: &'a Write<'_>) -> &'a str {
    let object = write.old.unwrap_or(&write.object);
    object.str_at(&["spec", "signerName"]).unwrap_or_default()
}

/// Whether the user may do it for the signer, or for all signers of its domain.
fn may(write: &Write<'_>, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or_default();
    [signer.to_owned(), format!("{domain}/*")].into_iter().any(|name| {
        let attributes = Attributes {
            verb: verb.to_owned(),
            target: Target::Resource {
                group: "certificates.k8s.io".to_owned(),
                version: "*".to_owned(),
                resource: "signers".to_owned(),
                subresource: String::new(),
                namespace: String::new(),
                name,
            },
        };
        let decision = decide(write.rest.authorizer(), &write.call.user, &attributes);
        matches!(decision, Decision::Allow { .. })
    })
}
