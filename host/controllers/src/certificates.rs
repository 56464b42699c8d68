//! Certificate signing requests: those of kubelets are approved, those that are approved are signed with the CA of their
//! signer, and old ones are deleted.

mod plan;

use std::num::NonZeroUsize;
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions};
use k8s_openapi::ByteString;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use pki::{PkiError, Request, SigningCa};
use reconcile::{ObjectKey, Outcome, Queue, Reconcile, Store};

use crate::wiring::Wiring;
use plan::{APPROVED, DENIED, FAILED, has};

/// Upstream's.
const WORKERS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
/// Who may not have a certificate may be allowed to later, by a grant that nobody tells us of.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// With what requests are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSigning {
    pub authority: SigningCa,
    /// Of signers that have another.
    pub others: Vec<(&'static str, SigningCa)>,
    /// How long certificates are valid at most.
    pub duration: Duration,
}

impl ClusterSigning {
    /// Upstream's `--cluster-signing-duration`, a year.
    pub const DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    /// The signers, and how upstream's flags `--cluster-signing-*-file` call them.
    pub const SIGNERS: [(&str, &str); 4] = [
        ("kube-apiserver-client", plan::CLIENT),
        ("kubelet-client", plan::KUBELET_CLIENT),
        ("kubelet-serving", plan::KUBELET_SERVING),
        ("legacy-unknown", plan::LEGACY),
    ];
    /// Nobody gets less, whatever is asked.
    const SHORTEST: Duration = Duration::from_secs(10 * 60);

    fn authority(&self, signer: &str) -> &SigningCa {
        let other = self.others.iter().find(|(name, _)| *name == signer);
        other.map_or(&self.authority, |(_, authority)| authority)
    }
}

#[derive(Debug, thiserror::Error)]
enum SigningError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("sign the request {name}")]
    Sign { name: String, source: PkiError },
}

/// The requests, whose changes queue them.
fn feed(wiring: &mut Wiring<'_>, name: &'static str) -> (Queue<ObjectKey>, Store<CertificateSigningRequest>) {
    let queue = wiring.queue(name);
    let requests = wiring.feed_own(&queue);
    (queue, requests)
}

pub(crate) fn wire_approving(wiring: &mut Wiring<'_>) {
    let (queue, requests) = feed(wiring, "certificate_csrapproving");
    let client = wiring.client();
    wiring.reconcile(Approver { client, requests }, queue, WORKERS);
}

struct Approver {
    client: Client,
    requests: Store<CertificateSigningRequest>,
}

impl Reconcile for Approver {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(csr) = self.requests.get("", &key.name) else { return Ok(Outcome::Done) };
        if plan::certificate(&csr).is_some() || has(&csr, APPROVED) || has(&csr, DENIED) {
            return Ok(Outcome::Done);
        }
        let Ok(request) = Request::parse(&csr.spec.request.0) else { return Ok(Outcome::Done) };
        let permissions = plan::permissions(&csr, &request);
        for permission in permissions {
            if self.may(&csr.spec, permission.subresource).await? {
                let mut approved = (*csr).clone();
                let now = supervise::clock::now();
                plan::set(&mut approved, APPROVED, "AutoApproved", permission.message.to_owned(), now);
                let requests = self.client.cluster::<CertificateSigningRequest>();
                requests.update_subresource(&key.name, "approval", &approved).await?;
                return Ok(Outcome::Done);
            }
        }
        Ok(if permissions.is_empty() { Outcome::Done } else { Outcome::After(ASK_AGAIN) })
    }
}

impl Approver {
    /// Whether who asks may have such certificates.
    async fn may(&self, spec: &CertificateSigningRequestSpec, subresource: &str) -> Result<bool, ApiError> {
        let attributes = ResourceAttributes {
            group: Some("certificates.k8s.io".to_owned()),
            resource: Some("certificatesigningrequests".to_owned()),
            verb: Some("create".to_owned()),
            version: Some("*".to_owned()),
            subresource: Some(subresource.to_owned()),
            ..ResourceAttributes::default()
        };
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: spec.username.clone(),
                uid: spec.uid.clone(),
                groups: spec.groups.clone(),
                extra: spec.extra.clone(),
                resource_attributes: Some(attributes),
                non_resource_attributes: None,
            },
            ..SubjectAccessReview::default()
        };
        let answer = self.client.cluster::<SubjectAccessReview>().create(&review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

pub(crate) fn wire_signing(wiring: &mut Wiring<'_>) {
    let Some(signing) = wiring.config().cluster_signing.clone() else { return };
    let (queue, requests) = feed(wiring, "certificate_csrsigning");
    let client = wiring.client();
    wiring.reconcile(Signer { client, requests, signing }, queue, WORKERS);
}

struct Signer {
    client: Client,
    requests: Store<CertificateSigningRequest>,
    signing: ClusterSigning,
}

impl Reconcile for Signer {
    type Key = ObjectKey;
    type Error = SigningError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, SigningError> {
        let Some(csr) = self.requests.get("", &key.name) else { return Ok(Outcome::Done) };
        if plan::certificate(&csr).is_some() || !has(&csr, APPROVED) || has(&csr, DENIED) || has(&csr, FAILED)
        {
            return Ok(Outcome::Done);
        }
        let usages = csr.spec.usages.as_deref().unwrap_or_default();
        let sign = |source| SigningError::Sign { name: key.name.clone(), source };
        let request = Request::parse(&csr.spec.request.0).map_err(|source| sign(source.into()))?;
        let Some(valid) = plan::validate(&csr.spec.signer_name, &request, usages) else {
            return Ok(Outcome::Done);
        };
        let mut done = (*csr).clone();
        match valid {
            Err(why) => {
                let now = supervise::clock::now();
                plan::set(&mut done, FAILED, "SignerValidationFailure", why, now);
            }
            Ok(()) => {
                let text = String::from_utf8_lossy(&csr.spec.request.0);
                let validity = self.validity(csr.spec.expiration_seconds);
                let now = supervise::clock::now().into();
                let authority = self.signing.authority(&csr.spec.signer_name);
                let signed = authority.sign_request(&text, usages, validity, now).map_err(sign)?;
                done.status.get_or_insert_default().certificate = Some(ByteString(signed.into_bytes()));
            }
        }
        self.client.cluster::<CertificateSigningRequest>().update_status(&key.name, &done).await?;
        Ok(Outcome::Done)
    }
}

impl Signer {
    fn validity(&self, asked: Option<i32>) -> Duration {
        let longest = self.signing.duration;
        let asked = asked.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        asked.map_or(longest, |asked| asked.max(ClusterSigning::SHORTEST).min(longest))
    }
}

pub(crate) fn wire_cleaning(wiring: &mut Wiring<'_>) {
    let (queue, requests) = feed(wiring, "certificate_csrcleaning");
    let client = wiring.client();
    wiring.reconcile(Cleaner { client, requests }, queue, NonZeroUsize::MIN);
}

struct Cleaner {
    client: Client,
    requests: Store<CertificateSigningRequest>,
}

impl Reconcile for Cleaner {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(csr) = self.requests.get("", &key.name) else { return Ok(Outcome::Done) };
        let Some(end) = plan::end(&csr) else { return Ok(Outcome::Done) };
        let left = Duration::try_from(end.duration_since(supervise::clock::now())).unwrap_or(Duration::ZERO);
        if !left.is_zero() {
            return Ok(Outcome::After(left));
        }
        let only = DeleteOptions::default().of_uid(csr.metadata.uid.clone().unwrap_or_default());
        match self.client.cluster::<CertificateSigningRequest>().delete(&key.name, &only).await {
            Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}
