//! The claims that pods bring along: made from the template in the pod, owned by it.

use client::events::{EventType, Recorder};
use client::{ApiError, Client};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observe::counter::Counter;
use reconcile::{Change, ObjectKey, Outcome, Reconcile, Store};

use super::{claim_name, claim_names, is_made_for};
use crate::counts::counter;
use crate::dependents::Owner;
use crate::pod::Pod;
use crate::reference::versioned_reference;
use crate::wiring::Wiring;

#[derive(Debug, thiserror::Error)]
enum EphemeralError {
    #[error("PVC {claim} was not created for pod {pod} (pod is not owner)")]
    Foreign { claim: ObjectKey, pod: ObjectKey },
    #[error("create PVC {claim}: {source}")]
    Create { claim: String, source: ApiError },
    #[error(transparent)]
    Find(ApiError),
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("ephemeral_volume");
    let pods = wiring.feed(&queue, |pod: &Pod| wants(pod).then(|| ObjectKey::of(&pod.metadata)));
    let (again, among) = (queue.clone(), pods.clone());
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        if change.new.is_some() {
            return;
        }
        let pods = among.in_namespace(&change.key.namespace);
        let named =
            pods.iter().filter(|pod| wants(pod) && claim_names(pod).any(|name| name == change.key.name));
        named.for_each(|pod| again.add(ObjectKey::of(&pod.metadata)));
    });
    let (client, claims, recorder) = (wiring.client(), wiring.store(), wiring.recorder("ephemeral_volume"));
    let counted = |name: &str, help: &str| counter(wiring.metrics(), name, help);
    let made = counted("ephemeral_volume_controller_create", "Claims that were to be made");
    let failed = counted("ephemeral_volume_controller_create_failures", "Claims that could not be made");
    let workers = wiring.config().ephemeral_volume_syncs;
    wiring.reconcile(Ephemeral { client, recorder, pods, claims, made, failed }, queue, workers);
}

/// Whether a pod has claims to be made for it.
fn wants(pod: &Pod) -> bool {
    !pod.is_deleting() && pod.spec.volumes.iter().any(|volume| volume.ephemeral.is_some())
}

struct Ephemeral {
    client: Client,
    recorder: Recorder,
    pods: Store<Pod>,
    claims: Store<PersistentVolumeClaim>,
    made: Counter,
    failed: Counter,
}

impl Reconcile for Ephemeral {
    type Key = ObjectKey;
    type Error = EphemeralError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, EphemeralError> {
        let pod = self.pods.get(&key.namespace, &key.name).filter(|pod| wants(pod));
        let Some(pod) = pod else { return Ok(Outcome::Done) };
        for (volume, claim) in wanted(&pod) {
            if let Err(error) = self.have(&pod, &claim).await {
                let message = format!("ephemeral volume {volume}: {error}");
                self.recorder.record(
                    versioned_reference(&*pod),
                    EventType::Warning,
                    "FailedBinding",
                    message,
                );
                return Err(error);
            }
        }
        Ok(Outcome::Done)
    }
}

impl Ephemeral {
    async fn have(&self, pod: &Pod, claim: &PersistentVolumeClaim) -> Result<(), EphemeralError> {
        let key = ObjectKey::of(&claim.metadata);
        if let Some(there) = self.claims.get(&key.namespace, &key.name) {
            return own(pod, &there);
        }
        let api = self.client.namespaced::<PersistentVolumeClaim>(&key.namespace);
        self.made.inc();
        match api.create(claim).await {
            Ok(_) => Ok(()),
            // The store may not have what was made before.
            Err(error) if error.is_already_exists() => api
                .find(&key.name)
                .await
                .map_err(EphemeralError::Find)?
                .map_or(Ok(()), |there| own(pod, &there)),
            Err(source) => {
                self.failed.inc();
                Err(EphemeralError::Create { claim: key.name, source })
            }
        }
    }
}

fn own(pod: &Pod, claim: &PersistentVolumeClaim) -> Result<(), EphemeralError> {
    if is_made_for(claim, pod) {
        return Ok(());
    }
    let (claim, pod) = (ObjectKey::of(&claim.metadata), ObjectKey::of(&pod.metadata));
    Err(EphemeralError::Foreign { claim, pod })
}

/// The names of the ephemeral volumes of a pod, and the claims that they stand for.
fn wanted(pod: &Pod) -> impl Iterator<Item = (&str, PersistentVolumeClaim)> {
    let owner = Owner::of(pod).reference();
    pod.spec.volumes.iter().filter_map(move |volume| {
        let template = volume.ephemeral.as_ref()?.volume_claim_template.clone()?;
        let metadata = template.metadata.unwrap_or_default();
        let metadata = ObjectMeta {
            namespace: pod.metadata.namespace.clone(),
            name: claim_name(pod, volume),
            owner_references: Some(vec![owner.clone()]),
            annotations: metadata.annotations,
            labels: metadata.labels,
            ..ObjectMeta::default()
        };
        let claim = PersistentVolumeClaim { metadata, spec: Some(template.spec), status: None };
        Some((volume.name.as_str(), claim))
    })
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::{from_tree, to_tree};

    use super::*;

    #[test]
    fn a_claim_is_made_of_the_template_and_owned_by_the_pod() {
        let pod: Pod = from_tree(&tree!({
            "metadata": { "namespace": "web", "name": "a", "uid": "p1" },
            "spec": { "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "tmp", "ephemeral": { "volumeClaimTemplate": {
                    "metadata": { "labels": { "app": "web" }, "annotations": { "note": "x" } },
                    "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "fast" }
                } } }
            ] }
        }))
        .unwrap();
        let claims: Vec<_> = wanted(&pod).collect();
        let [(volume, claim)] = &claims[..] else { panic!("one volume is ephemeral") };
        assert_eq!(*volume, "tmp");
        expect_test::expect![[
            r#"{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"annotations":{"note":"x"},"labels":{"app":"web"},"name":"a-tmp","namespace":"web","ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":true,"controller":true,"kind":"Pod","name":"a","uid":"p1"}]},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"fast"}}"#
        ]]
        .assert_eq(&to_tree(claim).unwrap().to_json_string());
        assert!(own(&pod, claim).is_ok());
        let foreign = PersistentVolumeClaim {
            metadata: ObjectMeta { owner_references: None, ..claim.metadata.clone() },
            ..claim.clone()
        };
        let refused = own(&pod, &foreign).unwrap_err().to_string();
        assert_eq!(refused, "PVC web/a-tmp was not created for pod web/a (pod is not owner)");
    }
}
