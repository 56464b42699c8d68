//! The pods of StatefulSets: each has a number, and by that its name and its claims.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaimVolumeSource, Pod as WholePod, PodTemplateSpec, Volume,
};
use objects::Tree;
use objects::tree::from_tree;

use crate::dependents::Owner;
use crate::pod::Pod;
use crate::pod_template::pod_of;
use crate::revisions::{REVISION_LABEL, Revision};

pub(super) const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The number of a pod of a set, by its name.
pub(super) fn ordinal(set: &str, pod: &str) -> Option<i32> {
    let number = pod.strip_prefix(set)?.strip_prefix('-')?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| number.parse().ok())?
}

pub(super) fn pod_name(set: &str, ordinal: i32) -> String {
    format!("{set}-{ordinal}")
}

pub(super) fn claim_name(template: &str, set: &str, ordinal: i32) -> String {
    format!("{template}-{set}-{ordinal}")
}

/// The template that a revision remembers.
pub(super) fn template_of(revision: &Revision) -> Option<PodTemplateSpec> {
    let mut template = revision.data.at(&["spec", "template"])?.clone();
    template.as_object_mut()?.remove("$patch");
    from_tree::<PodTemplateSpec>(&template).ok()
}

/// Whether a pod is labelled with its own name.
pub(super) fn is_labelled(pod: &Pod) -> bool {
    let label = pod.metadata.labels.as_ref().and_then(|labels| labels.get(NAME_LABEL));
    label == pod.metadata.name.as_ref()
}

/// A pod of a number and a revision, to be created.
pub(super) fn pod(
    set: &StatefulSet,
    owner: &Owner,
    template: &PodTemplateSpec,
    revision: &str,
    ordinal: i32,
) -> WholePod {
    let mut pod = pod_of(template, owner);
    let name = pod_name(&owner.name, ordinal);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(REVISION_LABEL.to_owned(), revision.to_owned());
    labels.insert(NAME_LABEL.to_owned(), name.clone());
    labels.insert(INDEX_LABEL.to_owned(), ordinal.to_string());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name.clone());
    spec.subdomain = set.spec.as_ref().and_then(|set| set.service_name.clone());
    let claims = set.spec.iter().flat_map(|set| set.volume_claim_templates.iter().flatten());
    let claims: Vec<Volume> = claims
        .filter_map(|claim| claim.metadata.name.as_deref())
        .map(|template| Volume {
            name: template.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim_name(template, &owner.name, ordinal),
                read_only: None,
            }),
            ..Volume::default()
        })
        .collect();
    let others = spec.volumes.take().unwrap_or_default().into_iter();
    let others = others.filter(|volume| claims.iter().all(|claim| claim.name != volume.name));
    let volumes: Vec<Volume> = claims.iter().cloned().chain(others).collect();
    spec.volumes = Some(volumes).filter(|volumes| !volumes.is_empty());
    pod.metadata.name = Some(name);
    pod
}

/// The labels that a pod has by its identity.
pub(super) fn identity(pod: &Pod) -> Tree {
    let name = pod.metadata.name.clone();
    let mut patch = objects::tree!({ "metadata": { "uid": (pod.metadata.uid.clone()) } });
    patch.set_at(&["metadata", "labels", NAME_LABEL], name);
    patch
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree;
    use objects::tree::to_tree;

    use super::*;

    #[test]
    fn the_number_of_a_pod_is_the_end_of_its_name() {
        assert_eq!(ordinal("web", "web-0"), Some(0));
        assert_eq!(ordinal("web", "web-12"), Some(12));
        for foreign in ["web", "web-", "web-a", "web-+1", "other-1", "web-db-1", "web-99999999999"] {
            assert_eq!(ordinal("web", foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_pod_has_its_name_its_labels_and_its_claims() {
        let set: StatefulSet = from_tree(&tree!({
            "metadata": { "name": "web", "namespace": "default", "uid": "1" },
            "spec": {
                "serviceName": "svc", "selector": {}, "template": {},
                "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": {} }]
            }
        }))
        .unwrap();
        let template: PodTemplateSpec = from_tree(&tree!({ "spec": {
            "containers": [], "volumes": [{ "name": "data", "emptyDir": {} }, { "name": "tmp", "emptyDir": {} }]
        } }))
        .unwrap();
        let pod = pod(&set, &Owner::of(&set), &template, "web-abc", 3);
        let pod = to_tree(&pod).unwrap();
        expect![[r#"{"apps.kubernetes.io/pod-index":"3","controller-revision-hash":"web-abc","statefulset.kubernetes.io/pod-name":"web-3"}"#]]
        .assert_eq(&pod.at(&["metadata", "labels"]).unwrap().to_json_string());
        expect![[r#"{"containers":[],"hostname":"web-3","subdomain":"svc","volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data-web-3"}},{"emptyDir":{},"name":"tmp"}]}"#]]
        .assert_eq(&pod.at(&["spec"]).unwrap().to_json_string());
    }
}
