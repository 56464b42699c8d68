//! Cluster roles that are the sum of others.

use std::num::NonZeroUsize;
use std::sync::Arc;

use client::{ApiError, Client, Patch};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use objects::selector::LabelSelector;
use objects::tree;
use objects::tree::to_tree;
use reconcile::{Outcome, Reconcile, Store};

use crate::wiring::Wiring;

/// Upstream's.
const WORKERS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("cluster_role_aggregator");
    let roles = wiring.store::<ClusterRole>();
    let (all, waiting) = (roles.clone(), queue.clone());
    // Which roles are summed up follows from labels that any of them may get.
    wiring.on_change::<ClusterRole>(move |_| {
        let sums = all.all().into_iter().filter(|role| role.aggregation_rule.is_some());
        sums.filter_map(|role| role.metadata.name.clone()).for_each(|name| waiting.add(name));
    });
    let client = wiring.client();
    wiring.reconcile(Aggregation { client, roles }, queue, WORKERS);
}

struct Aggregation {
    client: Client,
    roles: Store<ClusterRole>,
}

impl Reconcile for Aggregation {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(role) = self.roles.get("", name) else { return Ok(Outcome::Done) };
        let Some(rules) = sum(&role, &self.roles.all()) else { return Ok(Outcome::Done) };
        let rules = to_tree(&rules).expect("rules are JSON");
        let version = role.metadata.resource_version.clone();
        let patch = tree!({ "metadata": { "resourceVersion": version }, "rules": rules });
        match self.client.cluster::<ClusterRole>().patch(name, &Patch::Merge(patch)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Outcome::Done),
        }
    }
}

/// The rules of all roles that a role sums up, each once, in the order of its selectors and of their names; `None` if
/// it has them.
fn sum(role: &ClusterRole, all: &[Arc<ClusterRole>]) -> Option<Vec<PolicyRule>> {
    let selectors = role.aggregation_rule.as_ref()?.cluster_role_selectors.as_deref().unwrap_or_default();
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors {
        let selector = LabelSelector::from_object(&to_tree(selector).ok()?).ok()?;
        let is_chosen = |other: &&Arc<ClusterRole>| {
            let labels = other.metadata.labels.as_ref();
            let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
            other.metadata.name != role.metadata.name && selector.matches(label)
        };
        let chosen = all.iter().filter(is_chosen);
        for rule in chosen.flat_map(|other| other.rules.iter().flatten()) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    (role.rules.as_deref().unwrap_or_default() != rules).then_some(rules)
}

#[cfg(test)]
mod tests {
    use objects::Tree;
    use objects::tree::from_tree;

    use super::*;

    fn role(name: &str, labels: Tree, verbs: &[&str]) -> Arc<ClusterRole> {
        let rule = |verb: &&str| tree!({ "apiGroups": [""], "resources": ["pods"], "verbs": [(*verb)] });
        let rules: Vec<Tree> = verbs.iter().map(rule).collect();
        Arc::new(
            from_tree(&tree!({ "metadata": { "name": name, "labels": labels }, "rules": rules })).unwrap(),
        )
    }

    #[test]
    fn a_role_has_each_rule_of_those_that_it_sums_up_once() {
        let sum_of = |rules: &[&str]| {
            let mut edit = (*role("edit", tree!({ "a": "1" }), rules)).clone();
            let rule = tree!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "1" } }, { "matchLabels": { "b": "1" } }] });
            edit.aggregation_rule = Some(from_tree(&rule).unwrap());
            let all = [
                role("b", tree!({ "b": "1" }), &["list", "get"]),
                role("c", tree!({ "a": "1" }), &["get"]),
                role("other", tree!({}), &["delete"]),
                Arc::new(edit.clone()),
            ];
            Some(sum(&edit, &all)?.into_iter().map(|rule| rule.verbs.concat()).collect::<Vec<_>>())
        };
        assert_eq!(sum_of(&["delete"]).unwrap(), ["get", "list"]);
        assert_eq!(sum_of(&["get", "list"]), None);
    }

    #[test]
    fn a_role_that_sums_up_nothing_is_left_alone() {
        assert!(sum(&role("edit", tree!({}), &["get"]), &[]).is_none());
    }
}
