//! Amounts of resources, and what a pod asks for as a whole.

use std::collections::BTreeMap;
use std::fmt;

use crate::quantity::{Notation, Quantity};
use crate::tree::Tree;
use crate::validate::is_huge_pages;

/// Amounts by name of the resource: a ResourceList.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, Quantity>);

impl Amounts {
    /// The amounts at a place of an object; what is no quantity is passed over.
    pub fn read(list: Option<&Tree>) -> Self {
        let amount = |(name, amount): (&str, &Tree)| Some((name.to_owned(), amount.as_str()?.parse().ok()?));
        Self(list.into_iter().flat_map(Tree::fields).filter_map(amount).collect())
    }

    pub fn get(&self, name: &str) -> Option<Quantity> {
        self.0.get(name).copied()
    }

    pub fn set(&mut self, name: impl Into<String>, amount: Quantity) {
        self.0.insert(name.into(), amount);
    }

    /// A number of things, added to those that are counted already.
    pub fn count(&mut self, name: impl Into<String>, number: i64) {
        *self.0.entry(name.into()).or_default() += Quantity::new(number, Notation::DecimalSi);
    }

    /// By name, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            *self.0.entry(name.clone()).or_default() += *amount;
        }
    }

    /// The larger of the two amounts of each name.
    pub fn raise_to(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            let old = self.0.entry(name.clone()).or_insert(*amount);
            *old = (*old).max(*amount);
        }
    }

    /// How much more than the other there is, of names of either; nothing where there is less.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let left = |name: &String| {
            let rest = self.get(name).unwrap_or_default() - other.get(name).unwrap_or_default();
            (name.clone(), rest.max(Quantity::ZERO))
        };
        Self(self.0.keys().chain(other.0.keys()).map(left).collect())
    }

    /// Those of which a name and an amount say that they stay.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str, Quantity) -> bool) -> Self {
        Self(
            self.iter()
                .filter(|(name, amount)| keep(name, *amount))
                .map(|(name, amount)| (name.to_owned(), amount))
                .collect(),
        )
    }

    pub fn to_tree(&self) -> Tree {
        let mut list = Tree::object();
        for (name, amount) in self.iter() {
            list.insert(name, amount.to_string());
        }
        list
    }
}

impl fmt::Display for Amounts {
    /// `cpu=1,memory=1Gi`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, amount)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{name}={amount}")?;
        }
        Ok(())
    }
}

/// What is asked for, or what is not to be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Requests,
    Limits,
}

impl Side {
    const fn field(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }
}

/// What of a pod counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What its containers ask for.
    Asked,
    /// What it takes: what its containers still have while they are resized, and the overhead of what runs them.
    Taken,
}

/// The most that a pod asks for or takes at any moment of its life: init containers run one after another beside the
/// sidecars that were started before them. What the pod as a whole asks for takes the place of what its containers do.
pub fn of_pod(pod: &Tree, side: Side, extent: Extent) -> Amounts {
    let mut total = of_containers(pod, side, extent);
    let whole = Amounts::read(pod.at(&["spec", "resources", side.field()]));
    for (name, amount) in whole.iter().filter(|(name, _)| is_of_whole_pods(name)) {
        total.set(name, amount);
    }
    if extent == Extent::Taken {
        let overhead = Amounts::read(pod.at(&["spec", "overhead"]));
        // What is not limited is not limited by an overhead either.
        let counts =
            |name: &str, _| side == Side::Requests || total.get(name).is_some_and(|limit| !limit.is_zero());
        let overhead = overhead.filtered(counts);
        total.add(&overhead);
    }
    total
}

/// Whether a pod as a whole can ask for it.
fn is_of_whole_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

/// Whether a pod asks for anything as a whole.
pub fn asks_as_a_whole(pod: &Tree) -> bool {
    let names = |side: Side| Amounts::read(pod.at(&["spec", "resources", side.field()]));
    [Side::Requests, Side::Limits].into_iter().any(|side| names(side).names().any(is_of_whole_pods))
}

fn of_containers(pod: &Tree, side: Side, extent: Extent) -> Amounts {
    let amounts = |container: &Tree| match extent {
        Extent::Asked => Amounts::read(container.at(&["resources", side.field()])),
        Extent::Taken => taken(pod, container, side),
    };
    let (mut running, mut sidecars, mut starting) =
        (Amounts::default(), Amounts::default(), Amounts::default());
    for container in pod.items_at(&["spec", "containers"]) {
        running.add(&amounts(container));
    }
    for container in pod.items_at(&["spec", "initContainers"]) {
        if is_sidecar(container) {
            let own = amounts(container);
            running.add(&own);
            sidecars.add(&own);
            starting.raise_to(&sidecars);
        } else {
            let mut moment = Amounts::read(container.at(&["resources", side.field()]));
            moment.add(&sidecars);
            starting.raise_to(&moment);
        }
    }
    running.raise_to(&starting);
    running
}

fn is_sidecar(container: &Tree) -> bool {
    container.str_at(&["restartPolicy"]) == Some("Always")
}

/// What a container has while it is resized: the larger of old and new, or the old alone where the new cannot be.
fn taken(pod: &Tree, container: &Tree, side: Side) -> Amounts {
    let asked = Amounts::read(container.at(&["resources", side.field()]));
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut statuses = lists.iter().flat_map(|list| pod.items_at(&["status", list]));
    let named = |status: &&Tree| status.get("name") == container.get("name");
    let Some(status) = statuses.find(named).filter(|status| status.get("resources").is_some()) else {
        return asked;
    };
    let mut total = Amounts::read(status.at(&["resources", side.field()]));
    if side == Side::Requests {
        total.raise_to(&Amounts::read(status.get("allocatedResources")));
    }
    if !is_resize_infeasible(pod) {
        total.raise_to(&asked);
    }
    total
}

fn is_resize_infeasible(pod: &Tree) -> bool {
    pod.items_at(&["status", "conditions"]).iter().any(|condition| {
        condition.str_at(&["type"]) == Some("PodResizePending")
            && condition.str_at(&["reason"]) == Some("Infeasible")
    })
}

/// How well a pod is served where resources run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityOfService {
    Guaranteed,
    Burstable,
    BestEffort,
}

/// The class that a pod's requests and limits of cpu and memory give it.
pub fn quality_of_service(pod: &Tree) -> QualityOfService {
    let compute = |owner: &Tree, side: Side| {
        let amounts = Amounts::read(owner.at(&["resources", side.field()]));
        amounts.filtered(|name, amount| matches!(name, "cpu" | "memory") && amount > Quantity::ZERO)
    };
    let spec = pod.get("spec").unwrap_or(&Tree::Null);
    let owners: Vec<&Tree> = if spec.at(&["resources"]).is_some_and(|whole| !whole.is_null()) {
        vec![spec]
    } else {
        ["containers", "initContainers"].iter().flat_map(|list| spec.items_at(&[list])).collect()
    };
    let (mut requests, mut limits, mut is_bounded) = (Amounts::default(), Amounts::default(), true);
    for owner in owners {
        requests.add(&compute(owner, Side::Requests));
        let own = compute(owner, Side::Limits);
        is_bounded &= own.names().count() == 2;
        limits.add(&own);
    }
    match () {
        () if requests.is_empty() && limits.is_empty() => QualityOfService::BestEffort,
        () if is_bounded && requests == limits => QualityOfService::Guaranteed,
        () => QualityOfService::Burstable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(spec: &str) -> Tree {
        Tree::from_json(format!(r#"{{"spec":{{{spec}}}}}"#).as_bytes()).unwrap()
    }

    const TWO: &str = r#""containers":[{"name":"a","resources":{"requests":{"cpu":"100m"},"limits":{"cpu":"1"}}},
        {"name":"b","resources":{"requests":{"cpu":"0.2","memory":"1Gi"}}}]"#;

    fn init(cpu: &str, rest: &str) -> String {
        format!(r#"{{"name":"i{cpu}"{rest},"resources":{{"requests":{{"cpu":"{cpu}"}}}}}}"#)
    }

    #[test]
    fn a_pod_asks_for_the_most_that_it_takes_at_any_moment() {
        let sidecar = r#","restartPolicy":"Always""#;
        let cases = [
            (TWO.to_owned(), "cpu=300m,memory=1Gi"),
            (format!(r#"{TWO},"initContainers":[{}]"#, init("1", "")), "cpu=1,memory=1Gi"),
            (
                format!(r#"{TWO},"initContainers":[{},{}]"#, init("1", sidecar), init("500m", "")),
                "cpu=1500m,memory=1Gi",
            ),
            (
                format!(r#"{TWO},"initContainers":[{},{}]"#, init("500m", ""), init("1", sidecar)),
                "cpu=1300m,memory=1Gi",
            ),
            (format!(r#"{TWO},"overhead":{{"cpu":"50m"}}"#), "cpu=350m,memory=1Gi"),
            (
                format!(r#"{TWO},"resources":{{"requests":{{"cpu":"2","x.example/y":"1"}}}}"#),
                "cpu=2,memory=1Gi",
            ),
        ];
        for (spec, expected) in cases {
            let total = of_pod(&pod(&spec), Side::Requests, Extent::Taken);
            assert_eq!(total.to_string(), expected, "{spec}");
        }
        let overhead = pod(&format!(r#"{TWO},"overhead":{{"cpu":"50m","memory":"1"}}"#));
        assert_eq!(of_pod(&overhead, Side::Limits, Extent::Taken).to_string(), "cpu=1050m");
        assert_eq!(of_pod(&overhead, Side::Requests, Extent::Asked).to_string(), "cpu=300m,memory=1Gi");
    }

    #[test]
    fn a_container_has_the_larger_of_old_and_new_while_it_is_resized() {
        let mut pod = pod(TWO);
        let statuses =
            r#"[{"name":"a","resources":{"requests":{"cpu":"3"}},"allocatedResources":{"cpu":"2"}}]"#;
        pod.set_at(&["status", "containerStatuses"], Tree::from_json(statuses.as_bytes()).unwrap());
        assert_eq!(of_pod(&pod, Side::Requests, Extent::Taken).to_string(), "cpu=3200m,memory=1Gi");
        assert_eq!(of_pod(&pod, Side::Requests, Extent::Asked).to_string(), "cpu=300m,memory=1Gi");
    }

    #[test]
    fn the_class_of_a_pod_follows_from_requests_and_limits() {
        let container =
            |resources: &str| pod(&format!(r#""containers":[{{"name":"a","resources":{resources}}}]"#));
        let both = r#"{"cpu":"1","memory":"1"}"#;
        for (pod, expected) in [
            (container("{}"), QualityOfService::BestEffort),
            (container(r#"{"requests":{"cpu":"0","x":"1"}}"#), QualityOfService::BestEffort),
            (container(r#"{"requests":{"cpu":"1"}}"#), QualityOfService::Burstable),
            (container(&format!(r#"{{"requests":{both},"limits":{both}}}"#)), QualityOfService::Guaranteed),
            (
                container(&format!(r#"{{"requests":{{"cpu":"1"}},"limits":{both}}}"#)),
                QualityOfService::Burstable,
            ),
            (
                pod(&format!(
                    r#""resources":{{"requests":{both},"limits":{both}}},"containers":[{{"name":"a"}}]"#
                )),
                QualityOfService::Guaranteed,
            ),
        ] {
            assert_eq!(quality_of_service(&pod), expected, "{}", pod.to_json_string());
        }
    }
}
