//! Which objects a quota is for: its scopes.

use super::usage::{attributes_classes, concerns};
use crate::resource::GroupResource;
use crate::resources::{Amounts, QualityOfService, quality_of_service};
use crate::tree::Tree;

/// Whether a quota bounds anything of an object, and the object is in all of its scopes.
pub fn matches(quota: &Tree, resource: &GroupResource, object: &Tree) -> bool {
    let hard = Amounts::read(quota.at(&["status", "hard"]));
    hard.names().any(|name| concerns(resource, name)) && in_all(quota, resource, object)
}

/// Whether an object is in all scopes of a quota. Of objects other than pods and claims none is in any.
pub(super) fn in_all(quota: &Tree, resource: &GroupResource, object: &Tree) -> bool {
    let has = |scope: &str, operator: &str, values: &[Tree]| match (
        resource.group.as_ref(),
        resource.resource.as_ref(),
    ) {
        ("", "pods") => pod_in(object, scope, operator, values),
        ("", "persistentvolumeclaims") => claim_in(object, scope, operator, values),
        _ => false,
    };
    let text = |tree: &Tree, field: &str| tree.str_at(&[field]).unwrap_or_default().to_owned();
    let scopes = quota.items_at(&["spec", "scopes"]).iter().filter_map(Tree::as_str);
    let requirements = quota.items_at(&["spec", "scopeSelector", "matchExpressions"]);
    scopes.into_iter().all(|scope| has(scope, "Exists", &[]))
        && requirements.iter().all(|requirement| {
            let (scope, operator) = (text(requirement, "scopeName"), text(requirement, "operator"));
            has(&scope, &operator, requirement.items_at(&["values"]))
        })
}

pub(super) fn is_terminating(pod: &Tree) -> bool {
    pod.i64_at(&["spec", "activeDeadlineSeconds"]).is_some_and(|seconds| seconds >= 0)
}

fn pod_in(pod: &Tree, scope: &str, operator: &str, values: &[Tree]) -> bool {
    match scope {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => quality_of_service(pod) == QualityOfService::BestEffort,
        "NotBestEffort" => quality_of_service(pod) != QualityOfService::BestEffort,
        "PriorityClass" => {
            let class = pod.str_at(&["spec", "priorityClassName"]).filter(|class| !class.is_empty());
            satisfies(class, operator, values)
        }
        "CrossNamespacePodAffinity" => looks_elsewhere(pod),
        _ => false,
    }
}

fn claim_in(claim: &Tree, scope: &str, operator: &str, values: &[Tree]) -> bool {
    if scope != "VolumeAttributesClass" {
        return false;
    }
    let classes = attributes_classes(claim);
    if classes.is_empty() {
        satisfies(None, operator, values)
    } else {
        classes.iter().any(|class| satisfies(Some(class), operator, values))
    }
}

fn satisfies(value: Option<&str>, operator: &str, values: &[Tree]) -> bool {
    let listed = || values.iter().any(|item| item.as_str() == value);
    match operator {
        "In" => value.is_some() && listed(),
        "NotIn" => value.is_none() || !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// Whether an affinity of a pod looks at pods of other namespaces.
fn looks_elsewhere(pod: &Tree) -> bool {
    let is_elsewhere =
        |term: &Tree| !term.items_at(&["namespaces"]).is_empty() || term.get("namespaceSelector").is_some();
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let list = |name| pod.items_at(&["spec", "affinity", kind, name]);
        let weighted = list("preferredDuringSchedulingIgnoredDuringExecution").iter();
        list("requiredDuringSchedulingIgnoredDuringExecution").iter().any(is_elsewhere)
            || weighted.filter_map(|term| term.get("podAffinityTerm")).any(is_elsewhere)
    })
}
