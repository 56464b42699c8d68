//! What a quota's status is to say, by the objects of its namespace. Pure.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ResourceQuota;
use objects::quota::{concerns, count};
use objects::resource::GroupResource;
use objects::resources::Amounts;
use objects::tree::to_tree;
use objects::{Tree, meta, tree};
use reconcile::{ObjectKey, Reflected};
use serde::Deserialize;

use crate::discovery::Served;

/// Of an object, what quotas count by.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Tree")]
pub(super) struct Counted(pub(super) Tree);

/// What of a container says what it takes.
const CONTAINER: &[&str] = &["name", "resources", "restartPolicy"];

impl From<Tree> for Counted {
    fn from(mut whole: Tree) -> Self {
        whole.object_mut().retain(|field, _| matches!(field, "metadata" | "spec" | "status"));
        whole.remove_at(&["metadata", "managedFields"]);
        whole.remove_at(&["spec", "volumes"]);
        for list in ["containers", "initContainers"] {
            let containers = whole.at_mut(&["spec", list]).and_then(Tree::as_array_mut);
            for container in containers.into_iter().flatten().filter_map(Tree::as_object_mut) {
                container.retain(|field, _| CONTAINER.contains(&field));
            }
        }
        Self(whole)
    }
}

impl Reflected for Counted {
    fn key(&self) -> ObjectKey {
        ObjectKey::new(meta::namespace(&self.0), meta::name(&self.0))
    }

    fn resource_version(&self) -> &str {
        meta::resource_version(&self.0)
    }
}

impl Counted {
    /// How long until a pod that should be gone by then counts no more.
    fn expires(&self, now: Timestamp) -> Option<Duration> {
        let grace = SignedDuration::from_secs(self.0.i64_at(&["metadata", "deletionGracePeriodSeconds"])?);
        let at = meta::deletion_timestamp(&self.0)?.checked_add(grace).ok()?;
        Duration::try_from(at.duration_since(now)).ok().map(|left| left + Duration::from_secs(1))
    }
}

pub(super) fn group_resource(served: &Served) -> GroupResource {
    let resource = &served.resource;
    GroupResource { group: resource.group.clone(), resource: resource.plural.clone() }
}

/// What the quotas bound at all.
pub(super) fn is_wanted<'a>(served: &Served, quotas: impl IntoIterator<Item = &'a ResourceQuota>) -> bool {
    let resource = group_resource(served);
    let names = |quota: &'a ResourceQuota| {
        quota.spec.iter().flat_map(|spec| spec.hard.iter().flatten()).map(|(name, _)| name)
    };
    served.namespaced && quotas.into_iter().flat_map(names).any(|name| concerns(&resource, name))
}

/// The objects of one resource in one namespace.
pub(super) type Objects = (GroupResource, Vec<Arc<Counted>>);

/// The status, and when it is another though nothing changes.
pub(super) fn status(quota: &ResourceQuota, objects: &[Objects], now: Timestamp) -> (Tree, Option<Duration>) {
    let quota = to_tree(quota).expect("a quota is JSON");
    let all = objects.iter().flat_map(|(resource, all)| all.iter().map(move |one| (resource, &one.0)));
    let old = Amounts::read(quota.at(&["status", "used"]));
    let mut used = Amounts::default();
    for (name, amount) in count(&quota, all, now).iter() {
        // What counts by a name may not be known now.
        let is_known = objects.iter().any(|(resource, _)| concerns(resource, name));
        if let Some(amount) = if is_known { Some(amount) } else { old.get(name) } {
            used.set(name, amount);
        }
    }
    let hard = Amounts::read(quota.at(&["spec", "hard"]));
    let due = objects.iter().flat_map(|(_, all)| all).filter_map(|one| one.expires(now)).min();
    (tree!({ "hard": (hard.to_tree()), "used": (used.to_tree()) }), due)
}

/// Whether a quota's status says what another does.
pub(super) fn is_told(quota: &ResourceQuota, status: &Tree) -> bool {
    let quota = to_tree(quota).expect("a quota is JSON");
    let same = |list: &str| {
        let told = quota.at(&["status", list]);
        told.is_some() && Amounts::read(told) == Amounts::read(status.get(list))
    };
    same("hard") && same("used")
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;

    use super::*;

    fn quota(hard: Tree, status: Tree) -> ResourceQuota {
        let metadata = tree!({ "name": "q", "namespace": "web" });
        from_tree(&tree!({ "metadata": metadata, "spec": { "hard": hard }, "status": status })).unwrap()
    }

    fn objects(group: &'static str, plural: &'static str, all: Vec<Tree>) -> Objects {
        let resource = GroupResource { group: group.into(), resource: plural.into() };
        (resource, all.into_iter().map(|one| Arc::new(Counted::from(one))).collect())
    }

    fn pod(phase: &str) -> Tree {
        tree!({
            "metadata": { "name": "p", "managedFields": [{}] },
            "spec": {
                "containers": [{ "name": "c", "image": "i", "resources": { "requests": { "cpu": "100m" } } }],
                "volumes": [{}]
            },
            "status": { "phase": phase }
        })
    }

    fn used(quota: &ResourceQuota, objects: &[Objects]) -> String {
        let (status, _) = status(quota, objects, Timestamp::UNIX_EPOCH);
        status.get("used").unwrap().to_json_string()
    }

    #[test]
    fn what_is_there_is_counted_by_each_name() {
        let hard = tree!({ "pods": "9", "requests.cpu": "1", "count/jobs.batch": "5", "secrets": "3" });
        let all = [
            objects("", "pods", vec![pod("Running"), pod("Running"), pod("Succeeded")]),
            objects("batch", "jobs", vec![tree!({ "metadata": {} })]),
            objects("", "secrets", vec![]),
        ];
        assert_eq!(
            used(&quota(hard, tree!({})), &all),
            r#"{"count/jobs.batch":"1","pods":"2","requests.cpu":"200m","secrets":"0"}"#
        );
    }

    #[test]
    fn a_name_that_nothing_is_known_of_keeps_what_it_had() {
        let hard = || tree!({ "pods": "9", "count/widgets.example.com": "5" });
        let all = [objects("", "pods", vec![])];
        assert_eq!(used(&quota(hard(), tree!({})), &all), r#"{"pods":"0"}"#);
        let told = tree!({ "hard": (hard()), "used": { "pods": "7", "count/widgets.example.com": "2" } });
        assert_eq!(used(&quota(hard(), told), &all), r#"{"count/widgets.example.com":"2","pods":"0"}"#);
    }

    #[test]
    fn a_status_that_says_the_same_in_other_notation_is_told() {
        let told = tree!({ "hard": { "cpu": "1000m" }, "used": { "cpu": "0" } });
        let quota = quota(tree!({ "cpu": "1" }), told);
        let (status, _) = status(&quota, &[objects("", "pods", vec![])], Timestamp::UNIX_EPOCH);
        assert!(is_told(&quota, &status));
    }

    #[test]
    fn nothing_is_kept_of_an_object_that_no_quota_counts_by() {
        let kept = Counted::from(pod("Running")).0;
        assert_eq!((kept.at(&["metadata", "managedFields"]), kept.at(&["spec", "volumes"])), (None, None));
        assert_eq!(kept.items_at(&["spec", "containers"])[0].get("image"), None);
    }
}
