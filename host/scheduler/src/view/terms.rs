//! Terms of a pod about other pods: affinity, anti-affinity and spreading.

use objects::selector::LabelSelector;
use objects::selector::label::Operator;
use objects::{Tree, meta};

use super::{Labels, text, texts};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// A preference and how much it counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Weighted<T> {
    pub(crate) weight: i64,
    pub(crate) term: T,
}

/// Pods of some namespaces with some labels, in one domain of a topology.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PodTerm {
    namespaces: Box<[Box<str>]>,
    namespace_selector: Option<LabelSelector>,
    /// `None` selects no pod.
    selector: Option<LabelSelector>,
    pub(crate) topology_key: Box<str>,
}

impl PodTerm {
    fn read(pod: &Tree, term: &Tree) -> Self {
        let mut namespaces = texts(term, &["namespaces"]);
        let namespace_selector = selector(term.get("namespaceSelector"));
        if namespaces.is_empty() && namespace_selector.is_none() {
            namespaces = [meta::namespace(pod).into()].into();
        }
        Self {
            namespaces,
            namespace_selector,
            selector: with_keys_of(pod, term, selector(term.get("labelSelector"))),
            topology_key: text(term, &["topologyKey"]).into(),
        }
    }

    /// Whether a pod of a namespace with its labels is one that it is about.
    pub(crate) fn matches(&self, namespace: &str, in_namespace: Option<&Labels>, labels: &Labels) -> bool {
        let is_named = || self.namespaces.iter().any(|name| &**name == namespace);
        let is_selected = || {
            self.namespace_selector.as_ref().is_some_and(|selector| {
                selector.is_everything()
                    || in_namespace.is_some_and(|own| selector.matches(|key| own.get(key)))
            })
        };
        (is_named() || is_selected())
            && self.selector.as_ref().is_some_and(|selector| selector.matches(|key| labels.get(key)))
    }
}

/// What a pod asks of the pods beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PodAffinity {
    pub(crate) required: Box<[PodTerm]>,
    pub(crate) preferred: Box<[Weighted<PodTerm>]>,
    pub(crate) anti_required: Box<[PodTerm]>,
    pub(crate) anti_preferred: Box<[Weighted<PodTerm>]>,
}

impl PodAffinity {
    pub(super) fn of(pod: &Tree) -> Self {
        let required = |kind: &str| {
            let terms = pod.items_at(&["spec", "affinity", kind, REQUIRED]);
            terms.iter().map(|term| PodTerm::read(pod, term)).collect()
        };
        let preferred = |kind: &str| {
            let weighted = |preference: &Tree| Weighted {
                weight: preference.i64_at(&["weight"]).unwrap_or(0),
                term: PodTerm::read(pod, preference.get("podAffinityTerm").unwrap_or(&Tree::Null)),
            };
            pod.items_at(&["spec", "affinity", kind, PREFERRED]).iter().map(weighted).collect()
        };
        Self {
            required: required("podAffinity"),
            preferred: preferred("podAffinity"),
            anti_required: required("podAntiAffinity"),
            anti_preferred: preferred("podAntiAffinity"),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.required.is_empty()
            && self.preferred.is_empty()
            && self.anti_required.is_empty()
            && self.anti_preferred.is_empty()
    }
}

/// Whether something of a node counts when pods are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Honor,
    Ignore,
}

impl Policy {
    fn read(text: &str, default: Self) -> Self {
        match text {
            "Honor" => Self::Honor,
            "Ignore" => Self::Ignore,
            _ => default,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenUnsatisfiable {
    DoNotSchedule,
    ScheduleAnyway,
}

/// How evenly pods are to be spread over the domains of a topology.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpreadTerm {
    pub(crate) max_skew: i64,
    pub(crate) topology_key: Box<str>,
    pub(crate) when: WhenUnsatisfiable,
    /// `None` selects no pod.
    pub(crate) selector: Option<LabelSelector>,
    pub(crate) min_domains: i64,
    pub(crate) node_affinity: Policy,
    pub(crate) node_taints: Policy,
}

impl SpreadTerm {
    /// One of a pod, whose namespace and labels its selector may speak of; a default constraint has no pod.
    pub(crate) fn read(pod: &Tree, term: &Tree) -> Self {
        Self {
            max_skew: term.i64_at(&["maxSkew"]).unwrap_or(1),
            topology_key: text(term, &["topologyKey"]).into(),
            when: match text(term, &["whenUnsatisfiable"]) {
                "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
                _ => WhenUnsatisfiable::DoNotSchedule,
            },
            selector: with_keys_of(pod, term, selector(term.get("labelSelector"))),
            min_domains: term.i64_at(&["minDomains"]).unwrap_or(1),
            node_affinity: Policy::read(text(term, &["nodeAffinityPolicy"]), Policy::Honor),
            node_taints: Policy::read(text(term, &["nodeTaintsPolicy"]), Policy::Ignore),
        }
    }

    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(|key| labels.get(key)))
    }
}

/// A LabelSelector object; one that cannot be read selects nothing, as one that is absent.
pub(super) fn selector(tree: Option<&Tree>) -> Option<LabelSelector> {
    LabelSelector::from_object(tree.filter(|tree| !tree.is_null())?).ok()
}

/// Narrowed to pods that have the pod's own values of some labels, or others than its own. The API server may have
/// written that into the selector already; twice is as good as once.
fn with_keys_of(pod: &Tree, term: &Tree, selector: Option<LabelSelector>) -> Option<LabelSelector> {
    let mut selector = selector?;
    for (field, operator) in [("matchLabelKeys", Operator::In), ("mismatchLabelKeys", Operator::NotIn)] {
        for key in term.items_at(&[field]).iter().filter_map(Tree::as_str) {
            if let Some(value) = meta::label(pod, key) {
                selector = selector.with(key, operator, &[value]).ok()?;
            }
        }
    }
    Some(selector)
}
