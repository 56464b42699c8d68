//! The arguments of plugins.

use std::ops::RangeInclusive;
use std::time::Duration;

use objects::Tree;
use objects::placement::NodeSelector;
use objects::validate::{FieldError, label_key};

use super::reading::Reading;
use crate::plugin::{BEST, Defaults, Ranked, Shape, Strategy};
use crate::profile::Args;
use crate::view::{SpreadTerm, preferred_nodes};

/// Scores of a shape go up to that.
const BEST_OF_SHAPE: i64 = 10;

const LEAST: &str = "LeastAllocated";
const MOST: &str = "MostAllocated";
const RATIO: &str = "RequestedToCapacityRatio";
const SYSTEM: &str = "System";
const LIST: &str = "List";

type Read = fn(&Reading<'_>, &mut Args, &mut Vec<String>);

const ROWS: &[(&str, Read)] = &[
    ("DefaultPreemption", preemption),
    ("DynamicResources", dynamic_resources),
    ("InterPodAffinity", pod_affinity),
    ("NodeAffinity", node_affinity),
    ("NodeResourcesBalancedAllocation", balanced),
    ("NodeResourcesFit", fit),
    ("PodTopologySpread", spread),
    ("VolumeBinding", volume_binding),
];

pub(super) fn read(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for config in reading.items(errors) {
        config.knows(&["name", "args"], errors);
        let name = config.child("name").text(errors).unwrap_or_default();
        if seen.contains(&name) {
            errors.push(FieldError::duplicate(&config.path, name).to_string());
        }
        seen.push(name);
        // What is said to a plugin that has no arguments, or is not here, is said to nobody.
        if let Some((_, read)) = ROWS.iter().find(|(known, _)| *known == name) {
            read(&config.child("args"), args, errors);
        }
    }
}

fn knows(reading: &Reading<'_>, fields: &[&str], errors: &mut Vec<String>) {
    let all: Vec<&str> = ["apiVersion", "kind"].iter().chain(fields).copied().collect();
    reading.knows(&all, errors);
}

fn dynamic_resources(reading: &Reading<'_>, _: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["filterTimeout", "bindingTimeout"], errors);
}

fn preemption(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    let fields = ["minCandidateNodesPercentage", "minCandidateNodesAbsolute"];
    knows(reading, &fields, errors);
    let [share, number] = fields.map(|field| reading.child(field));
    let percentage = share.number(0..=100, "not in valid range [0, 100]", errors);
    args.candidate_percentage = percentage.unwrap_or(args.candidate_percentage);
    let absolute = number.number(0..=i64::from(i32::MAX), "not in valid range [0, inf)", errors);
    args.candidates = absolute.unwrap_or(args.candidates);
    if args.candidate_percentage == 0 && args.candidates == 0 {
        for (field, other) in [(share, fields[1]), (number, fields[0])] {
            errors.push(field.wrong(&format!("cannot be zero at the same time as {other}")));
        }
    }
}

fn pod_affinity(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"], errors);
    let field = reading.child("hardPodAffinityWeight");
    let weight = field.number(0..=100, "not in valid range [0, 100]", errors);
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
}

fn balanced(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["resources"], errors);
    let mut resources: Vec<Ranked> = Vec::new();
    for resource in reading.child("resources").items(errors) {
        let ranked = ranked(&resource, 1..=1, "must be 1", errors);
        if resources.iter().any(|other| other.name == ranked.name) {
            errors.push(FieldError::duplicate(&resource.child("name").path, &*ranked.name).to_string());
        }
        resources.push(ranked);
    }
    if !resources.is_empty() {
        args.balanced = resources;
    }
}

/// A resource and its weight, which is 1 where none is told.
fn ranked(
    reading: &Reading<'_>,
    weights: RangeInclusive<i64>,
    detail: &str,
    errors: &mut Vec<String>,
) -> Ranked {
    reading.knows(&["name", "weight"], errors);
    let name = reading.child("name").text(errors).unwrap_or_default();
    let field = reading.child("weight");
    // Upstream's default comes in where a weight is 0, too.
    let is_default = field.tree().and_then(Tree::as_i64) == Some(0);
    let weight = if is_default { None } else { field.number(weights, detail, errors) };
    Ranked { name: name.into(), weight: weight.unwrap_or(1) }
}

fn fit(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["ignoredResources", "ignoredResourceGroups", "scoringStrategy"], errors);
    let (resources, groups) = (reading.child("ignoredResources"), reading.child("ignoredResourceGroups"));
    args.ignored = resources.texts(errors);
    args.ignored_groups = groups.texts(errors);
    label_names(&resources, errors);
    for group in groups.items(&mut Vec::new()) {
        if group.tree().and_then(Tree::as_str).is_some_and(|group| group.contains('/')) {
            errors.push(group.wrong("resource group name can't contain '/'"));
        }
    }
    label_names(&groups, errors);
    let strategy = reading.child("scoringStrategy");
    strategy.knows(&["type", "resources", "requestedToCapacityRatio"], errors);
    let ratio = strategy.child("requestedToCapacityRatio");
    let field = strategy.child("type");
    let kind = field.text(errors).unwrap_or(if strategy.tree().is_none() { LEAST } else { "" });
    if ![LEAST, MOST, RATIO].contains(&kind) {
        errors.push(FieldError::not_supported(&field.path, kind, &[LEAST, MOST, RATIO]).to_string());
    }
    let resources = strategy.child("resources").items(errors);
    let resources: Vec<Ranked> = resources
        .iter()
        .map(|resource| {
            let name = resource.child("name").text(&mut Vec::new()).unwrap_or_default();
            let detail = format!("resource weight of {name} not in valid range (0, 100]");
            ranked(resource, 1..=100, &detail, errors)
        })
        .collect();
    if !resources.is_empty() {
        args.fit.1 = resources;
    }
    match (kind, ratio.tree()) {
        (RATIO, None) => {
            let detail = "must be specified when type is RequestedToCapacityRatio";
            errors.push(FieldError::required(&ratio.path, detail).to_string());
        }
        (RATIO, Some(_)) => {
            ratio.knows(&["shape"], errors);
            args.fit.0 = Strategy::RequestedToCapacityRatio(shape(&ratio.child("shape"), errors));
        }
        (_, Some(_)) => {
            let detail = "must be nil when type is not RequestedToCapacityRatio";
            errors.push(FieldError::forbidden(&ratio.path, detail).to_string());
        }
        (MOST, None) => args.fit.0 = Strategy::MostAllocated,
        _ => {}
    }
}

/// Objects to texts that cannot be the key of a label.
fn label_names(reading: &Reading<'_>, errors: &mut Vec<String>) {
    for item in reading.items(&mut Vec::new()) {
        let wrong = item.tree().and_then(Tree::as_str).map(label_key).unwrap_or_default();
        errors.extend(wrong.iter().map(|detail| item.wrong(detail)));
    }
}

fn shape(reading: &Reading<'_>, errors: &mut Vec<String>) -> Shape {
    let items = reading.items(errors);
    if items.is_empty() {
        errors.push(FieldError::required(&reading.path, "at least one point must be specified").to_string());
    }
    let mut points: Shape = Vec::new();
    for point in items {
        point.knows(&["utilization", "score"], errors);
        let (utilization, score) = (point.child("utilization"), point.child("score"));
        let at = utilization.number(0..=100, "not in valid range [0, 100]", errors).unwrap_or(0);
        if points.last().is_some_and(|(before, _)| *before >= at) {
            errors.push(utilization.wrong("values must be sorted in increasing order"));
        }
        let worth = score.number(0..=BEST_OF_SHAPE, "not in valid range [0, 10]", errors).unwrap_or(0);
        points.push((at, worth * (BEST / BEST_OF_SHAPE)));
    }
    points
}

fn spread(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["defaultConstraints", "defaultingType"], errors);
    let (constraints, kind) = (reading.child("defaultConstraints"), reading.child("defaultingType"));
    let items = constraints.items(errors);
    let defaulting = kind.text(errors).unwrap_or(SYSTEM);
    match defaulting {
        SYSTEM if !items.is_empty() => {
            let detail = "when .defaultConstraints are not empty";
            errors.push(FieldError::invalid(&kind.path, SYSTEM, detail).to_string());
        }
        SYSTEM | LIST => {}
        other => errors.push(FieldError::not_supported(&kind.path, other, &[SYSTEM, LIST]).to_string()),
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for item in &items {
        let pair = constraint(item, errors);
        if seen.contains(&pair) {
            let (key, when) = pair;
            errors.push(FieldError::duplicate(&item.path, format!("{{{key}, {when}}}")).to_string());
        }
        seen.push(pair);
    }
    if defaulting == LIST {
        let terms = items.iter().filter_map(Reading::tree);
        args.spread = Defaults::List(terms.map(|term| SpreadTerm::read(&Tree::Null, term)).collect());
    }
}

/// What tells the constraint from others: its key and when it is no matter.
fn constraint<'a>(reading: &Reading<'a>, errors: &mut Vec<String>) -> (&'a str, &'a str) {
    reading.knows(
        &[
            "maxSkew",
            "topologyKey",
            "whenUnsatisfiable",
            "labelSelector",
            "minDomains",
            "nodeAffinityPolicy",
            "nodeTaintsPolicy",
            "matchLabelKeys",
        ],
        errors,
    );
    let skew = reading.child("maxSkew");
    let detail = "not in valid range (0, inf)";
    if skew.number(1..=i64::from(i32::MAX), detail, errors).is_none() && skew.tree().is_none() {
        errors.push(FieldError::invalid(&skew.path, 0, detail).to_string());
    }
    let field = reading.child("topologyKey");
    let key = field.text(errors).unwrap_or_default();
    match key {
        "" => errors.push(FieldError::required(&field.path, "can not be empty").to_string()),
        key => errors.extend(label_key(key).iter().map(|detail| field.wrong(detail))),
    }
    let field = reading.child("whenUnsatisfiable");
    let when = field.text(errors).unwrap_or_default();
    match when {
        "" => errors.push(FieldError::required(&field.path, "can not be empty").to_string()),
        "DoNotSchedule" | "ScheduleAnyway" => {}
        other => {
            let known = ["DoNotSchedule", "ScheduleAnyway"];
            errors.push(FieldError::not_supported(&field.path, other, &known).to_string());
        }
    }
    let selector = reading.child("labelSelector");
    if selector.tree().is_some() {
        let detail = "constraint must not define a selector, as they deduced for each pod";
        errors.push(FieldError::forbidden(&selector.path, detail).to_string());
    }
    (key, when)
}

fn volume_binding(reading: &Reading<'_>, args: &mut Args, errors: &mut Vec<String>) {
    knows(reading, &["bindTimeoutSeconds", "shape"], errors);
    let field = reading.child("bindTimeoutSeconds");
    let detail = "invalid BindTimeoutSeconds, should not be a negative value";
    let seconds = field.number(0..=i64::MAX, detail, errors);
    if let Some(seconds) = seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        args.bind_timeout = Duration::from_secs(seconds);
    }
    let shape = reading.child("shape");
    if shape.tree().is_some() {
        let detail = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
        errors.push(shape.wrong(detail));
    }
}
