//! What a pod takes of its node: resources and ports of the host.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

pub(crate) const CPU: &str = "cpu";
pub(crate) const MEMORY: &str = "memory";
pub(crate) const PODS: &str = "pods";

/// What a container that asks for nothing counts as in scores, as upstream: a tenth of a core and 200 MiB.
const UNASKED: [(&str, i128); 2] = [(CPU, 100), (MEMORY, 200 << 20)];

/// What a request that cannot be read counts as: more than any node has, and its sums are still exact.
const UNREADABLE: i128 = i64::MAX as i128;

const ALWAYS: &str = "Always";
const EVERY_ADDRESS: &str = "0.0.0.0";

/// Amounts by name of the resource: thousandths of cores, whole units of everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resources(BTreeMap<String, i128>);

impl Resources {
    /// An amount that cannot be read is `unreadable`.
    pub(crate) fn read(quantities: Option<&BTreeMap<String, Quantity>>, unreadable: i128) -> Self {
        let amounts = quantities.into_iter().flatten().map(|(name, quantity)| {
            let read: Result<objects::quantity::Quantity, _> = quantity.0.parse();
            let amount = read.map(|quantity| match name.as_str() {
                CPU => i128::from(quantity.milli_value()),
                _ => i128::from(quantity.value()),
            });
            (name.clone(), amount.unwrap_or(unreadable))
        });
        Self(amounts.collect())
    }

    pub(crate) fn get(&self, name: &str) -> i128 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i128)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    fn combine(&mut self, other: &Self, with: impl Fn(i128, i128) -> i128) {
        for (name, amount) in &other.0 {
            let old = self.0.entry(name.clone()).or_default();
            *old = with(*old, *amount);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, |old, more| old + more);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.combine(other, |old, less| old - less);
    }

    fn raise_to(&mut self, other: &Self) {
        self.combine(other, i128::max);
    }

    fn replace(&mut self, other: &Self) {
        self.combine(other, |_, new| new);
    }
}

/// A port of the host; `address` is `0.0.0.0` for every address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) address: String,
    pub(crate) protocol: String,
    pub(crate) port: i32,
}

impl HostPort {
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        let every = self.address == EVERY_ADDRESS || other.address == EVERY_ADDRESS;
        (self.port, &self.protocol) == (other.port, &other.protocol)
            && (every || self.address == other.address)
    }
}

/// What a pod takes of its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// A request that cannot be read is more than any node has.
    pub(crate) requests: Resources,
    /// The requests as scores count them.
    pub(crate) scored: Resources,
    pub(crate) ports: Vec<HostPort>,
}

impl Demand {
    pub(crate) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::default() };
        Self {
            requests: total(spec, requests),
            scored: total(spec, |container| {
                let mut requests = requests(container);
                for (name, amount) in UNASKED {
                    requests.0.entry(name.to_owned()).or_insert(amount);
                }
                requests
            }),
            ports: ports(spec),
        }
    }
}

fn requests(container: &Container) -> Resources {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    Resources::read(requests, UNREADABLE)
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some(ALWAYS)
}

fn init_containers(spec: &PodSpec) -> &[Container] {
    spec.init_containers.as_deref().unwrap_or_default()
}

/// The most that the pod takes at any moment of its life: init containers run one after another beside the sidecars
/// that were started before them. What the pod as a whole asks for takes the place of what its containers do.
fn total(spec: &PodSpec, of: impl Fn(&Container) -> Resources) -> Resources {
    let (mut running, mut sidecars, mut starting) =
        (Resources::default(), Resources::default(), Resources::default());
    spec.containers.iter().for_each(|container| running.add(&of(container)));
    for container in init_containers(spec) {
        let mut moment = of(container);
        if is_sidecar(container) {
            running.add(&moment);
            sidecars.add(&moment);
            moment = sidecars.clone();
        } else {
            moment.add(&sidecars);
        }
        starting.raise_to(&moment);
    }
    running.raise_to(&starting);
    let whole = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    running.replace(&Resources::read(whole, UNREADABLE));
    running.add(&Resources::read(spec.overhead.as_ref(), UNREADABLE));
    running
}

fn ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = init_containers(spec).iter().filter(|container| is_sidecar(container));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let text = |text: &Option<String>, default: &str| match text.as_deref() {
        None | Some("") => default.to_owned(),
        Some(text) => text.to_owned(),
    };
    ports
        .filter_map(|port| {
            Some(HostPort {
                address: text(&port.host_ip, EVERY_ADDRESS),
                protocol: text(&port.protocol, "TCP"),
                port: port.host_port.filter(|port| *port > 0)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use objects::{Tree, tree};

    use super::*;

    fn container(cpu: &str) -> Tree {
        tree!({ "name": "c", "resources": { "requests": { "cpu": cpu } } })
    }

    fn sidecar(cpu: &str) -> Tree {
        let mut sidecar = container(cpu);
        sidecar.insert("restartPolicy", "Always");
        sidecar
    }

    fn cpu(spec: Tree) -> i128 {
        let pod: Pod = objects::tree::from_tree(&tree!({ "metadata": {}, "spec": spec })).unwrap();
        Demand::of(&pod).requests.get(CPU)
    }

    #[test]
    fn requests_are_the_most_that_is_taken_at_any_moment() {
        let two = || vec![container("100m"), container("0.2")];
        let cases = [
            (tree!({ "containers": (two()) }), 300),
            (tree!({ "containers": (two()), "initContainers": [(container("1"))] }), 1000),
            (tree!({ "containers": (two()), "initContainers": [(sidecar("1")), (container("500m"))] }), 1500),
            (tree!({ "containers": (two()), "initContainers": [(container("500m")), (sidecar("1"))] }), 1300),
            (tree!({ "containers": (two()), "overhead": { "cpu": "50m" } }), 350),
            (tree!({ "containers": (two()), "resources": { "requests": { "cpu": "2" } } }), 2000),
            (tree!({ "containers": [(container("much"))] }), UNREADABLE),
        ];
        for (spec, expected) in cases {
            assert_eq!(cpu(spec.clone()), expected, "{}", spec.to_json_string());
        }
    }

    #[test]
    fn ports_conflict_by_number_protocol_and_address() {
        let port = |address: &str, protocol: &str, port| HostPort {
            address: address.to_owned(),
            protocol: protocol.to_owned(),
            port,
        };
        let taken = port("127.0.0.1", "TCP", 80);
        assert!(taken.conflicts(&port("0.0.0.0", "TCP", 80)));
        assert!(taken.conflicts(&port("127.0.0.1", "TCP", 80)));
        assert!(!taken.conflicts(&port("127.0.0.2", "TCP", 80)));
        assert!(!taken.conflicts(&port("0.0.0.0", "UDP", 80)));
        assert!(!taken.conflicts(&port("0.0.0.0", "TCP", 81)));
    }
}
