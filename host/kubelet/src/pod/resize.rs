//! Amounts of cpu and memory that change while a pod runs: what it is given of what it asks for, what its containers have of
//! that, and how it is told.

use std::collections::BTreeMap;

use cri::{ContainerId, ContainerState, ContainerStatus};
use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use objects::quantity::Quantity;
use objects::resources::{Amounts, Extent, Side, of_pod};
use objects::tree;
use objects::tree::{Tree, to_tree};

use super::facts::{PodFacts, is_sidecar};
use super::memory::{Failure, Look};
use super::status::reported;

pub(crate) const PENDING: &str = "PodResizePending";
pub(crate) const IN_PROGRESS: &str = "PodResizeInProgress";

/// What may change.
const RESIZED: [&str; 2] = ["cpu", "memory"];
const RESTART: &str = "RestartContainer";

/// By the name of the container.
pub(crate) type Given = BTreeMap<String, ResourceRequirements>;

/// What is remembered of the amounts of a pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resize {
    /// `None` before the first look at the pod.
    pub(crate) given: Option<Given>,
    /// Why the pod is not given what it asks for.
    pub(crate) pending: Option<Pending>,
    /// What the runtime was told last that a container has.
    pub(crate) told: BTreeMap<ContainerId, ResourceRequirements>,
    /// Why the runtime did not take it.
    pub(crate) failure: Option<Failure>,
    /// Whether something was given that is not yet had.
    pub(crate) under_way: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// How a running container gets what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    InPlace,
    Restart,
}

/// Those whose amounts may change: what runs to its end before the others is started with what is asked for then.
fn resized(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.init_containers().iter().filter(|each| is_sidecar(each)).chain(pod.containers())
}

/// What the containers of a pod ask for.
pub(crate) fn asked(pod: &Pod) -> Given {
    resized(pod).map(|each| (each.name.clone(), each.resources.clone().unwrap_or_default())).collect()
}

/// What they were given before this kubelet was there, by what was reported of it.
pub(crate) fn given_before(pod: &Pod) -> Given {
    let mut given = asked(pod);
    for (name, amounts) in &mut given {
        let Some(status) = reported(pod, name) else { continue };
        let Some(had) = &status.resources else { continue };
        amounts.requests = status.allocated_resources.clone().or_else(|| had.requests.clone());
        amounts.limits.clone_from(&had.limits);
    }
    given
}

/// The pod with what it was given in the place of what it asks for.
pub(crate) fn with_given(pod: &Pod, given: &Given) -> Pod {
    let mut pod = pod.clone();
    let spec = pod.spec.iter_mut();
    let lists = spec.flat_map(|spec| spec.init_containers.iter_mut().flatten().chain(&mut spec.containers));
    for container in lists {
        if let Some(amounts) = given.get(&container.name) {
            container.resources = Some(amounts.clone());
        }
    }
    pod
}

/// What a pod asks for, as a whole.
pub(crate) fn total(pod: &Pod) -> Amounts {
    let tree = to_tree(pod).expect("a pod is made of maps with text keys");
    of_pod(&tree, Side::Requests, Extent::Asked)
}

/// Why a pod that asks for `wanted` cannot be given it on a node where the others have `used`; in upstream's words, which
/// autoscalers read.
pub(crate) fn obstacle(
    wanted: &Amounts,
    used: &Amounts,
    node: &BTreeMap<&'static str, Quantity>,
) -> Option<Pending> {
    let of = |name: &str, amount: Option<Quantity>| {
        amount.map_or(0, |amount| if name == "cpu" { amount.milli_value() } else { amount.value() })
    };
    let find = |name: &str| {
        (of(name, wanted.get(name)), of(name, used.get(name)), of(name, node.get(name).copied()))
    };
    let infeasible = ["memory", "cpu"].into_iter().find_map(|name| {
        let (wanted, _, capacity) = find(name);
        (wanted > capacity).then(|| Pending {
            reason: "Infeasible",
            message: format!(
                "Node didn't have enough capacity: {name}, requested: {wanted}, capacity: {capacity}"
            ),
        })
    });
    infeasible.or_else(|| {
        RESIZED.into_iter().find_map(|name| {
            let (wanted, used, capacity) = find(name);
            (wanted > capacity - used).then(|| Pending {
                reason: "Deferred",
                message: format!(
                    "Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {capacity}"
                ),
            })
        })
    })
}

/// What the containers of a pod have that are told nothing else.
pub(crate) fn had(pod: &Pod, container: &Container, id: &ContainerId) -> ResourceRequirements {
    let status = reported(pod, &container.name)
        .filter(|status| status.container_id.as_ref().is_some_and(|known| known.ends_with(&id.0)));
    let before = status.and_then(|status| status.resources.clone());
    before.unwrap_or_else(|| container.resources.clone().unwrap_or_default())
}

/// What a running container is to be told of its amounts.
pub(crate) fn due(look: Look<'_>, container: &Container, life: &ContainerStatus) -> Option<Way> {
    let told = look.memory.resize.told.get(&life.id)?;
    let given = container.resources.clone().unwrap_or_default();
    let mut changed = RESIZED.into_iter().filter(|name| differ(told, &given, name)).peekable();
    changed.peek()?;
    let policies = container.resize_policy.as_deref().unwrap_or_default();
    let restarts = |name: &str| {
        policies.iter().any(|policy| policy.resource_name == name && policy.restart_policy == RESTART)
    };
    Some(if changed.any(restarts) { Way::Restart } else { Way::InPlace })
}

fn differ(one: &ResourceRequirements, two: &ResourceRequirements, name: &str) -> bool {
    let amounts = |resources: &ResourceRequirements| {
        [&resources.limits, &resources.requests]
            .map(|list| list.as_ref()?.get(name)?.0.parse::<Quantity>().ok())
    };
    amounts(one) != amounts(two)
}

/// Whether a container runs with other amounts than it was given.
pub(crate) fn is_under_way(look: Look<'_>) -> bool {
    resized(look.pod).any(|container| {
        let life = look.observed.latest(&container.name);
        life.is_some_and(|life| life.state == ContainerState::Running && due(look, container, life).is_some())
    })
}

/// The conditions that there are while amounts change: type, reason and message.
pub(crate) fn conditions(look: Look<'_>) -> Vec<(&'static str, Option<&'static str>, Option<String>)> {
    let resize = &look.memory.resize;
    let pending = resize.pending.iter().map(|why| (PENDING, Some(why.reason), Some(why.message.clone())));
    let under_way = is_under_way(look).then(|| match &resize.failure {
        Some(failure) => (IN_PROGRESS, Some(failure.reason), Some(failure.message.clone())),
        None => (IN_PROGRESS, None, None),
    });
    pending.chain(under_way).collect()
}

/// What an event says of the amounts of a pod.
pub(crate) fn summary(said: &str, pod: &Pod, error: &str) -> String {
    let list = |containers: &[Container]| -> Vec<Tree> {
        let entry = |each: &Container| {
            let resources = to_tree(&each.resources.clone().unwrap_or_default());
            let resources = resources.expect("amounts are a map with text keys");
            tree!({ "name": (each.name.as_str()), "resources": resources })
        };
        containers.iter().map(entry).collect()
    };
    let mut summary = Tree::object();
    for (name, containers) in [("initContainers", pod.init_containers()), ("containers", pod.containers())] {
        if !containers.is_empty() {
            summary.insert(name, list(containers));
        }
    }
    summary.insert("generation", pod.metadata.generation.unwrap_or_default());
    if !error.is_empty() {
        summary.insert("error", error);
    }
    format!("{said}: {}", summary.to_json_string())
}

#[cfg(test)]
mod tests;
