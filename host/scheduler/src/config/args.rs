//! The arguments of plugins.

use std::time::Duration;

use objects::Tree;
use objects::placement::NodeSelector;
use objects::validate::FieldError;

use super::reading::Reading;
use crate::plugin::{BEST, Defaults, Ranked, Shape, Strategy};
use crate::profile::Args;
use crate::view::{SpreadTerm, preferred_nodes};

/// Scores of a shape go up to that.
const BEST_OF_SHAPE: i64 = 10;

type Read = fn(&Reading<'_>, &mut Args, &mut Vec<String>);

const ROWS: &[(&str, Read)] = &[
    ("DefaultPreemption", preemption),
    ("DynamicResources", |_, _, _| {}),
    ("InterPodAffinity", pod_affinity),
    ("NodeAffinity", node_affinity),
    ("NodeResourcesBalancedAllocation", balanced),
    ("NodeResourcesFit", fit),
    ("PodTopologySpread", spread),
    ("VolumeBinding", volume_binding),
];

pub(super) fn read(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    for config in reading.items(errors) {
        config.knows(&["name", "args"], errors);
        let field = config.child("name");
        let name = field.text(errors).unwrap_or_default();
        match ROWS.iter().find(|(known, _)| *known == name) {
            Some((_, read)) => read(&config.child("args"), args, errors),
            None => {
                let known: Vec<_> = ROWS.iter().map(|(name, _)| *name).collect();
                errors.push(FieldError::not_supported(&field.path, name, &known).to_string());
            }
        }
    }
}

fn knows(reading: &Reading<'_>, fields: &[&str], errors: &mut Vec<String>) {
    let all: Vec<&str> = ["apiVersion", "kind"].iter().chain(fields).copied().collect();
    reading.knows(&all, errors);
}

fn preemption(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["minCandidateNodesPercentage", "minCandidateNodesAbsolute"], errors);
    let share = reading.child("minCandidateNodesPercentage");
    args.candidate_percentage = share.number(0, 100, errors).unwrap_or(args.candidate_percentage);
    let number = reading.child("minCandidateNodesAbsolute").number(0, i64::MAX, errors);
    args.candidates = number.unwrap_or(args.candidates);
    if args.candidate_percentage == 0 && args.candidates == 0 {
        errors.push(share.wrong("cannot be zero at the same time as minCandidateNodesAbsolute"));
    }
}

fn pod_affinity(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"], errors);
    let weight = reading.child("hardPodAffinityWeight").number(0, 100, errors);
    args.hard_affinity_weight = weight.unwrap_or(args.hard_affinity_weight);
    let ignores = reading.child("ignorePreferredTermsOfExistingPods").flag(errors);
    args.ignores_preferred_of_others = ignores.unwrap_or(args.ignores_preferred_of_others);
}

fn node_affinity(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    knows(reading, &["addedAffinity"], errors);
    let added = reading.child("addedAffinity");
    added.knows(&[REQUIRED, PREFERRED], errors);
    let (required, preferred) = (added.child(REQUIRED), added.child(PREFERRED));
    args.added_affinity = required.tree().map(NodeSelector::read);
    args.added_preferences = preferred_nodes(preferred.tree().unwrap_or(&Tree::Null).items());
    let is_idle = required.tree().is_none() && args.added_preferences.is_empty();
    if added.tree().is_some() && is_idle {
        errors.push(
            FieldError::required(&added.path, "at least one affinity requirement is needed").to_string(),
        );
    }
}

fn balanced(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["resources"], errors);
    let resources = ranked(&reading.child("resources"), errors);
    if let Some(other) = resources.iter().find(|resource| resource.weight != 1) {
        let path = reading.child("resources").path;
        errors.push(
            FieldError::invalid(&path, other.weight, "resource weight of balanced allocation must be 1")
                .to_string(),
        );
    }
    if !resources.is_empty() {
        args.balanced = resources;
    }
}

fn ranked(reading: &Reading<'_>, errors: &mut Vec<String>) -> Vec<Ranked> {
    let mut all: Vec<Ranked> = Vec::new();
    for resource in reading.items(errors) {
        resource.knows(&["name", "weight"], errors);
        let field = resource.child("name");
        let name = field.text(errors).unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(&field.path, "").to_string());
        }
        if all.iter().any(|other| &*other.name == name) {
            errors.push(FieldError::duplicate(&field.path, name).to_string());
        }
        let weight = resource.child("weight").number(1, 100, errors).unwrap_or(1);
        all.push(Ranked { name: name.into(), weight });
    }
    all
}

fn fit(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["ignoredResources", "ignoredResourceGroups", "scoringStrategy"], errors);
    args.ignored = reading.child("ignoredResources").texts(errors);
    args.ignored_groups = reading.child("ignoredResourceGroups").texts(errors);
    for (index, group) in args.ignored_groups.iter().enumerate().filter(|(_, group)| group.contains('/')) {
        let path = reading.child("ignoredResourceGroups").path.index(index);
        errors.push(FieldError::invalid(&path, group, "resource group name can't contain '/'").to_string());
    }
    let strategy = reading.child("scoringStrategy");
    strategy.knows(&["type", "resources", "requestedToCapacityRatio"], errors);
    let resources = ranked(&strategy.child("resources"), errors);
    if !resources.is_empty() {
        args.fit.1 = resources;
    }
    let field = strategy.child("type");
    match field.text(errors) {
        None | Some("LeastAllocated") => {}
        Some("MostAllocated") => args.fit.0 = Strategy::MostAllocated,
        Some("RequestedToCapacityRatio") => {
            let ratio = strategy.child("requestedToCapacityRatio");
            ratio.knows(&["shape"], errors);
            args.fit.0 = Strategy::RequestedToCapacityRatio(shape(&ratio.child("shape"), errors));
        }
        Some(other) => {
            let known = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
            errors.push(FieldError::not_supported(&field.path, other, &known).to_string());
        }
    }
}

fn shape(reading: &Reading<'_>, errors: &mut Vec<String>) -> Shape {
    let mut points: Shape = Vec::new();
    for point in reading.items(errors) {
        point.knows(&["utilization", "score"], errors);
        let field = point.child("utilization");
        let utilization = field.number(0, 100, errors).unwrap_or(0);
        if points.last().is_some_and(|(before, _)| *before >= utilization) {
            errors.push(field.wrong("utilization values must be sorted in increasing order"));
        }
        let score = point.child("score").number(0, BEST_OF_SHAPE, errors).unwrap_or(0);
        points.push((utilization, score * (BEST / BEST_OF_SHAPE)));
    }
    if points.is_empty() {
        errors.push(FieldError::required(&reading.path, "at least one point must be specified").to_string());
    }
    points
}

fn spread(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["defaultConstraints", "defaultingType"], errors);
    let constraints = reading.child("defaultConstraints");
    let mut terms = Vec::new();
    for constraint in constraints.items(errors) {
        constraint.knows(&["maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains"], errors);
        constraint.child("maxSkew").number(1, i64::from(i32::MAX), errors);
        for required in ["maxSkew", "topologyKey", "whenUnsatisfiable"] {
            let field = constraint.child(required);
            if field.tree().is_none() {
                errors.push(FieldError::required(&field.path, "").to_string());
            }
        }
        let term = constraint.tree().unwrap_or(&Tree::Null);
        terms.push(SpreadTerm::read(&Tree::Null, term));
    }
    let field = reading.child("defaultingType");
    match field.text(errors) {
        Some("List") => args.spread = Defaults::List(terms),
        None | Some("System") if terms.is_empty() => {}
        None | Some("System") => {
            errors.push(
                constraints.wrong("when .defaultingType is System, no default constraints may be given"),
            );
        }
        Some(other) => {
            errors.push(FieldError::not_supported(&field.path, other, &["System", "List"]).to_string());
        }
    }
}

fn volume_binding(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["bindTimeoutSeconds", "shape"], errors);
    let seconds = reading.child("bindTimeoutSeconds").number(0, i64::MAX, errors);
    if let Some(seconds) = seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        args.bind_timeout = Duration::from_secs(seconds);
    }
}
