//! Aggregated ClusterRoles: their rules are those of the ClusterRoles that their selectors select.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Role, Rule};
use crate::policy::Policy;

impl Policy {
    /// Computes the rules of the aggregated ClusterRoles anew; to be called after each change of ClusterRoles.
    pub(crate) fn aggregate(&mut self) {
        let roles = &self.cluster_roles;
        let aggregated = roles.values().filter(|role| role.aggregation_rule.is_some());
        self.aggregated = aggregated
            .map(|role| {
                let mut rules = Vec::new();
                gather(role, roles, &mut BTreeSet::new(), &mut rules);
                (role.metadata.name.clone(), rules)
            })
            .collect();
    }

    /// The aggregated ClusterRoles whose object holds other rules than they have: name and rules.
    pub(crate) fn outdated(&self) -> impl Iterator<Item = (&str, &[Rule])> {
        self.aggregated.iter().filter_map(|(name, rules)| {
            let role = self.cluster_roles.get(name)?;
            (role.rules != *rules).then_some((name.as_str(), rules.as_slice()))
        })
    }
}

/// Adds the rules of a role, or of what it aggregates; each role and each rule once.
fn gather<'a>(
    role: &'a Role,
    roles: &'a BTreeMap<String, Role>,
    seen: &mut BTreeSet<&'a str>,
    rules: &mut Vec<Rule>,
) {
    if !seen.insert(&role.metadata.name) {
        return;
    }
    let Some(rule) = &role.aggregation_rule else {
        for rule in &role.rules {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        return;
    };
    let selected = |other: &&Role| {
        rule.cluster_role_selectors.iter().any(|selector| selector.selects(&other.metadata.labels))
    };
    for other in roles.values().filter(selected) {
        gather(other, roles, seen, rules);
    }
}
