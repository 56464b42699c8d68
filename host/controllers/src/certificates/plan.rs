//! Which requests are of kubelets, which a signer signs, and when they are of no use any more.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use pki::Request;

pub(super) const APPROVED: &str = "Approved";
pub(super) const DENIED: &str = "Denied";
pub(super) const FAILED: &str = "Failed";
const TRUE: &str = "True";

pub(super) const KUBELET_SERVING: &str = "kubernetes.io/kubelet-serving";
pub(super) const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
pub(super) const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
pub(super) const LEGACY: &str = "kubernetes.io/legacy-unknown";

const NODES: &str = "system:nodes";
const NODE_PREFIX: &str = "system:node:";

/// In the order in which messages name them; the second is only of use with keys of RSA.
const SERVING_USAGES: &[&str] = &["digital signature", "key encipherment", "server auth"];
const CLIENT_USAGES: &[&str] = &["client auth", "digital signature", "key encipherment"];
const OF_RSA: &str = "key encipherment";

/// How long requests are kept that nobody decided on, and those that are done with.
const PENDING: SignedDuration = SignedDuration::from_hours(24);
const DECIDED: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn has(csr: &CertificateSigningRequest, kind: &str) -> bool {
    conditions(csr).iter().any(|condition| condition.type_ == kind && condition.status == TRUE)
}

fn conditions(csr: &CertificateSigningRequest) -> &[CertificateSigningRequestCondition] {
    csr.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default()
}

/// What was issued.
pub(super) fn certificate(csr: &CertificateSigningRequest) -> Option<&ByteString> {
    csr.status.as_ref()?.certificate.as_ref().filter(|certificate| !certificate.0.is_empty())
}

pub(super) fn set(
    csr: &mut CertificateSigningRequest,
    kind: &str,
    reason: &str,
    message: String,
    now: Timestamp,
) {
    let conditions = csr.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.push(CertificateSigningRequestCondition {
        type_: kind.to_owned(),
        status: TRUE.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    });
}

/// A subresource of requests: who may create it may have such certificates without being asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) subresource: &'static str,
    pub(super) message: &'static str,
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        subresource: "selfnodeclient",
        message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    },
    Permission {
        subresource: "nodeclient",
        message: "Auto approving kubelet client certificate after SubjectAccessReview.",
    },
];

/// Each of which is enough for the certificate that is asked for; none if it is not that of a kubelet as a client.
pub(super) fn permissions(csr: &CertificateSigningRequest, request: &Request) -> &'static [Permission] {
    let usages = csr.spec.usages.as_deref().unwrap_or_default();
    if csr.spec.signer_name != KUBELET_CLIENT || kubelet_client(request, usages).is_err() {
        return &[];
    }
    let own = csr.spec.username.as_deref() == Some(request.common_name.as_str());
    if own { PERMISSIONS } else { &PERMISSIONS[1..] }
}

/// Whether a signer of ours signs the request; `None` for signers that are not ours.
pub(super) fn validate(signer: &str, request: &Request, usages: &[String]) -> Option<Result<(), String>> {
    match signer {
        KUBELET_SERVING => Some(kubelet_serving(request, usages)),
        KUBELET_CLIENT => Some(kubelet_client(request, usages)),
        CLIENT => Some(client(usages)),
        LEGACY => Some(Ok(())),
        _ => None,
    }
}

/// The first of some rules that is broken.
fn first_broken(rules: &[(bool, &str)]) -> Result<(), String> {
    let broken = rules.iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, why)| Err((*why).to_owned()))
}

fn is_of_node(request: &Request) -> (bool, &'static str) {
    (request.organizations == [NODES], "subject organization is not system:nodes")
}

fn is_named_as_node(request: &Request) -> (bool, &'static str) {
    (request.common_name.starts_with(NODE_PREFIX), "subject common name does not begin with system:node:")
}

fn kubelet_serving(request: &Request, usages: &[String]) -> Result<(), String> {
    first_broken(&[
        is_of_node(request),
        (
            !(request.dns_names.is_empty() && request.addresses.is_empty()),
            "DNS or IP subjectAltName is required",
        ),
        (request.emails.is_empty(), "Email subjectAltNames are not allowed"),
        (request.uris.is_empty(), "URI subjectAltNames are not allowed"),
    ])?;
    are_usages(usages, SERVING_USAGES)?;
    first_broken(&[is_named_as_node(request)])
}

fn kubelet_client(request: &Request, usages: &[String]) -> Result<(), String> {
    first_broken(&[
        is_of_node(request),
        (request.dns_names.is_empty(), "DNS subjectAltNames are not allowed"),
        (request.emails.is_empty(), "Email subjectAltNames are not allowed"),
        (request.addresses.is_empty(), "IP subjectAltNames are not allowed"),
        (request.uris.is_empty(), "URI subjectAltNames are not allowed"),
        is_named_as_node(request),
    ])?;
    are_usages(usages, CLIENT_USAGES)
}

fn are_usages(usages: &[String], expected: &[&str]) -> Result<(), String> {
    let known = usages.iter().all(|usage| expected.contains(&usage.as_str()));
    let complete = expected.iter().all(|usage| *usage == OF_RSA || usages.iter().any(|one| one == usage));
    if known && complete {
        return Ok(());
    }
    Err(format!("usages did not match [{}]", expected.join(" ")))
}

fn client(usages: &[String]) -> Result<(), String> {
    if let Some(other) = usages.iter().find(|usage| !CLIENT_USAGES.contains(&usage.as_str())) {
        return Err(format!("invalid usage for client certificate: {other}"));
    }
    if !usages.iter().any(|usage| usage == "client auth") {
        return Err("missing required usage for client certificate: client auth".to_owned());
    }
    Ok(())
}

/// When the request may be deleted, if ever.
pub(super) fn end(csr: &CertificateSigningRequest) -> Option<Timestamp> {
    if conditions(csr).is_empty() {
        return csr.metadata.creation_timestamp.as_ref()?.0.checked_add(PENDING).ok();
    }
    let done = |condition: &CertificateSigningRequestCondition| {
        let is_done =
            condition.type_ == DENIED || (condition.type_ == APPROVED && certificate(csr).is_some());
        let updated = condition.last_update_time.as_ref().filter(|_| is_done)?;
        updated.0.checked_add(DECIDED).ok()
    };
    conditions(csr).iter().filter_map(done).min()
}

#[cfg(test)]
mod tests;
