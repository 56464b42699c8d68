//! [`PodView`].

use std::sync::Arc;

use jiff::Timestamp;
use objects::placement::{NodeSelector, NodeSelectorTerm, Toleration};
use objects::resources::{self, Extent, Side};
use objects::{Tree, meta};

use super::device::DeviceUse;
use super::terms::{PodAffinity, SpreadTerm, Weighted};
use super::{Head, Labels, pairs, some_text, text, texts};
use crate::amounts::{Amounts, UNASKED_CPU, UNASKED_MEMORY};

const ENDED: &[&str] = &["Succeeded", "Failed"];
const EVERY_ADDRESS: &str = "0.0.0.0";

/// A pod as scheduling sees it.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(from = "Tree")]
pub(crate) struct PodView {
    pub(crate) head: Head,
    pub(crate) generation: i64,
    pub(crate) labels: Labels,
    pub(crate) owner: Option<Owner>,
    pub(crate) scheduler: Box<str>,
    pub(crate) node: Option<Box<str>>,
    pub(crate) nominated: Option<Box<str>>,
    pub(crate) is_deleting: bool,
    pub(crate) has_ended: bool,
    pub(crate) gates: Box<[Box<str>]>,
    pub(crate) priority: i32,
    /// Whether it may make others go.
    pub(crate) preempts: bool,
    pub(crate) started: Option<Timestamp>,
    pub(crate) requests: Amounts,
    /// Processor and memory as scores count them, where what is not asked for counts too.
    pub(crate) scored: (i64, i64),
    pub(crate) ports: Box<[HostPort]>,
    /// One for each container.
    pub(crate) images: Box<[Box<str>]>,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) node_selector: Box<[(Box<str>, Box<str>)]>,
    pub(crate) node_affinity: Option<NodeSelector>,
    pub(crate) preferred_nodes: Box<[Weighted<NodeSelectorTerm>]>,
    pub(crate) affinity: PodAffinity,
    pub(crate) spread: Vec<Arc<SpreadTerm>>,
    pub(crate) volumes: Box<[PodVolume]>,
    pub(crate) devices: Box<[DeviceUse]>,
    /// What its status says of its scheduling.
    pub(crate) scheduled: Option<Condition>,
    /// Whether its status says that a scheduler makes it go.
    pub(crate) is_preempted: bool,
}

/// The controller of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
}

/// A condition of type PodScheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: Box<str>,
    pub(crate) reason: Box<str>,
    pub(crate) message: Box<str>,
    pub(crate) since: Option<Timestamp>,
}

/// A port of the host; `address` is `0.0.0.0` for every address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) address: Box<str>,
    pub(crate) protocol: Box<str>,
    pub(crate) port: i64,
}

impl HostPort {
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        let every = &*self.address == EVERY_ADDRESS || &*other.address == EVERY_ADDRESS;
        (self.port, &self.protocol) == (other.port, &other.protocol)
            && (every || self.address == other.address)
    }
}

/// A volume that decides where a pod can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodVolume {
    /// A claim of this name; one made for the pod alone is `ephemeral`.
    Claim { name: Box<str>, ephemeral: bool },
    /// A disk that the pod names itself.
    Disk(Disk),
}

/// A disk that not every pod of a node may use beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// With the kind of the disk.
    pub(crate) id: Box<str>,
    /// Whether this use and another that is as well go together.
    pub(crate) shares: bool,
}

impl PodView {
    pub(crate) fn read(pod: &Tree) -> Self {
        let affinity = |field: &str| pod.at(&["spec", "affinity", "nodeAffinity", field]);
        let preferred = affinity("preferredDuringSchedulingIgnoredDuringExecution").unwrap_or(&Tree::Null);
        let spread = pod.items_at(&["spec", "topologySpreadConstraints"]);
        Self {
            head: Head::of(pod),
            generation: meta::generation(pod),
            labels: Labels::of(pod),
            owner: meta::controller_of(pod)
                .map(|owner| Owner { kind: owner.kind.into(), name: owner.name.into() }),
            scheduler: text(pod, &["spec", "schedulerName"]).into(),
            node: some_text(pod, &["spec", "nodeName"]),
            nominated: some_text(pod, &["status", "nominatedNodeName"]),
            is_deleting: meta::is_deleting(pod),
            has_ended: ENDED.contains(&text(pod, &["status", "phase"])),
            gates: pod
                .items_at(&["spec", "schedulingGates"])
                .iter()
                .map(|gate| text(gate, &["name"]).into())
                .collect(),
            priority: pod
                .i64_at(&["spec", "priority"])
                .and_then(|priority| i32::try_from(priority).ok())
                .unwrap_or(0),
            preempts: text(pod, &["spec", "preemptionPolicy"]) != "Never",
            started: time(pod, &["status", "startTime"]),
            requests: Amounts::read(&resources::of_pod(pod, Side::Requests, Extent::Taken)),
            scored: scored(pod),
            ports: ports(pod),
            images: containers(pod).map(|container| normal_image(text(container, &["image"]))).collect(),
            tolerations: Toleration::of_pod(pod),
            node_selector: pairs(pod, &["spec", "nodeSelector"]),
            node_affinity: affinity("requiredDuringSchedulingIgnoredDuringExecution")
                .filter(|selector| !selector.is_null())
                .map(NodeSelector::read),
            preferred_nodes: preferred_nodes(preferred.items()),
            affinity: PodAffinity::of(pod),
            spread: spread.iter().map(|term| Arc::new(SpreadTerm::read(pod, term))).collect(),
            volumes: volumes(pod),
            devices: DeviceUse::of_pod(pod),
            scheduled: condition(pod, "PodScheduled").map(|condition| Condition {
                status: text(condition, &["status"]).into(),
                reason: text(condition, &["reason"]).into(),
                message: text(condition, &["message"]).into(),
                since: time(condition, &["lastTransitionTime"]),
            }),
            is_preempted: condition(pod, "DisruptionTarget").is_some_and(|condition| {
                text(condition, &["status"]) == "True"
                    && text(condition, &["reason"]) == "PreemptionByScheduler"
            }),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.head.key.namespace
    }

    /// Whether a node of this name and these labels is one that the pod asks for.
    pub(crate) fn asks_for(&self, name: &str, labels: &Labels) -> bool {
        labels.include(&self.node_selector)
            && self.node_affinity.as_ref().is_none_or(|wanted| wanted.matches(name, |key| labels.get(key)))
    }

    /// The names of the claims that it uses.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().filter_map(|volume| match volume {
            PodVolume::Claim { name, .. } => Some(&**name),
            PodVolume::Disk(_) => None,
        })
    }
}

/// Reads PreferredSchedulingTerms.
pub(crate) fn preferred_nodes(terms: &[Tree]) -> Box<[Weighted<NodeSelectorTerm>]> {
    let weighted = |preference: &Tree| Weighted {
        weight: preference.i64_at(&["weight"]).unwrap_or(0),
        term: NodeSelectorTerm::read(preference.get("preference").unwrap_or(&Tree::Null)),
    };
    terms.iter().map(weighted).collect()
}

fn containers(pod: &Tree) -> impl Iterator<Item = &Tree> {
    let of = |list: &str| pod.items_at(&["spec", list]).iter();
    of("initContainers").chain(of("containers"))
}

fn time(tree: &Tree, path: &[&str]) -> Option<Timestamp> {
    meta::parse_rfc3339(tree.str_at(path)?)
}

fn condition<'a>(pod: &'a Tree, kind: &str) -> Option<&'a Tree> {
    pod.items_at(&["status", "conditions"]).iter().find(|condition| text(condition, &["type"]) == kind)
}

/// With the tag that is meant where none is written.
fn normal_image(image: &str) -> Box<str> {
    let after_host = image.rsplit('/').next().unwrap_or(image);
    if after_host.contains(':') || image.contains('@') {
        image.into()
    } else {
        format!("{image}:latest").into()
    }
}

/// What the pod takes where each container that asks for nothing counts as if it asked for a little.
fn scored(pod: &Tree) -> (i64, i64) {
    let mut counted = Tree::object();
    for list in ["containers", "initContainers"] {
        let mut containers = pod.items_at(&["spec", list]).to_vec();
        for container in &mut containers {
            let requests = container.make(&["resources", "requests"]).object_mut();
            requests.entry("cpu", || format!("{UNASKED_CPU}m").into());
            requests.entry("memory", || UNASKED_MEMORY.to_string().into());
        }
        counted.set_at(&["spec", list], containers);
    }
    for field in ["overhead", "resources"] {
        if let Some(value) = pod.at(&["spec", field]) {
            counted.set_at(&["spec", field], value.clone());
        }
    }
    let amounts = Amounts::read(&resources::of_pod(&counted, Side::Requests, Extent::Taken));
    (amounts.cpu, amounts.memory)
}

fn ports(pod: &Tree) -> Box<[HostPort]> {
    let runs = |container: &&Tree| text(container, &["restartPolicy"]) == "Always";
    let sidecars = pod.items_at(&["spec", "initContainers"]).iter().filter(runs);
    let containers = pod.items_at(&["spec", "containers"]).iter().chain(sidecars);
    let port = |port: &Tree| {
        Some(HostPort {
            address: some_text(port, &["hostIP"]).unwrap_or_else(|| EVERY_ADDRESS.into()),
            protocol: some_text(port, &["protocol"]).unwrap_or_else(|| "TCP".into()),
            port: port.i64_at(&["hostPort"]).filter(|port| *port > 0)?,
        })
    };
    containers.flat_map(|container| container.items_at(&["ports"])).filter_map(port).collect()
}

fn volumes(pod: &Tree) -> Box<[PodVolume]> {
    pod.items_at(&["spec", "volumes"]).iter().flat_map(|volume| volume_uses(pod, volume)).collect()
}

fn volume_uses(pod: &Tree, volume: &Tree) -> Vec<PodVolume> {
    let disk = |id: String, shares: bool| PodVolume::Disk(Disk { id: id.into(), shares });
    let is_read_only = |source: &Tree| source.bool_at(&["readOnly"]) == Some(true);
    for (kind, source) in volume.fields() {
        match kind {
            "persistentVolumeClaim" => {
                return vec![PodVolume::Claim {
                    name: text(source, &["claimName"]).into(),
                    ephemeral: false,
                }];
            }
            "ephemeral" => {
                let name = format!("{}-{}", meta::name(pod), text(volume, &["name"]));
                return vec![PodVolume::Claim { name: name.into(), ephemeral: true }];
            }
            "gcePersistentDisk" => {
                return vec![disk(format!("gce/{}", text(source, &["pdName"])), is_read_only(source))];
            }
            "awsElasticBlockStore" => {
                return vec![disk(format!("ebs/{}", text(source, &["volumeID"])), false)];
            }
            "iscsi" => return vec![disk(format!("iscsi/{}", text(source, &["iqn"])), is_read_only(source))],
            "rbd" => {
                let (pool, image) = (text(source, &["pool"]), text(source, &["image"]));
                let monitors = texts(source, &["monitors"]);
                let ids = monitors.iter().map(|monitor| format!("rbd/{monitor}/{pool}/{image}"));
                return ids.map(|id| disk(id, is_read_only(source))).collect();
            }
            _ => {}
        }
    }
    Vec::new()
}
