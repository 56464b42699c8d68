//! Attaches volumes of CSI drivers to the nodes of the pods that use them, and detaches them after: the objects for the
//! driver's attacher, and what the node's kubelet reads of it.

mod plan;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::events::Recorder;
use client::{ApiError, Client, DeleteOptions, Patch};
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSIDriver, VolumeAttachment};
use objects::tree;
use objects::tree::{ConvertError, to_tree};
use reconcile::{Change, Outcome, Queue, Reconcile, Store};
use tokio::time::Instant;

use super::{claim_names, volume_of};
use crate::pod::Pod;
use crate::reference::versioned_reference;
use crate::wiring::Wiring;
use plan::{Scene, Wanted};

/// Nodes that are looked at at the same time.
const WORKERS: NonZeroUsize = NonZeroUsize::new(10).expect("ten is not zero");
/// How long a node that is away may keep a volume that no pod of it wants: upstream's time.
const UNMOUNT_PATIENCE: Duration = Duration::from_secs(6 * 60);

#[derive(Debug, thiserror::Error)]
enum AttachError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("describe the attached volumes: {0}")]
    Describe(#[from] ConvertError),
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue: Queue<String> = wiring.queue("attachdetach");
    let pods = wiring.feed(&queue, |pod: &Pod| {
        let uses = claim_names(pod).next().is_some();
        pod.spec.node_name.clone().filter(|_| uses)
    });
    let attachments =
        wiring.feed(&queue, |attachment: &VolumeAttachment| Some(attachment.spec.node_name.clone()));
    let nodes = wiring.feed(&queue, |node: &Node| node.metadata.name.clone());
    let (again, among) = (queue.clone(), pods.clone());
    wiring.on_change(move |change: &Change<'_, PersistentVolumeClaim>| {
        let uses = |pod: &&Arc<Pod>| claim_names(pod).any(|name| name == change.key.name);
        let pods = among.in_namespace(&change.key.namespace);
        let nodes = pods.iter().filter(uses).filter_map(|pod| pod.spec.node_name.clone());
        nodes.for_each(|node| again.add(node));
    });
    let attacher = Attacher {
        client: wiring.client(),
        recorder: wiring.recorder("attachdetach-controller"),
        pods,
        attachments,
        nodes,
        claims: wiring.store(),
        volumes: wiring.store(),
        drivers: wiring.store(),
        unwanted: Mutex::default(),
    };
    wiring.reconcile(attacher, queue, WORKERS);
}

struct Attacher {
    client: Client,
    recorder: Recorder,
    pods: Store<Pod>,
    attachments: Store<VolumeAttachment>,
    nodes: Store<Node>,
    claims: Store<PersistentVolumeClaim>,
    volumes: Store<PersistentVolume>,
    drivers: Store<CSIDriver>,
    /// Since when attachments stay that nobody wants, by node and name.
    unwanted: Mutex<HashMap<String, BTreeMap<String, Instant>>>,
}

impl Reconcile for Attacher {
    type Key = String;
    type Error = AttachError;

    async fn reconcile(&self, node: &String) -> Result<Outcome, AttachError> {
        let scene = Scene {
            name: node,
            node: self.nodes.get("", node),
            wanted: self.wanted(node),
            attachments: self.attachments.all(),
        };
        let before = self.staying(node);
        let waited = |name: &str| before.get(name).is_some_and(|since| since.elapsed() >= UNMOUNT_PATIENCE);
        let plan = plan::plan(&scene, waited);
        let since = |name: &String| before.get(name).copied().unwrap_or_else(Instant::now);
        let stay: BTreeMap<_, _> = plan.stay.iter().map(|name| (name.clone(), since(name))).collect();
        let stays = !stay.is_empty();
        if stays {
            self.unwanted().insert(node.clone(), stay);
        } else {
            self.unwanted().remove(node);
        }
        if let Some(attached) = &plan.attached {
            let patch = Patch::Merge(tree!({ "status": { "volumesAttached": (to_tree(attached)?) } }));
            match self.client.cluster::<Node>().patch_status(node, &patch).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        let attachments = self.client.cluster::<VolumeAttachment>();
        for name in &plan.detach {
            match attachments.delete(name, &DeleteOptions::default()).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        for attachment in &plan.attach {
            match attachments.create(attachment).await {
                Err(error) if !error.is_already_exists() => return Err(error.into()),
                _ => {}
            }
        }
        for said in plan.said {
            self.recorder.record(versioned_reference(&*said.pod), said.kind, said.reason, said.message);
        }
        Ok(if stays { Outcome::After(UNMOUNT_PATIENCE) } else { Outcome::Done })
    }
}

impl Attacher {
    /// The volumes that the pods of a node use and whose driver wants them attached.
    fn wanted(&self, node: &str) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let pods = self.pods.all();
        let of_node = |pod: &&Arc<Pod>| pod.spec.node_name.as_deref() == Some(node) && !pod.has_ended();
        for pod in pods.iter().filter(of_node) {
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            for claim in claim_names(pod).filter_map(|name| self.claims.get(namespace, &name)) {
                let Some(volume) = self.volumes.get("", volume_of(&claim)) else { continue };
                match wanted.iter_mut().find(|one| one.volume.metadata.name == volume.metadata.name) {
                    Some(one) => one.pods.push(Arc::clone(pod)),
                    None if self.is_attached_by_driver(&volume) => {
                        wanted.push(Wanted { volume, pods: vec![Arc::clone(pod)] });
                    }
                    None => {}
                }
            }
        }
        wanted
    }

    /// Whether the volume is of a driver that did not say that it attaches nothing.
    fn is_attached_by_driver(&self, volume: &PersistentVolume) -> bool {
        let Some(source) = volume.spec.as_ref().and_then(|spec| spec.csi.as_ref()) else { return false };
        let driver = self.drivers.get("", &source.driver);
        driver.is_none_or(|driver| driver.spec.attach_required != Some(false))
    }

    /// Since when attachments of a node stay that nobody wants.
    fn staying(&self, node: &str) -> BTreeMap<String, Instant> {
        self.unwanted().get(node).cloned().unwrap_or_default()
    }

    fn unwanted(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<String, Instant>>> {
        self.unwanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
