//! Pods: what a write makes of them, and what of them is refused.

pub(super) mod affinity;
pub(super) mod amounts;
pub(super) mod annotations;
pub(super) mod cloud;
pub(super) mod container;
pub(super) mod defaults;
mod dns;
mod env;
mod mounts;
pub(super) mod part;
pub(super) mod probe;
mod projected;
mod quality;
pub(super) mod resources;
mod security;
pub(super) mod spec;
mod status;
mod update;
mod volume;
mod windows;

use crate::meta;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{At, FieldError};
use spec::Owner;

pub(super) use status::{prepare as prepare_status, validate as validate_status};
pub(super) use update::validate as validate_update;

const SPEC: &str = "spec";
const OVER: &[&str] = &["Succeeded", "Failed"];

/// A new pod is pending; what it is worth is said once, and what its own labels select is filled in.
pub(super) fn create(pod: &mut Tree) {
    let generation = meta::generation(pod);
    let mut status = tree!({ "phase": "Pending" });
    if !pod.items_at(&[SPEC, "schedulingGates"]).is_empty() {
        let condition = tree!({
            "type": "PodScheduled", "status": "False", "observedGeneration": generation,
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates"
        });
        status.insert("conditions", Tree::Array(vec![condition]));
    }
    status.insert("qosClass", quality::class(pod));
    pod.insert("status", status);
    let labels = pod.at(&["metadata", "labels"]).cloned().unwrap_or_default();
    for kind in ["podAffinity", "podAntiAffinity"] {
        let terms = |pod: &mut Tree, list: &str, change: &dyn Fn(&mut Tree)| {
            let path = [SPEC, "affinity", kind, list];
            pod.at_mut(&path).and_then(Tree::as_array_mut).into_iter().flatten().for_each(change);
        };
        terms(pod, "requiredDuringSchedulingIgnoredDuringExecution", &|term| select(term, &labels));
        terms(pod, "preferredDuringSchedulingIgnoredDuringExecution", &|term| {
            if let Some(term) = term.get_mut("podAffinityTerm") {
                select(term, &labels);
            }
        });
    }
    let constraints = pod.at_mut(&[SPEC, "topologySpreadConstraints"]).and_then(Tree::as_array_mut);
    constraints.into_iter().flatten().for_each(|constraint| select(constraint, &labels));
}

/// Has the selector of a term ask for the values that the pod itself has of some labels.
fn select(term: &mut Tree, labels: &Tree) {
    if term.get("labelSelector").is_none() {
        return;
    }
    for (keys, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in term.items_at(&[keys]).to_vec().iter().filter_map(Tree::as_str) {
            let Some(value) = labels.get(key).cloned() else { continue };
            let expression = tree!({ "key": key, "operator": operator, "values": (vec![value]) });
            let list = term.make(&["labelSelector", "matchExpressions"]);
            match list.as_array_mut() {
                Some(list) => list.push(expression),
                None => *list = Tree::Array(vec![expression]),
            }
        }
    }
}

/// Until when a deleted pod may run: as asked, else as it says itself; one that runs nowhere goes at once.
pub(super) fn grace(pod: &Tree, asked: Option<i64>) -> i64 {
    let over = OVER.contains(&pod.str_at(&["status", "phase"]).unwrap_or_default());
    if over || pod.str_at(&[SPEC, "nodeName"]).is_none_or(str::is_empty) {
        return 0;
    }
    let seconds = asked.or_else(|| pod.i64_at(&[SPEC, "terminationGracePeriodSeconds"])).unwrap_or(0);
    if seconds < 0 { 1 } else { seconds }
}

pub(super) fn validate(pod: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(pod, SPEC);
    annotations::validate(&At::top(pod, "metadata").child("annotations"), &spec, errors);
    let is_mirror = meta::annotation(pod, annotations::MIRROR).is_some();
    spec::validate(&spec, Owner::Pod { name: meta::name(pod), is_mirror }, errors);
    if spec.child("serviceAccountName").is_empty() {
        for source in spec
            .child("volumes")
            .items()
            .flat_map(|volume| volume.children(&["projected", "sources"]).items())
        {
            let token = source.child("serviceAccountToken");
            if token.exists() {
                token.forbidden(errors, "must not be specified when serviceAccountName is not set");
            }
        }
    }
    for list in ["containers", "initContainers"] {
        spec.child(list).items().for_each(|container| container::trimmed_image(&container, errors));
    }
}

pub(super) fn validate_new(pod: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(pod, SPEC);
    spec.child("ephemeralContainers").absent(errors, "cannot be set on create");
    if !spec.child("schedulingGates").is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        spec.child("nodeName").absent(errors, why);
    }
    annotations::agree(&At::top(pod, "metadata").child("annotations"), &spec, errors);
}
