//! The API objects that volumes and environments are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::ApiError;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Container, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, NamespaceResourceScope};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kubelet::Context;
use crate::pod::claim::{self, Claim, ClaimError};
use crate::pod::env::{Sources, references};
use crate::pod::facts::PodFacts;
use crate::pod::payload::{Contents, TokenWanted, Wanted};

/// A token is renewed when a fifth of its life is left.
const RENEWAL_DIVISOR: i64 = 5;
/// How long a container waits for the first list of services, which comes with the API server's first answers.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("get {kind} {name:?}: {source}")]
    Object { kind: &'static str, name: String, source: Box<ApiError> },
    #[error("failed to fetch token: {0}")]
    Token(Box<ApiError>),
    #[error("failed to fetch token: the API server answered without one")]
    NoToken,
    #[error("services have not yet been read at least once, cannot construct envvars")]
    Services,
}

/// Tokens that a pod has, and from when each is to be renewed.
pub(crate) type Tokens = BTreeMap<TokenWanted, (String, Timestamp)>;

/// The objects of these names; what is not there is left out.
async fn fetch<K>(
    context: &Context,
    pod: &Pod,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, K>, FetchError>
where
    K: k8s_openapi::Resource<Scope = NamespaceResourceScope>
        + Metadata<Ty = ObjectMeta>
        + Serialize
        + DeserializeOwned,
{
    let api = context.client.namespaced::<K>(pod.namespace());
    let mut found = BTreeMap::new();
    for name in names {
        match api.find(&name).await {
            Ok(Some(object)) => drop(found.insert(name, object)),
            Ok(None) => {}
            Err(source) => return Err(FetchError::Object { kind: K::KIND, name, source: Box::new(source) }),
        }
    }
    Ok(found)
}

/// What the environment of a container is made from.
pub(crate) async fn environment(
    context: &Context,
    pod: &Pod,
    container: &Container,
) -> Result<Sources, FetchError> {
    let references = references(container);
    let mut services = context.services.clone();
    let listed = tokio::time::timeout(PATIENCE, services.wait_for(Option::is_some)).await;
    let services = listed.ok().and_then(|listed| listed.ok()?.clone()).ok_or(FetchError::Services)?;
    Ok(Sources {
        config_maps: fetch(context, pod, references.config_maps).await?,
        secrets: fetch(context, pod, references.secrets).await?,
        services,
    })
}

/// A claim and the volume that it is bound to, which `claim::place` looks at.
pub(super) struct Claimed {
    pub(super) claim: PersistentVolumeClaim,
    pub(super) volume: String,
    pub(super) object: Option<PersistentVolume>,
}

/// `Ok(Err(_))` where the claim is not as it must be.
pub(super) async fn claimed(
    context: &Context,
    pod: &Pod,
    claim: &Claim,
) -> Result<Result<Claimed, ClaimError>, FetchError> {
    let failed = |kind, name: &str, source| FetchError::Object {
        kind,
        name: name.to_owned(),
        source: Box::new(source),
    };
    let claims = context.client.namespaced::<PersistentVolumeClaim>(pod.namespace());
    let object = claims.find(&claim.name).await;
    let object = object.map_err(|source| failed("PersistentVolumeClaim", &claim.name, source))?;
    let volume = match claim::bound(pod, claim, object.as_ref()) {
        Ok(volume) => volume.to_owned(),
        Err(wrong) => return Ok(Err(wrong)),
    };
    let Some(object) = object else { return Ok(Err(ClaimError::NoClaim(claim.name.clone()))) };
    let volumes = context.client.cluster::<PersistentVolume>();
    let found = volumes.find(&volume).await;
    let found = found.map_err(|source| failed("PersistentVolume", &volume, source))?;
    Ok(Ok(Claimed { claim: object, volume, object: found }))
}

pub(super) async fn contents(
    context: &Context,
    pod: &Pod,
    wanted: Wanted,
    tokens: &mut Tokens,
) -> Result<Contents, FetchError> {
    for token in &wanted.tokens {
        let now = Timestamp::now();
        if tokens.get(token).is_none_or(|(_, renewal)| *renewal <= now) {
            let got = request(context, pod, token, now).await?;
            tokens.insert(token.clone(), got);
        }
    }
    Ok(Contents {
        config_maps: fetch(context, pod, wanted.config_maps).await?,
        secrets: fetch(context, pod, wanted.secrets).await?,
        tokens: tokens.iter().map(|(wanted, (text, _))| (wanted.clone(), text.clone())).collect(),
    })
}

/// A token bound to the pod, and from when it is to be renewed.
async fn request(
    context: &Context,
    pod: &Pod,
    wanted: &TokenWanted,
    now: Timestamp,
) -> Result<(String, Timestamp), FetchError> {
    let bound = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(pod.name().to_owned()),
        uid: Some(pod.uid().0),
    };
    let audiences = Some(wanted.audience.clone()).filter(|audience| !audience.is_empty());
    let body = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(audiences.into_iter().collect()),
            bound_object_ref: Some(bound),
            expiration_seconds: Some(wanted.seconds),
        }),
        ..TokenRequest::default()
    };
    let accounts = context.client.namespaced::<ServiceAccount>(pod.namespace());
    let answer: Result<TokenRequest, _> =
        accounts.create_subresource(pod.service_account(), "token", &body).await;
    let status = answer.map_err(|error| FetchError::Token(Box::new(error)))?.status.unwrap_or_default();
    let (Some(token), Some(expiry)) = (status.token, status.expiration_timestamp) else {
        return Err(FetchError::NoToken);
    };
    let life = expiry.0.duration_since(now).as_secs();
    let renewal = now.checked_add(SignedDuration::from_secs(life - life / RENEWAL_DIVISOR)).unwrap_or(now);
    Ok((token, renewal))
}
