//! HorizontalPodAutoscaler in autoscaling/v1 and v2. What the first version has no field for, it keeps in annotations.

use super::metric;
use crate::tree::{Key, Object, Tree};
use crate::{meta, tree};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const ANNOTATIONS: &[&str] = &[
    METRICS,
    BEHAVIOR,
    CURRENT_METRICS,
    CONDITIONS,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

const TARGET: &[&str] = &["spec", "targetCPUUtilizationPercentage"];
const CURRENT: &[&str] = &["status", "currentCPUUtilizationPercentage"];

/// What an autoscaler without metrics aims at.
const DEFAULT_UTILIZATION: i64 = 80;

/// The parts of `behavior`, whose names the annotation writes with capitals.
const DIRECTIONS: &[(&str, &str)] = &[("scaleUp", "ScaleUp"), ("scaleDown", "ScaleDown")];
const RULES: &[(&str, &str)] = &[
    ("stabilizationWindowSeconds", "StabilizationWindowSeconds"),
    ("selectPolicy", "SelectPolicy"),
    ("policies", "Policies"),
    ("tolerance", "Tolerance"),
];
const POLICY: &[(&str, &str)] = &[("type", "Type"), ("value", "Value"), ("periodSeconds", "PeriodSeconds")];

pub(super) fn v2_to_v1(mut autoscaler: Tree) -> Tree {
    drop_annotations(&mut autoscaler);
    let metrics = take_list(&mut autoscaler, &["spec", "metrics"]);
    let (of_cpu, others): (Vec<_>, Vec<_>) = metrics.iter().partition(|metric| cpu_target(metric).is_some());
    if let Some(utilization) = of_cpu.first().and_then(|metric| cpu_target(metric)) {
        autoscaler.set_at(TARGET, utilization);
    }
    annotate(&mut autoscaler, METRICS, others.into_iter().map(metric::spec_to_v1).collect());

    let current = take_list(&mut autoscaler, &["status", "currentMetrics"]);
    if let Some(utilization) = current.iter().rev().find_map(cpu_status) {
        autoscaler.set_at(CURRENT, utilization);
    }
    annotate(&mut autoscaler, CURRENT_METRICS, current.iter().map(metric::status_to_v1).collect());

    let behavior = autoscaler.remove_at(&["spec", "behavior"]);
    if let Some(behavior) = behavior.filter(|behavior| behavior.as_object().is_some()) {
        let directions = capitalised(&behavior, DIRECTIONS, |rules| {
            capitalised(rules, RULES, |value| match value.as_array() {
                Some(policies) => {
                    let policy = |policy: &Tree| capitalised(policy, POLICY, Tree::clone);
                    Tree::Array(policies.iter().map(policy).collect())
                }
                None => value.clone(),
            })
        });
        set_annotation(&mut autoscaler, BEHAVIOR, directions.to_json_string());
    }

    let conditions = take_list(&mut autoscaler, &["status", "conditions"]);
    annotate(&mut autoscaler, CONDITIONS, conditions);
    autoscaler
}

pub(super) fn v1_to_v2(mut autoscaler: Tree) -> Tree {
    let mut metrics: Vec<_> =
        annotated_list(&autoscaler, METRICS).unwrap_or_default().iter().map(metric::spec_to_v2).collect();
    if let Some(utilization) = autoscaler.remove_at(TARGET).and_then(|target| target.as_i64()) {
        metrics.push(cpu_metric(utilization));
    }
    if metrics.is_empty() {
        metrics.push(cpu_metric(DEFAULT_UTILIZATION));
    }
    autoscaler.set_at(&["spec", "metrics"], metrics);

    let behavior = annotated(&autoscaler, BEHAVIOR).map(|told| {
        uncapitalised(&told, DIRECTIONS, |rules| {
            uncapitalised(rules, RULES, |value| match value.as_array() {
                Some(policies) => {
                    let policy = |policy: &Tree| uncapitalised(policy, POLICY, Tree::clone);
                    Tree::Array(policies.iter().map(policy).collect())
                }
                None => value.clone(),
            })
        })
    });
    if let Some(behavior) = behavior.filter(|behavior| !behavior.is_empty_value()) {
        autoscaler.set_at(&["spec", "behavior"], behavior);
    }

    let current = autoscaler.remove_at(CURRENT).and_then(|current| current.as_i64());
    let current = match annotated_list(&autoscaler, CURRENT_METRICS) {
        // They say more than the number.
        Some(metrics) => metrics.iter().map(metric::status_to_v2).collect(),
        None => Vec::from_iter(current.map(|utilization| {
            let resource = tree!({ "name": "cpu", "current": { "averageUtilization": utilization } });
            tree!({ "type": "Resource", "resource": resource })
        })),
    };
    set_list(&mut autoscaler, &["status", "currentMetrics"], current);

    let conditions = annotated_list(&autoscaler, CONDITIONS).unwrap_or_default();
    set_list(&mut autoscaler, &["status", "conditions"], conditions);
    drop_annotations(&mut autoscaler);
    autoscaler
}

fn cpu_metric(utilization: i64) -> Tree {
    let target = tree!({ "type": "Utilization", "averageUtilization": utilization });
    tree!({ "type": "Resource", "resource": { "name": "cpu", "target": target } })
}

fn cpu_target(metric: &Tree) -> Option<i64> {
    let resource = cpu_resource(metric)?;
    resource.i64_at(&["target", "averageUtilization"])
}

fn cpu_status(metric: &Tree) -> Option<i64> {
    let resource = cpu_resource(metric)?;
    resource.i64_at(&["current", "averageUtilization"])
}

fn cpu_resource(metric: &Tree) -> Option<&Tree> {
    let resource = metric.get("resource")?;
    let is_cpu = metric.str_at(&["type"]) == Some("Resource") && resource.str_at(&["name"]) == Some("cpu");
    is_cpu.then_some(resource)
}

fn take_list(autoscaler: &mut Tree, path: &[&str]) -> Vec<Tree> {
    autoscaler.remove_at(path).map(|list| list.items().to_vec()).unwrap_or_default()
}

fn set_list(autoscaler: &mut Tree, path: &[&str], list: Vec<Tree>) {
    if !list.is_empty() {
        autoscaler.set_at(path, list);
    }
}

fn annotate(autoscaler: &mut Tree, key: &str, list: Vec<Tree>) {
    if !list.is_empty() {
        set_annotation(autoscaler, key, Tree::Array(list).to_json_string());
    }
}

fn set_annotation(autoscaler: &mut Tree, key: &str, value: String) {
    autoscaler.set_at(&["metadata", "annotations", key], value);
}

/// What an annotation says, unless it is no JSON.
fn annotated(autoscaler: &Tree, key: &str) -> Option<Tree> {
    Tree::from_json(meta::annotation(autoscaler, key)?.as_bytes()).ok()
}

/// The list of objects in an annotation; none if it says something else.
fn annotated_list(autoscaler: &Tree, key: &str) -> Option<Vec<Tree>> {
    let told = annotated(autoscaler, key)?;
    let is_list = told.is_null() || told.as_array().is_some_and(|items| items.iter().all(is_struct));
    is_list.then(|| told.items().to_vec())
}

fn is_struct(tree: &Tree) -> bool {
    tree.is_null() || tree.as_object().is_some()
}

fn drop_annotations(autoscaler: &mut Tree) {
    let Some(annotations) = autoscaler.at_mut(&["metadata", "annotations"]).and_then(Tree::as_object_mut)
    else {
        return;
    };
    ANNOTATIONS.iter().for_each(|key| drop(annotations.remove(key)));
    if annotations.is_empty() {
        autoscaler.remove_at(&["metadata", "annotations"]);
    }
}

/// A part as a Go struct without names for JSON is written: every field, named with a capital.
fn capitalised(part: &Tree, names: &[(&str, &str)], value: impl Fn(&Tree) -> Tree) -> Tree {
    let field = |(name, go): &(&str, &str)| {
        let value = part.get(name).filter(|value| !value.is_null()).map_or(Tree::Null, &value);
        (Key::from(*go), value)
    };
    Tree::Object(names.iter().map(field).collect::<Object>())
}

/// The way back, which like Go's does not mind how the names are written.
fn uncapitalised(part: &Tree, names: &[(&'static str, &str)], value: impl Fn(&Tree) -> Tree) -> Tree {
    let field = |(key, told): (&str, &Tree)| {
        let (name, _) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        (!told.is_null()).then(|| (Key::from(*name), value(told)))
    };
    Tree::Object(part.fields().filter_map(field).collect::<Object>())
}
