//! A small cluster to decide in, for tests.

use std::sync::Arc;

use objects::{Tree, meta, tree};
use reconcile::Reflected;

use crate::cycle::{Cycle, Refused};
use crate::decide::{Decision, Refusal, Rotation, decide};
use crate::plugin::Plugin;
use crate::profile::Profile;
use crate::snapshot::{NodeState, Snapshot, Table};
use crate::trace::Trace;
use crate::view::{
    BudgetView, CapacityView, ClaimView, ClassView, CsiNodeView, DeviceClaimView, DeviceClassView,
    DriverView, NamespaceView, NodeView, PodView, Selecting, SliceView, VolumeView,
};

pub(crate) struct Cluster {
    pub(crate) snapshot: Snapshot,
    pub(crate) profile: Profile,
    pub(crate) rotation: Rotation,
}

/// A node of four cores, 8Gi and ten pods, with the label of its host name and these.
pub(crate) fn node(name: &str, labels: &[(&str, &str)]) -> Tree {
    let mut node = tree!({
        "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "10" } }
    });
    for (key, value) in labels {
        node.set_at(&["metadata", "labels", key], *value);
    }
    node
}

/// With a value at a path.
pub(crate) fn with(mut object: Tree, path: &[&str], value: impl Into<Tree>) -> Tree {
    object.set_at(path, value);
    object
}

/// A pod of the namespace `default` with the label `app` and this spec; of one container if it says nothing of it.
pub(crate) fn pod(name: &str, app: &str, spec: Tree) -> Tree {
    let mut spec = spec;
    if spec.get("containers").is_none() {
        spec.insert("containers", tree!([{ "name": "c", "image": "web" }]));
    }
    tree!({
        "metadata": { "namespace": "default", "name": name, "uid": name, "labels": { "app": app } },
        "spec": spec
    })
}

/// A container that asks for so much.
pub(crate) fn asking(cpu: &str, memory: &str) -> Tree {
    tree!([{ "name": "c", "resources": { "requests": { "cpu": cpu, "memory": memory } } }])
}

fn put<V: Reflected>(table: &mut Table<V>, view: V) {
    table.insert(view.key(), Arc::new(view));
}

impl Cluster {
    pub(crate) fn of(nodes: impl IntoIterator<Item = Tree>) -> Self {
        let (snapshot, rotation) = (Snapshot::default(), Rotation::default());
        let mut cluster = Self { snapshot, profile: Profile::new("default-scheduler"), rotation };
        nodes.into_iter().for_each(|node| cluster.put(node));
        cluster
    }

    /// An object of any kind but Pod.
    pub(crate) fn put(&mut self, object: Tree) {
        let tables = &mut self.snapshot.tables;
        match object.str_at(&["kind"]).unwrap() {
            "Node" => self.snapshot.set_node(Arc::new(NodeView::read(&object))),
            "Namespace" => put(&mut tables.namespaces, NamespaceView::read(&object)),
            "PersistentVolumeClaim" => put(&mut tables.claims, ClaimView::read(&object)),
            "PersistentVolume" => put(&mut tables.volumes, VolumeView::read(&object)),
            "StorageClass" => put(&mut tables.classes, ClassView::read(&object)),
            "CSIDriver" => put(&mut tables.csi_drivers, DriverView::read(&object)),
            "CSIStorageCapacity" => put(&mut tables.capacities, CapacityView::read(&object)),
            "ResourceClaim" => put(&mut tables.device_claims, DeviceClaimView::read(&object)),
            "DeviceClass" => put(&mut tables.device_classes, DeviceClassView::read(&object)),
            "ResourceSlice" => put(&mut tables.slices, SliceView::read(&object)),
            "CSINode" => put(&mut tables.csi_nodes, CsiNodeView::read(&object)),
            "PodDisruptionBudget" => put(&mut tables.budgets, BudgetView::read(&object)),
            "Service" => put(&mut tables.services, Selecting::read(&object)),
            "ReplicaSet" => {
                put(tables.workloads.entry("ReplicaSet").or_default(), Selecting::read(&object));
            }
            other => panic!("no table for {other}"),
        }
    }

    pub(crate) fn place(&mut self, pod: &Tree, node: &str) {
        self.snapshot.place(Arc::new(PodView::read(pod)), node);
    }

    /// One of each of these pods on a node.
    pub(crate) fn placed(mut self, pods: impl IntoIterator<Item = (Tree, &'static str)>) -> Self {
        pods.into_iter().for_each(|(pod, node)| self.place(&pod, node));
        self
    }

    /// What one plugin says of a pod, node by node: its score, or its objection with `!` where that lasts.
    pub(crate) fn verdicts(&self, plugin: Plugin, pod: &Tree) -> String {
        let pod = PodView::read(pod);
        let mut profile = self.profile.clone();
        profile.enabled = [plugin].into_iter().collect();
        let told = |refused: &Refused| {
            let lasting = if refused.objection.is_resolvable { "" } else { "!" };
            format!("{lasting} {}", refused.objection.reasons.join(", "))
        };
        let cycle = match Cycle::begin(&pod, &profile, &self.snapshot, &mut Trace::default()) {
            Ok(cycle) => cycle,
            Err((_, refused)) => return format!("every node{}", told(&refused)),
        };
        let mut lines = Vec::new();
        let mut fitting: Vec<&NodeState> = Vec::new();
        for (state, view) in self.snapshot.nodes() {
            match cycle.filter_beside_nominated(state) {
                Ok(()) => fitting.push(state),
                Err(refused) => lines.push(format!("{}{}", view.name(), told(&refused))),
            }
        }
        let scores = match plugin.row().score {
            Some(score) => score(&cycle, &fitting).iter().map(|score| format!(" {score}")).collect(),
            None => vec![String::new(); fitting.len()],
        };
        for (state, score) in fitting.iter().zip(scores) {
            lines.push(format!("{}{score}", state.view.as_ref().unwrap().name()));
        }
        lines.sort();
        lines.join("\n")
    }

    /// A look for a node for a pod that no plugin refuses altogether.
    pub(crate) fn look<'a>(&'a self, pod: &'a PodView) -> Cycle<'a> {
        let begun = Cycle::begin(pod, &self.profile, &self.snapshot, &mut Trace::default());
        begun.map_err(|(_, refused)| refused).unwrap()
    }

    pub(crate) fn decide(&mut self, pod: &Tree) -> Decision {
        decide(&PodView::read(pod), &self.profile, 0, &self.snapshot, &mut self.rotation)
    }

    pub(crate) fn refusal(&mut self, pod: &Tree) -> Refusal {
        match self.decide(pod) {
            Decision::Refuse(refusal) => refusal,
            Decision::Bind { node, .. } => panic!("{} went to {node}", meta::name(pod)),
        }
    }

    /// The node, or why there is none.
    pub(crate) fn decided(&mut self, pod: &Tree) -> String {
        match self.decide(pod) {
            Decision::Bind { node, .. } => node.into(),
            Decision::Refuse(refusal) => refusal.message,
        }
    }
}
