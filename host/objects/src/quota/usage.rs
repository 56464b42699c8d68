//! What one object uses, by the names that quotas bound.

use jiff::{SignedDuration, Timestamp};

use crate::meta;
use crate::quantity::{Notation, Quantity};
use crate::resource::GroupResource;
use crate::resources::{Amounts, Extent, Side, of_pod};
use crate::tree::Tree;
use crate::validate::{is_extended_resource, is_huge_pages, is_native_resource};

const REQUESTS: &str = "requests.";
const BY_STORAGE_CLASS: &str = ".storageclass.storage.k8s.io/";
const BY_DEVICE_CLASS: &str = ".deviceclass.resource.k8s.io/devices";
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// How many devices a request for all of them counts as.
const ALL_DEVICES: i64 = 32;

/// Names from before any resource could be counted.
const ALIASES: &[&str] = &["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];

const POD: &[&str] = &[
    "pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// `count/pods`, `count/jobs.batch`
fn count_name(resource: &GroupResource) -> String {
    let dot = if resource.group.is_empty() { "" } else { "." };
    format!("count/{}{dot}{}", resource.resource, resource.group)
}

/// Whether objects of a resource use what a quota bounds by this name.
pub fn concerns(resource: &GroupResource, name: &str) -> bool {
    let own = match (resource.group.as_ref(), resource.resource.as_ref()) {
        ("", "pods") => {
            let is_extended = name.starts_with(REQUESTS) && !is_native_resource(name);
            POD.contains(&name)
                || is_huge_pages(name)
                || name.strip_prefix(REQUESTS).is_some_and(is_huge_pages)
                || is_extended
        }
        ("", "services") => matches!(name, "services" | "services.nodeports" | "services.loadbalancers"),
        ("", "persistentvolumeclaims") => {
            let name = name.split_once(BY_STORAGE_CLASS).map_or(name, |(_, name)| name);
            matches!(name, "persistentvolumeclaims" | "requests.storage")
        }
        ("resource.k8s.io", "resourceclaims") => name.ends_with(BY_DEVICE_CLASS),
        ("", plural) => ALIASES.contains(&plural) && name == plural,
        _ => false,
    };
    own || name == count_name(resource)
}

/// What an object uses.
pub fn usage(resource: &GroupResource, object: &Tree, now: Timestamp) -> Amounts {
    let mut used = match (resource.group.as_ref(), resource.resource.as_ref()) {
        ("", "pods") if is_over(object, now) => Amounts::default(),
        ("", "pods") => compute(
            &of_pod(object, Side::Requests, Extent::Taken),
            &of_pod(object, Side::Limits, Extent::Taken),
        ),
        ("", "services") => service(object),
        ("", "persistentvolumeclaims") => claim(object),
        ("resource.k8s.io", "resourceclaims") => devices(object),
        ("", plural) if ALIASES.contains(&plural) => {
            let mut one = Amounts::default();
            one.count(plural, 1);
            one
        }
        _ => Amounts::default(),
    };
    used.count(count_name(resource), 1);
    used
}

/// Whether a pod uses nothing any more but its place in the store: it is over, or should long be gone.
fn is_over(pod: &Tree, now: Timestamp) -> bool {
    let grace = pod.i64_at(&["metadata", "deletionGracePeriodSeconds"]);
    let gone = meta::deletion_timestamp(pod)
        .zip(grace)
        .is_some_and(|(at, grace)| now.duration_since(at) > SignedDuration::from_secs(grace));
    matches!(pod.str_at(&["status", "phase"]), Some("Failed" | "Succeeded")) || gone
}

/// Requests and limits of a pod or container under every name that a quota may have for them.
pub(super) fn compute(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::default();
    used.count("pods", 1);
    for (name, amount) in requests.iter() {
        let is_measured = matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_huge_pages(name);
        if is_measured {
            used.set(name, amount);
        }
        if is_measured || is_extended_resource(name) {
            used.set(format!("{REQUESTS}{name}"), amount);
        }
    }
    for (name, amount) in
        limits.iter().filter(|(name, _)| matches!(*name, "cpu" | "memory" | "ephemeral-storage"))
    {
        used.set(format!("limits.{name}"), amount);
    }
    used
}

fn service(service: &Tree) -> Amounts {
    let ports = service.items_at(&["spec", "ports"]);
    let (node_ports, balancers) = match service.str_at(&["spec", "type"]) {
        Some("NodePort") => (ports.len(), 0),
        Some("LoadBalancer")
            if service.bool_at(&["spec", "allocateLoadBalancerNodePorts"]) == Some(false) =>
        {
            let has_port = |port: &&Tree| port.i64_at(&["nodePort"]).is_some_and(|port| port != 0);
            (ports.iter().filter(has_port).count(), 1)
        }
        Some("LoadBalancer") => (ports.len(), 1),
        _ => (0, 0),
    };
    let mut used = Amounts::default();
    used.count("services", 1);
    used.count("services.nodeports", i64::try_from(node_ports).unwrap_or(i64::MAX));
    used.count("services.loadbalancers", balancers);
    used
}

fn claim(claim: &Tree) -> Amounts {
    let class = meta::annotation(claim, CLASS_ANNOTATION)
        .or_else(|| claim.str_at(&["spec", "storageClassName"]))
        .filter(|class| !class.is_empty());
    let mut used = Amounts::default();
    used.count("persistentvolumeclaims", 1);
    if let Some(amount) = storage(claim) {
        used.set("requests.storage", amount);
    }
    if let Some(class) = class {
        for (name, amount) in used.clone().iter() {
            used.set(format!("{class}{BY_STORAGE_CLASS}{name}"), amount);
        }
    }
    used
}

/// What is asked for, or what was given while the claim asked for more.
fn storage(claim: &Tree) -> Option<Quantity> {
    let amount = |path: &[&str]| claim.str_at(path)?.parse::<Quantity>().ok();
    let asked = amount(&["spec", "resources", "requests", "storage"])?;
    let given = amount(&["status", "allocatedResources", "storage"]).unwrap_or(Quantity::ZERO);
    let most = asked.max(given);
    Some(Quantity::new(most.value(), most.notation()))
}

/// Whether a write of a claim's status changes what it uses.
pub(super) fn replenishes(new: &Tree, old: &Tree) -> bool {
    storage(new) != storage(old) || attributes_classes(new) != attributes_classes(old)
}

/// The attributes classes that a claim has, had or is to have.
pub(super) fn attributes_classes(claim: &Tree) -> Vec<&str> {
    let mut names: Vec<&str> = [
        &["spec", "volumeAttributesClassName"] as &[&str],
        &["status", "currentVolumeAttributesClassName"],
        &["status", "modifyVolumeStatus", "targetVolumeAttributesClassName"],
    ]
    .iter()
    .filter_map(|path| claim.str_at(path))
    .filter(|name| !name.is_empty())
    .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn devices(claim: &Tree) -> Amounts {
    let number = |request: &Tree| {
        let name = format!("{}{BY_DEVICE_CLASS}", request.str_at(&["deviceClassName"]).unwrap_or_default());
        let count = match request.str_at(&["allocationMode"]) {
            Some("ExactCount") => request.i64_at(&["count"]).unwrap_or(0),
            Some("All") => ALL_DEVICES,
            _ => 0,
        };
        (name, Quantity::new(count, Notation::DecimalSi))
    };
    let mut used = Amounts::default();
    for request in claim.items_at(&["spec", "devices", "requests"]) {
        let mut most = Amounts::default();
        let exactly = request.get("exactly").into_iter();
        for (name, count) in exactly.chain(request.items_at(&["firstAvailable"])).map(number) {
            let mut one = Amounts::default();
            one.set(name, count);
            most.raise_to(&one);
        }
        used.add(&most);
    }
    used
}
