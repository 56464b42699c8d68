//! What is to be done about one claim or one volume.

use std::sync::Arc;

use client::events::EventType;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use objects::tree::to_tree;
use objects::{Tree, tree};

use super::matching::{best, capacity, is_for, mismatch, modes_differ};
use crate::reference::versioned_reference;
use crate::volume::{
    BIND_COMPLETED, BOUND_BY_CONTROLLER, BindingMode, OLD_PROVISIONER, PROVISIONED_BY, PROVISIONER,
    SELECTED_NODE, binding_mode, claim_of, class_of_claim, has_annotation, key_of, name, names_class,
    storage, uid, volume_of,
};

const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// Provisioners of this prefix were a part of Kubernetes once.
const IN_TREE: &str = "kubernetes.io/";

/// What a claim is seen among.
pub(super) struct Scene {
    pub(super) volumes: Vec<Arc<PersistentVolume>>,
    pub(super) classes: Vec<Arc<StorageClass>>,
    /// The names of the pods that want the claim and have no node.
    pub(super) waiting: Vec<String>,
}

/// A merge patch of the volume or the claim.
#[derive(Debug, PartialEq)]
pub(super) enum Write {
    Volume(Tree),
    VolumeStatus(Tree),
    Claim(Tree),
    ClaimStatus(Tree),
}

/// An event about the claim or the volume.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) about: About,
    pub(super) kind: EventType,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Claim,
    Volume,
}

/// To be carried out in its order: writes, then events.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// The volume that a claim's plan is about.
    pub(super) volume: Option<String>,
    pub(super) writes: Vec<Write>,
    pub(super) said: Vec<Said>,
    /// Why this cannot be right, and is to be looked at again.
    pub(super) wrong: Option<String>,
}

impl Plan {
    fn say(
        mut self,
        about: About,
        kind: EventType,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        self.said.push(Said { about, kind, reason, message: message.into() });
        self
    }

    fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }
}

pub(super) fn of_claim(claim: &PersistentVolumeClaim, scene: &Scene) -> Plan {
    if has_annotation(&claim.metadata, BIND_COMPLETED) {
        return of_bound_claim(claim, scene);
    }
    if volume_of(claim).is_empty() { of_open_claim(claim, scene) } else { of_claim_by_name(claim, scene) }
}

/// A claim that takes whatever volume does.
fn of_open_claim(claim: &PersistentVolumeClaim, scene: &Scene) -> Plan {
    let class = scene.classes.iter().find(|class| name(&class.metadata) == class_of_claim(claim));
    let mode = class.map_or(BindingMode::Immediate, |class| binding_mode(class));
    if let Some(volume) = best(&scene.volumes, claim, mode) {
        return bind(volume, claim);
    }
    if let Some(default) = default_class(&scene.classes).filter(|_| !names_class(claim)) {
        return Plan::default().write(Write::Claim(tree!({ "spec": { "storageClassName": default } })));
    }
    if mode == BindingMode::WaitForFirstConsumer && !has_annotation(&claim.metadata, SELECTED_NODE) {
        let (reason, message) = match &*scene.waiting {
            [] => {
                ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned())
            }
            [pod] => ("WaitForPodScheduled", format!("waiting for pod {pod} to be scheduled")),
            pods => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", pods.join(","))),
        };
        return pending(claim).say(About::Claim, EventType::Normal, reason, message);
    }
    if class_of_claim(claim).is_empty() {
        let message = "no persistent volumes available for this claim and no storage class is set";
        return pending(claim).say(About::Claim, EventType::Normal, "FailedBinding", message);
    }
    provision(claim, class)
}

/// Of several defaults the newest; of those made at once, the first by name.
fn default_class(classes: &[Arc<StorageClass>]) -> Option<&str> {
    let is_default = |class: &&Arc<StorageClass>| {
        let marks = class.metadata.annotations.as_ref();
        DEFAULT_CLASS.iter().any(|mark| marks.and_then(|all| all.get(*mark)).is_some_and(|set| set == "true"))
    };
    let age = |class: &StorageClass| class.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let newer = |one: &&Arc<StorageClass>, two: &&Arc<StorageClass>| {
        age(one).cmp(&age(two)).then_with(|| name(&two.metadata).cmp(name(&one.metadata)))
    };
    classes.iter().filter(is_default).max_by(newer).map(|class| name(&class.metadata))
}

/// Tells the provisioner of the class, which is none of ours.
fn provision(claim: &PersistentVolumeClaim, class: Option<&Arc<StorageClass>>) -> Plan {
    let failed =
        |why: String| Plan::default().say(About::Claim, EventType::Warning, "ProvisioningFailed", why);
    let Some(class) = class else {
        return failed(format!("storageclass.storage.k8s.io {:?} not found", class_of_claim(claim)));
    };
    let provisioner = &class.provisioner;
    if provisioner.starts_with(IN_TREE) {
        return failed(format!("no volume plugin matched name: {provisioner}"));
    }
    let marks = claim.metadata.annotations.as_ref();
    let is_told = marks.and_then(|all| all.get(PROVISIONER)) == Some(provisioner);
    let plan = if is_told {
        Plan::default()
    } else {
        let mut marks = tree!({});
        marks.insert(PROVISIONER, provisioner.as_str());
        marks.insert(OLD_PROVISIONER, provisioner.as_str());
        Plan::default().write(Write::Claim(tree!({ "metadata": { "annotations": marks } })))
    };
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
         system administrator. If volume creation is delayed, please verify that the provisioner is running and \
         correctly registered."
    );
    plan.say(About::Claim, EventType::Normal, "ExternalProvisioning", message)
}

/// A claim that asks for one volume.
fn of_claim_by_name(claim: &PersistentVolumeClaim, scene: &Scene) -> Plan {
    let Some(volume) = find(claim, scene) else { return pending(claim) };
    let asked = name(&volume.metadata);
    let Some(other) = claim_of(volume) else {
        return match mismatch(volume, claim) {
            None => bind(volume, claim),
            Some(why) => {
                let message = format!("Cannot bind to requested volume {asked:?}: {why}");
                pending(claim).say(About::Claim, EventType::Warning, "VolumeMismatch", message)
            }
        };
    };
    if is_for(volume, claim) {
        return bind(volume, claim);
    }
    let taken = format!("volume {asked:?} already bound to a different claim.");
    let plan = if has_annotation(&claim.metadata, BOUND_BY_CONTROLLER) {
        let key = reconcile::ObjectKey::of(&claim.metadata);
        let wrong = format!(
            "invalid binding of claim {:?} to volume {asked:?}: volume already claimed by {:?}",
            key.to_string(),
            key_of(other).to_string()
        );
        Plan { wrong: Some(wrong), ..Plan::default() }
    } else {
        pending(claim)
    };
    plan.say(About::Claim, EventType::Warning, "FailedBinding", taken)
}

fn of_bound_claim(claim: &PersistentVolumeClaim, scene: &Scene) -> Plan {
    if volume_of(claim).is_empty() {
        let why = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        return lost(claim, "ClaimLost", why);
    }
    match find(claim, scene) {
        None => {
            lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        }
        Some(volume) => match claim_of(volume) {
            Some(other) if other.uid != claim.metadata.uid => {
                let why = "Two claims are bound to the same volume, this one is bound incorrectly";
                lost(claim, "ClaimMisbound", why)
            }
            _ => bind(volume, claim),
        },
    }
}

fn find<'a>(claim: &PersistentVolumeClaim, scene: &'a Scene) -> Option<&'a Arc<PersistentVolume>> {
    scene.volumes.iter().find(|volume| name(&volume.metadata) == volume_of(claim))
}

fn pending(claim: &PersistentVolumeClaim) -> Plan {
    Plan { writes: claim_phase(claim, "Pending", None).into_iter().collect(), ..Plan::default() }
}

fn lost(claim: &PersistentVolumeClaim, reason: &'static str, message: &str) -> Plan {
    if phase_of_claim(claim) == "Lost" {
        return Plan::default();
    }
    let writes = claim_phase(claim, "Lost", None).into_iter().collect();
    Plan { writes, ..Plan::default() }.say(About::Claim, EventType::Warning, reason, message)
}

fn phase_of_claim(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// What a claim's status lacks for a phase; bound, it has what its volume has.
fn claim_phase(
    claim: &PersistentVolumeClaim,
    phase: &str,
    volume: Option<&PersistentVolume>,
) -> Option<Write> {
    let status = claim.status.clone().unwrap_or_default();
    let changes = status.phase.as_deref() != Some(phase);
    let spec = volume.and_then(|volume| volume.spec.as_ref());
    let mut patch = tree!({});
    if changes {
        patch.insert("phase", phase);
    }
    let modes = spec.and_then(|spec| spec.access_modes.clone());
    if status.access_modes.as_deref().unwrap_or_default() != modes.as_deref().unwrap_or_default() {
        patch.insert("accessModes", modes.map_or(Tree::Null, Tree::from));
    }
    match spec {
        None if status.capacity.is_some() => patch.set_at(&["capacity"], Tree::Null),
        // Later they may differ for good: the volume's file system grows after the volume.
        Some(spec) if changes && storage(status.capacity.as_ref()) != volume.and_then(capacity) => {
            patch.set_at(&["capacity"], to_tree(&spec.capacity).unwrap_or_default());
        }
        _ => {}
    }
    if let Some(class) =
        spec.and_then(|spec| spec.volume_attributes_class_name.as_deref()).filter(|_| changes)
    {
        patch.insert("currentVolumeAttributesClassName", class);
    }
    let says_anything = patch.fields().next().is_some();
    says_anything.then(|| Write::ClaimStatus(tree!({ "status": patch })))
}

/// What it takes for both to point at each other, and to say so: the volume first.
fn bind(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Plan {
    let spec = (claim_of(volume).and_then(|kept| kept.uid.as_deref()) != claim.metadata.uid.as_deref()
        || !is_for(volume, claim))
    .then(|| {
        let mut patch =
            tree!({ "spec": { "claimRef": (to_tree(&versioned_reference(claim)).unwrap_or_default()) } });
        if !is_for(volume, claim) {
            patch.set_at(&["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
        }
        Write::Volume(patch)
    });
    let mut marks = Vec::new();
    let asked = volume_of(claim) == name(&volume.metadata);
    if !asked {
        marks.push(BOUND_BY_CONTROLLER);
    }
    marks.push(BIND_COMPLETED);
    marks.retain(|mark| !has_annotation(&claim.metadata, mark));
    let points = (!asked || !marks.is_empty()).then(|| {
        let mut patch = tree!({ "spec": { "volumeName": (name(&volume.metadata)) } });
        marks.iter().for_each(|mark| patch.set_at(&["metadata", "annotations", mark], "yes"));
        Write::Claim(patch)
    });
    let writes = [spec, volume_phase(volume, "Bound", ""), points, claim_phase(claim, "Bound", Some(volume))];
    Plan {
        volume: volume.metadata.name.clone(),
        writes: writes.into_iter().flatten().collect(),
        ..Plan::default()
    }
}

fn phase_of_volume(volume: &PersistentVolume) -> &str {
    volume.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn volume_phase(volume: &PersistentVolume, phase: &str, message: &str) -> Option<Write> {
    (phase_of_volume(volume) != phase).then(|| {
        let message = if message.is_empty() { Tree::Null } else { message.into() };
        Write::VolumeStatus(tree!({ "status": { "phase": phase, "message": message } }))
    })
}

fn in_phase(volume: &PersistentVolume, phase: &str) -> Plan {
    Plan { writes: volume_phase(volume, phase, "").into_iter().collect(), ..Plan::default() }
}

/// Whether its claim is gone and it was said so.
pub(super) fn is_released(volume: &PersistentVolume) -> bool {
    matches!(phase_of_volume(volume), "Released" | "Failed")
}

/// `claim` is the one of the name that the volume points to.
pub(super) fn of_volume(volume: &PersistentVolume, claim: Option<&PersistentVolumeClaim>) -> Plan {
    let Some(kept) = claim_of(volume) else { return in_phase(volume, "Available") };
    let of = kept.uid.as_deref().unwrap_or_default();
    if of.is_empty() {
        return in_phase(volume, "Available");
    }
    let Some(claim) = claim.filter(|claim| uid(&claim.metadata) == of) else { return release(volume) };
    let own = name(&volume.metadata);
    match volume_of(claim) {
        "" if modes_differ(volume, claim) => {
            let claimed = name(&claim.metadata);
            let (about_volume, about_claim) = (
                format!(
                    "Cannot bind PersistentVolume to requested PersistentVolumeClaim {claimed:?} due to incompatible \
                     volumeMode."
                ),
                format!(
                    "Cannot bind PersistentVolume {own:?} to requested PersistentVolumeClaim due to incompatible \
                     volumeMode."
                ),
            );
            Plan::default().say(About::Volume, EventType::Warning, "VolumeMismatch", about_volume).say(
                About::Claim,
                EventType::Warning,
                "VolumeMismatch",
                about_claim,
            )
        }
        // Its claim is looked at next.
        "" => Plan::default(),
        bound if bound == own => in_phase(volume, "Bound"),
        _ if has_annotation(&volume.metadata, PROVISIONED_BY) && policy(volume) == "Delete" => {
            release(volume)
        }
        _ => unbind(volume),
    }
}

fn policy(volume: &PersistentVolume) -> &str {
    let policy = volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    policy.unwrap_or_default()
}

/// Lets the claim go; one that somebody else chose stays, by its name.
fn unbind(volume: &PersistentVolume) -> Plan {
    let patch = if has_annotation(&volume.metadata, BOUND_BY_CONTROLLER) {
        let mut patch = tree!({ "spec": { "claimRef": (Tree::Null) } });
        patch.set_at(&["metadata", "annotations", BOUND_BY_CONTROLLER], Tree::Null);
        patch
    } else {
        tree!({ "spec": { "claimRef": { "uid": (Tree::Null) } } })
    };
    let writes = [Some(Write::Volume(patch)), volume_phase(volume, "Available", "")];
    Plan { writes: writes.into_iter().flatten().collect(), ..Plan::default() }
}

/// The claim is gone: the volume does what its policy says.
fn release(volume: &PersistentVolume) -> Plan {
    let released = if is_released(volume) { Plan::default() } else { in_phase(volume, "Released") };
    match policy(volume) {
        "Retain" => released,
        "Delete" if has_annotation(&volume.metadata, PROVISIONED_BY) => released,
        "Delete" => {
            let own = name(&volume.metadata);
            let why = format!(
                "error getting deleter volume plugin for volume {own:?}: no deletable volume plugin matched"
            );
            fail(volume, "VolumeFailedDelete", &why)
        }
        "Recycle" => fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!"),
        _ => {
            let why = "Volume has unrecognized PersistentVolumeReclaimPolicy";
            fail(volume, "VolumeUnknownReclaimPolicy", why)
        }
    }
}

fn fail(volume: &PersistentVolume, reason: &'static str, why: &str) -> Plan {
    match volume_phase(volume, "Failed", why) {
        None => Plan::default(),
        Some(write) => Plan::default().write(write).say(About::Volume, EventType::Warning, reason, why),
    }
}

#[cfg(test)]
mod tests;
