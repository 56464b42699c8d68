//! Pods made from a template.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::dependents::Owner;

/// A name may have so many bytes.
const LONGEST_NAME: usize = 253;

/// A pod of an owner, to be created; the API server names it after the owner.
pub(crate) fn pod_of(template: &PodTemplateSpec, owner: &Owner) -> Pod {
    let given = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        generate_name: Some(name_prefix(&owner.name)),
        namespace: Some(owner.namespace.clone()),
        labels: given.labels,
        annotations: given.annotations,
        finalizers: given.finalizers,
        owner_references: Some(vec![owner.reference()]),
        ..ObjectMeta::default()
    };
    Pod { metadata, spec: template.spec.clone(), status: None }
}

/// With a dash where the name leaves room for one.
fn name_prefix(owner: &str) -> String {
    let dash = if owner.len() < LONGEST_NAME { "-" } else { "" };
    format!("{owner}{dash}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use k8s_openapi::api::apps::v1::ReplicaSet;
    use objects::tree;
    use objects::tree::{from_tree, to_tree};

    use super::*;

    #[test]
    fn a_pod_has_what_the_template_says_and_its_owner() {
        let owner: ReplicaSet = from_tree(&tree!({
            "metadata": { "name": "web", "namespace": "default", "uid": "1" }
        }))
        .unwrap();
        let template: PodTemplateSpec = from_tree(&tree!({
            "metadata": { "labels": { "app": "web" }, "annotations": { "a": "b" }, "finalizers": ["x/y"], "name": "no" },
            "spec": { "containers": [{ "name": "c" }] }
        }))
        .unwrap();
        let pod = pod_of(&template, &Owner::of(&owner));
        expect![[r#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"a":"b"},"finalizers":["x/y"],"generateName":"web-","labels":{"app":"web"},"namespace":"default","ownerReferences":[{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"web","uid":"1"}]},"spec":{"containers":[{"name":"c"}]}}"#]]
        .assert_eq(&to_tree(&pod).unwrap().to_json_string());
    }

    #[test]
    fn a_name_without_room_for_a_dash_goes_without() {
        let (short, long) = ("a".repeat(252), "a".repeat(253));
        assert_eq!(name_prefix(&short), format!("{short}-"));
        assert_eq!(name_prefix(&long), long);
    }
}
