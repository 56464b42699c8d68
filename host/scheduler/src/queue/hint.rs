//! Which change may help a pod that a plugin refused. A pod is looked at in vain rather than forgotten: where it cannot
//! be told, a change helps.

use crate::plugin::{Plugins, are_stood, disks_conflict, is_open_to, ports_conflict};
use crate::snapshot::Snapshot;
use crate::view::{CsiNodeView, NodeView, PodView};

/// A change in the cluster.
pub(crate) enum Event<'e> {
    Node {
        old: Option<&'e NodeView>,
        new: &'e NodeView,
    },
    /// A pod that has a node, or keeps room on one.
    Assigned {
        old: Option<&'e PodView>,
        new: Option<&'e PodView>,
    },
    /// The pod itself.
    Own {
        old: &'e PodView,
        new: &'e PodView,
    },
    /// A claim of this namespace and name.
    Claim {
        namespace: &'e str,
        name: &'e str,
    },
    /// A claim of devices of this namespace and name; `is_freed`: it has them no longer.
    DeviceClaim {
        namespace: &'e str,
        name: &'e str,
        is_freed: bool,
    },
    /// Devices that there are, or a class of them.
    Devices,
    /// A volume or a class of volumes.
    Volume,
    CsiNode {
        old: Option<&'e CsiNodeView>,
        new: &'e CsiNodeView,
    },
    Namespace,
    /// What others than the plugins say.
    Advice,
}

impl Event<'_> {
    /// Upstream's name of it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Node { old: None, .. } => "NodeAdd",
            Self::Node { .. } => "NodeUpdate",
            Self::Assigned { old: None, .. } => "AssignedPodAdd",
            Self::Assigned { new: None, .. } => "AssignedPodDelete",
            Self::Assigned { .. } => "AssignedPodUpdate",
            Self::Own { .. } => "PodUpdate",
            Self::Claim { .. } => "PersistentVolumeClaimUpdate",
            Self::DeviceClaim { .. } => "ResourceClaimUpdate",
            Self::Devices => "ResourceSliceUpdate",
            Self::Volume => "PersistentVolumeUpdate",
            Self::CsiNode { .. } => "CSINodeUpdate",
            Self::Namespace => "NamespaceUpdate",
            Self::Advice => "AdviceUpdate",
        }
    }
}

pub(crate) type Helps = fn(&PodView, &Event<'_>, &Snapshot) -> bool;

/// Whether a change may help a pod that these plugins refused.
pub(crate) fn helps(pod: &PodView, refused_by: Plugins, event: &Event<'_>, snapshot: &Snapshot) -> bool {
    refused_by.is_empty()
        || refused_by.iter().any(|plugin| plugin.row().helps.is_none_or(|helps| helps(pod, event, snapshot)))
}

/// Whether a node does now what it did not before.
fn becomes(event: &Event<'_>, does: impl Fn(&NodeView) -> bool) -> bool {
    match event {
        Event::Node { old, new } => does(new) && !old.is_some_and(does),
        _ => false,
    }
}

fn is_added(event: &Event<'_>) -> bool {
    matches!(event, Event::Node { old: None, .. })
}

fn has_new_labels(event: &Event<'_>) -> bool {
    matches!(event, Event::Node { old, new } if old.is_none_or(|old| old.labels != new.labels))
}

fn tolerates_more(event: &Event<'_>) -> bool {
    matches!(event, Event::Own { old, new } if old.tolerations != new.tolerations)
}

/// The pod that a node lost.
fn gone<'e>(event: &Event<'e>) -> Option<&'e PodView> {
    match event {
        Event::Assigned { old, new: None } => *old,
        _ => None,
    }
}

pub(crate) fn node_added(_: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    is_added(event)
}

pub(crate) fn node_opened(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    tolerates_more(event) || becomes(event, |node| is_open_to(node, pod))
}

pub(crate) fn taints_lifted(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    tolerates_more(event) || becomes(event, |node| are_stood(node, pod))
}

pub(crate) fn node_matches(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    let asks_anew = matches!(event, Event::Own { old, new }
        if old.node_selector != new.node_selector || old.node_affinity != new.node_affinity);
    asks_anew || becomes(event, |node| pod.asks_for(node.name(), &node.labels))
}

pub(crate) fn ports_freed(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    is_added(event) || gone(event).is_some_and(|other| ports_conflict(pod, other))
}

/// A node has room for all that the pod asks for, were it empty, and more of something than before; or a pod takes
/// less of a node than it did.
pub(crate) fn room_made(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    match event {
        Event::Node { old, new } => {
            let asked = || pod.requests.iter().filter(|(_, amount)| *amount > 0);
            let is_more = |old: &NodeView| {
                new.room > old.room
                    || asked().any(|(name, _)| new.allocatable.get(name) > old.allocatable.get(name))
            };
            new.room > 0
                && asked().all(|(name, amount)| amount <= new.allocatable.get(name))
                && old.is_none_or(is_more)
        }
        Event::Assigned { old: Some(old), new: Some(new) } => {
            old.requests.iter().any(|(name, amount)| amount > new.requests.get(name))
        }
        Event::Own { old, new } => old.requests.iter().any(|(name, amount)| amount > new.requests.get(name)),
        event => gone(event).is_some(),
    }
}

fn is_own_claim(pod: &PodView, event: &Event<'_>) -> bool {
    matches!(event, Event::Claim { namespace, name }
        if pod.namespace() == *namespace && pod.claims().any(|claim| claim == *name))
}

pub(crate) fn volume_freed(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    let shares = |other: &PodView| {
        let is_used = |claim: &str| other.claims().any(|used| used == claim);
        disks_conflict(pod, other) || (pod.namespace() == other.namespace() && pod.claims().any(is_used))
    };
    is_added(event) || is_own_claim(pod, event) || gone(event).is_some_and(shares)
}

pub(crate) fn volume_detached(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    let takes_more =
        matches!(event, Event::CsiNode { old, new } if old.is_none_or(|old| old.limits != new.limits));
    let is_detached = gone(event).is_some_and(|other| other.claims().next().is_some());
    is_added(event) || takes_more || is_detached || is_own_claim(pod, event)
}

pub(crate) fn volume_changed(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    has_new_labels(event) || is_own_claim(pod, event) || matches!(event, Event::Volume)
}

pub(crate) fn devices_changed(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    let is_own = |namespace: &str, name: &str| {
        let mut names = pod.devices.iter().filter_map(|used| used.claim.as_deref());
        pod.namespace() == namespace && names.any(|used| used == name)
    };
    match event {
        Event::DeviceClaim { namespace, name, is_freed } => *is_freed || is_own(namespace, name),
        Event::Devices => true,
        Event::Own { old, new } => old.devices != new.devices,
        event => has_new_labels(event),
    }
}

pub(crate) fn spread_changed(pod: &PodView, event: &Event<'_>, _: &Snapshot) -> bool {
    match event {
        Event::Node { .. } => has_new_labels(event) || becomes(event, |node| are_stood(node, pod)),
        Event::Own { old, new } => old.labels != new.labels,
        Event::Assigned { old, new } => {
            let counts = |other: &PodView| {
                let selects = || pod.spread.iter().any(|term| term.selects(&other.labels));
                // Constraints of the profile's have their selector from elsewhere.
                other.namespace() == pod.namespace() && (pod.spread.is_empty() || selects())
            };
            let is_alike = old
                .zip(*new)
                .is_some_and(|(old, new)| old.labels == new.labels && old.is_deleting == new.is_deleting);
            !is_alike && old.iter().chain(new).any(|other| counts(other))
        }
        _ => false,
    }
}

/// A pod to be beside came or changed, or one to be away from went or changed.
pub(crate) fn neighbours_changed(pod: &PodView, event: &Event<'_>, snapshot: &Snapshot) -> bool {
    let concerns = |terms: &[crate::view::PodTerm], other: &PodView| {
        let key = reconcile::ObjectKey::new("", other.namespace());
        let labels = snapshot.tables.namespaces.get(&key).map(|namespace| &namespace.labels);
        terms.iter().any(|term| term.matches(other.namespace(), labels, &other.labels))
    };
    match event {
        Event::Node { .. } => has_new_labels(event),
        Event::Namespace => true,
        Event::Own { old, new } => old.labels != new.labels,
        Event::Assigned { old, new } => {
            let comes = new.is_some_and(|new| {
                old.is_none_or(|old| old.labels != new.labels) && concerns(&pod.affinity.required, new)
            });
            let goes = old.is_some_and(|old| {
                new.is_none_or(|new| old.labels != new.labels)
                    && (concerns(&pod.affinity.anti_required, old)
                        || concerns(&old.affinity.anti_required, pod))
            });
            comes || goes
        }
        _ => false,
    }
}
