//! Services and the pods behind them, as everything that publishes endpoints reads them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, ObjectReference, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use reconcile::{ObjectKey, Outcome, Queue, Store};

use crate::pod::{Container, Pod};
use crate::wiring::Wiring;

/// On endpoints of services that have no address of their own.
pub(crate) const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";
/// When what a service is made of last changed, as far as it is known.
pub(crate) const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
pub(crate) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

pub(crate) const IPV4: &str = "IPv4";
pub(crate) const IPV6: &str = "IPv6";

const NO_ADDRESS: &str = "None";
const EXTERNAL_NAME: &str = "ExternalName";
const ALWAYS: &str = "Always";
const TCP: &str = "TCP";

/// Of a service, what those who publish its endpoints ask.
pub(crate) trait Publishing {
    fn the_spec(&self) -> Option<&ServiceSpec>;

    /// The labels of its pods; `None` if others publish its endpoints, or nobody.
    fn selector(&self) -> Option<&BTreeMap<String, String>> {
        let spec = self.the_spec()?;
        spec.selector
            .as_ref()
            .filter(|selector| !selector.is_empty() && spec.type_.as_deref() != Some(EXTERNAL_NAME))
    }

    /// Whether others publish its endpoints, whatever kind it is.
    fn has_no_selector(&self) -> bool {
        self.the_spec().and_then(|spec| spec.selector.as_ref()).is_none_or(BTreeMap::is_empty)
    }

    fn selects(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.selector().is_some_and(|selector| {
            selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        })
    }

    fn ports(&self) -> &[ServicePort] {
        self.the_spec().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
    }

    /// Whether unready pods count as ready.
    fn publishes_unready(&self) -> bool {
        self.the_spec().and_then(|spec| spec.publish_not_ready_addresses).unwrap_or(false)
    }

    fn cluster_ip(&self) -> &str {
        self.the_spec().and_then(|spec| spec.cluster_ip.as_deref()).unwrap_or_default()
    }

    /// Whether it says that it has no address of its own.
    fn is_headless(&self) -> bool {
        self.cluster_ip() == NO_ADDRESS
    }

    fn has_address(&self) -> bool {
        !self.is_headless() && !self.cluster_ip().is_empty()
    }

    fn families(&self) -> &[String] {
        self.the_spec().and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default()
    }
}

impl Publishing for Service {
    fn the_spec(&self) -> Option<&ServiceSpec> {
        self.spec.as_ref()
    }
}

/// The number that a pod has for a port of a service; a name may mean another number in every pod.
pub(crate) fn target_port(pod: &Pod, port: &ServicePort) -> Option<i32> {
    let name = match &port.target_port {
        None => return Some(port.port),
        Some(IntOrString::Int(number)) => return Some(*number),
        Some(IntOrString::String(name)) => name,
    };
    let sidecar = |container: &&Container| container.restart_policy.as_deref() == Some(ALWAYS);
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().filter(sidecar));
    let protocol = port.protocol.as_deref().unwrap_or(TCP);
    let mut ports = containers.flat_map(|container| &container.ports);
    let found = ports
        .find(|one| one.name.as_ref() == Some(name) && one.protocol.as_deref().unwrap_or(TCP) == protocol)?;
    Some(found.container_port)
}

/// Whether a pod has ended or has no address yet: then it is no endpoint of anything.
pub(crate) fn is_out_of_service(pod: &Pod) -> bool {
    pod.has_ended()
        || (pod.status.pod_ip.as_deref().unwrap_or_default().is_empty() && pod.status.pod_ips.is_empty())
}

/// The addresses of a pod that can be read.
pub(crate) fn addresses(pod: &Pod) -> impl Iterator<Item = IpAddr> + '_ {
    pod.status.pod_ips.iter().filter_map(|address| address.ip.parse().ok())
}

/// As the API names it.
pub(crate) fn family(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { IPV4 } else { IPV6 }
}

pub(crate) fn pod_reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The name by which DNS knows a pod below its service.
pub(crate) fn hostname<'a>(pod: &'a Pod, service: &Service) -> Option<&'a String> {
    let here = pod.metadata.namespace == service.metadata.namespace
        && pod.spec.subdomain.is_some()
        && pod.spec.subdomain == service.metadata.name;
    pod.spec.hostname.as_ref().filter(|hostname| here && !hostname.is_empty())
}

/// A prefix of names that are generated for what belongs to a service.
pub(crate) fn name_prefix(service: &str) -> String {
    /// What a name may be long; one that is generated is cut to fit.
    const NAME_LEN: usize = 253;
    if service.len() < NAME_LEN { format!("{service}-") } else { service.to_owned() }
}

/// Says what made this write due.
pub(crate) fn mark(metadata: &mut ObjectMeta, trigger: Option<Timestamp>) {
    let annotations = metadata.annotations.get_or_insert_default();
    match trigger {
        Some(time) => drop(annotations.insert(TRIGGER_TIME.to_owned(), time.to_string())),
        None => drop(annotations.remove(TRIGGER_TIME)),
    }
}

/// When what a service publishes last changed, as far as its pods and itself tell.
pub(crate) fn trigger_time(service: &Service, pods: &[Arc<Pod>]) -> Option<Timestamp> {
    let ready = pods.iter().filter_map(|pod| pod.condition("Ready")?.last_transition_time.as_ref());
    ready.chain(&service.metadata.creation_timestamp).map(|time| time.0).max()
}

/// What an endpoint shows of its pod: another of these, another endpoint.
#[derive(PartialEq)]
struct Shown<'a> {
    labels: &'a Option<BTreeMap<String, String>>,
    addresses: Vec<&'a str>,
    node: &'a Option<String>,
    names: (&'a Option<String>, &'a Option<String>),
    going: (bool, bool, bool),
    uid: &'a Option<String>,
}

fn shown(pod: &Pod) -> Shown<'_> {
    Shown {
        labels: &pod.metadata.labels,
        addresses: pod.status.pod_ips.iter().map(|address| address.ip.as_str()).collect(),
        node: &pod.spec.node_name,
        names: (&pod.spec.hostname, &pod.spec.subdomain),
        going: (pod.is_ready(), pod.is_deleting(), pod.has_ended()),
        uid: &pod.metadata.uid,
    }
}

/// Queues services by their own changes and by those of pods that they select.
pub(crate) fn feed_services_and_pods(wiring: &mut Wiring<'_>, queue: &Queue<ObjectKey>) -> Store<Service> {
    let services = wiring.feed_own::<Service>(queue);
    let (all, queue) = (services.clone(), queue.clone());
    wiring.on_change::<Pod>(move |change| {
        if let (Some(old), Some(new)) = (change.old, change.new)
            && shown(old) == shown(new)
        {
            return;
        }
        for service in all.in_namespace(&change.key.namespace) {
            let mut states = [change.old, change.new].into_iter().flatten();
            if states.any(|pod| service.selects(pod.metadata.labels.as_ref())) {
                queue.add(ObjectKey::of(&service.metadata));
            }
        }
    });
    services
}

/// When the endpoints of so many pods may be published again. Each publication looks at all of them, so that those of
/// many come less often.
pub(crate) fn published(pods: usize) -> Outcome {
    const FEW: usize = 100;
    const EACH: Duration = Duration::from_micros(100);
    const LONGEST: Duration = Duration::from_secs(1);
    if pods < FEW {
        return Outcome::Done;
    }
    let rest = u32::try_from(pods).map_or(LONGEST, |pods| EACH * pods);
    Outcome::Rest(rest.min(LONGEST))
}

/// Where a node is.
pub(crate) fn zone(node: &Node) -> Option<&String> {
    node.metadata.labels.as_ref().and_then(|labels| labels.get(ZONE_LABEL)).filter(|zone| !zone.is_empty())
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;
    use objects::{Tree, tree};

    use super::*;

    fn pod(ports: Tree) -> Pod {
        let pod = tree!({ "metadata": { "namespace": "default" }, "spec": {
            "hostname": "db-0", "subdomain": "db",
            "containers": [{ "name": "c", "ports": ports }],
            "initContainers": [
                { "name": "sidecar", "restartPolicy": "Always", "ports": [{ "name": "side", "containerPort": 9 }] },
                { "name": "init", "ports": [{ "name": "init", "containerPort": 10 }] }
            ]
        } });
        from_tree(&pod).unwrap()
    }

    fn target(port: Tree) -> Option<i32> {
        let pod = pod(tree!([
            { "name": "web", "containerPort": 8080 },
            { "name": "dns", "containerPort": 53, "protocol": "UDP" }
        ]));
        target_port(&pod, &from_tree(&port).unwrap())
    }

    #[test]
    fn a_named_port_is_that_of_the_pod_with_the_protocol_of_the_service() {
        assert_eq!(target(tree!({ "port": 80, "targetPort": "web" })), Some(8080));
        assert_eq!(target(tree!({ "port": 80, "targetPort": "side" })), Some(9));
        assert_eq!(target(tree!({ "port": 80, "targetPort": "init" })), None);
        assert_eq!(target(tree!({ "port": 80, "targetPort": "dns" })), None);
        assert_eq!(target(tree!({ "port": 80, "targetPort": "dns", "protocol": "UDP" })), Some(53));
        assert_eq!(target(tree!({ "port": 80, "targetPort": 81 })), Some(81));
        assert_eq!(target(tree!({ "port": 80 })), Some(80));
    }

    fn service(spec: Tree) -> Service {
        from_tree(&tree!({ "metadata": { "namespace": "default", "name": "db" }, "spec": spec })).unwrap()
    }

    #[test]
    fn a_pod_is_known_by_name_below_the_service_that_is_its_subdomain() {
        let db = service(tree!({}));
        assert_eq!(hostname(&pod(tree!([])), &db).map(String::as_str), Some("db-0"));
        let mut other = db.clone();
        other.metadata.name = Some("web".to_owned());
        assert_eq!(hostname(&pod(tree!([])), &other), None);
    }

    #[test]
    fn services_of_no_selector_or_of_a_name_elsewhere_select_nothing() {
        let labels = BTreeMap::from([("app".to_owned(), "db".to_owned())]);
        let selects = |spec: Tree| service(spec).selects(Some(&labels));
        assert!(selects(tree!({ "selector": { "app": "db" } })));
        assert!(!selects(tree!({ "selector": { "app": "db", "tier": "1" } })));
        assert!(!selects(tree!({})));
        assert!(!selects(tree!({ "type": "ExternalName", "selector": { "app": "db" } })));
    }
}
