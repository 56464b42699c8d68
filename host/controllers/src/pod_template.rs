//! Pods made from a template.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::tree::to_tree;

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

/// A name for a template, which is the same whenever the template is; with collisions another for each.
pub(crate) fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let text = to_tree(template).expect("a template is JSON").to_json_string();
    hash(text.bytes().chain(collisions.into_iter().flat_map(i32::to_le_bytes)))
}

/// As upstream makes names of hashes: 32 bits by FNV-1a, in letters and digits that make no words.
pub(crate) fn hash(bytes: impl Iterator<Item = u8>) -> String {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    let digits = hash.to_string().into_bytes();
    digits.into_iter().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
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
    fn hashes_are_letters_and_differ_by_template_and_collision() {
        assert_eq!(hash(b"a".iter().copied()), "7d6b446664");
        let template = PodTemplateSpec::default();
        assert_ne!(template_hash(&template, None), template_hash(&template, Some(1)));
        assert_eq!(template_hash(&template, Some(1)), template_hash(&template, Some(1)));
    }

    #[test]
    fn a_name_without_room_for_a_dash_goes_without() {
        let (short, long) = ("a".repeat(252), "a".repeat(253));
        assert_eq!(name_prefix(&short), format!("{short}-"));
        assert_eq!(name_prefix(&long), long);
    }
}
