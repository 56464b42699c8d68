//! Which volumes one node is to have attached.

use std::sync::Arc;

use client::events::EventType;
use k8s_openapi::api::core::v1::{AttachedVolume, Node, PersistentVolume};
use k8s_openapi::api::storage::v1::{VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest, Sha256};

use crate::pod::Pod;
use crate::volume::name;

/// The node is not coming back soon: its volumes are wanted elsewhere.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
const MANY: [&str; 2] = ["ReadWriteMany", "ReadOnlyMany"];

/// A volume of a CSI driver that pods of the node use.
pub(super) struct Wanted {
    pub(super) volume: Arc<PersistentVolume>,
    pub(super) pods: Vec<Arc<Pod>>,
}

pub(super) struct Scene<'a> {
    /// Of the node.
    pub(super) name: &'a str,
    pub(super) node: Option<Arc<Node>>,
    pub(super) wanted: Vec<Wanted>,
    /// Those of every node.
    pub(super) attachments: Vec<Arc<VolumeAttachment>>,
}

/// An event about a pod.
pub(super) struct Said {
    pub(super) pod: Arc<Pod>,
    pub(super) kind: EventType,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Default)]
pub(super) struct Plan {
    /// What the node's status is to say, if it says something else.
    pub(super) attached: Option<Vec<AttachedVolume>>,
    pub(super) attach: Vec<VolumeAttachment>,
    /// Names of attachments.
    pub(super) detach: Vec<String>,
    /// Names of attachments that nobody wants and that the node still uses.
    pub(super) stay: Vec<String>,
    pub(super) said: Vec<Said>,
}

/// The driver of a volume, and the driver's name of it.
fn handle(volume: &PersistentVolume) -> Option<(&str, &str)> {
    let source = volume.spec.as_ref()?.csi.as_ref()?;
    Some((&source.driver, &source.volume_handle))
}

/// The name of an attachment, which everybody finds who knows the volume.
fn attachment_name(driver: &str, handle: &str, node: &str) -> String {
    format!("csi-{:x}", Sha256::digest(format!("{handle}{driver}{node}")))
}

/// How a node's status names a volume.
fn unique_name(driver: &str, handle: &str) -> String {
    format!("kubernetes.io/csi/{driver}^{handle}")
}

fn is_attached(attachment: &VolumeAttachment) -> bool {
    attachment.status.as_ref().is_some_and(|status| status.attached)
}

fn is_exclusive(volume: &PersistentVolume) -> bool {
    let modes = volume.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    !modes.iter().any(|mode| MANY.contains(&mode.as_str()))
}

/// `waited` tells of an attachment whether it stays longer than a node may take that is away.
pub(super) fn plan(scene: &Scene<'_>, waited: impl Fn(&str) -> bool) -> Plan {
    let mut plan = Plan::default();
    let mut attached = Vec::new();
    let known = reported(scene);
    for wanted in &scene.wanted {
        let Some((driver, handle)) = handle(&wanted.volume) else { continue };
        let unique = unique_name(driver, handle);
        let volume = name(&wanted.volume.metadata);
        let own = attachment_name(driver, handle, scene.name);
        match scene.attachments.iter().find(|attachment| name(&attachment.metadata) == own) {
            Some(attachment) if is_attached(attachment) => {
                if known.iter().all(|known| known.name != unique) {
                    let message = format!("AttachVolume.Attach succeeded for volume {volume:?} ");
                    plan.say(wanted, EventType::Normal, "SuccessfulAttachVolume", &message);
                }
                attached.push(AttachedVolume { name: unique, device_path: String::new() });
            }
            Some(attachment) => {
                let error = attachment.status.as_ref().and_then(|status| status.attach_error.as_ref());
                if let Some(error) = error.and_then(|error| error.message.as_deref()) {
                    let message = format!("AttachVolume.Attach failed for volume {volume:?} : {error}");
                    plan.say(wanted, EventType::Warning, "FailedAttachVolume", &message);
                }
            }
            None if is_exclusive(&wanted.volume) && is_elsewhere(scene, volume) => {
                let message = format!(
                    "Multi-Attach error for volume {volume:?} Volume is already exclusively attached to one node and \
                     can't be attached to another"
                );
                plan.say(wanted, EventType::Warning, "FailedAttachVolume", &message);
            }
            None => plan.attach.push(attachment(own, driver, scene.name, volume)),
        }
    }
    detach(scene, known, waited, &mut plan, &mut attached);
    attached.sort_by(|one, two| one.name.cmp(&two.name));
    plan.attached = (attached != known && scene.node.is_some()).then_some(attached);
    plan
}

impl Plan {
    fn say(&mut self, wanted: &Wanted, kind: EventType, reason: &'static str, message: &str) {
        let said = |pod: &Arc<Pod>| Said { pod: Arc::clone(pod), kind, reason, message: message.to_owned() };
        self.said.extend(wanted.pods.iter().map(said));
    }
}

/// What the node's status says.
fn reported<'a>(scene: &'a Scene<'_>) -> &'a [AttachedVolume] {
    let status = scene.node.as_ref().and_then(|node| node.status.as_ref());
    status.and_then(|status| status.volumes_attached.as_deref()).unwrap_or_default()
}

fn is_elsewhere(scene: &Scene<'_>, volume: &str) -> bool {
    scene.attachments.iter().any(|attachment| {
        attachment.spec.source.persistent_volume_name.as_deref() == Some(volume)
            && attachment.spec.node_name != scene.name
    })
}

fn attachment(own: String, driver: &str, node: &str, volume: &str) -> VolumeAttachment {
    VolumeAttachment {
        metadata: ObjectMeta { name: Some(own), ..ObjectMeta::default() },
        spec: VolumeAttachmentSpec {
            attacher: driver.to_owned(),
            node_name: node.to_owned(),
            source: VolumeAttachmentSource {
                persistent_volume_name: Some(volume.to_owned()),
                ..VolumeAttachmentSource::default()
            },
        },
        status: None,
    }
}

/// Lets go what no pod of the node wants, once the node does not use it any more, or cannot be waited for.
fn detach(
    scene: &Scene<'_>,
    known: &[AttachedVolume],
    waited: impl Fn(&str) -> bool,
    plan: &mut Plan,
    attached: &mut Vec<AttachedVolume>,
) {
    let wanted: Vec<String> = (scene.wanted.iter().filter_map(|wanted| handle(&wanted.volume)))
        .map(|(driver, handle)| attachment_name(driver, handle, scene.name))
        .collect();
    let node = scene.node.as_deref();
    let in_use = node.and_then(|node| node.status.as_ref()?.volumes_in_use.as_deref()).unwrap_or_default();
    let is_own = |volume: &str, own: &str| {
        let parts = volume.strip_prefix("kubernetes.io/csi/").and_then(|volume| volume.split_once('^'));
        parts.is_some_and(|(driver, handle)| attachment_name(driver, handle, scene.name) == own)
    };
    for attachment in &scene.attachments {
        let own = name(&attachment.metadata);
        if attachment.spec.node_name != scene.name
            || !own.starts_with("csi-")
            || wanted.iter().any(|wanted| wanted == own)
        {
            continue;
        }
        let uses = in_use.iter().any(|volume| is_own(volume, own));
        let is_lost = node.is_none_or(|node| is_out_of_service(node) || (!is_ready(node) && waited(own)));
        if uses && !is_lost {
            plan.stay.push(own.to_owned());
            attached.extend(known.iter().filter(|volume| is_own(&volume.name, own)).cloned());
        } else if attachment.metadata.deletion_timestamp.is_none() {
            plan.detach.push(own.to_owned());
        }
    }
}

fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests;
