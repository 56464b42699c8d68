//! What selects pods: services and workloads, disruption budgets; and the labels of namespaces.

use objects::Tree;
use objects::selector::LabelSelector;

use super::terms::selector;
use super::{Head, Labels};

/// A Service or a workload, and the pods that it selects. One that selects none has `None`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct Selecting {
    pub(crate) head: Head,
    pub(crate) selector: Option<LabelSelector>,
}

impl Selecting {
    /// The selector of a Service is a map of labels, that of most workloads a LabelSelector.
    pub(crate) fn read(object: &Tree) -> Self {
        let written = object.at(&["spec", "selector"]).filter(|written| !written.is_empty_value());
        let is_object = written.is_some_and(|written| {
            ["matchLabels", "matchExpressions"]
                .iter()
                .any(|field| written.get(field).is_some_and(|it| it.as_str().is_none()))
        });
        let read = if is_object { selector(written) } else { written.map(LabelSelector::from_map) };
        Self { head: Head::of(object), selector: read }
    }
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct BudgetView {
    pub(crate) head: Head,
    selector: Option<LabelSelector>,
    pub(crate) allowed: i64,
    /// Names of pods whose disruption is counted already.
    pub(crate) disrupted: Box<[Box<str>]>,
}

impl BudgetView {
    pub(crate) fn read(budget: &Tree) -> Self {
        let disrupted = budget.at(&["status", "disruptedPods"]).into_iter().flat_map(Tree::fields);
        Self {
            head: Head::of(budget),
            selector: selector(budget.at(&["spec", "selector"])),
            allowed: budget.i64_at(&["status", "disruptionsAllowed"]).unwrap_or(0),
            disrupted: disrupted.map(|(name, _)| name.into()).collect(),
        }
    }

    /// An empty selector selects no pod here.
    pub(crate) fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        let selector = self.selector.as_ref().filter(|selector| !selector.is_everything());
        self.head.key.namespace == namespace
            && !labels.is_empty()
            && selector.is_some_and(|selector| selector.matches(|key| labels.get(key)))
    }
}

#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct NamespaceView {
    pub(crate) head: Head,
    pub(crate) labels: Labels,
}

impl NamespaceView {
    pub(crate) fn read(namespace: &Tree) -> Self {
        Self { head: Head::of(namespace), labels: Labels::of(namespace) }
    }
}
