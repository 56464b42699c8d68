//! What a job's policies make of its pods: which failures count, fail an index or the job, and which successes are
//! enough.

use k8s_openapi::api::batch::v1::{PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, SuccessPolicy};

use super::indexes::Indexes;
use crate::pod::{ContainerStatus, Pod};

/// What a failed pod means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Counts,
    Ignored,
    /// Its index failed with it.
    FailsIndex,
    /// The job failed with it, by this message.
    FailsJob(String),
}

impl Failure {
    pub(super) fn is_counted(&self) -> bool {
        *self != Self::Ignored
    }
}

/// The first rule that matches decides.
pub(super) fn failure_of(policy: Option<&PodFailurePolicy>, pod: &Pod) -> Failure {
    let rules = policy.into_iter().flat_map(|policy| policy.rules.iter().enumerate());
    let metadata = &pod.metadata;
    let name = || {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{}/{}", text(&metadata.namespace), text(&metadata.name))
    };
    for (index, rule) in rules {
        let action = rule.action.as_str();
        let message = if let Some(codes) = &rule.on_exit_codes {
            exited(pod, codes).map(|(container, code)| {
                let container = &container.name;
                format!(
                    "Container {container} for pod {} failed with exit code {code} matching {action} rule at index {index}",
                    name()
                )
            })
        } else {
            let wanted = rule.on_pod_conditions.iter().flatten();
            let mut found = pod.status.conditions.iter().filter(|condition| {
                let mut wanted = wanted.clone();
                wanted.any(|wanted| {
                    let status = wanted.status.as_deref().unwrap_or("True");
                    wanted.type_ == condition.type_ && status == condition.status
                })
            });
            found.next().map(|condition| {
                let kind = &condition.type_;
                format!("Pod {} has condition {kind} matching {action} rule at index {index}", name())
            })
        };
        match (message, action) {
            (Some(_), "Ignore") => return Failure::Ignored,
            (Some(_), "Count") => return Failure::Counts,
            (Some(_), "FailIndex") => return Failure::FailsIndex,
            (Some(message), "FailJob") => return Failure::FailsJob(message),
            _ => {}
        }
    }
    Failure::Counts
}

fn exited<'a>(
    pod: &'a Pod,
    codes: &PodFailurePolicyOnExitCodesRequirement,
) -> Option<(&'a ContainerStatus, i32)> {
    let containers = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    let mut ended = containers.filter_map(|container| {
        let code = container.state.as_ref()?.terminated.as_ref()?.exit_code;
        Some((container, code))
    });
    ended.find(|(container, code)| {
        let is_named = codes.container_name.as_ref().is_none_or(|name| *name == container.name);
        let is_listed = codes.values.contains(code);
        let is_wanted = match codes.operator.as_str() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        };
        *code != 0 && is_named && is_wanted
    })
}

/// The message of the rule by which the successes are enough, if one says so.
pub(super) fn success_of(
    policy: Option<&SuccessPolicy>,
    completions: i32,
    succeeded: &Indexes,
) -> Option<String> {
    let rules = &policy.filter(|_| !succeeded.is_empty())?.rules;
    let met = rules.iter().position(|rule| match (&rule.succeeded_indexes, rule.succeeded_count) {
        (Some(wanted), count) => {
            let wanted = Indexes::parse(wanted, completions);
            !wanted.is_empty() && wanted.common(succeeded) >= count.unwrap_or_else(|| wanted.len())
        }
        (None, count) => count.is_some_and(|count| succeeded.len() >= count),
    })?;
    Some(format!("Matched rules at index {met}"))
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    /// What the rules make of a pod of two containers that exited by these codes, with one condition.
    fn check(rules: Tree, codes: [i32; 2], condition: &str, expected: Failure) {
        let policy: PodFailurePolicy = from_tree(&tree!({ "rules": rules })).unwrap();
        let status =
            |name: &str, code: i32| tree!({ "name": name, "state": { "terminated": { "exitCode": code } } });
        let pod: Pod = from_tree(&tree!({
            "metadata": { "namespace": "web", "name": "p" },
            "status": {
                "containerStatuses": [(status("a", codes[0])), (status("b", codes[1]))],
                "conditions": [{ "type": condition, "status": "True" }]
            }
        }))
        .unwrap();
        assert_eq!(failure_of(Some(&policy), &pod), expected);
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = || {
            tree!([
                { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                { "action": "FailJob", "onExitCodes": { "containerName": "a", "operator": "In", "values": [7] } },
                { "action": "FailIndex", "onExitCodes": { "operator": "In", "values": [8] } },
                { "action": "Count", "onExitCodes": { "operator": "NotIn", "values": [9] } }
            ])
        };
        check(rules(), [7, 0], "DisruptionTarget", Failure::Ignored);
        let message = "Container a for pod web/p failed with exit code 7 matching FailJob rule at index 1";
        check(rules(), [7, 0], "", Failure::FailsJob(message.to_owned()));
        check(rules(), [0, 7], "", Failure::Counts);
        check(rules(), [1, 8], "", Failure::FailsIndex);
        check(rules(), [0, 9], "", Failure::Counts);
    }

    #[test]
    fn a_condition_may_fail_the_job() {
        let rules =
            tree!([{ "action": "FailJob", "onPodConditions": [{ "type": "Bad", "status": "True" }] }]);
        let message = "Pod web/p has condition Bad matching FailJob rule at index 0";
        check(rules.clone(), [1, 1], "Bad", Failure::FailsJob(message.to_owned()));
        check(rules, [1, 1], "Good", Failure::Counts);
    }

    #[test]
    fn successes_are_enough_by_indexes_by_count_or_by_both() {
        let check = |rules: Tree, expected: Option<&str>| {
            let policy: SuccessPolicy = from_tree(&tree!({ "rules": rules })).unwrap();
            let met = success_of(Some(&policy), 10, &Indexes::parse("1-3", 10));
            assert_eq!(met.as_deref(), expected);
        };
        check(
            tree!([{ "succeededIndexes": "0" }, { "succeededIndexes": "1-3" }]),
            Some("Matched rules at index 1"),
        );
        check(tree!([{ "succeededIndexes": "2-5", "succeededCount": 2 }]), Some("Matched rules at index 0"));
        check(tree!([{ "succeededIndexes": "2-5" }]), None);
        check(tree!([{ "succeededCount": 3 }]), Some("Matched rules at index 0"));
        check(tree!([{ "succeededCount": 4 }]), None);
    }
}
