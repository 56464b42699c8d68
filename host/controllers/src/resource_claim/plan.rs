//! Which claims a pod needs, and what becomes of a claim.

use std::sync::Arc;

use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimConsumerReference, ResourceClaimTemplate};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use reconcile::ObjectKey;

use crate::dependents::Owner;
use crate::pod::{Pod, controller_of};

/// On a claim that was made for a pod: the pod's own name of it.
const POD_CLAIM: &str = "resource.kubernetes.io/pod-claim-name";
/// Holds a claim as long as devices are allocated to it.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";
/// Pods that may share a claim.
const CONSUMERS: usize = 256;
/// What of a generated name leaves room for the part that makes it unique.
const BASE: usize = 57;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlanError {
    #[error("resource claim template {0:?}: resourceclaimtemplate.resource.k8s.io {0:?} not found")]
    NoTemplate(String),
    #[error("ResourceClaim {claim} was not created for pod {pod} (pod is not owner)")]
    Foreign { claim: ObjectKey, pod: ObjectKey },
    #[error("unsupported ReservedFor entry: {0}")]
    Consumer(String),
}

/// A claim that is to be made of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need<'a> {
    pub(super) pod_claim: &'a str,
    pub(super) template: &'a str,
}

/// Whether none of its containers runs or ever will.
pub(super) fn is_done(pod: &Pod) -> bool {
    pod.has_ended() || (pod.is_deleting() && pod.spec.node_name.is_none())
}

/// What a pod's status says of a claim that it has of a template: `Some(None)` if it needs none.
fn told<'a>(pod: &'a Pod, pod_claim: &str) -> Option<Option<&'a str>> {
    let status = pod.status.resource_claim_statuses.iter().find(|status| status.name == pod_claim);
    status.map(|status| status.resource_claim_name.as_deref())
}

/// The names of the claims of a pod, as far as they are known, and whether each was made for it.
fn named(pod: &Pod) -> impl Iterator<Item = (&str, bool)> {
    pod.spec.resource_claims.iter().filter_map(|claim| match &claim.resource_claim_name {
        Some(name) => Some((name.as_str(), false)),
        None => told(pod, &claim.name)?.map(|name| (name, true)),
    })
}

pub(crate) fn names(pod: &Pod) -> impl Iterator<Item = &str> {
    named(pod).map(|(name, _)| name)
}

fn is_owned(claim: &ResourceClaim, pod: &Pod) -> bool {
    claim.metadata.namespace == pod.metadata.namespace
        && controller_of(&claim.metadata).is_some_and(|owner| Some(&owner.uid) == pod.metadata.uid.as_ref())
}

/// Whether a claim was made for a pod under the pod's own name of it.
pub(super) fn is_made_for(claim: &ResourceClaim, pod: &Pod, pod_claim: &str) -> bool {
    let annotations = claim.metadata.annotations.as_ref();
    let told = annotations.and_then(|all| all.get(POD_CLAIM)).map(String::as_str);
    is_owned(claim, pod) && told == Some(pod_claim)
}

/// What a pod lacks: what was never made for it, and what was made and is no more.
pub(super) fn needs<'a>(pod: &'a Pod, find: impl Fn(&str) -> Option<Arc<ResourceClaim>>) -> Vec<Need<'a>> {
    let lacks = |pod_claim: &str| match told(pod, pod_claim) {
        None => true,
        Some(None) => false,
        Some(Some(name)) => find(name).is_none_or(|claim| !is_owned(&claim, pod)),
    };
    let need = |claim: &'a k8s_openapi::api::core::v1::PodResourceClaim| {
        let template = claim.resource_claim_template_name.as_deref()?;
        Some(Need { pod_claim: &claim.name, template })
    };
    pod.spec.resource_claims.iter().filter_map(need).filter(|need| lacks(need.pod_claim)).collect()
}

/// A claim of a template, for a pod.
pub(super) fn claim(
    pod: &Pod,
    need: &Need<'_>,
    template: Option<&ResourceClaimTemplate>,
) -> Result<ResourceClaim, PlanError> {
    let template = template.ok_or_else(|| PlanError::NoTemplate(need.template.to_owned()))?;
    let metadata = template.spec.metadata.clone().unwrap_or_default();
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.insert(POD_CLAIM.to_owned(), need.pod_claim.to_owned());
    let owner = Owner::of(pod);
    let metadata = ObjectMeta {
        namespace: pod.metadata.namespace.clone(),
        generate_name: Some(base(&owner.name, need.pod_claim)),
        owner_references: Some(vec![owner.reference()]),
        annotations: Some(annotations),
        labels: metadata.labels,
        ..ObjectMeta::default()
    };
    Ok(ResourceClaim { metadata, spec: template.spec.spec.clone(), status: None })
}

/// The base of a claim's name: where it is too long, both parts give up of their own.
fn base(pod: &str, pod_claim: &str) -> String {
    let whole = format!("{pod}-{pod_claim}-");
    if whole.len() <= BASE {
        return whole;
    }
    // Both are names of DNS: a byte is a character.
    let cut = |part: &str| part.chars().take(part.len() * BASE / whole.len()).collect::<String>();
    format!("{}-{}", cut(pod), cut(pod_claim))
}

/// The claims of a pod with a node, reserved for it where they are not: the scheduler did not do it.
pub(super) fn reservations(
    pod: &Pod,
    find: impl Fn(&str) -> Option<Arc<ResourceClaim>>,
) -> Result<Vec<ResourceClaim>, PlanError> {
    let mut reserved = Vec::new();
    if pod.spec.node_name.is_none() || is_done(pod) {
        return Ok(reserved);
    }
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    for (name, is_own) in named(pod) {
        // The change by which it comes brings the pod back.
        let Some(claim) = find(name) else { return Ok(reserved) };
        if is_own && !is_owned(&claim, pod) {
            let (claim, pod) = (ObjectKey::of(&claim.metadata), ObjectKey::of(&pod.metadata));
            return Err(PlanError::Foreign { claim, pod });
        }
        let mut claim = ResourceClaim::clone(&claim);
        let Some(status) = claim.status.as_mut().filter(|status| status.allocation.is_some()) else {
            continue;
        };
        let consumers = status.reserved_for.get_or_insert_default();
        if consumers.len() < CONSUMERS && consumers.iter().all(|consumer| consumer.uid != uid) {
            consumers.push(ResourceClaimConsumerReference {
                api_group: None,
                resource: "pods".to_owned(),
                name: pod.metadata.name.clone().unwrap_or_default(),
                uid: uid.clone(),
            });
            reserved.push(claim);
        }
    }
    Ok(reserved)
}

/// Whom a claim is reserved for: pods.
pub(super) fn consumers(claim: &ResourceClaim) -> Result<&[ResourceClaimConsumerReference], PlanError> {
    let consumers = claim.status.as_ref().and_then(|status| status.reserved_for.as_deref());
    let consumers = consumers.unwrap_or_default();
    let is_pod = |consumer: &ResourceClaimConsumerReference| {
        consumer.resource == "pods" && consumer.api_group.as_deref().unwrap_or_default().is_empty()
    };
    match consumers.iter().find(|consumer| !is_pod(consumer)) {
        Some(other) => Err(PlanError::Consumer(format!("{} {}", other.resource, other.name))),
        None => Ok(consumers),
    }
}

fn is_held(claim: &ResourceClaim) -> bool {
    claim.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

/// What a claim gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Released {
    Nothing,
    Consumers,
    Devices,
}

fn is_going(claim: &ResourceClaim) -> bool {
    claim.metadata.deletion_timestamp.is_some()
}

/// Takes the consumers of these uids from a claim, and with the last one its devices. One that is being deleted and has no
/// consumer gives up its devices too.
pub(super) fn release(claim: &mut ResourceClaim, gone: &[String]) -> Released {
    let (held, is_going) = (is_held(claim), is_going(claim));
    let Some(status) = &mut claim.status else { return Released::Nothing };
    let consumers = status.reserved_for.get_or_insert_default();
    let before = consumers.len();
    consumers.retain(|consumer| !gone.contains(&consumer.uid));
    let (left, changed) = (consumers.len(), consumers.len() < before);
    if left == 0 && held && (changed || is_going) && status.allocation.is_some() {
        status.allocation = None;
        return Released::Devices;
    }
    if changed { Released::Consumers } else { Released::Nothing }
}

/// Takes the finalizer from a claim that gave up its devices, or is being deleted and has none; whether it did. On others
/// it may be there for the devices that the scheduler allocates next.
pub(super) fn let_go(claim: &mut ResourceClaim, released: Released) -> bool {
    let status = claim.status.as_ref();
    let is_free = status.is_none_or(|status| {
        status.allocation.is_none() && status.reserved_for.as_ref().is_none_or(Vec::is_empty)
    });
    let may_go = released == Released::Devices || is_going(claim);
    if !is_free || !may_go || !is_held(claim) {
        return false;
    }
    claim.metadata.finalizers.iter_mut().for_each(|all| all.retain(|finalizer| finalizer != FINALIZER));
    true
}

/// The pod that a claim was made for.
pub(super) fn owner(claim: &ResourceClaim) -> Option<&OwnerReference> {
    controller_of(&claim.metadata).filter(|owner| owner.api_version == "v1" && owner.kind == "Pod")
}

/// Whether a claim was made for a pod of this name that is done or another, and nobody uses it.
pub(super) fn is_left_over(claim: &ResourceClaim, pod: &Pod) -> bool {
    let consumers = claim.status.as_ref().and_then(|status| status.reserved_for.as_ref());
    let owner = owner(claim).map(|owner| &owner.uid);
    !is_going(claim)
        && consumers.is_none_or(Vec::is_empty)
        && owner.is_some()
        && (owner != pod.metadata.uid.as_ref() || is_done(pod))
}

#[cfg(test)]
mod tests;
