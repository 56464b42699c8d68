//! What was found while a namespace was emptied, and the conditions that say so, as upstream words them.

use std::collections::BTreeMap;
use std::fmt::Display;

use client::{ApiError, ApiResource};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::NamespaceCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use objects::{Tree, meta};

/// The types of the conditions, with reason and message of each where there is nothing to complain of.
const CONDITIONS: &[(&str, &str, &str)] = &[
    (DISCOVERY, "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (CONTENT, "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    (REMAINING, "ContentRemoved", "All content successfully removed"),
    (FINALIZERS, "ContentRemoved", "All content successfully removed"),
];

const DISCOVERY: &str = "NamespaceDeletionDiscoveryFailure";
const CONTENT: &str = "NamespaceDeletionContentFailure";
const REMAINING: &str = "NamespaceContentRemaining";
const FINALIZERS: &str = "NamespaceFinalizersRemaining";

#[derive(Debug, Default)]
pub(super) struct Findings {
    undiscovered: Vec<String>,
    failures: Vec<String>,
    /// Objects left, by `resource.group`.
    remaining: BTreeMap<String, usize>,
    /// Objects that a finalizer holds, by its name.
    finalizers: BTreeMap<String, usize>,
}

impl Findings {
    pub(super) fn new(undiscovered: &[String]) -> Self {
        Self { undiscovered: undiscovered.to_vec(), ..Self::default() }
    }

    pub(super) fn failed(&mut self, error: &ApiError) {
        self.failures.push(error.to_string());
    }

    /// What is still there after it was deleted.
    pub(super) fn left(&mut self, resource: &ApiResource, objects: &[Tree]) {
        if objects.is_empty() {
            return;
        }
        self.remaining.insert(format!("{}.{}", resource.plural, resource.group), objects.len());
        for finalizer in objects.iter().flat_map(meta::finalizers) {
            *self.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn is_any_left(&self) -> bool {
        !self.remaining.is_empty()
    }

    /// Why it is not known whether anything is left.
    pub(super) fn failure(&self) -> Option<String> {
        self.undiscovered.iter().chain(&self.failures).next().cloned()
    }

    /// The conditions now; one that did not turn keeps its time.
    pub(super) fn conditions(&self, old: &[NamespaceCondition], now: Timestamp) -> Vec<NamespaceCondition> {
        let ours = |condition: &&NamespaceCondition| CONDITIONS.iter().any(|row| row.0 == condition.type_);
        let others = old.iter().filter(|condition| !ours(condition)).cloned();
        let ours = CONDITIONS.iter().map(|(kind, reason, message)| {
            let complaint = self.complaint(kind);
            let status = if complaint.is_some() { "True" } else { "False" };
            let (reason, message) = complaint.unwrap_or_else(|| (reason, (*message).to_owned()));
            let before = old.iter().find(|condition| condition.type_ == *kind && condition.status == status);
            NamespaceCondition {
                type_: (*kind).to_owned(),
                status: status.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message),
                last_transition_time: match before {
                    Some(before) => before.last_transition_time.clone(),
                    None => Some(Time(now)),
                },
            }
        });
        others.chain(ours).collect()
    }

    /// Reason and message of a condition that holds.
    fn complaint(&self, kind: &str) -> Option<(&'static str, String)> {
        let complaint = match kind {
            DISCOVERY if !self.undiscovered.is_empty() => {
                let (count, groups) = (self.undiscovered.len(), self.undiscovered.join(", "));
                let why = format!(
                    "Discovery failed for some groups, {count} failing: unable to retrieve the complete list of server APIs: {groups}"
                );
                ("DiscoveryFailed", why)
            }
            CONTENT if !self.failures.is_empty() => {
                let mut failures = self.failures.clone();
                failures.sort();
                let (count, failures) = (failures.len(), failures.join(", "));
                let why = format!("Failed to delete all resource types, {count} remaining: {failures}");
                ("ContentDeletionFailed", why)
            }
            REMAINING if !self.remaining.is_empty() => {
                let list = listed(&self.remaining, "has");
                ("SomeResourcesRemain", format!("Some resources are remaining: {list}"))
            }
            FINALIZERS if !self.finalizers.is_empty() => {
                let list = listed(&self.finalizers, "in");
                (
                    "SomeFinalizersRemain",
                    format!("Some content in the namespace has finalizers remaining: {list}"),
                )
            }
            _ => return None,
        };
        Some(complaint)
    }
}

fn listed(counts: &BTreeMap<String, usize>, relation: impl Display) -> String {
    let rows = counts.iter().map(|(name, count)| format!("{name} {relation} {count} resource instances"));
    rows.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree;

    use super::*;

    const PODS: ApiResource = ApiResource::new("", "v1", "pods");

    fn shown(conditions: &[NamespaceCondition]) -> String {
        let rows = conditions.iter().map(|condition| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (reason, message) = (text(&condition.reason), text(&condition.message));
            format!("{} {} {reason}: {message}\n", condition.type_, condition.status)
        });
        rows.collect()
    }

    #[test]
    fn what_is_left_is_counted_by_resource_and_by_finalizer() {
        let mut findings = Findings::default();
        let held = tree!({ "metadata": { "finalizers": ["example.com/hold"] } });
        findings.left(&ApiResource::new("batch", "v1", "jobs"), &[held.clone(), held]);
        findings.left(&PODS, &[tree!({ "metadata": {} })]);
        expect![[r#"
            NamespaceDeletionDiscoveryFailure False ResourcesDiscovered: All resources successfully discovered
            NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed
            NamespaceDeletionContentFailure False ContentDeleted: All content successfully deleted, may be waiting on finalization
            NamespaceContentRemaining True SomeResourcesRemain: Some resources are remaining: jobs.batch has 2 resource instances, pods. has 1 resource instances
            NamespaceFinalizersRemaining True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances
        "#]]
        .assert_eq(&shown(&findings.conditions(&[], Timestamp::UNIX_EPOCH)));
        assert!(findings.is_any_left());
        assert_eq!(findings.failure(), None);
    }

    #[test]
    fn a_group_that_is_not_known_and_a_refused_delete_are_failures() {
        let mut findings = Findings::new(&["example.com/v1: no answer".to_owned()]);
        findings.failures.push("refused".to_owned());
        let conditions = findings.conditions(&[], Timestamp::UNIX_EPOCH);
        expect![[r#"
            NamespaceDeletionDiscoveryFailure True DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: example.com/v1: no answer
            NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed
            NamespaceDeletionContentFailure True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: refused
            NamespaceContentRemaining False ContentRemoved: All content successfully removed
            NamespaceFinalizersRemaining False ContentRemoved: All content successfully removed
        "#]]
        .assert_eq(&shown(&conditions));
        assert_eq!(findings.failure().as_deref(), Some("example.com/v1: no answer"));
    }

    #[test]
    fn a_condition_that_does_not_turn_keeps_its_time() {
        let then = Findings::default().conditions(&[], Timestamp::UNIX_EPOCH);
        let mut findings = Findings::default();
        findings.left(&PODS, &[tree!({ "metadata": {} })]);
        let now = Timestamp::from_second(60).unwrap();
        let turned: Vec<_> = findings
            .conditions(&then, now)
            .into_iter()
            .filter(|condition| condition.last_transition_time == Some(Time(now)))
            .map(|condition| condition.type_)
            .collect();
        assert_eq!(turned, [REMAINING]);
    }
}
