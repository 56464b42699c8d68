//! The claims of a StatefulSet's pods: made before their pod, and kept or deleted as the policy says, which is told to
//! the garbage collector by owner references.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::identity::claim_name;
use crate::dependents::Owner;
use crate::pod::Pod;

const POD: &str = "Pod";

/// What becomes of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retention {
    /// Claims go with the set.
    pub(super) deletes_with_set: bool,
    /// Claims go with pods that are scaled away.
    pub(super) deletes_with_pod: bool,
}

impl Retention {
    pub(super) fn of(set: &StatefulSet) -> Self {
        let spec = set.spec.as_ref();
        let policy = spec.and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref());
        let deletes = |when: Option<&String>| when.is_some_and(|when| when == "Delete");
        Self {
            deletes_with_set: deletes(policy.and_then(|policy| policy.when_deleted.as_ref())),
            deletes_with_pod: deletes(policy.and_then(|policy| policy.when_scaled.as_ref())),
        }
    }
}

/// The claims of the pod of a number, as they are made.
pub(super) fn claims(set: &StatefulSet, owner: &Owner, ordinal: i32) -> Vec<PersistentVolumeClaim> {
    let Some(spec) = &set.spec else { return Vec::new() };
    let selected = spec.selector.match_labels.clone().unwrap_or_default();
    let templates = spec.volume_claim_templates.iter().flatten();
    let claim = |template: &PersistentVolumeClaim| {
        let mut labels = template.metadata.labels.clone().unwrap_or_default();
        labels.extend(selected.clone());
        let name = template.metadata.name.as_deref().unwrap_or_default();
        PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(claim_name(name, &owner.name, ordinal)),
                namespace: Some(owner.namespace.clone()),
                labels: Some(labels),
                ..template.metadata.clone()
            },
            spec: template.spec.clone(),
            status: None,
        }
    };
    templates.map(claim).collect()
}

/// Who a claim is to go with.
#[derive(Clone, Copy)]
pub(super) struct Owners<'a> {
    pub(super) retention: Retention,
    pub(super) set: &'a Owner,
    pub(super) pod: &'a Owner,
    /// Whether the pod is one too many.
    pub(super) is_condemned: bool,
}

impl Owners<'_> {
    /// The owner references that a claim is to have; `None` where it has them.
    pub(super) fn changed(&self, claim: &ObjectMeta) -> Option<Vec<OwnerReference>> {
        let old = claim.owner_references.clone().unwrap_or_default();
        let is_of = |reference: &OwnerReference, owner: &Owner| {
            reference.uid == owner.uid && reference.name == owner.name
        };
        let ours = |reference: &OwnerReference| is_of(reference, self.set) || is_of(reference, self.pod);
        let others: Vec<_> = old.iter().filter(|reference| !ours(reference)).cloned().collect();
        let has_controller = others.iter().any(|reference| reference.controller == Some(true));
        let owner = self.owner().filter(|_| !has_controller).map(Owner::reference);
        let is_right = match &owner {
            Some(owner) => others.len() + 1 == old.len() && old.contains(owner),
            None => others.len() == old.len(),
        };
        (!is_right).then(|| others.into_iter().chain(owner).collect())
    }

    fn owner(&self) -> Option<&Owner> {
        if self.is_condemned && self.retention.deletes_with_pod {
            return Some(self.pod);
        }
        self.retention.deletes_with_set.then_some(self.set)
    }
}

/// Whether a claim still goes with an earlier pod of the name.
pub(super) fn is_stale(claim: &ObjectMeta, pod: &str, present: Option<&Pod>) -> bool {
    let uid = present.and_then(|present| present.metadata.uid.as_ref());
    let mut owners = claim.owner_references.iter().flatten();
    owners.any(|owner| owner.kind == POD && owner.name == pod && Some(&owner.uid) != uid)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod as WholePod;
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    fn owners() -> (Owner, Owner) {
        let set: StatefulSet = from_tree(&tree!({ "metadata": { "name": "web", "uid": "s" } })).unwrap();
        let pod: WholePod = from_tree(&tree!({ "metadata": { "name": "web-0", "uid": "p" } })).unwrap();
        (Owner::of(&set), Owner::of(&pod))
    }

    /// The uids of the owners that a claim of some owners is to have, if those are others.
    fn check(deletes: (bool, bool), is_condemned: bool, old: &[OwnerReference], expected: Option<&[&str]>) {
        let (set, pod) = owners();
        let retention = Retention { deletes_with_set: deletes.0, deletes_with_pod: deletes.1 };
        let claim = ObjectMeta { owner_references: Some(old.to_vec()), ..ObjectMeta::default() };
        let changed = Owners { retention, set: &set, pod: &pod, is_condemned }.changed(&claim);
        let changed = changed.map(|owners| owners.into_iter().map(|owner| owner.uid).collect::<Vec<_>>());
        let expected = expected.map(|uids| uids.iter().map(|uid| (*uid).to_owned()).collect());
        assert_eq!(changed, expected, "{deletes:?} {is_condemned} {old:?}");
    }

    #[test]
    fn a_claim_goes_with_whom_the_policy_says() {
        let (set, pod) = owners();
        let (set, pod) = ([set.reference()], [pod.reference()]);
        check((false, false), true, &[], None);
        check((false, false), true, &set, Some(&[]));
        check((true, false), false, &[], Some(&["s"]));
        check((true, false), true, &set, None);
        check((false, true), false, &[], None);
        check((false, true), true, &[], Some(&["p"]));
        check((true, true), false, &pod, Some(&["s"]));
        check((true, true), true, &set, Some(&["p"]));
    }

    #[test]
    fn a_claim_that_another_controls_is_left_to_it() {
        let other = OwnerReference {
            kind: "Other".to_owned(),
            uid: "o".to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        };
        check((true, true), false, &[other.clone()], None);
        let (set, _) = owners();
        check((true, true), false, &[other, set.reference()], Some(&["o"]));
    }

    #[test]
    fn a_claim_of_an_earlier_pod_of_the_name_is_stale() {
        let claim = |owner: Tree| from_tree(&tree!({ "ownerReferences": [owner] })).unwrap();
        let of_pod = claim(tree!({ "apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "p" }));
        let of_set =
            claim(tree!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "s" }));
        let pod: Pod = from_tree(&tree!({ "metadata": { "name": "web-0", "uid": "p" } })).unwrap();
        assert!(is_stale(&of_pod, "web-0", None));
        assert!(!is_stale(&of_pod, "web-0", Some(&pod)));
        assert!(!is_stale(&of_pod, "web-1", None));
        assert!(!is_stale(&of_set, "web-0", None));
    }
}
